import hashlib
import json
from pathlib import Path
import pickle
import time

import pytest
from safetensors.torch import save_file
import torch

from vggt_ros.errors import CheckpointCorruptError, CheckpointNotFoundError
from vggt_ros.inference.weights_file import (
    check_sha256,
    NETWORK_KEY,
    read_weights,
    save_network,
)
from vggt_ros.model.vggt import VGGT


@pytest.fixture(scope='module')
def network(tiny_config):
    torch.manual_seed(0)
    return VGGT(tiny_config)


@pytest.fixture
def weights():
    return {'a': torch.arange(6.0).reshape(2, 3), 'b.c': torch.ones(4)}


def assert_same(found, expected):
    assert list(found) == list(expected)
    for name, value in expected.items():
        assert torch.equal(found[name], value), name


class Exploit:
    """Leaves a file behind if its pickle is run."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), 'w'))


def test_a_saved_network_comes_back_with_its_weights_and_its_configuration(network, tmp_path):
    save_network(network, tmp_path / 'network.safetensors')
    file = read_weights(tmp_path / 'network.safetensors')
    assert file.network == network.config
    assert file.is_trained
    for name, value in network.state_dict().items():
        assert torch.equal(file.weights[name], value), name


def test_a_saved_file_has_the_permissions_of_any_new_file(network, tmp_path):
    save_network(network, tmp_path / 'network.safetensors')
    (tmp_path / 'other').touch()
    mode = (tmp_path / 'network.safetensors').stat().st_mode
    assert mode == (tmp_path / 'other').stat().st_mode


def test_half_precision_halves_the_file(network, tmp_path):
    full, half = tmp_path / 'full.safetensors', tmp_path / 'half.safetensors'
    save_network(network, full)
    save_network(network, half, dtype=torch.float16)
    num_parameters = sum(parameter.numel() for parameter in network.parameters())
    assert full.stat().st_size - half.stat().st_size == pytest.approx(2 * num_parameters, rel=0.01)
    assert {value.dtype for value in read_weights(half).weights.values()} == {torch.float16}


def test_a_network_can_be_marked_as_untrained(network, tmp_path):
    save_network(network, tmp_path / 'network.safetensors', is_trained=False)
    assert not read_weights(tmp_path / 'network.safetensors').is_trained


def test_a_foreign_safetensors_file_says_nothing_about_its_network(weights, tmp_path):
    save_file(weights, tmp_path / 'model.safetensors')
    file = read_weights(tmp_path / 'model.safetensors')
    assert file.network is None
    assert file.is_trained
    assert_same(dict(sorted(file.weights.items())), weights)


@pytest.mark.parametrize('suffix', ['.pt', '.pth', '.bin'])
@pytest.mark.parametrize('is_zip', [True, False])
def test_pickled_state_dicts_of_both_formats_are_read(weights, tmp_path, suffix, is_zip):
    path = tmp_path / f'model{suffix}'
    torch.save(weights, path, _use_new_zipfile_serialization=is_zip)
    assert_same(read_weights(path).weights, weights)


@pytest.mark.parametrize('wrapper', ['model', 'state_dict'])
def test_weights_inside_a_training_checkpoint_are_found(weights, tmp_path, wrapper):
    torch.save({'epoch': 3, wrapper: weights}, tmp_path / 'model.pt')
    assert_same(read_weights(tmp_path / 'model.pt').weights, weights)


def test_a_parameter_named_model_is_not_taken_for_a_wrapper(tmp_path):
    weights = {'model': torch.ones(2), 'head': torch.zeros(1)}
    torch.save(weights, tmp_path / 'model.pt')
    assert_same(read_weights(tmp_path / 'model.pt').weights, weights)


def test_code_in_a_pickle_is_refused_and_not_run(tmp_path):
    trace = tmp_path / 'was_here'
    with (tmp_path / 'model.pt').open('wb') as file:
        pickle.dump({'a': Exploit(trace)}, file, protocol=2)
    torch.save({'a': Exploit(trace)}, tmp_path / 'zipped.pt')
    for name in ('model.pt', 'zipped.pt'):
        with pytest.raises(CheckpointCorruptError):
            read_weights(tmp_path / name)
    assert not trace.exists()


@pytest.mark.parametrize('suffix', ['.safetensors', '.pt'])
@pytest.mark.parametrize('share', [0.0, 0.001, 0.5, 0.99])
def test_a_truncated_file_is_refused_with_its_name_and_size(network, tmp_path, suffix, share):
    path = tmp_path / f'model{suffix}'
    if suffix == '.pt':
        torch.save(network.state_dict(), path)
    else:
        save_network(network, path)
    content = path.read_bytes()[: int(share * path.stat().st_size)]
    path.write_bytes(content)
    with pytest.raises(CheckpointCorruptError, match=rf'model{suffix} \({len(content)} bytes\)'):
        read_weights(path)


@pytest.mark.parametrize('suffix', ['.safetensors', '.pt'])
@pytest.mark.parametrize(
    'content',
    [b'<html>Not found</html>', b'\x80\x02}q\x00.', b'\x00' * 100, b'\xff' * 100, b'PK\x03\x04'],
)
def test_a_file_of_another_kind_is_refused(tmp_path, suffix, content):
    path = tmp_path / f'model{suffix}'
    path.write_bytes(content)
    with pytest.raises(CheckpointCorruptError):
        read_weights(path)


def test_a_git_lfs_pointer_is_refused_with_the_command_that_fetches_the_file(tmp_path):
    path = tmp_path / 'model.safetensors'
    path.write_bytes(b'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n')
    with pytest.raises(CheckpointCorruptError, match='git lfs pull'):
        read_weights(path)


@pytest.mark.parametrize('content', [[torch.ones(2)], {}, 'weights', {'model': {}}])
def test_a_pickle_without_named_tensors_is_refused(tmp_path, content):
    torch.save(content, tmp_path / 'model.pt')
    with pytest.raises(CheckpointCorruptError, match='named tensors'):
        read_weights(tmp_path / 'model.pt')


@pytest.mark.parametrize('content', [{'a': torch.ones(2), 'epoch': 3}, {1: torch.ones(2)}])
def test_something_else_among_the_tensors_is_refused(tmp_path, content):
    torch.save(content, tmp_path / 'model.pt')
    with pytest.raises(CheckpointCorruptError, match='not a tensor'):
        read_weights(tmp_path / 'model.pt')


@pytest.mark.parametrize(
    'description',
    [
        'no json',
        '[]',
        json.dumps({'hologram_head': {}}),
        json.dumps({'aggregator': {'depth': -1}}),
        json.dumps({'aggregator': 3}),
        json.dumps({'aggregator': {'depth': 'deep'}}),
        json.dumps({'track_head': {'layers': 3}}),
    ],
)
def test_a_description_that_is_not_understood_is_refused(weights, tmp_path, description):
    save_file(weights, tmp_path / 'model.safetensors', metadata={NETWORK_KEY: description})
    with pytest.raises(CheckpointCorruptError, match='describes its network'):
        read_weights(tmp_path / 'model.safetensors')


def test_a_missing_file_a_folder_and_an_unknown_ending_are_not_found(tmp_path):
    with pytest.raises(CheckpointNotFoundError, match='does not exist'):
        read_weights(tmp_path / 'model.pt')
    with pytest.raises(CheckpointNotFoundError, match='is a folder'):
        read_weights(tmp_path)
    (tmp_path / 'model.onnx').write_bytes(b'1')
    with pytest.raises(CheckpointNotFoundError, match=r'\.safetensors, \.pt'):
        read_weights(tmp_path / 'model.onnx')


HOSTILE = {
    'a depth of millions': '{"aggregator": {"depth": 3000000}}',
    'a width of a trillion': '{"aggregator": {"embed_dim": 1099511627776, "patch_embed": "conv"}}',
    'an image of billions': '{"aggregator": {"img_size": 14000000000}}',
    'brackets': '[' * 100_000,
    'deep brackets': '[' * 30_000,
    'objects': '{"aggregator":' * 4_000,
    'many digits': '{"aggregator": {"depth": ' + '9' * 5_000 + '}}',
    'a long name': json.dumps({'n' * 5_000: 1}),
    'no JSON': 'depth=24',
    'infinity': '{"aggregator": {"mlp_ratio": Infinity}}',
}


@pytest.mark.parametrize('text', HOSTILE.values(), ids=HOSTILE)
def test_a_description_that_is_made_up_is_refused_at_once(weights, tmp_path, text):
    path = tmp_path / 'hostile.safetensors'
    save_file(weights, path, metadata={NETWORK_KEY: text})
    start_s = time.monotonic()
    with pytest.raises(CheckpointCorruptError, match='describes its network') as caught:
        read_weights(path)
    assert time.monotonic() - start_s < 2.0
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize('header', [b'[' * 100_000, b'{"a":' * 50_000, b'\xff' * 64, b'{}' * 9])
def test_a_header_that_is_made_up_is_refused(tmp_path, header):
    path = tmp_path / 'hostile.safetensors'
    path.write_bytes(len(header).to_bytes(8, 'little') + header)
    with pytest.raises(CheckpointCorruptError):
        read_weights(path)


@pytest.mark.parametrize('value', [float('nan'), float('inf'), float('-inf')])
@pytest.mark.parametrize('name', ['weights.safetensors', 'weights.pt'])
def test_weights_that_are_not_finite_are_refused_by_name(weights, tmp_path, name, value):
    weights['b.c'][2] = value
    path = tmp_path / name
    if name.endswith('.pt'):
        torch.save(weights, path)
    else:
        save_file(weights, path)
    with pytest.raises(CheckpointCorruptError, match=r'not finite .* 1 of 2 tensors: b\.c'):
        read_weights(path)


def test_weights_whose_sum_is_too_large_are_finite(tmp_path):
    path = tmp_path / 'large.safetensors'
    save_file({'a': torch.full((8,), 3e38)}, path)
    assert read_weights(path).weights['a'][0] == torch.tensor(3e38)


@pytest.mark.parametrize('name', ['x' * 5_000, 'a\0b.pt', 'y' * 5_000 + '.pt'])
def test_a_name_that_no_file_can_have_is_refused_in_a_few_words(name):
    with pytest.raises(CheckpointNotFoundError) as caught:
        read_weights(Path('/tmp') / name)
    assert len(str(caught.value)) < 600


def test_the_hash_tells_the_file_that_is_trusted(weights, tmp_path):
    path = tmp_path / 'weights.safetensors'
    save_file(weights, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    check_sha256(path, digest.upper())
    with pytest.raises(CheckpointCorruptError, match=digest):
        check_sha256(path, '0' * 64)
    with pytest.raises(CheckpointNotFoundError):
        check_sha256(tmp_path / 'none.pt', digest)
