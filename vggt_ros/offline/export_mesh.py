"""Export as a mesh: the surface that depth of all keyframes agrees on, with all corrections.

Open3D belongs to the extra `mesh`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jaxtyping import Float32
import numpy as np

from vggt_ros.errors import SaveError
from vggt_ros.offline.keyframe_files import KeyframeFiles, read_keyframes
from vggt_ros.offline.result import Result
from vggt_ros.offline.tsdf_volume import blocks_of, joined, num_blocks, TsdfVolume

# 6 kB each: 0.6 GB.
MAX_BLOCKS = 100_000
# A voxel is at least as large as what a pixel shows, and at most so many times: the unit of a map
# that is not metric may be anything.
_MAX_FOOTPRINTS = 8.0
# A surface that a single view shows is often where that view is wrong.
_MIN_VIEWS = 2
# Smaller pieces float in the air; of a coarse mesh those of a hundredth.
_MIN_TRIANGLES, _MIN_PART = 50, 0.01


def write_mesh(folder: Path, result: Result) -> dict[str, Any]:
    """Write mesh.ply in the z-up map and mesh.glb, which is y-up; return facts about them.

    Args:
        folder: Of the run; `--depth` has written its images.
        result: What came out.

    Raises:
        ConfigError: Open3D is not there.
        SaveError: There are no images, or keyframes agree on no surface.
        OSError: A file cannot be written.
    """
    keyframes = list(read_keyframes(folder / 'frames', result.poses, result.keyframes))
    if not keyframes:
        raise SaveError('a mesh is made of images and depth, which --depth writes; give --depth')
    voxel_size, capacity = _resolution(keyframes, result)
    volume = TsdfVolume(voxel_size, capacity)
    for each in keyframes:
        pose = result.poses.map_from_cam[each.frame_id]
        volume.integrate(_good_depth(each), each.image(), each.K, pose)
    mesh = volume.mesh(min(_MIN_VIEWS, len(keyframes)))
    mesh = mesh.without_islands(min(_MIN_TRIANGLES, round(_MIN_PART * len(mesh.triangles))))
    if not len(mesh.triangles):
        raise SaveError(
            f'no surface is seen by {_MIN_VIEWS} of {len(keyframes)} keyframes alike; a mesh '
            f'would be empty'
        )
    mesh.write_ply(folder / 'mesh.ply')
    mesh.write_glb(folder / 'mesh.glb')
    return {
        'voxel_size': voxel_size,
        'num_vertices': len(mesh.vertices),
        'num_triangles': len(mesh.triangles),
    }


def _resolution(keyframes: list[KeyframeFiles], result: Result) -> tuple[float, int]:
    """Return the edge of a voxel, map units, and how many blocks there will be, about."""
    depths = [float(np.nanmedian(d)) for d in map(_good_depth, keyframes) if np.isfinite(d).any()]
    focal_px = float(np.median([each.K[0, 0] for each in keyframes]))
    footprint = float(np.median(depths)) / focal_px if depths else result.voxel_size
    voxel_size = float(np.clip(result.voxel_size, footprint, _MAX_FOOTPRINTS * footprint))
    blocks = np.zeros((0, 3), np.int32)
    for each in keyframes:
        pose = result.poses.map_from_cam[each.frame_id]
        blocks = joined(blocks, blocks_of(_good_depth(each), each.K, pose, voxel_size))
    factor = 1
    while num_blocks(blocks, factor) > MAX_BLOCKS:
        factor += 1
    return factor * voxel_size, num_blocks(blocks, factor)


def _good_depth(keyframe: KeyframeFiles) -> Float32[np.ndarray, 'H W']:
    """Return the depth of a keyframe, NaN where it is not good enough for the cloud."""
    return np.where(keyframe.keep(), keyframe.depth(), np.float32(np.nan))
