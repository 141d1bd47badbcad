import torch

from training.window_batch import in_order, normalized_window, rigid_inverse, unproject


def test_the_first_camera_is_the_world(window):
    expected = torch.eye(4).expand(2, 4, 4)
    torch.testing.assert_close(window.cam_from_world[:, 0], expected, atol=1e-6, rtol=0)


def test_one_is_the_mean_distance_of_the_points_from_the_first_camera(window):
    distance = window.points_in_world().norm(dim=-1).mean(dim=(1, 2, 3))
    torch.testing.assert_close(distance, torch.ones(2))


def test_depth_and_motion_are_scaled_alike(window, views):
    ratio = views.depth[:, 0, 40, 50] / window.depth[:, 0, 40, 50]
    moved_m = (views.world_from_cam[:, 2, :3, 3] - views.world_from_cam[:, 0, :3, 3]).norm(dim=-1)
    centers = rigid_inverse(window.cam_from_world)[:, 2, :3, 3]
    torch.testing.assert_close(centers.norm(dim=-1) * ratio, moved_m, rtol=1e-4, atol=1e-5)


def test_the_unit_does_not_depend_on_meters(window, views):
    far = views.world_from_cam.clone()
    far[..., :3, 3] *= 7
    again = normalized_window(window.images, 7 * views.depth, far, views.K)
    torch.testing.assert_close(again.depth, window.depth)
    torch.testing.assert_close(again.cam_from_world, window.cam_from_world, atol=1e-5, rtol=0)


def test_points_of_the_optical_axis_are_straight_ahead(window):
    depth = torch.full((2, 3, 85, 113), 2.0)
    K = window.K.clone()
    K[:, 0, 2], K[:, 1, 2] = 56, 42
    points = unproject(depth, K, torch.eye(4).expand(2, 3, 4, 4))
    torch.testing.assert_close(points[0, 0, 42, 56], torch.tensor([0.0, 0.0, 2.0]))
    assert points[0, 0, 42, 80, 0] > 0, 'right of the center is +x'
    assert points[0, 0, 60, 56, 1] > 0, 'below the center is +y'


def test_an_inverse_undoes_a_rigid_transform(window):
    product = rigid_inverse(window.cam_from_world) @ window.cam_from_world
    torch.testing.assert_close(product, torch.eye(4).expand(2, 3, 4, 4), atol=1e-5, rtol=0)


def test_frames_are_reordered_window_by_window(views):
    order = torch.tensor([[2, 0, 1], [0, 1, 2]])
    shuffled = in_order(views.world_from_cam, order)
    torch.testing.assert_close(shuffled[0, 0], views.world_from_cam[0, 2])
    torch.testing.assert_close(shuffled[1], views.world_from_cam[1])


def test_windows_move_to_another_device_whole(window):
    moved = window.to(torch.device('meta'))
    assert moved.K.device.type == moved.images.device.type == 'meta'
    assert moved.image_size == (84, 112)
