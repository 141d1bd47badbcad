import sys

import numpy as np
import pytest

from vggt_ros.errors import ConfigError
from vggt_ros.offline.tsdf_volume import (
    blocks_of,
    imported_open3d,
    joined,
    num_blocks,
    TsdfVolume,
)

K = np.array([[60.0, 0, 39.5], [0, 60.0, 29.5], [0, 0, 1]])
VOXEL = 0.02
BLUE = np.full((60, 80, 3), (20, 60, 200), np.uint8)


def wall(distance):
    return np.full((60, 80), distance, np.float32)


def at(x=0.0):
    pose = np.eye(4)
    pose[0, 3] = x
    return pose


@pytest.fixture
def volume():
    pytest.importorskip('open3d', reason="needs Open3D: pip install 'vggt_ros[mesh]'")
    return TsdfVolume(VOXEL, 100)


def test_blocks_are_those_around_the_surface():
    depth = wall(2.0)
    depth[:, 40:] = np.nan
    blocks = blocks_of(depth, K, at(), VOXEL)
    low, high = 0.16 * blocks.min(axis=0), 0.16 * (blocks.max(axis=0) + 1)
    # Five voxels to both sides; half of the image, which is 2.67 wide there.
    assert low[2] <= 1.9 < low[2] + 0.16
    assert high[2] - 0.16 <= 2.1 < high[2]
    assert low[0] == pytest.approx(-1.4, abs=0.16)
    assert high[0] == pytest.approx(0.07, abs=0.16)
    assert len(np.unique(blocks, axis=0)) == len(blocks)
    nothing = blocks_of(np.full((60, 80), np.nan, np.float32), K, at(), VOXEL)
    assert nothing.shape == (0, 3)


def test_blocks_of_two_views_are_joined_and_counted_for_larger_voxels():
    a, b = np.array([[-1, 0, 0], [0, 0, 0]], np.int32), np.array([[0, 0, 0], [1, 5, 0]], np.int32)
    both = joined(a, b)
    assert sorted(both.tolist()) == [[-1, 0, 0], [0, 0, 0], [1, 5, 0]]
    assert [num_blocks(both, factor) for factor in (1, 2, 6)] == [3, 3, 2]


def test_a_wall_becomes_a_flat_surface_of_its_color(volume):
    for x in (0.0, 0.3, 0.6):
        volume.integrate(wall(2.0), BLUE, K, at(x))
    mesh = volume.mesh(2)
    assert len(mesh.triangles) > 1000
    np.testing.assert_allclose(mesh.vertices[:, 2], 2.0, atol=1e-3)
    np.testing.assert_allclose(mesh.colors.mean(axis=0), [20, 60, 200], atol=2)
    a, b, c = (mesh.vertices[mesh.triangles[:, i]] for i in range(3))
    assert (np.cross(b - a, c - a)[:, 2] < 0).mean() > 0.99, 'seen from the cameras'


def test_a_slope_is_where_it_is_whichever_way_it_leans(volume):
    """Half a pixel to the side is a centimeter in depth here."""
    v, u = np.mgrid[:60, :80]
    rays = np.stack([(u - K[0, 2]) / K[0, 0], (v - K[1, 2]) / K[1, 1], np.ones_like(u)], axis=-1)
    for normal in ([0.6, 0.0, -0.8], [-0.6, 0.0, -0.8], [0.0, 0.8, -0.6], [0.0, -0.8, -0.6]):
        depth = -1.5 / (rays @ normal)
        depth[(depth < 0.3) | (depth > 4)] = np.nan
        slope = TsdfVolume(VOXEL, 100)
        slope.integrate(depth.astype(np.float32), BLUE, K, at())
        assert abs(np.median(slope.mesh(1).vertices @ normal + 1.5)) < 0.005


def test_what_one_view_shows_is_left_out_where_two_are_asked_for(volume):
    volume.integrate(wall(2.0), BLUE, K, at())
    assert len(volume.mesh(1).triangles) > 1000
    assert len(volume.mesh(2).triangles) == 0


def test_views_that_show_nothing_give_no_triangle(volume):
    volume.integrate(np.full((60, 80), np.nan, np.float32), BLUE, K, at())
    mesh = volume.mesh(1)
    assert (mesh.vertices.shape, mesh.triangles.shape) == ((0, 3), (0, 3))


def test_without_open3d_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, 'open3d', None)
    with pytest.raises(ConfigError, match=r"pip install 'vggt_ros\[mesh\]'"):
        imported_open3d()
