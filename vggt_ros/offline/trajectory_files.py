"""Trajectory files: poses in the formats of TUM, KITTI and EuRoC."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jaxtyping import Float
import numpy as np

from vggt_ros.errors import SaveError
from vggt_ros.geometry.rotation import quat_xyzw_from_matrix
from vggt_ros.mapping.layers.trajectory import tum_line
from vggt_ros.offline.frame_poses import FramePoses

_EUROC_HEADER = (
    '#timestamp [ns],p_RS_R_x [m],p_RS_R_y [m],p_RS_R_z [m],'
    'q_RS_w [],q_RS_x [],q_RS_y [],q_RS_z []\n'
)


def write_tum(
    path: Path, poses: FramePoses, *, unit: str, kinds: Sequence[str] | None = None
) -> None:
    """Write lines `stamp tx ty tz qx qy qz qw`, stamps with nine decimals.

    Args:
        path: The file; replaced if it exists.
        poses: Of all frames; those without a pose are left out.
        unit: Of lengths, for the comment.
        kinds: Of the poses to write; None for all.
    """
    use = [i for i, kind in enumerate(poses.kind) if kind != 'none']
    if kinds is not None:
        use = [i for i in use if poses.kind[i] in kinds]
    lines = [
        '# map_from_camera: the optical frame of the camera (x right, y down, z forward) in the',
        f'# map, which is z-up and has its origin at the first camera; lengths in {unit}',
        '# stamp tx ty tz qx qy qz qw',
    ]
    lines += [tum_line(int(poses.stamps_ns[i]), poses.map_from_cam[i]) for i in use]
    path.write_text('\n'.join(lines) + '\n', encoding='ascii')


def write_kitti(path: Path, poses: FramePoses) -> None:
    """Write a line of twelve numbers for each frame: the first three rows of its pose.

    The world is the first camera, as in that data set.

    Raises:
        SaveError: A frame has no pose: the format knows frames by their line.
    """
    num_missing = int((~poses.is_known).sum())
    if num_missing:
        raise SaveError(
            f'{num_missing} of {len(poses)} frames have no pose, and the KITTI format knows a '
            f'frame by its line; export euroc, or take trajectory.tum'
        )
    first_from_map = np.linalg.inv(poses.map_from_cam[0]) if len(poses) else np.eye(4)
    rows = [_numbers((first_from_map @ pose)[:3].ravel()) for pose in poses.map_from_cam]
    path.write_text('\n'.join(rows) + '\n', encoding='ascii')


def write_euroc(path: Path, poses: FramePoses) -> None:
    """Write the poses as comma separated values, quaternions with the scalar first."""
    lines = [_EUROC_HEADER]
    for i in np.flatnonzero(poses.is_known).tolist():
        pose = poses.map_from_cam[i]
        x, y, z, w = quat_xyzw_from_matrix(pose[:3, :3])
        numbers = _numbers(np.array([*pose[:3, 3], w, x, y, z]), ',')
        lines.append(f'{int(poses.stamps_ns[i])},{numbers}\n')
    path.write_text(''.join(lines), encoding='ascii')


def _numbers(values: Float[np.ndarray, ' n'], separator: str = ' ') -> str:
    return separator.join(f'{value:.9g}' for value in values)
