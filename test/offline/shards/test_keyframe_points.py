from dataclasses import replace

import numpy as np
import pytest

from vggt_ros.geometry import se3
from vggt_ros.mapping.layers.voxel_map import VoxelMap
from vggt_ros.offline.shards.keyframe_points import cloud_of, CLOUD_POINT, draw


@pytest.fixture
def points():
    made = np.zeros(3, CLOUD_POINT)
    made['xyz'] = [[1.0, 0.0, 2.0], [-1.0, 1.0, 4.0], [0.5, 0.5, 1.0]]
    made['rgb'] = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
    made['confidence'] = 2.0
    return made


def test_points_are_drawn_where_their_keyframe_is_now(points):
    voxels = VoxelMap(0.01, 100)
    pose = se3.rigid(np.eye(3), np.array([10.0, 0.0, 0.0]))
    draw(voxels, points, pose, growth=2.0, focal_ratio=0.5)
    found = voxels.points()
    order = np.argsort(found.colors[:, 0])
    expected = points['xyz'].astype(float) * [1.0, 1.0, 2.0] + [10.0, 0.0, 0.0]
    np.testing.assert_allclose(found.points_in_map[order], expected, atol=0.01)
    assert found.confidence.tolist() == [2.0] * 3


def test_only_what_is_drawn_is_kept_of_every_second_pixel(uniform_keyframe):
    result = uniform_keyframe(0, (0.0, 0.0, 1.0))
    keep = np.ones(result.depth.shape, bool)
    keep[0, 0] = False
    sure = np.full(result.depth.shape, 1e6, np.float32)
    found = cloud_of(replace(result, keep=keep, confidence=sure))
    assert len(found) == keep[::2, ::2].size - 1
    assert np.isfinite(found['confidence'].astype(np.float32)).all()
