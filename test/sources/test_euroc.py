import cv2
import numpy as np
import pytest

from vggt_ros.errors import SourceError
from vggt_ros.geometry.rotation import matrix_from_quat_xyzw, quat_xyzw_from_matrix
from vggt_ros.geometry.se3 import inverse, rigid
from vggt_ros.sources.euroc import matches, read, read_camera

START_NS = 1_403_715_274_262_142_976
BODY_FROM_CAM = rigid(
    matrix_from_quat_xyzw(np.array([0.5, -0.5, 0.5, -0.5])), np.array([-0.02, -0.06, 0.01])
)
SENSOR = """%YAML:1.0
# Sensor extrinsics wrt. the body-frame.
T_BS:
  cols: 4
  rows: 4
  data: [{pose}]
rate_hz: 20
resolution: [168, 128]
camera_model: pinhole
intrinsics: [{fx}, {fy}, {cx}, {cy}] #fu, fv, cu, cv
distortion_model: {model}
distortion_coefficients: [{D}]
"""


def write_sensor(folder, views, model='radial-tangential', D='-0.28, 7.4e-2, .0002, 0'):
    K = views.K
    pose = ',\n    '.join(f'{number:.12f}' for number in BODY_FROM_CAM.ravel())
    text = SENSOR.format(
        pose=pose, fx=K[0, 0], fy=K[1, 1], cx=K[0, 2], cy=K[1, 2], model=model, D=D
    )
    (folder / 'mav0' / 'cam0' / 'sensor.yaml').write_text(text)


@pytest.fixture
def folder(views, tmp_path):
    """Gray images at 10 Hz; bodies at 20 Hz from the second image on; lines end as on Windows."""
    data, truth = tmp_path / 'mav0/cam0/data', tmp_path / 'mav0/state_groundtruth_estimate0'
    data.mkdir(parents=True)
    truth.mkdir()
    lines = ['#timestamp [ns],filename']
    poses = ['#timestamp, p_x, p_y, p_z, q_w, q_x, q_y, q_z, v_x']
    for index in range(4):
        stamp_ns = START_NS + 100_000_000 * index
        cv2.imwrite(str(data / f'{stamp_ns}.png'), views.images[index][..., 1])
        lines.append(f'{stamp_ns},{stamp_ns}.png')
        if index:
            body = views.world_from_cam[index] @ inverse(BODY_FROM_CAM)
            x, y, z, w = quat_xyzw_from_matrix(body[:3, :3])
            numbers = [*body[:3, 3], w, x, y, z, 0.5]
            poses += [f'{stamp_ns + d},' + ','.join(map(str, numbers)) for d in (-99, 50_000_000)]
    (tmp_path / 'mav0/cam0/data.csv').write_bytes('\r\n'.join(lines).encode())
    (truth / 'data.csv').write_bytes('\r\n'.join(poses).encode())
    write_sensor(tmp_path, views)
    return tmp_path


def test_the_truth_of_the_body_becomes_that_of_the_camera(folder, views):
    assert matches(folder)
    assert matches(folder / 'mav0')
    dataset = read(folder, 10.0)
    assert dataset.stamps_ns.tolist() == [START_NS + 100_000_000 * k for k in range(4)]
    poses = dataset.world_from_cam
    assert np.isnan(poses[0]).all(), 'the truth begins later than the images'
    np.testing.assert_allclose(poses[1:], views.world_from_cam[1:4], atol=1e-6)


def test_images_are_rectified(folder, views):
    frame = read(folder, 10.0).frame(1)
    assert frame.image.shape == (128, 168, 3)
    assert frame.K[0, 0] < views.K[0, 0], 'a lens that bends inward sees more'
    assert frame.is_seen is None, 'every pixel of the pinhole image is seen'


def test_a_camera_without_distortion_is_taken_as_it_is(folder, views):
    write_sensor(folder, views, model='none', D='0, 0, 0, 0')
    np.testing.assert_allclose(read(folder, 10.0).frame(0).K, views.K)


def test_without_truth_all_poses_are_unknown(folder):
    (folder / 'mav0/state_groundtruth_estimate0/data.csv').unlink()
    assert np.isnan(read(folder, 10.0).world_from_cam).all()


def test_a_lens_of_an_unknown_kind_is_refused(folder, views):
    write_sensor(folder, views, model='omni')
    with pytest.raises(SourceError, match="'omni'; known are radial-tangential, equidistant"):
        read(folder, 10.0)


@pytest.mark.parametrize(
    ('name', 'text', 'match'),
    [
        ('cam0/data.csv', '123', 'a line of 1 words'),
        ('cam0/data.csv', '12x,a.png', "stamp '12x'"),
        ('cam0/sensor.yaml', 'intrinsics: [1, 2, 3]', '3 numbers for intrinsics'),
        ('cam0/sensor.yaml', 'intrinsics: [1, 2, 3, 4]', '0 numbers for T_BS'),
        ('state_groundtruth_estimate0/data.csv', '1,2,3,4,0,0,0,0', 'no pose'),
    ],
)
def test_a_file_that_makes_no_sense_is_refused(folder, name, text, match):
    (folder / 'mav0' / name).write_text(text)
    with pytest.raises(SourceError, match=match):
        read(folder, 10.0)


def test_another_camera_is_asked_for_by_its_number(folder, views):
    right = folder / 'mav0/cam1'
    (folder / 'mav0/cam0').rename(right)
    with pytest.raises(SourceError, match='has no cam0; its cameras are cam1'):
        read(folder, 10.0)
    dataset = read_camera(folder, 10.0, 1)
    assert dataset.cameras == ('cam1',)
    assert 'cam1, moved there from the body' in dataset.truth
    np.testing.assert_allclose(dataset.world_from_cam[1], views.world_from_cam[1], atol=1e-6)


def test_an_image_that_is_listed_and_not_there_is_left_out(folder, caplog):
    (folder / f'mav0/cam0/data/{START_NS + 200_000_000}.png').unlink()
    dataset = read(folder, 10.0)
    assert len(dataset) == 3
    assert dataset.drops == {'missing_file': 1}
    assert 'names 1 files that are not there' in caplog.text


def test_tum_vi_has_a_fisheye_of_kalibr_motion_capture_and_sixteen_bits(folder, views):
    (folder / 'mav0/cam0/sensor.yaml').unlink()
    (folder / 'mav0/state_groundtruth_estimate0').rename(folder / 'mav0/mocap0')
    (folder / 'dso').mkdir()
    rows = ''.join(f'  - {row.tolist()}\n' for row in inverse(BODY_FROM_CAM))
    K = views.K
    (folder / 'dso/camchain.yaml').write_text(
        f'cam0:\n  T_cam_imu:\n{rows}  distortion_coeffs: [0.003, 0.0007, -0.002, 0.0002]\n'
        f'  distortion_model: equidistant\n'
        f'  intrinsics: [{K[0, 0]}, {K[1, 1]}, {K[0, 2]}, {K[1, 2]}]\n'
    )
    image = folder / f'mav0/cam0/data/{START_NS}.png'
    gray = np.full((128, 168), 200, np.uint16) << 8
    cv2.imwrite(str(image), gray)
    dataset = read(folder, 10.0)
    np.testing.assert_allclose(dataset.world_from_cam[1:], views.world_from_cam[1:4], atol=1e-6)
    assert dataset.frame(0).image[64, 84].tolist() == [200, 200, 200]
    assert dataset._distortion.model == 'equidistant'


def test_poses_that_are_not_finite_are_left_out_of_the_truth(folder, views):
    file = folder / 'mav0/state_groundtruth_estimate0/data.csv'
    lines = file.read_text().splitlines()
    stamp, *_ = lines[1].split(',')
    file.write_text('\n'.join([lines[0], f'{stamp},nan,0,0,1,0,0,0', *lines[3:]]))
    known = np.isfinite(read(folder, 10.0).world_from_cam).all(axis=(1, 2))
    assert known.tolist() == [False, False, True, True]
