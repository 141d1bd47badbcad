import numpy as np

from vggt_ros.mapping.refinement.depth_consistency import count_views


def test_true_depths_agree_wherever_they_can_be_compared(room):
    views = count_views(room.depth, room.K, room.world_from_cam, 2)
    assert views.comparable.max() == 4
    # What is left is hidden by something, or at an outline.
    assert views.agreeing.sum() > 0.93 * views.comparable.sum()
    assert (views.agreeing <= views.comparable).all()


def test_a_frame_that_is_wrong_agrees_with_none(room):
    depth = room.depth.copy()
    depth[2] *= 1.1
    right = count_views(room.depth, room.K, room.world_from_cam, 2)
    wrong = count_views(depth, room.K, room.world_from_cam, 2)
    assert wrong.agreeing.sum() < 0.05 * right.agreeing.sum()


def test_frames_without_depth_are_not_compared(room):
    depth = room.depth.copy()
    depth[[0, 1, 4]] = np.nan
    views = count_views(depth, room.K, room.world_from_cam, 2)
    assert views.comparable.max() == 1


def test_a_pixel_without_depth_is_compared_with_nothing(room):
    depth = room.depth.copy()
    depth[2, 30:50, 30:50] = np.nan
    views = count_views(depth, room.K, room.world_from_cam, 2)
    assert views.comparable[30:50, 30:50].max() == 0
    assert views.agreeing[30:50, 30:50].max() == 0
