import argparse
import json
import logging
import os
from pathlib import Path
import re
import shlex
import shutil
import signal
import subprocess
import sys

import cv2
import numpy as np
import pytest
import torch

from vggt_ros.cli import archive
from vggt_ros.cli.main import EXIT_USAGE, main
from vggt_ros.cli.map_sequence import EXIT_INTERRUPTED, EXIT_NOTHING, EXIT_PARTS
from vggt_ros.errors import SourceError
from vggt_ros.offline.archive.job import Outcome
from vggt_ros.offline.archive.manifest import Manifest
from vggt_ros.offline.archive.map_work import MapWork
from vggt_ros.offline.archive.process_pool import ProcessPool
from vggt_ros.offline.archive.ray_pool import RayPool

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / 'docs' / 'archives.md').read_text()
# The command as a program, with work that waits for ever.
PROGRAM = """
import sys
from pathlib import Path
import time
from vggt_ros.cli import archive, main

class Waits:
    def __init__(self, *given, **options):
        pass
    def settings(self):
        return {}
    def is_done(self, job):
        return False
    def __call__(self, job):
        Path(job.path, 'begun').write_text('')
        time.sleep(60.0)
    def close(self):
        pass

archive.MapWork = Waits
sys.exit(main.main(sys.argv[1:]))
"""


@pytest.fixture
def recordings(tmp_path):
    for name in ('a', 'b'):
        (tmp_path / 'in' / name).mkdir(parents=True)
    return tmp_path / 'in'


class Stub:
    """Work that ends as the name of the recording is listed to."""

    ends = {}  # noqa: RUF012 - for all of them, as the command makes its own
    made = []  # noqa: RUF012

    def __init__(self, config, options, out, *, opening, num_threads):
        self.out, self.config, self.options = out, config, options
        self.opening, self.num_threads = opening, num_threads
        Stub.made.append(self)

    def settings(self):
        return {'opening': self.opening['every']}

    def is_done(self, job):
        return (self.out / job.folder).exists()

    def __call__(self, job):
        outcome = self.ends.get(job.name, Outcome())
        if isinstance(outcome, BaseException):
            raise outcome
        if not outcome.error:
            (self.out / job.folder).mkdir()
        return outcome

    def close(self):
        pass


@pytest.fixture
def stub(monkeypatch):
    monkeypatch.setattr(Stub, 'ends', {})
    monkeypatch.setattr(Stub, 'made', [])
    monkeypatch.setattr(archive, 'MapWork', Stub)
    return Stub


@pytest.fixture
def run(recordings, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    return lambda *words: main(
        ['archive', str(recordings), '--out', str(tmp_path / 'out'), *words]
    )


def test_exit_codes_say_how_it_ended(run, stub, caplog):
    broken = Outcome(error='it is broken', is_final=True)
    stub.ends |= {'a': broken, 'b': broken}
    assert run() == EXIT_NOTHING
    del stub.ends['b']
    assert run() == EXIT_NOTHING, 'what failed is left alone'
    assert run('--retry-failed') == EXIT_PARTS
    assert 'a: it is broken; failed' in caplog.text
    stub.ends['a'] = KeyboardInterrupt()
    assert run('--retry-failed') == EXIT_INTERRUPTED
    assert 'the same command goes on' in caplog.text
    stub.ends['a'] = Outcome(missing=('no picture',))
    assert run() == EXIT_PARTS
    del stub.ends['a']
    assert run('--every', '2') == 0
    assert '2 of 2 done, 0 of them before' in caplog.text
    assert run('--every', '2') == 0
    assert '2 of 2 done, 2 of them before' in caplog.text


def test_options_reach_the_work(run, stub):
    words = '--set keyframe.min_parallax=4 --checkpoint x --depth --no-truth --fps 2 --format tum'
    assert run(*words.split()) == 0
    made = stub.made[0]
    assert made.config.keyframe.min_parallax == 4.0
    assert made.config.model.checkpoint == 'x'
    assert made.options.depth
    assert not made.options.uses_truth
    assert (made.opening['fps'], made.opening['layout']) == (2.0, 'tum')
    assert made.num_threads is None


def test_a_dry_run_says_what_would_be_done(run, stub, tmp_path, caplog):
    assert run('--dry-run') == 0
    assert f'to do {tmp_path / "out" / "a-"}' in caplog.text
    assert not (tmp_path / 'out').exists()


def test_an_option_chooses_who_works(run, stub, monkeypatch):
    chosen = []
    monkeypatch.setattr(ProcessPool, 'run', lambda self, *given: chosen.append('processes'))
    monkeypatch.setattr(RayPool, 'run', lambda self, *given: chosen.append(self._needs))
    monkeypatch.setattr('vggt_ros.offline.archive.ray_pool.imported_ray', lambda: None)
    assert run('--jobs', '2') == EXIT_NOTHING
    assert stub.made[-1].num_threads >= 1
    assert run('--ray', 'local', '--gpus-per-job', '0.5', '--cpus-per-job', '3') == EXIT_NOTHING
    assert chosen == ['processes', {'num_gpus': 0.5, 'num_cpus': 3}]
    assert stub.made[-1].num_threads == 3


@pytest.mark.parametrize('command', re.findall(r'^    (vggt_ros archive .*)$', PAGE, re.MULTILINE))
def test_a_command_of_the_page_is_one_that_the_program_takes(command):
    parser = argparse.ArgumentParser()
    archive.add_parser(parser.add_subparsers(required=True))
    options = parser.parse_args(shlex.split(command)[1:])
    assert options.run is archive.run_command
    assert options.resume


def test_the_signal_of_schedulers_ends_it_as_ctrl_c_does(run, stub, monkeypatch, tmp_path):
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(Stub, '__call__', lambda self, job: os.kill(os.getpid(), signal.SIGTERM))
    assert run() == EXIT_INTERRUPTED
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize(
    ('words', 'match'),
    [
        (['--jobs', '0'], '--jobs must be at least 1'),
        (['--attempts', '0'], '--attempts must be at least 1'),
        (['--export', 'nonsense'], 'no export nonsense'),
    ],
)
def test_an_option_that_is_wrong_is_told(run, stub, caplog, words, match):
    assert run(*words) == EXIT_USAGE
    assert match in caplog.text


def test_results_among_the_recordings_are_refused(recordings, stub, caplog):
    assert main(['archive', str(recordings), '--out', str(recordings / 'out')]) == EXIT_USAGE
    assert 'are taken for recordings' in caplog.text


def test_an_ended_command_leaves_a_manifest_to_go_on_with(recordings, tmp_path):
    program = tmp_path / 'program.py'
    program.write_text(PROGRAM)
    out = tmp_path / 'out'
    with subprocess.Popen(
        [sys.executable, str(program), 'archive', str(recordings), '--out', str(out)],
        env=os.environ | {'PYTHONPATH': str(ROOT)}, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        while not list(recordings.glob('*/begun')):
            assert process.poll() is None, process.stderr.read()
        process.send_signal(signal.SIGINT)
        told = process.communicate(timeout=90.0)[1]
    assert process.returncode == EXIT_INTERRUPTED
    assert 'the same command goes on from here' in told
    manifest = Manifest(out)
    states = {(record.state, record.attempts) for record in manifest._records.values()}
    manifest.close()
    assert states == {('pending', 0)}


@pytest.fixture
def long_list(views, tmp_path):
    """A list of one recording of ten images."""
    folder = tmp_path / 'hall'
    folder.mkdir()
    for index, image in enumerate(views.images):
        cv2.imwrite(str(folder / f'{index}.png'), image[..., ::-1])
    (tmp_path / 'list.txt').write_text('hall\n')
    return tmp_path / 'list.txt'


CUT = '--shard-frames 6 --shard-overlap 3 --refine off --device cpu'
CUT += ' --set keyframe.min_parallax=0 --set window.size=4 --set window.overlap=2'


def files_of(out):
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in sorted(out.glob('hall*/**/*'))
        if path.suffix in ('.tum', '.ply', '.png', '.bin')
    }


@pytest.fixture
def one_thread():
    """As many as each of two processes has: sums of other parts round otherwise."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.slow
@pytest.mark.usefixtures('one_thread')
def test_shards_of_a_recording_are_joined_whoever_maps_them(long_list, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    words = ['archive', str(long_list), *CUT.split(), '--out']
    one, two = tmp_path / 'one', tmp_path / 'two'
    assert main([*words, str(one), '--dry-run']) == 0
    assert 'hall.shard-2-of-2' in caplog.text
    assert f'to be joined {one / "hall-"}' in caplog.text
    assert main([*words, str(one)]) == 0
    assert main([*words, str(two), '--jobs', '2']) == 0
    files = files_of(one)
    assert files == files_of(two)
    (whole,) = one.glob('hall-*')
    assert len(np.loadtxt(whole / 'trajectory.tum')) == 10
    assert json.loads((whole / 'run.json').read_text())['shards']['joined'] == [0, 1]
    # Again nothing is done, and nothing is needed any more of what was joined.
    for shard in one.glob('hall.shard-*'):
        shutil.rmtree(shard)
    stamps = {path: path.stat().st_mtime_ns for path in whole.iterdir()}
    caplog.clear()
    assert main([*words, str(one)]) == 0
    assert '3 of 3 done, 3 of them before' in caplog.text
    assert {path: path.stat().st_mtime_ns for path in whole.iterdir()} == stamps
    assert not list(one.glob('hall.shard-*'))


@pytest.mark.slow
def test_a_shard_that_fails_leaves_two_segments_until_it_is_retried(
    long_list, tmp_path, monkeypatch, caplog
):
    caplog.set_level(logging.INFO)
    words = ['archive', str(long_list), *CUT.split(), '--out', str(tmp_path / 'out')]
    run = MapWork._run

    def broken(self, job):
        if job.shard.number == 1:
            raise SourceError('its disk is gone')
        return run(self, job)

    monkeypatch.setattr(MapWork, '_run', broken)
    assert main(words) == EXIT_PARTS
    assert 'shard 2 of 2 (frames 5 to 9) has no map: its disk is gone' in caplog.text
    (whole,) = (tmp_path / 'out').glob('hall-*')
    assert len(np.loadtxt(whole / 'trajectory.tum')) == 8
    assert main(words) == EXIT_PARTS, 'what failed is left alone'
    monkeypatch.setattr(MapWork, '_run', run)
    assert main([*words, '--retry-failed']) == 0
    assert len(np.loadtxt(whole / 'trajectory.tum')) == 10


def test_an_export_whose_library_is_missing_is_refused_before_any_recording(
    recordings, tmp_path, caplog, monkeypatch
):
    monkeypatch.setitem(sys.modules, 'open3d', None)
    words = ['archive', str(recordings), '--out', str(tmp_path / 'maps'), '--export', 'mesh']
    assert main(words) == EXIT_USAGE
    assert "pip install 'vggt_ros[mesh]'" in caplog.text
    assert not (tmp_path / 'maps').exists()
