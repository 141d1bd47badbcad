"""Pose matrices in text files: one of 4 x 4 a file, or one a line."""

from __future__ import annotations

from pathlib import Path

from jaxtyping import Float
import numpy as np

from vggt_ros.errors import SourceError
from vggt_ros.sources.camera_list import checked_pose
from vggt_ros.sources.number_lines import read_numbers, read_text


def read_pose(file: Path) -> Float[np.ndarray, '4 4'] | None:
    """Read one pose; None if its numbers are not finite, by which many files say unknown.

    Raises:
        SourceError: The file holds no 4 x 4 numbers, or they are far from a rotation.
    """
    pose = read_matrix(file)
    return checked_pose(pose, str(file)) if np.isfinite(pose).all() else None


def read_matrix(file: Path) -> Float[np.ndarray, '4 4']:
    """Read 4 x 4 numbers, whatever they mean; `inf` and `nan` are numbers here.

    Raises:
        SourceError: The file cannot be read or holds something else.
    """
    words = read_text(file).split()
    try:
        numbers = np.array([float(word) for word in words])
    except ValueError as error:
        raise SourceError(f'{file} holds words that are no numbers: {error}') from error
    if numbers.size != 16:
        raise SourceError(f'{file} holds {numbers.size} numbers; give 4 lines of 4')
    return numbers.reshape(4, 4)


def read_pose_lines(file: Path, columns: int) -> Float[np.ndarray, 'N 4 4']:
    """Read a pose from each line, row by row.

    Args:
        file: The file.
        columns: 12 for the upper three rows, 16 for all.

    Raises:
        SourceError: A line holds something else, or is far from a rotation.
    """
    rows = read_numbers(file, columns)
    poses = np.tile(np.eye(4), (len(rows), 1, 1))
    poses[:, : columns // 4] = rows.reshape(-1, columns // 4, 4)
    return np.stack(
        [checked_pose(pose, f'{file}, line {i}') for i, pose in enumerate(poses, start=1)]
    )
