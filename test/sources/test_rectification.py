import numpy as np
import pytest

from vggt_ros.errors import SourceError
from vggt_ros.sources.rectification import Rectification
from vggt_ros.sources.source import Distortion

K = np.array([[300.0, 0, 160], [0, 300, 120], [0, 0, 1]])
IMAGE = np.zeros((240, 320, 3), np.uint8)


def barrel(strength=-0.2):
    return Distortion(model='plumb_bob', D=np.array([strength, 0.02, 0, 0]))


def test_each_camera_is_rectified_with_its_own_intrinsics():
    rectification = Rectification('hall')
    first = rectification.apply(IMAGE, K, barrel())
    other = K.copy()
    other[0, 0] = other[1, 1] = 250.0
    second = rectification.apply(IMAGE, other, barrel())
    third = rectification.apply(IMAGE, K, barrel(-0.1))
    assert len({found.K[0, 0] for found in (first, second, third)}) == 3
    np.testing.assert_array_equal(rectification.apply(IMAGE, K, barrel()).K, first.K)


def test_maps_of_many_cameras_do_not_pile_up():
    rectification = Rectification('hall')
    for index in range(12):
        changed = K.copy()
        changed[0, 0] += index
        rectification.apply(IMAGE[::8, ::8].copy(), changed / [[8], [8], [1]], barrel())
    assert len(rectification._kept) == 8


def test_depth_is_rectified_with_the_image():
    depth = np.full((240, 320), 2.0, np.float32)
    found = Rectification('hall').apply(IMAGE, K, barrel(), depth)
    assert found.depth.shape == (240, 320)
    np.testing.assert_allclose(found.depth[60:180, 80:240], 2.0, rtol=1e-6)


def test_depth_of_another_size_and_strange_lenses_are_refused():
    rectification = Rectification('hall')
    with pytest.raises(SourceError, match=r'depth of a\.png has the size 4 x 3, the image 320 x'):
        rectification.apply(IMAGE, K, barrel(), np.ones((3, 4), np.float32), where='a.png')
    with pytest.raises(SourceError, match='calibration of hall cannot be used for images of 320'):
        rectification.apply(IMAGE, K, barrel(9e9))
