from dataclasses import replace
import json
import math
import shutil

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from vggt_ros.errors import SessionError
from vggt_ros.mapping.session.map_session import MapSession
from vggt_ros.mapping.session.session_folder import (
    _canonical,
    _sha256,
    read_session,
    write_session,
)

NAMES = {
    'session.json',
    *(f'{n}.safetensors' for n in ('graph', 'keyframes', 'points', 'path', 'scans')),
}


def write(folder, session):
    folder.mkdir(exist_ok=True)
    return write_session(folder, session, software='vggt_ros test', settings={'mode': 'mapping'})


@pytest.fixture
def folder(tmp_path, session):
    write(tmp_path / 'map', session)
    return tmp_path / 'map'


def rewrite_index(folder, **changes):
    """Change the index as somebody would who knows how its checksum is made."""
    path = folder / 'session' / 'session.json'
    index = json.loads(path.read_text()) | changes
    index.pop('sha256')
    path.write_text(json.dumps({**index, 'sha256': _sha256(_canonical(index))}))


def rewrite_arrays(folder, name, change):
    """Change the arrays of a file, with checksums that fit."""
    path = folder / 'session' / f'{name}.safetensors'
    arrays = load_file(path)
    change(arrays)
    save_file({key: np.ascontiguousarray(each) for key, each in arrays.items()}, path)
    index = json.loads((folder / 'session' / 'session.json').read_text())
    data = path.read_bytes()
    files = index['files'] | {path.name: {'bytes': len(data), 'sha256': _sha256(data)}}
    rewrite_index(folder, files=files)


def test_what_is_read_is_what_was_written(session, folder):
    found = read_session(folder)
    for name in ('is_metric', 'scale_source', 'is_upright'):
        assert getattr(found, name) == getattr(session, name)
    assert found.usual_depth == session.usual_depth
    assert math.isinf(found.log_scale_sigma)
    for old, new in zip(session.submaps, found.submaps, strict=True):
        assert (old.id, old.segment) == (new.id, new.segment)
        np.testing.assert_array_equal(old.covariance, new.covariance)
        np.testing.assert_array_equal(old.map_from_submap.rotation, new.map_from_submap.rotation)
    assert [e.is_loop for e in found.edges] == [e.is_loop for e in session.edges]
    for old, new in zip(session.keyframes, found.keyframes, strict=True):
        assert (old.frame.id, old.frame.camera_frame) == (new.frame.id, new.frame.camera_frame)
        assert old.jpeg == new.jpeg
        np.testing.assert_array_equal(old.in_map.depth, new.in_map.depth)
        assert (old.features is None) == (new.features is None)
        if old.features is not None:
            np.testing.assert_array_equal(old.features.descriptors, new.features.descriptors)
            np.testing.assert_array_equal(old.features.points_in_cam, new.features.points_in_cam)
    np.testing.assert_array_equal(found.voxels.means, session.voxels.means)
    assert list(found.path) == list(session.path)
    assert len(found.scans) == len(session.scans) > 0
    np.testing.assert_array_equal(found.scans[-1].points_in_cam, session.scans[-1].points_in_cam)


def test_only_plain_files_are_written_and_their_size_is_told(tmp_path, session):
    num_bytes = write(tmp_path / 'map', session)
    files = list((tmp_path / 'map' / 'session').iterdir())
    assert {each.name for each in files} == NAMES
    assert sum(each.stat().st_size for each in files) == num_bytes


def test_the_folder_within_the_map_can_be_named_as_well(folder):
    assert isinstance(read_session(folder / 'session'), MapSession)


def test_a_later_version_that_only_adds_is_read(folder):
    rewrite_arrays(folder, 'graph', lambda arrays: arrays.update(later=np.zeros(3)))
    rewrite_index(folder, version=2, something_new={'a': 1})
    assert isinstance(read_session(folder), MapSession)


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        ({'version': 9, 'oldest_reader': 9}, 'version 9.*this one is 1: update vggt_ros'),
        ({'format': 'rtabmap'}, "format 'rtabmap'"),
        ({'files': {}}, 'graph.safetensors'),
        ({'scale': []}, 'scale is'),
        ({'origin_in_map': [0, 'a', 0]}, 'origin_in_map'),
        ({'usual_depth': -1}, 'usual_depth is -1'),
    ],
)
def test_what_is_not_for_this_reader_is_refused_by_name(folder, changes, words):
    rewrite_index(folder, **changes)
    with pytest.raises(SessionError, match=words):
        read_session(folder)


@pytest.mark.parametrize(
    ('name', 'change', 'words'),
    [
        ('graph', lambda a: a.pop('edge.ids'), 'edge.ids is missing'),
        ('graph', lambda a: a['submap.map_from_submap'].fill(np.nan), 'not finite'),
        ('graph', lambda a: a['submap.map_from_submap'].fill(1), 'is no place.*not rigid'),
        ('graph', lambda a: a['submap.scale'].fill(0), 'submap.scale is beyond'),
        ('graph', lambda a: a['edge.ids'].fill(999), 'names a submap that is not there'),
        ('graph', lambda a: a['submap.covariance'].fill(-1), 'is no covariance'),
        ('graph', lambda a: a['submap.segment'].fill(-4), 'submap.segment'),
        ('graph', lambda a: a['submap.id'].fill(3), 'does not ascend'),
        ('keyframes', lambda a: a['camera'].fill(8), 'camera is not within 0..7'),
        ('keyframes', lambda a: a['camera_frame'].fill(5), 'is none of 1 names'),
        ('keyframes', lambda a: a['image.ends'].fill(7), 'does not divide'),
        ('keyframes', lambda a: a['depth_size'].fill(2**40), 'is not that of its depth'),
        ('keyframes', lambda a: a.update(K=a['K'].astype('f4')), 'holds float32 and not float64'),
        ('keyframes', lambda a: a['frame_id'].fill(1), 'frame_id has one twice'),
        ('points', lambda a: a['hits'].fill(0), 'not positive'),
        ('points', lambda a: a.update(means=a['means'][:, :5]), 'has the shape'),
        ('points', lambda a: a['means'].fill(300), 'colors beyond'),
        ('path', lambda a: a['map_from_cam'].fill(1e9), 'is no place'),
        ('scans', lambda a: a['spacing_rad'].fill(9), 'is no angle'),
        ('scans', lambda a: a['is_kept.ends'].fill(1), 'does not divide'),
    ],
)
def test_files_with_right_checksums_and_wrong_numbers_are_refused(folder, name, change, words):
    rewrite_arrays(folder, name, change)
    with pytest.raises(SessionError, match=words):
        read_session(folder)


def test_a_thousand_damaged_copies_are_refused(tmp_path, folder):
    rng = np.random.default_rng(0)
    whole = {each.name: each.read_bytes() for each in (folder / 'session').iterdir()}
    names = sorted(whole)
    for number in range(1000):
        path = folder / 'session' / names[number % len(names)]
        data = bytearray(whole[path.name])
        at = int(rng.integers(len(data)))
        kind = number // len(names) % 4
        if kind == 0:
            data[at] ^= 1 << int(rng.integers(8))
        elif kind == 1:
            del data[at:]
        elif kind == 2:
            data[at:at] = bytes(rng.integers(0, 256, 1 + at % 9, dtype=np.uint8))
        else:
            data = bytearray(rng.integers(0, 256, len(data), dtype=np.uint8).tobytes())
        path.write_bytes(data)
        with pytest.raises(SessionError, match='session'):
            read_session(folder)
        path.write_bytes(whole[path.name])
    assert isinstance(read_session(folder), MapSession)


@pytest.mark.parametrize('name', sorted(NAMES))
def test_a_file_that_is_missing_is_named(folder, name):
    (folder / 'session' / name).unlink()
    with pytest.raises(SessionError, match=name):
        read_session(folder)


@pytest.mark.parametrize('text', ['', '[]', '{"format": NaN}', '[' * 100_000, '\0'])
def test_an_index_that_is_none_is_refused(folder, text):
    (folder / 'session' / 'session.json').write_text(text)
    with pytest.raises(SessionError, match=r'session\.json'):
        read_session(folder)


def test_what_is_no_map_is_refused_with_what_can_be_done(tmp_path):
    with pytest.raises(SessionError, match=r'not there.*set map\.load_path to an empty string'):
        read_session(tmp_path / 'nothing')
    (tmp_path / 'file').write_text('')
    with pytest.raises(SessionError, match='file'):
        read_session(tmp_path / 'file')
    shutil.rmtree(tmp_path)


def test_an_empty_map_is_no_session(tmp_path, session):
    empty = replace(session, submaps=(), edges=())
    write(tmp_path / 'map', empty)
    with pytest.raises(SessionError, match='0 submaps'):
        read_session(tmp_path / 'map')
