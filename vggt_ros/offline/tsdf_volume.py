"""TSDF volume: depth of many views becomes one surface, by Open3D.

Curless and Levoy, "A volumetric method for building complex models from range images", SIGGRAPH
1996; blocks of voxels only where a surface is. Open3D belongs to the extra `mesh`.
"""

from __future__ import annotations

from typing import Any

from jaxtyping import Float, Float32, Int32, Int64, Integer, UInt8
import numpy as np

from vggt_ros.errors import ConfigError
from vggt_ros.geometry import grid_keys, se3
from vggt_ros.geometry.pinhole import unproject_depth
from vggt_ros.offline.triangle_mesh import TriangleMesh

# Voxels along an edge of a block.
BLOCK_VOXELS = 8
# A voxel farther than this from the surface of a view learns nothing from it.
TRUNCATION_VOXELS = 5.0
# What a voxel takes: float distance, 16 bit weight and color.
_BYTES_OF_VOXEL = 4 + 2 + 3 * 2
BYTES_OF_BLOCK = BLOCK_VOXELS**3 * _BYTES_OF_VOXEL


def imported_open3d() -> Any:
    """Return Open3D.

    Raises:
        ConfigError: It is not installed, or a library that it needs is not.
    """
    try:
        import open3d
    except (ImportError, OSError) as error:
        raise ConfigError(
            f"--export mesh needs Open3D: pip install 'vggt_ros[mesh]', or leave mesh out "
            f'({error})'
        ) from error
    return open3d


def blocks_of(
    depth: Float32[np.ndarray, 'H W'],
    K: Float[np.ndarray, '3 3'],
    map_from_cam: Float[np.ndarray, '4 4'],
    voxel_size: float,
) -> Int32[np.ndarray, 'B 3']:
    """Return the blocks that the surface of a view is in or near to.

    Args:
        depth: (H, W) map units, NaN where there is none.
        K: (3, 3) intrinsics, pixels.
        map_from_cam: (4, 4) rigid.
        voxel_size: Edge of a voxel, map units.
    """
    in_cam = unproject_depth(depth, K).reshape(-1, 3)
    in_cam = in_cam[np.isfinite(in_cam).all(axis=1)]
    distance = np.linalg.norm(in_cam, axis=1, keepdims=True)
    reach, edge = TRUNCATION_VOXELS * voxel_size, BLOCK_VOXELS * voxel_size
    steps = np.linspace(-reach, reach, 2 * int(np.ceil(2 * reach / edge)) + 1)
    keys = []
    for step in steps.tolist():
        points = se3.transform(map_from_cam, in_cam * (1 + step / np.maximum(distance, reach)))
        keys.append(np.unique(_keys(np.floor(points / edge).astype(np.int64))))
    return _from_keys(np.unique(np.concatenate(keys)))


def num_blocks(blocks: Int32[np.ndarray, 'B 3'], factor: int) -> int:
    """Return how many there would be, about, with voxels `factor` times as large."""
    return len(np.unique(_keys(blocks // factor)))


def joined(a: Int32[np.ndarray, 'A 3'], b: Int32[np.ndarray, 'B 3']) -> Int32[np.ndarray, 'C 3']:
    """Return blocks that are in one or the other."""
    return _from_keys(np.union1d(_keys(a), _keys(b)))


class TsdfVolume:
    """Takes views one by one; memory is that of the blocks."""

    def __init__(self, voxel_size: float, capacity: int) -> None:
        """Start empty.

        Args:
            voxel_size: Edge of a voxel, map units.
            capacity: Blocks that it has memory for; with more it grows.

        Raises:
            ConfigError: Open3D is not there.
        """
        self._open3d = imported_open3d()
        self._voxel_size = voxel_size
        self._is_empty = True
        core = self._open3d.core
        self._grid = self._open3d.t.geometry.VoxelBlockGrid(
            attr_names=('tsdf', 'weight', 'color'),
            attr_dtypes=(core.float32, core.uint16, core.uint16),
            attr_channels=((1,), (1,), (3,)),
            voxel_size=voxel_size,
            block_resolution=BLOCK_VOXELS,
            block_count=max(capacity, 1),
            device=core.Device('CPU:0'),
        )

    def integrate(
        self,
        depth: Float32[np.ndarray, 'H W'],
        image: UInt8[np.ndarray, 'H W 3'],
        K: Float[np.ndarray, '3 3'],
        map_from_cam: Float[np.ndarray, '4 4'],
    ) -> None:
        """Take a view.

        Args:
            depth: (H, W) map units, NaN where there is none.
            image: (H, W, 3) RGB of the same pixels.
            K: (3, 3) intrinsics, pixels.
            map_from_cam: (4, 4) rigid.
        """
        blocks = blocks_of(depth, K, map_from_cam, self._voxel_size)
        if not len(blocks):
            return
        self._is_empty = False
        core, Image = self._open3d.core, self._open3d.t.geometry.Image
        # 0 is no depth for Open3D.
        known = np.nan_to_num(depth, nan=0.0, posinf=0.0, neginf=0.0)
        # A voxel takes the pixel whose corner is before it: centers are at one half there.
        from_corner = K + np.array([[0, 0, 0.5], [0, 0, 0.5], [0, 0, 0]])
        self._grid.integrate(
            core.Tensor(blocks),
            Image(core.Tensor(np.ascontiguousarray(known, np.float32))),
            Image(core.Tensor(np.ascontiguousarray(image, np.float32) / np.float32(255.0))),
            core.Tensor(np.ascontiguousarray(from_corner, np.float64)),
            core.Tensor(np.ascontiguousarray(se3.inverse(map_from_cam), np.float64)),
            depth_scale=1.0,
            depth_max=float(known.max()) + 1.0,
            trunc_voxel_multiplier=TRUNCATION_VOXELS,
        )

    def mesh(self, min_views: int) -> TriangleMesh:
        """Return the surface where at least so many views showed it; it may have no triangle."""
        if not self._is_empty:
            found = self._grid.extract_triangle_mesh(weight_threshold=min_views - 0.5)
        if self._is_empty or 'indices' not in found.triangle:
            none = np.zeros((0, 3), np.float32)
            return TriangleMesh(
                vertices=none, colors=none.astype(np.uint8), triangles=none.astype(np.int32)
            )
        colors = np.rint(255.0 * found.vertex.colors.numpy()).clip(0, 255)
        return TriangleMesh(
            vertices=found.vertex.positions.numpy().astype(np.float32),
            colors=colors.astype(np.uint8),
            triangles=found.triangle.indices.numpy().astype(np.int32),
        )


def _keys(blocks: Integer[np.ndarray, 'B 3']) -> Int64[np.ndarray, ' B']:
    return grid_keys.keys_of(*blocks.T)


def _from_keys(keys: Int64[np.ndarray, ' B']) -> Int32[np.ndarray, 'B 3']:
    return grid_keys.indices_of(keys).astype(np.int32)
