import cv2
import numpy as np
import pytest

from vggt_ros.errors import SourceError
from vggt_ros.sources.tartanair import matches, read, read_camera

# At (north 1, east 2, down 3): looking north, and turned right by 90 degrees to look east.
POSES = '1 2 3 0 0 0 1\n1 2 3 0 0 0.7071067811865476 0.7071067811865476\n'


@pytest.fixture
def first(tmp_path, write_image):
    for side, value in (('left', 10), ('right', 20)):
        for index in range(2):
            write_image(f'P000/image_{side}/{index:06d}_{side}.png', value + index, (640, 480))
        (tmp_path / f'P000/pose_{side}.txt').write_text(POSES)
    (tmp_path / 'P000/depth_left').mkdir()
    depth = np.full((480, 640), 4.5, np.float32)
    depth[0, :3] = 0, 9e4, np.inf
    np.save(tmp_path / 'P000/depth_left/000001_left_depth.npy', depth)
    return tmp_path / 'P000'


def test_poses_of_x_forward_become_those_of_z_forward(first):
    assert matches(first)
    poses = read(first, 10.0).world_from_cam
    # The world has x east, y down, z north.
    np.testing.assert_allclose(poses[:, :3, 3], [[2, 3, 1]] * 2)
    np.testing.assert_allclose(
        poses[0], np.array(np.eye(4)) + [[0, 0, 0, t] for t in (2, 3, 1, 0)]
    )
    forward, right, down = poses[1, :3, 2], poses[1, :3, 0], poses[1, :3, 1]
    np.testing.assert_allclose(forward, [1, 0, 0], atol=1e-12)  # east
    np.testing.assert_allclose(right, [0, 0, -1], atol=1e-12)  # south
    np.testing.assert_allclose(down, [0, 1, 0], atol=1e-12)


def test_the_first_edition_has_arrays_of_depth_without_the_sky(first):
    frames = list(read(first, 10.0))
    assert frames[0].depth is None
    assert np.isnan(frames[1].depth[0, :3]).all()
    assert frames[1].depth[5, 5] == 4.5
    np.testing.assert_array_equal(frames[0].K, [[320, 0, 320], [0, 320, 240], [0, 0, 1]])


def test_the_right_camera_is_asked_for(first):
    assert read_camera(first, 10.0, 1).frame(0).image[0, 0, 0] == 20
    assert read(first, 10.0).cameras == ('left',)
    with pytest.raises(SourceError, match='has 2 cameras, counted from 0; got 2'):
        read_camera(first, 10.0, 2)


def test_the_second_edition_has_depth_in_the_bytes_of_pixels(tmp_path, write_image):
    write_image('P001/image_lcam_front/000000_lcam_front.png', size=(640, 640))
    (tmp_path / 'P001/pose_lcam_front.txt').write_text(POSES.splitlines()[0])
    (tmp_path / 'P001/depth_lcam_front').mkdir()
    depth = np.full((640, 640, 1), 2.75, '<f4')
    file = tmp_path / 'P001/depth_lcam_front/000000_lcam_front_depth.png'
    assert cv2.imwrite(str(file), depth.view(np.uint8))
    dataset = read(tmp_path / 'P001', 10.0)
    assert dataset.frame(0).depth[7, 8] == 2.75
    assert dataset.K[1, 2] == 320


def test_what_does_not_fit_is_refused(first, write_image):
    (first / 'depth_left/000001_left_depth.npy').write_bytes(b'\x93NUMPY')
    with pytest.raises(SourceError, match=r'depth\.npy holds nothing readable'):
        read(first, 10.0).frame(1)
    write_image('P000/image_left/000000_left.png', size=(320, 240))
    with pytest.raises(SourceError, match='320 x 240 pixels, the camera of TartanAir 640 x 480'):
        read(first, 10.0)
    (first / 'pose_left.txt').write_text('1 2 3 0 0 0 0\n1 2 3 0 0 0 1\n')
    with pytest.raises(SourceError, match='quaternion that is no rotation'):
        read(first, 10.0)
    (first / 'pose_left.txt').write_text(POSES + POSES)
    with pytest.raises(SourceError, match='2 images and 4 poses'):
        read(first, 10.0)
