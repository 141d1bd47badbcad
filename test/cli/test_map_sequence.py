import json
import logging

import cv2
import numpy as np
import pytest

from vggt_ros.cli import map_sequence
from vggt_ros.cli.main import EXIT_USAGE, main
from vggt_ros.cli.map_sequence import EXIT_INTERRUPTED, EXIT_NOTHING, EXIT_PARTS
from vggt_ros.offline.folder_run import FolderRun
from vggt_ros.offline.progress import Progress

FAST = ['--set', 'refine.mode=off', '--set', 'keyframe.min_parallax=0', '--device', 'cpu']


def run_map(*words):
    return main(['map', *map(str, words)])


@pytest.fixture
def stub(monkeypatch, tmp_path):
    """What the command asks for, without a network; it ends as the test says."""
    asked = {}

    def run(opened, config, target, options, *, on_progress):
        asked.update(opened=opened, config=config, target=target, options=options)
        if 'raises' in asked:
            raise asked['raises']
        on_progress(PROGRESS)
        folder = None if asked.get('is_nothing') else tmp_path / 'out'
        return FolderRun(
            folder=folder, record=RECORD, missing=asked.get('missing', ()), num_asked=1
        )

    monkeypatch.setattr(map_sequence, 'run_into_folder', run)
    monkeypatch.chdir(tmp_path)
    return asked


PROGRESS = Progress(
    num_done=3, num_frames=10, elapsed_s=1.0, state='tracking', num_keyframes=2, num_loops=0,
    is_metric=False, meters_per_unit=float('nan'), log_sigma=float('inf'),
)  # fmt: skip
RECORD = {
    'frames': {
        'read': 10, 'coverage': 0.9, 'dropped': {'blind': 1},
        'poses': {'keyframe': 8, 'refined': 1, 'interpolated': 0, 'none': 1},
    },
    'map': {'num_points': 5, 'num_loops': 0}, 'frames_per_s': 2.0, 'errors': None,
    'warnings': ['a warning'],
}  # fmt: skip


@pytest.mark.slow
def test_a_data_set_becomes_a_folder_with_numbers(rgbd_folder, tmp_path, caplog):
    before = sorted((path, path.stat().st_mtime_ns) for path in rgbd_folder.rglob('*'))
    with caplog.at_level(logging.INFO):
        assert run_map(rgbd_folder, '--out', tmp_path / 'out', *FAST) == 0
    told = json.loads((tmp_path / 'out' / 'run.json').read_text(), parse_constant=pytest.fail)
    assert told['input']['format'] == 'rgbd'
    assert told['frames']['poses']['keyframe'] == 10
    assert told['network']['checkpoint'] == 'nano'
    assert len(told['network']['sha256']) == 64
    assert told['command'][:2] == ['vggt_ros', 'map']
    assert told['errors']['frames']['one_place_m'] > 0.5
    assert 'all cameras in one place' in caplog.text
    assert sorted((p, p.stat().st_mtime_ns) for p in rgbd_folder.rglob('*')) == before
    assert run_map(rgbd_folder, '--out', tmp_path / 'out', *FAST) == EXIT_USAGE
    assert '--overwrite to replace it' in caplog.text


def test_options_reach_the_run(rgbd_folder, stub, tmp_path):
    words = '--every 2 --max-frames 3 --start 0.1 --stop 5 --export kitti,euroc --depth'
    words += ' --no-truth --overwrite --resume --keep-cache --refine poses --checkpoint x'
    assert run_map(rgbd_folder, '--out', tmp_path / 'o', *words.split(), *FAST[2:]) == 0
    taken = stub['opened'].choice
    assert (taken.every, taken.max_frames) == (2, 3)
    assert (taken.start_s, taken.stop_s) == (0.1, 5.0)
    options = stub['options']
    assert options.exports == ('kitti', 'euroc')
    assert options.depth
    assert not options.uses_truth
    assert options.resume
    assert options.overwrite
    assert options.keep_cache
    assert stub['config'].refine.mode == 'poses'
    assert stub['config'].keyframe.min_parallax == 0.0
    assert (stub['config'].model.checkpoint, stub['config'].model.device) == ('x', 'cpu')
    assert stub['target'] == tmp_path / 'o'


def test_the_folder_has_the_name_of_the_input_if_none_is_given(rgbd_folder, stub, tmp_path):
    (tmp_path / 'maps' / 'hall').mkdir(parents=True)
    assert run_map(rgbd_folder) == 0
    assert str(stub['target']) == 'maps/hall-2'


def test_exit_codes_say_how_it_ended(rgbd_folder, stub, caplog):
    assert run_map(rgbd_folder) == 0
    stub['missing'] = ('the export kitti is missing',)
    assert run_map(rgbd_folder) == EXIT_PARTS == 3
    assert 'missing: the export kitti' in caplog.text
    stub['is_nothing'] = True
    assert run_map(rgbd_folder) == EXIT_NOTHING == 1
    assert '10 frames gave no map (dropped: 1 as blind)' in caplog.text
    stub['raises'] = KeyboardInterrupt()
    assert run_map(rgbd_folder) == EXIT_INTERRUPTED == 130


@pytest.mark.parametrize(
    ('words', 'match'),
    [
        (['--every', '0'], 'every must be at least 1'),
        (['--export', 'nonsense'], 'no export nonsense'),
        (['--set', 'window.size'], 'name=value'),
        (['--fps', '-1'], 'frames a second must be above 0'),
        (['--topic', '/cam'], 'topics are of bags: leave them out'),
        (['--depth-topic', '/cam'], 'topics are of bags: leave them out'),
        (['--camera', '1'], 'which has one camera; leave out the camera 1'),
        (['--format', 'tum'], 'is not of the layout tum'),
        (['--start', '99'], 'no frame is wanted from 99.0 s on; start earlier'),
        (['--calibration', 'nothing.txt'], 'the calibration cannot be used'),
    ],
)
def test_an_option_that_is_wrong_is_told(rgbd_folder, stub, caplog, words, match):
    assert run_map(rgbd_folder, *words) == EXIT_USAGE == 2
    assert match in caplog.text


def test_an_input_that_is_not_there_is_nothing_usable(tmp_path, caplog):
    assert run_map(tmp_path / 'none') == EXIT_NOTHING
    assert 'nothing to read' in caplog.text


def test_a_word_that_is_no_option_is_wrong_usage(rgbd_folder):
    with pytest.raises(SystemExit) as ended:
        run_map(rgbd_folder, '--nonsense')
    assert ended.value.code == EXIT_USAGE


def test_a_dry_run_says_what_there_is_and_writes_nothing(rgbd_folder, stub, capsys, tmp_path):
    assert run_map(rgbd_folder, '--dry-run') == 0
    told = capsys.readouterr().out
    for words in (
        'rgbd',
        'frames      10',
        '168 x 128',
        'truth       10 poses',
        'depth       10 images',
    ):
        assert words in told
    assert 'target' not in stub
    assert not (tmp_path / 'maps').exists()
    assert run_map(rgbd_folder, '--dry-run', '--progress', 'json') == 0
    assert json.loads(capsys.readouterr().out)['num_frames'] == 10


def test_a_dry_run_of_images_knows_no_camera(tmp_path, stub, capsys):
    (tmp_path / 'pictures').mkdir()
    for index in range(2):
        image = np.full((48, 64, 3), index, np.uint8)
        cv2.imwrite(str(tmp_path / 'pictures' / f'{index}.png'), image)
    assert run_map(tmp_path / 'pictures', '--dry-run') == 0
    told = capsys.readouterr().out
    assert 'images' in told
    assert 'K           unknown' in told
    assert 'truth       none' in told


def test_a_selection_that_leaves_nothing_is_told(rgbd_folder, caplog):
    assert run_map(rgbd_folder, '--dry-run', '--start', '99') == EXIT_USAGE
    assert 'no frame is wanted' in caplog.text


def test_progress_as_json_is_for_programs(rgbd_folder, stub, capsys):
    assert run_map(rgbd_folder, '--progress', 'json') == 0
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)['num_done'] for line in lines] == [3]


def test_progress_in_a_log_file_is_a_line_now_and_then(capsys):
    now_s = [0.0]
    show = map_sequence._ShowProgress(as_json=False, clock=lambda: now_s[0])
    for now_s[0] in (0.0, 10.0, 31.0, 40.0):
        show(PROGRESS)
    show.end()
    show.end()
    lines = capsys.readouterr().err.splitlines()
    assert lines == [PROGRESS.line()] * 2
