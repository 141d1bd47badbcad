import numpy as np
import pytest

from vggt_ros.errors import SourceError
from vggt_ros.sources.asl_sensor import read_sensor

# The axes of a camera on a body: its x is the body's -y, its y -z, its z x.
CHAIN = """cam0:
  T_cam_imu:
  - [0.0, -1.0, 0.0, 0.1]
  - [0.0, 0.0, -1.0, 0.2]
  - [1.0, 0.0, 0.0, 0.3]
  - [0.0, 0.0, 0.0, 1.0]
  cam_overlaps: [1]
  camera_model: pinhole
  distortion_coeffs: [0.0034, 0.0007, -0.0020, 0.0002]
  distortion_model: equidistant
  intrinsics: [190.98, 190.97, 254.93, 256.90]
  resolution: [512, 512]
cam1:
  T_cam_imu:
  - [1.0, 0.0, 0.0, 7.0]
  - [0.0, 1.0, 0.0, 0.0]
  - [0.0, 0.0, 1.0, 0.0]
  - [0.0, 0.0, 0.0, 1.0]
  distortion_coeffs: [0, 0, 0, 0]
  distortion_model: equidistant
  intrinsics: [190.44, 190.43, 252.59, 254.94]
"""


@pytest.fixture
def camera(tmp_path):
    (tmp_path / 'dso').mkdir()
    (tmp_path / 'dso/camchain.yaml').write_text(CHAIN)
    return lambda name: tmp_path / 'mav0' / name


def test_the_cameras_of_kalibr_are_told_apart_and_turned_round(camera):
    sensor = read_sensor(camera('cam0'))
    np.testing.assert_array_equal(
        sensor.K[[0, 1, 0, 1], [0, 1, 2, 2]], [190.98, 190.97, 254.93, 256.9]
    )
    assert sensor.distortion.model == 'equidistant'
    np.testing.assert_array_equal(sensor.distortion.D, [0.0034, 0.0007, -0.002, 0.0002])
    # The camera looks along the body's x: what is 1 m before it is 1 m along x from it.
    np.testing.assert_allclose(sensor.body_from_cam[:3, 2], [1, 0, 0])
    np.testing.assert_allclose(sensor.body_from_cam[:3, 3], [-0.3, 0.1, 0.2])
    other = read_sensor(camera('cam1'))
    assert other.distortion is None
    np.testing.assert_allclose(other.body_from_cam[:3, 3], [-7, 0, 0])


def test_what_the_chain_lacks_is_named(camera, tmp_path):
    with pytest.raises(SourceError, match=r'camchain\.yaml has no cam2'):
        read_sensor(camera('cam2'))
    (tmp_path / 'dso/camchain.yaml').write_text(CHAIN.replace('T_cam_imu', 'T_imu_cam'))
    with pytest.raises(SourceError, match='cam0 has 0 numbers for T_cam_imu; give 16'):
        read_sensor(camera('cam0'))
    (tmp_path / 'dso/camchain.yaml').write_text(CHAIN.replace('equidistant', 'omni'))
    with pytest.raises(SourceError, match="'omni'; known are"):
        read_sensor(camera('cam0'))


def test_without_any_file_the_missing_one_is_named(tmp_path):
    with pytest.raises(SourceError, match=r'sensor\.yaml cannot be read'):
        read_sensor(tmp_path / 'mav0/cam0')
