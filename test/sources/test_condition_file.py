import cv2
import numpy as np
import pytest

from vggt_ros.errors import SourceError
from vggt_ros.sources.condition_file import matches, read


@pytest.fixture
def folder(views, tmp_path):
    for index in range(4):
        cv2.imwrite(str(tmp_path / f'{index}.png'), views.images[index][..., ::-1])
    save(tmp_path, views)
    return tmp_path


def save(folder, views, **changed):
    depths = views.depth[:4].copy()
    depths[:, 0, 0] = 0.0
    arrays = {
        'poses': views.world_from_cam[:4].astype(np.float32),
        'intrinsics': np.tile(views.K.astype(np.float32), (4, 1, 1)),
        'depths': depths,
    }
    arrays |= changed
    kept = {name: array for name, array in arrays.items() if array is not None}
    np.savez(folder / 'condition.npz', **kept)


def test_the_archive_tells_camera_depth_and_pose_of_each_image(folder, views):
    assert matches(folder)
    dataset = read(folder, 10.0)
    frame = dataset.frame(2)
    np.testing.assert_array_equal(frame.image, views.images[2])
    assert np.isnan(frame.depth[0, 0])
    np.testing.assert_array_equal(frame.depth[1:], views.depth[2][1:])
    np.testing.assert_allclose(frame.world_from_cam, views.world_from_cam[2], atol=1e-5)


def test_depth_may_be_missing(folder, views):
    save(folder, views, depths=None)
    assert read(folder, 10.0).frame(0).depth is None


@pytest.mark.parametrize(
    ('changed', 'match'),
    [
        ({'poses': None}, 'lacks poses'),
        ({'poses': np.zeros((3, 4, 4))}, r'poses .* has the shape \(3, 4, 4\)'),
        ({'depths': np.zeros((3, 4, 4))}, r'depths .* \(3, 4, 4\)'),
        ({'poses': np.zeros((4, 4, 4))}, 'pose 0'),
    ],
)
def test_an_archive_that_does_not_fit_is_refused(folder, views, changed, match):
    save(folder, views, **changed)
    with pytest.raises(SourceError, match=match):
        read(folder, 10.0)


def test_a_file_that_is_no_archive_is_refused(folder):
    (folder / 'condition.npz').write_bytes(b'PK\x03\x04 not one')
    with pytest.raises(SourceError, match='cannot be read as arrays'):
        read(folder, 10.0)
