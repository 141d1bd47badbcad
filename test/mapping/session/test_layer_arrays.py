import numpy as np
import pytest

from vggt_ros.errors import SessionError
from vggt_ros.mapping.session.checked_arrays import CheckedArrays
from vggt_ros.mapping.session.layer_arrays import (
    arrays_of_path,
    arrays_of_scans,
    arrays_of_voxels,
    path_of_arrays,
    scans_of_arrays,
    voxels_of_arrays,
)


def test_points_come_back(session):
    found = voxels_of_arrays(CheckedArrays('points', arrays_of_voxels(session.voxels)))
    np.testing.assert_array_equal(found.weights, session.voxels.weights)
    np.testing.assert_array_equal(found.submap_ids, session.voxels.submap_ids)


def test_a_path_comes_back_in_its_order(session):
    found = path_of_arrays(CheckedArrays('path', arrays_of_path(session.path)))
    assert list(found) == list(session.path)
    for old, new in zip(session.path.values(), found.values(), strict=True):
        assert (old.submap_id, old.view.stamp_ns) == (new.submap_id, new.view.stamp_ns)
        np.testing.assert_array_equal(old.view.map_from_cam, new.view.map_from_cam)


def test_a_frame_that_is_twice_on_the_path_is_refused(session):
    arrays = arrays_of_path(session.path)
    arrays['frame_id'][1] = arrays['frame_id'][0]
    with pytest.raises(SessionError, match='one twice'):
        path_of_arrays(CheckedArrays('path', arrays))


def test_scans_come_back_each_with_its_rays(session):
    found = scans_of_arrays(CheckedArrays('scans', arrays_of_scans(session.scans)))
    for old, new in zip(session.scans, found, strict=True):
        np.testing.assert_array_equal(old.is_kept, new.is_kept)
        assert old.spacing_rad == new.spacing_rad


def test_an_empty_map_comes_back(session):
    assert path_of_arrays(CheckedArrays('path', arrays_of_path({}))) == {}
    assert scans_of_arrays(CheckedArrays('scans', arrays_of_scans(()))) == ()
