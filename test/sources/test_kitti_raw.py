import numpy as np
import pytest

from vggt_ros.errors import SourceError
from vggt_ros.sources.kitti_raw import matches, read, read_camera

CAMERAS = """calib_time: 09-Jan-2012 13:57:47
R_rect_00: 1 0 0 0 1 0 0 0 1
P_rect_00: 70 0 31 0 0 70 23 0 0 0 1 0
P_rect_02: 70 0 31 7 0 70 23 0 0 0 1 0
"""
# The laser has x forward, y left, z up; the camera is 0.3 m ahead of it.
VELO_TO_CAM = 'R: 0 -1 0 0 0 -1 1 0 0\nT: 0 0 -0.3\n'
# The unit is 0.8 m behind the laser.
IMU_TO_VELO = 'R: 1 0 0 0 1 0 0 0 1\nT: -0.8 0 0\n'
ZEROS = ' 0' * 24


@pytest.fixture
def drive(tmp_path, write_image):
    """It drives east on the equator, then looks north from one degree of longitude farther."""
    name = '2011_09_26/2011_09_26_drive_0001_sync'
    folder = tmp_path / name
    times = ('12.000000001', '12.104', '12.2')
    for index in range(3):
        for camera in ('00', '02'):
            write_image(f'{name}/image_{camera}/data/{index:010d}.png', 10 * int(camera) + index)
    for camera in ('00', '02'):
        (folder / f'image_{camera}/timestamps.txt').write_text(
            ''.join(f'2011-09-26 13:02:{time}\n' for time in times)
        )
    (folder / 'oxts/data').mkdir(parents=True)
    rows = ('0 8.0 100 0 0 0', '0 8.00001 100 0 0 0', '0 9.0 110 0 0 1.5707963267948966')
    for index, row in enumerate(rows):
        (folder / f'oxts/data/{index:010d}.txt').write_text(row + ZEROS)
    for file, text in (
        ('calib_cam_to_cam', CAMERAS),
        ('calib_velo_to_cam', VELO_TO_CAM),
        ('calib_imu_to_velo', IMU_TO_VELO),
    ):
        (folder.parent / f'{file}.txt').write_text(text)
    return folder


def test_stamps_have_all_nine_digits(drive):
    assert matches(drive)
    stamps_ns = read(drive, 10.0).stamps_ns
    second_ns = 1_317_042_132_000_000_000  # 2011-09-26 13:02:12 UTC
    assert (stamps_ns - second_ns).tolist() == [1, 104_000_000, 200_000_000]


def test_the_pose_of_the_unit_is_moved_to_the_camera(drive):
    poses = read_camera(drive, 10.0, 0).world_from_cam
    # The laser is 0.8 m ahead of the unit, the camera 0.3 m ahead of the laser; ahead is east.
    np.testing.assert_allclose(poses[0, :3, 3], [1.1, 0, 0], atol=1e-9)
    np.testing.assert_allclose(poses[0, :3, 2], [1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(poses[0, :3, 1], [0, 0, -1], atol=1e-12)
    degree_m = np.pi / 180 * 6_378_137
    np.testing.assert_allclose(poses[1, :3, 3], [1.1 + 1e-5 * degree_m, 0, 0], atol=1e-6)
    np.testing.assert_allclose(poses[2, :3, 3], [degree_m, 1.1, 10], atol=1e-6)
    np.testing.assert_allclose(poses[2, :3, 2], [0, 1, 0], atol=1e-12)


def test_places_of_the_unit_are_fixes_where_it_says_how_good_they_are(drive):
    assert read(drive, 10.0).frame(0).fix is None, 'an accuracy of 0 m is none'
    for file in (drive / 'oxts/data').iterdir():
        words = file.read_text().split()
        words[23] = '0.5'
        file.write_text(' '.join(words))
    found = read_camera(drive, 10.0, 0).frame(1).fix
    np.testing.assert_allclose(found.position, [1e-5 * np.pi / 180 * 6_378_237, 0, 0], atol=1e-4)
    np.testing.assert_array_equal(found.covariance, np.diag([0.25, 0.25, 1.0]))
    # The unit is 1.1 m behind the camera.
    np.testing.assert_allclose(found.antenna_in_cam, [0, 0, -1.1], atol=1e-12)


def test_the_color_camera_is_beside_the_gray_one(drive):
    dataset = read(drive, 10.0)
    assert dataset.cameras == ('image_02',)
    np.testing.assert_allclose(dataset.world_from_cam[0, :3, 3], [1.1, 0.1, 0], atol=1e-9)
    assert dataset.frame(0).image[0, 0, 0] == 20


def test_without_the_unit_s_calibration_there_is_no_truth(drive):
    (drive.parent / 'calib_imu_to_velo.txt').unlink()
    assert np.isnan(read(drive, 10.0).world_from_cam).all()


def test_a_missing_image_is_left_out(drive):
    (drive / 'image_02/data/0000000001.png').unlink()
    dataset = read(drive, 10.0)
    assert len(dataset) == 2
    assert dataset.drops == {'missing_file': 1}
    assert dataset.world_from_cam[1, 0, 3] > 1000, 'the last pose belongs to the last image'


def test_what_is_missing_or_not_rectified_is_named(drive):
    with pytest.raises(SourceError, match='no image_01; its cameras are 0, 2'):
        read_camera(drive, 10.0, 1)
    (drive / 'oxts/data/0000000002.txt').write_text('1 2')
    with pytest.raises(SourceError, match=r'0000000002\.txt holds 2 words'):
        read(drive, 10.0)
    (drive / 'oxts/data/0000000002.txt').write_text('nan 8 100 0 0 0')
    with pytest.raises(SourceError, match=r'0000000002\.txt holds nan 8 100 0 0 0, which is no'):
        read(drive, 10.0)
    (drive / 'oxts/data/0000000002.txt').unlink()
    (drive / 'image_02/timestamps.txt').write_text('yesterday')
    with pytest.raises(SourceError, match="'yesterday'; a line is a time like"):
        read(drive, 10.0)
    (drive.parent / 'calib_cam_to_cam.txt').unlink()
    with pytest.raises(SourceError, match='unpack the calibration of this date'):
        read(drive, 10.0)
    with pytest.raises(SourceError, match='not rectified; take the drive that ends with _sync'):
        read(drive.rename(drive.parent / 'drive_extract'), 10.0)


def test_the_unit_rolls_first_then_pitches_then_turns(drive):
    half = 1.5707963267948966
    file = drive / 'oxts/data/0000000002.txt'
    file.write_text(f'0 9.0 110 {half} 0 {half}{ZEROS}')
    pose = read(drive, 10.0).world_from_cam[2]
    # On its right side and facing north: its left is up, so right is down and down is west.
    np.testing.assert_allclose(pose[:3, 2], [0, 1, 0], atol=1e-9)
    np.testing.assert_allclose(pose[:3, 0], [0, 0, -1], atol=1e-9)
    np.testing.assert_allclose(pose[:3, 1], [-1, 0, 0], atol=1e-9)
    file.write_text(f'0 9.0 110 0 {half / 3} {half}{ZEROS}')
    forward = read(drive, 10.0).world_from_cam[2][:3, 2]
    np.testing.assert_allclose(forward, [0, 0.75**0.5, -0.5], atol=1e-9)  # pitched down
