import numpy as np
import pytest

from vggt_ros.geometry import se3
from vggt_ros.offline.keyframe_clouds import KeyframeClouds
from vggt_ros.settings.world_config import MapSettings

SETTINGS = MapSettings(voxel_size=0.01)


@pytest.fixture
def clouds():
    made = KeyframeClouds()
    yield made
    made.close()


def test_points_come_back_where_their_keyframe_is_now(clouds, uniform_keyframe):
    clouds.add(uniform_keyframe(3, (0.5, 0.0, 2.0)))
    clouds.add(uniform_keyframe(7, (0.0, 0.5, 1.0)))
    pose = se3.rigid(np.eye(3), np.array([10.0, 0.0, 0.0]))
    points = clouds.fused(
        {3: pose, 7: np.eye(4)}, {3: 2.0, 7: 1.0}, {3: 100.0, 7: 100.0}, SETTINGS
    )
    order = np.argsort(points.points_in_map[:, 0])
    np.testing.assert_allclose(
        points.points_in_map[order], [[0.0, 0.5, 1.0], [11.0, 0.0, 4.0]], atol=6e-3
    )
    np.testing.assert_array_equal(points.colors[order], [[80] * 3, [40] * 3])
    assert np.isfinite(points.confidence).all()


def test_with_a_longer_focal_length_things_are_nearer_to_the_axis(clouds, uniform_keyframe):
    clouds.add(uniform_keyframe(0, (0.5, 0.0, 2.0)))
    points = clouds.fused({0: np.eye(4)}, {0: 1.0}, {0: 200.0}, SETTINGS)
    np.testing.assert_allclose(points.points_in_map, [[0.25, 0.0, 2.0]], atol=6e-3)


def test_what_the_filters_left_out_and_who_is_not_in_the_map_is_not_drawn(
    clouds, uniform_keyframe
):
    clouds.add(uniform_keyframe(0, (0.0, 0.0, 1.0), keep=False))
    clouds.add(uniform_keyframe(1, (0.0, 0.0, 1.0)))
    points = clouds.fused({0: np.eye(4)}, {0: 1.0}, {0: 100.0}, SETTINGS)
    assert len(points.points_in_map) == 0
