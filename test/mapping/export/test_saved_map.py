import json
from pathlib import Path
import re
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest

from vggt_ros.errors import SaveError
from vggt_ros.geometry import se3
from vggt_ros.mapping.export.saved_map import save_map
from vggt_ros.mapping.layers.camera_view import CameraView
from vggt_ros.mapping.layers.trajectory import tum_line
from vggt_ros.mapping.layers.voxel_map import MapPoints

ROOT = Path(__file__).parents[3]
FILES = {
    'map.ply',
    'map.pcd',
    'map.json',
    'trajectory.tum',
    'colmap/cameras.txt',
    'colmap/images.txt',
    'colmap/points3D.txt',
}
SKIPPED = 77
# Saves a map of `num` points as FOLDER/room in a process of its own.
CHILD = """
    import os, resource, sys
    from pathlib import Path
    import numpy as np
    from vggt_ros.errors import SaveError
    from vggt_ros.mapping.export.saved_map import save_map
    from vggt_ros.mapping.layers.voxel_map import MapPoints
    num = {num}
    points = MapPoints(
        points_in_map=np.full((num, 3), np.pi, np.float32),
        colors=np.ones((num, 3), np.uint8),
        confidence=np.ones(num, np.float32),
        hits=np.ones(num, np.int64),
    )
    {before}
    try:
        save_map(
            Path({folder!r}), points, [], name='room', is_metric=False,
            map_frame='map', camera_frame='camera',
        )
    except SaveError as error:
        sys.exit(str(error))
"""


def points_of(num):
    return MapPoints(
        points_in_map=np.arange(3 * num, dtype=np.float32).reshape(-1, 3),
        colors=np.full((num, 3), 7, np.uint8),
        confidence=np.ones(num, np.float32),
        hits=np.ones(num, np.int64),
    )


def view_of(stamp_ns):
    return CameraView(
        stamp_ns=stamp_ns,
        map_from_cam=se3.rigid(np.eye(3), np.array([1e-9 * stamp_ns, 0.0, 0.0])),
        K=np.array([[50.0, 0, 31], [0, 50.0, 23], [0, 0, 1]]),
        width=64,
        height=48,
    )


@pytest.fixture
def save(tmp_path):
    """Save a small map into the folder `maps`; override what matters."""

    def call(folder=tmp_path / 'maps', points=None, views=(), *, name='room', is_metric=False):
        points = points_of(5) if points is None else points
        return save_map(
            folder,
            points,
            views,
            name=name,
            is_metric=is_metric,
            map_frame='map',
            camera_frame='camera_optical',
        )

    return call


def start(folder, num, before='pass'):
    program = textwrap.dedent(CHILD).format(num=num, before=before, folder=str(folder))
    return subprocess.Popen(
        [sys.executable, '-c', program], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def contents(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob('*')
        if path.is_file()
    }


def test_a_map_is_seven_files_and_nothing_else_is_left(save, tmp_path):
    saved = save(views=[view_of(20), view_of(10)])
    assert saved.folder == tmp_path / 'maps' / 'room'
    assert (saved.num_points, saved.num_views) == (5, 2)
    assert set(contents(saved.folder)) == FILES
    assert names_in(tmp_path / 'maps') == ['room']


def test_the_files_hold_the_points_and_the_poses_by_stamp(save):
    saved = save(views=[view_of(20), view_of(10), view_of(30)])
    files = contents(saved.folder)
    assert b'element vertex 5\n' in files['map.ply']
    assert b'POINTS 5\n' in files['map.pcd']
    assert files['colmap/points3D.txt'].count(b' -1\n') == 5
    lines = [tum_line(stamp, view_of(stamp).map_from_cam) for stamp in (10, 20, 30)]
    assert files['trajectory.tum'].decode().splitlines() == lines
    names = re.findall(r'\d+\.png', files['colmap/images.txt'].decode())
    assert names == ['10.png', '20.png', '30.png']


@pytest.mark.parametrize(('is_metric', 'unit'), [(True, 'm'), (False, 'map units')])
def test_the_facts_say_what_the_numbers_mean(save, is_metric, unit):
    stamps_ns = [1_700_000_000_123_456_789, 1_700_000_000_000_000_001]
    saved = save(views=[view_of(stamp) for stamp in stamps_ns], is_metric=is_metric)
    assert json.loads((saved.folder / 'map.json').read_text()) == {
        'num_points': 5,
        'num_views': 2,
        'is_metric': is_metric,
        'unit': unit,
        'map_frame': 'map',
        'camera_frame': 'camera_optical',
        'first_stamp_ns': stamps_ns[1],
        'last_stamp_ns': stamps_ns[0],
    }


def test_points_without_views_and_views_without_points_are_maps(save):
    only_points = save(name='points')
    facts = json.loads((only_points.folder / 'map.json').read_text())
    assert (facts['first_stamp_ns'], facts['last_stamp_ns']) == (None, None)
    assert (only_points.folder / 'trajectory.tum').read_text() == ''
    only_views = save(name='views', points=points_of(0), views=[view_of(5)])
    assert (only_views.num_points, only_views.num_views) == (0, 1)


def test_an_empty_map_is_refused_before_anything_is_made(save, tmp_path):
    with pytest.raises(SaveError, match='nothing to save'):
        save(points=points_of(0))
    assert names_in(tmp_path) == []


def test_a_taken_name_gets_a_number_and_the_older_maps_stay(save, tmp_path):
    first = save()
    before = contents(first.folder)
    (tmp_path / 'maps' / 'room-2').write_text('a file, not a map')
    (tmp_path / 'maps' / 'room-3').mkdir()
    (tmp_path / 'maps' / 'room-4').symlink_to('nowhere')
    assert save(points=points_of(9)).folder.name == 'room-5'
    assert save().folder.name == 'room-6'
    assert contents(first.folder) == before
    assert (tmp_path / 'maps' / 'room-2').read_text() == 'a file, not a map'
    assert names_in(tmp_path / 'maps' / 'room-3') == []


@pytest.mark.parametrize(
    'name',
    ['', ' ', '.', '..', '../room', 'a/b', '/tmp/room', 'a\\b', '.hidden', 'a\0b', 'a\nb'],
)
def test_a_name_that_is_not_the_name_of_a_folder_is_refused(save, tmp_path, name):
    with pytest.raises(SaveError, match='one folder name') as info:
        save(name=name)
    assert repr(name) in str(info.value)
    assert names_in(tmp_path) == []


def test_a_name_may_have_dots_spaces_and_umlauts(save):
    assert save(name='Büro 2.1 ..').folder.name == 'Büro 2.1 ..'


def test_the_home_folder_is_found(save, tmp_path, monkeypatch):
    monkeypatch.setenv('HOME', str(tmp_path))
    assert save(Path('~/deep/maps')).folder == tmp_path / 'deep' / 'maps' / 'room'


def test_the_home_folder_of_nobody_known_is_an_error(save):
    with pytest.raises(SaveError, match=r'no such home folder; set map\.save_path'):
        save(Path('~no_such_user_here/maps'))


def test_a_file_in_the_place_of_the_folder_is_an_error(save, tmp_path):
    (tmp_path / 'maps').write_text('occupied')
    with pytest.raises(SaveError, match=r'maps/room: .*map\.save_path'):
        save()
    assert (tmp_path / 'maps').read_text() == 'occupied'


def test_a_name_longer_than_the_file_system_takes_is_an_error(save, tmp_path):
    with pytest.raises(SaveError, match='too long'):
        save(name='a' * 300)
    assert names_in(tmp_path / 'maps') == []


def test_a_camera_that_cannot_be_written_leaves_nothing(save, tmp_path):
    skewed = view_of(1)
    skewed.K[0, 1] = 20.0
    with pytest.raises(SaveError, match='skew'):
        save(views=[skewed])
    assert names_in(tmp_path / 'maps') == []


# 1000 points are 19 kB as PLY, 24 kB as PCD and 46 kB as text: every one of them gets its turn.
@pytest.mark.parametrize('limit', [0, 23_000, 30_000])
def test_a_full_disk_leaves_the_older_map_and_nothing_else(save, tmp_path, limit):
    before = contents(save().folder)
    full = f'resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))'
    child = start(tmp_path / 'maps', 1000, full)
    _, text = child.communicate(timeout=60)
    assert child.returncode == 1, text
    assert 'cannot be saved' in text and 'make room' in text, text
    assert 'Traceback' not in text
    assert names_in(tmp_path / 'maps') == ['room']
    assert contents(tmp_path / 'maps' / 'room') == before


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path):
    (tmp_path / 'maps').mkdir()
    (tmp_path / 'maps').chmod(0o555)
    # The rights of a folder mean nothing to root, who therefore becomes somebody else; that one
    # may not walk down to the folder and starts from inside of it.
    before = f"""
    os.chdir({str(tmp_path / 'maps')!r})
    try:
        os.geteuid() or os.setuid(65534)
    except OSError:
        sys.exit({SKIPPED})
    """
    child = start('.', 10, textwrap.dedent(before).strip())
    _, text = child.communicate(timeout=60)
    if child.returncode == SKIPPED:
        pytest.skip('runs as root and may not become another user, who has no right to write')
    assert child.returncode == 1, text
    assert 'Permission denied' in text and 'map.save_path' in text, text
    assert names_in(tmp_path / 'maps') == []


def test_a_process_that_is_killed_leaves_nothing_under_the_name(save, tmp_path):
    (tmp_path / 'maps').mkdir()
    child = start(tmp_path / 'maps', 2_000_000)
    end_s = time.monotonic() + 60
    while not list((tmp_path / 'maps').rglob('map.pcd')):
        assert child.poll() is None and time.monotonic() < end_s, child.stderr.read()
        time.sleep(0.01)
    child.kill()
    child.communicate(timeout=60)
    (left,) = names_in(tmp_path / 'maps')
    assert re.fullmatch(r'\.room\..*\.part', left)
    assert save().folder == tmp_path / 'maps' / 'room'


def test_two_processes_that_save_at_once_get_two_names(tmp_path):
    children = [start(tmp_path / 'maps', 20_000) for _ in range(2)]
    for child in children:
        _, text = child.communicate(timeout=60)
        assert child.returncode == 0, text
    assert names_in(tmp_path / 'maps') == ['room', 'room-2']
    assert contents(tmp_path / 'maps' / 'room') == contents(tmp_path / 'maps' / 'room-2')


def test_a_large_map_is_complete(save):
    points = points_of(200_000)
    saved = save(points=points, views=[view_of(i) for i in range(300)])
    size = {path.name: path.stat().st_size for path in saved.folder.rglob('*') if path.is_file()}
    body = (saved.folder / 'map.pcd').read_bytes()[-24 * 200_000 :]
    rows = np.frombuffer(body, '<f4').reshape(-1, 6)
    np.testing.assert_array_equal(rows[:, :3], points.points_in_map)
    assert size['map.ply'] - 19 * 200_000 in range(100, 300)
    last = (saved.folder / 'colmap' / 'points3D.txt').read_text().splitlines()[-1]
    assert last.startswith('200000 599997 599998 599999 7 7 7 ')
    assert len((saved.folder / 'trajectory.tum').read_text().splitlines()) == 300


def test_the_folder_is_bounded_and_nothing_is_deleted(save, tmp_path):
    arguments = {'name': 'room', 'is_metric': True, 'map_frame': 'map', 'camera_frame': 'cam'}
    for _ in range(3):
        save_map(tmp_path, points_of(3), [], max_saves=3, **arguments)
    with pytest.raises(SaveError, match=r'holds 3 maps, as many as map\.max_saves'):
        save_map(tmp_path, points_of(3), [], max_saves=3, **arguments)
    assert {each.name for each in tmp_path.iterdir()} == {'room', 'room-2', 'room-3'}
    save_map(tmp_path, points_of(3), [], max_saves=0, **arguments)
    save_map(tmp_path, points_of(3), [], max_saves=1, **(arguments | {'name': 'hall'}))


def test_the_next_save_removes_what_a_killed_one_left(save, tmp_path):
    left = tmp_path / 'maps' / '.room.0123abcd.part'
    left.mkdir(parents=True)
    (left / 'map.ply').touch()
    save()
    assert not left.exists()


@pytest.mark.parametrize('delay_s', [0.0, 0.05, 0.3, 1.0])
def test_a_save_of_millions_of_points_that_is_ended_leaves_nothing_at_once(tmp_path, delay_s):
    parts, errors = [], []
    begun = threading.Event()

    def run():
        def begin(part):
            parts.append(part)
            begun.set()

        try:
            save_map(
                tmp_path,
                points_of(2_000_000),
                [],
                name='room',
                is_metric=True,
                map_frame='map',
                camera_frame='cam',
                on_begin=begin,
            )
        except SaveError as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    assert begun.wait(10.0)
    time.sleep(delay_s)
    start_s = time.monotonic()
    parts[0].discard()
    assert time.monotonic() - start_s < 2.0
    names = {each.name for each in tmp_path.iterdir()}
    thread.join(60.0)
    assert {each.name for each in tmp_path.iterdir()} == names
    if errors:
        assert names == set()
    else:
        assert names == {'room'}
        assert (tmp_path / 'room' / 'map.json').is_file()
