import json
from pathlib import Path
import subprocess
import sys

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

HERE = Path(__file__).resolve().parent
DATA = HERE / 'data'
LARGE = HERE.parents[2] / 'shared' / 'vggt' / 'golden'
SMALL_FILES = sorted(DATA.glob('*.safetensors'))
LARGE_FILES = ('full_1b.safetensors', 'full_1b_track.safetensors')


def run(*paths, cwd):
    process = subprocess.run(
        [sys.executable, HERE / 'check_golden.py', *paths],
        cwd=cwd, capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    return process.returncode, [json.loads(line) for line in process.stdout.splitlines()]


def failures(lines):
    return [line for line in lines if not line['ok']]


@pytest.fixture(scope='module')
def small(tmp_path_factory):
    return run(*SMALL_FILES, cwd=tmp_path_factory.mktemp('elsewhere'))


@pytest.mark.parametrize('path', SMALL_FILES, ids=lambda path: path.stem)
def test_small_golden_file_is_reproduced(small, path):
    lines = [line for line in small[1] if line['file'] == str(path)]
    assert len(lines) > 3
    assert not failures(lines)
    assert small[0] == 0


@pytest.mark.slow
def test_released_size_is_reproduced(tmp_path):
    paths = [LARGE / name for name in LARGE_FILES]
    missing = [path.name for path in paths if not path.is_file()]
    if missing:
        pytest.skip(f'{", ".join(missing)} not found beside the repository')
    status, lines = run(*paths, cwd=tmp_path)
    assert not failures(lines)
    assert status == 0
    assert {line['file'] for line in lines} == {str(path) for path in paths}


@pytest.fixture
def changed(tmp_path):
    """Write a stored file with other tensors or metadata, and check that."""

    def check(name, tensors=None, metadata=None, without=()):
        path = tmp_path / 'changed.safetensors'
        with safe_open(DATA / f'{name}.safetensors', 'np') as file:
            stored = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
            about = {**file.metadata(), **(metadata or {})}
        stored.update(tensors or {})
        save_file({k: v for k, v in stored.items() if k not in without}, path, about)
        status, lines = run(path, cwd=tmp_path)
        return status, {line['name']: line for line in lines}

    return check


def test_a_wrong_number_an_unknown_name_and_a_wrong_shape_fail(changed):
    zeros = np.zeros((1, 1, 56, 84), np.float32)
    status, lines = changed(
        'tiny_conv_s1',
        {'depth_conf': zeros, 'conf': np.zeros((1, 1, 6), np.float32), 'normals': zeros},
    )
    assert status == 1
    assert {name for name, line in lines.items() if not line['ok']} == {
        'depth_conf', 'conf', 'normals',
    }  # fmt: skip
    assert lines['depth_conf']['max_abs_error'] > 1
    assert 'shape' in lines['conf']['note']
    assert 'name' in lines['normals']['note']


def test_another_seed_gives_other_numbers(changed):
    status, lines = changed('tiny_conv_s1', metadata={'weight_seed': '1'})
    assert status == 1
    assert not any(lines[name]['ok'] for name in ('patch_tokens', 'depth', 'pose_enc.0'))


def test_an_unknown_setting_fails_every_output(changed):
    config = {'aggregator': {'embed_dim': 64, 'wings': 2}}
    status, lines = changed('tiny_conv_s1', metadata={'config': json.dumps(config)})
    assert status == 1
    assert not any(line['ok'] for line in lines.values())
    assert 'wings' in lines['depth']['note']


def test_not_a_number_fails(changed):
    status, lines = changed('tiny_conv_s1', {'vis': np.full((1, 1, 5), np.nan, np.float32)})
    assert status == 1
    assert not lines['vis']['ok']
    assert lines['vis']['max_abs_error'] is None


def test_a_missing_input_fails(changed):
    status, lines = changed('tiny_conv_s1', without=['query_points'])
    assert status == 1
    assert not lines['track.0']['ok']


@pytest.mark.parametrize('content', [None, b'', b'not a golden file'])
def test_files_that_cannot_be_read_fail(tmp_path, content):
    path = tmp_path / 'bad.safetensors'
    if content is not None:
        path.write_bytes(content)
    status, lines = run(path, cwd=tmp_path)
    assert status == 1
    assert [line['ok'] for line in lines] == [False]
