from dataclasses import replace

import numpy as np
import pytest

from vggt_ros.geometry import se3
from vggt_ros.offline.depth_again import FinalViews
from vggt_ros.offline.keyframe_clouds import fused_points
from vggt_ros.offline.keyframe_store import KeyframeStore
from vggt_ros.settings.world_config import MapSettings

SETTINGS = MapSettings(voxel_size=0.001)


@pytest.fixture
def fused(uniform_keyframe):
    """Fuse keyframes that are kept at one pixel, 50 px right of the middle at f = 100 px."""

    def fuse(depths, views, keep=True):
        store = KeyframeStore()
        for frame_id, depth in depths.items():
            painted = uniform_keyframe(frame_id, (0, 0, depth))
            kept = np.zeros((4, 6), bool)
            kept[2, 2] = keep
            K = np.array([[100.0, 0, -48.0], [0, 100.0, 2.0], [0, 0, 1]])
            store.add(replace(painted, keep=kept, K=K))
        points = fused_points(store, views, SETTINGS)
        store.close()
        return points

    return fuse


def views_of(poses, growth=1.0, focal_px=100.0):
    return FinalViews(
        map_from_cam=poses,
        growth=dict.fromkeys(poses, growth),
        focal_px=dict.fromkeys(poses, focal_px),
        neighbors={},
    )


def test_points_are_where_their_keyframe_is_now(fused):
    pose = se3.rigid(np.eye(3), np.array([10.0, 0.0, 0.0]))
    points = fused({3: 2.0, 7: 1.0}, views_of({3: pose, 7: np.eye(4)}))
    order = np.argsort(points.points_in_map[:, 0])
    np.testing.assert_allclose(
        points.points_in_map[order], [[0.5, 0.0, 1.0], [11.0, 0.0, 2.0]], atol=2e-3
    )
    np.testing.assert_array_equal(points.colors[order], [[80] * 3, [40] * 3])
    assert np.isfinite(points.confidence).all()


def test_what_is_farther_now_is_larger(fused):
    points = fused({0: 1.0}, views_of({0: np.eye(4)}, growth=3.0))
    np.testing.assert_allclose(points.points_in_map, [[1.5, 0.0, 3.0]], atol=2e-3)


def test_what_the_filters_left_out_and_who_is_not_in_the_map_is_not_drawn(fused):
    assert len(fused({0: 1.0}, views_of({0: np.eye(4)}), keep=False).points_in_map) == 0
    assert len(fused({0: 1.0}, views_of({})).points_in_map) == 0
