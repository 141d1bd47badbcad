from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import angle_between, matrix_from_rotation_vector
from vggt_ros.mapping.layers.frame_tree import blend, map_from_parent

seeds = given(seed=st.integers(0, 2**32 - 1))


def pose(rng):
    return se3.rigid(matrix_from_rotation_vector(rng.normal(size=3)), rng.normal(size=3))


@seeds
def test_the_chain_over_the_other_frame_ends_at_the_camera(seed):
    rng = np.random.default_rng(seed)
    map_from_cam, odom_from_cam = pose(rng), pose(rng)
    graph = map_from_parent(map_from_cam, odom_from_cam) @ odom_from_cam
    np.testing.assert_allclose(graph, map_from_cam, atol=1e-12)


@seeds
def test_a_blend_begins_at_the_old_ends_at_the_new_and_goes_evenly(seed):
    rng = np.random.default_rng(seed)
    old, new = pose(rng), pose(rng)
    np.testing.assert_allclose(blend(old, new, 0.0), old, atol=1e-9)
    np.testing.assert_allclose(blend(old, new, 1.0), new, atol=1e-9)
    quarter = blend(old, new, 0.25)
    whole = angle_between(old[:3, :3], new[:3, :3])
    assert angle_between(old[:3, :3], quarter[:3, :3]) == pytest.approx(whole / 4, abs=1e-9)
    np.testing.assert_allclose(quarter[:3, 3], 0.75 * old[:3, 3] + 0.25 * new[:3, 3])
