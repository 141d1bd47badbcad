import numpy as np
import pytest

from vggt_ros.errors import SourceError
from vggt_ros.sources.calibration import Calibration, read_calibration

TOOL = """image_width: 752
image_height: 480
camera_name: left
camera_matrix:
  rows: 3
  cols: 3
  data: [458.654, 0., 367.215, 0., 457.296, 248.375, 0., 0., 1.]
distortion_model: {model}
distortion_coefficients:
  rows: 1
  cols: {num}
  data: [{d}]
rectification_matrix:
  rows: 3
  cols: 3
  data: [1, 0, 0, 0, 1, 0, 0, 0, 1]
"""
BLOCK = """camera_matrix:
  rows: 3
  cols: 3
  data:
    - 458.654
    - 0
    - 367.215
    - 0
    - 457.296
    - 248.375
    - 0
    - 0
    - 1
"""
MESSAGE = """header:
  frame_id: left
height: 480
width: 752
distortion_model: plumb_bob
d:
- -0.28
- 7.4e-2
- 0.0002
- 0.0
- 0.0
k:
- 458.654
- 0.0
- 367.215
- 0.0
- 457.296
- 248.375
- 0.0
- 0.0
- 1.0
r:
- 1.0
"""
K = [[458.654, 0, 367.215], [0, 457.296, 248.375], [0, 0, 1]]


def written(tmp_path, text):
    file = tmp_path / 'camera.yaml'
    file.write_text(text)
    return file


@pytest.mark.parametrize(
    ('text', 'size', 'D'),
    [
        (TOOL.format(model='plumb_bob', num=4, d='-0.28, 7.4e-2, .0002, 0'), (752, 480), 4),
        (MESSAGE, (752, 480), 5),
        (BLOCK, None, 0),
        ('458.654 457.296 367.215 248.375 -0.28 0.074 0.0002 0', None, 4),
        ('458.654, 457.296, 367.215, 248.375  # fx fy cx cy', None, 0),
    ],
)
def test_intrinsics_are_read_from_what_ros_writes_and_from_a_line(tmp_path, text, size, D):
    found = read_calibration(written(tmp_path, text))
    np.testing.assert_array_equal(found.K, K)
    assert found.size == size
    if D:
        assert found.distortion.model == 'plumb_bob'
        np.testing.assert_array_equal(found.distortion.D[:4], [-0.28, 0.074, 0.0002, 0])
        assert len(found.distortion.D) == D
    else:
        assert found.distortion is None


@pytest.mark.parametrize('model', ['equidistant', 'fisheye'])
def test_a_fisheye_has_two_names(tmp_path, model):
    file = written(tmp_path, TOOL.format(model=model, num=4, d='0.01, 0, 0, 0'))
    assert read_calibration(file).distortion.model == 'equidistant'


@pytest.mark.parametrize(
    ('text', 'match'),
    [
        ('hello', r'camera\.yaml holds no calibration'),
        ('', r'camera\.yaml holds no calibration'),
        ('1 2 3', 'holds 3 numbers; give fx fy cx cy'),
        ('0 0 0 0', 'focal lengths 0.0 and 0.0; both must be above 0'),
        (TOOL.format(model='omni', num=4, d='1, 2, 3, 4'), "distortion model 'omni'; known are"),
    ],
)
def test_what_is_no_calibration_is_refused(tmp_path, text, match):
    with pytest.raises(SourceError, match=match):
        read_calibration(written(tmp_path, text))


@pytest.mark.parametrize(
    ('camera', 'size', 'match'),
    [
        ({'size': (752, 480)}, (376, 240), 'is of images of 752 x 480, those of walk have 376'),
        ({}, (376, 240), r'principal point \(367\.215, 248\.375\), outside'),
        ({}, (4000, 3000), 'focal lengths 458.654 and 457.296'),
    ],
)
def test_the_calibration_of_other_images_is_refused(camera, size, match):
    with pytest.raises(SourceError, match=match):
        Calibration(K=np.array(K), **camera).check(size, 'walk')


def test_the_calibration_of_these_images_is_taken():
    Calibration(K=np.array(K), size=(752, 480)).check((752, 480), 'walk')
    Calibration(K=np.array(K)).check(None, 'walk')
