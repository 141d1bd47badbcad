import numpy as np
import pytest

from vggt_ros.viewer.camera_layer import CameraLayer, SeenFrame


def poses_at(*xs):
    poses = np.tile(np.eye(4), (len(xs), 1, 1))
    poses[:, 0, 3] = xs
    return poses


def seen(stamp_ns, width=64):
    image = np.full((48, width, 3), stamp_ns % 256, np.uint8)
    return SeenFrame(stamp_ns=stamp_ns, image=image, fov_rad=1.0)


@pytest.fixture
def layer():
    made = CameraLayer()
    made.take_path(np.arange(5), poses_at(0.0, 1, 2, 3, 4))
    for stamp_ns in range(5):
        made.add_image(seen(stamp_ns))
    return made


def test_the_path_is_one_line_and_the_newest_cameras_have_images(layer, canvas):
    layer.max_frusta = 2
    layer.draw(canvas, 0.1)
    segments, _ = canvas.lines['/path']
    np.testing.assert_array_equal(segments[:, :, 0], [[0, 1], [1, 2], [2, 3], [3, 4]])
    assert set(canvas.frusta) == {'/cameras/3', '/cameras/4'}


def test_a_corrected_path_moves_cameras_and_sends_no_image(layer, canvas):
    layer.draw(canvas, 0.1)
    canvas.take_calls()
    layer.take_path(np.arange(5), poses_at(0.0, 1, 2, 3, 9))
    layer.draw(canvas, 0.1)
    assert [call for call in canvas.take_calls() if call[0] != 'put_lines'] == [
        ('move_frustum', '/cameras/4')
    ]
    assert canvas.frusta['/cameras/4'][0, 3] == 9
    layer.draw(canvas, 0.1)
    assert not canvas.calls


def test_an_image_waits_for_its_pose(layer, canvas):
    layer.add_image(seen(7))
    layer.draw(canvas, 0.1)
    assert '/cameras/7' not in canvas.frusta
    layer.take_path(np.array([4, 7]), poses_at(4.0, 7))
    layer.draw(canvas, 0.1)
    assert set(canvas.frusta) == {'/cameras/4', '/cameras/7'}


def test_what_came_later_is_not_shown(layer, canvas):
    layer.draw(canvas, 0.1)
    layer.until_ns = 2
    layer.refresh()
    layer.draw(canvas, 0.1)
    assert set(canvas.frusta) == {'/cameras/0', '/cameras/1', '/cameras/2'}
    assert len(canvas.lines['/path'][0]) == 2
    assert layer.newest_image()[0, 0, 0] == 2
    assert layer.shown_poses[-1, 0, 3] == 2


def test_a_jump_to_another_segment_is_no_way(layer, canvas):
    layer.take_path(np.arange(5), poses_at(0.0, 1, 2, 102, 103))
    layer.draw(canvas, 0.1)
    np.testing.assert_array_equal(canvas.lines['/path'][0][:, :, 0], [[0, 1], [1, 2], [102, 103]])


def test_images_are_kept_small_and_few(canvas):
    layer = CameraLayer()
    for stamp_ns in range(500):
        layer.add_image(seen(stamp_ns, width=640))
    assert layer.newest_image().shape == (18, 240, 3)
    assert len(layer._images) == 400
    layer.clear()
    assert layer.newest_image() is None
