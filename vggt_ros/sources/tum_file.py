"""Trajectories in the format of the TUM RGB-D benchmark."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from jaxtyping import Float, Int64
import numpy as np

from vggt_ros.errors import AlignmentError, SourceError
from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import matrix_from_quat_xyzw
from vggt_ros.sources.number_lines import ns_of_seconds

_NUM_FIELDS = 8
_MAX_QUAT_ERROR = 1e-2
_NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TumTrajectory:
    """Poses by time.

    Attributes:
        stamps_ns: (N,) ascending, integer nanoseconds.
        world_from_cam: (N, 4, 4) rigid poses, meters or the unit of the file.
    """

    stamps_ns: Int64[np.ndarray, ' N']
    world_from_cam: Float[np.ndarray, 'N 4 4']


def read_tum(path: Path) -> TumTrajectory:
    """Read lines `stamp tx ty tz qx qy qz qw`; what follows a # is a comment.

    Sturm et al., "A Benchmark for the Evaluation of RGB-D SLAM Systems", IROS 2012. Stamps are
    read as decimal numbers: as floats, seconds of today have no nanoseconds.

    Args:
        path: The file; lines may come in any order.

    Raises:
        SourceError: The file cannot be read, has no poses, or a line is not a pose.
    """
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f'the trajectory {path} cannot be read: {error}') from error
    rows = []
    for number, line in enumerate(lines, start=1):
        words = line.partition('#')[0].replace(',', ' ').split()
        if words:
            rows.append(_row(words, f'{path}, line {number}'))
    if not rows:
        raise SourceError(f'{path} has no poses; a line is: stamp tx ty tz qx qy qz qw')
    rows.sort(key=lambda row: row[0])
    stamps_ns = np.array([stamp_ns for stamp_ns, _ in rows], dtype=np.int64)
    if (np.diff(stamps_ns) == 0).any():
        twice = stamps_ns[int(np.argmin(np.diff(stamps_ns)))]
        raise SourceError(f'{path} has two poses with the stamp {twice} ns; keep one')
    return TumTrajectory(stamps_ns=stamps_ns, world_from_cam=np.stack([pose for _, pose in rows]))


def match_stamps(
    a_ns: Int64[np.ndarray, ' n'], b_ns: Int64[np.ndarray, ' m'], max_difference_ns: int
) -> tuple[Int64[np.ndarray, ' k'], Int64[np.ndarray, ' k']]:
    """Return indices of the stamps that belong together, each used at most once.

    Every stamp of `a` is offered its nearest one of `b`; of those that want the same one the
    nearest gets it.

    Args:
        a_ns: (n,) ascending.
        b_ns: (m,) ascending, m >= 1.
        max_difference_ns: Stamps farther apart do not belong together.

    Raises:
        AlignmentError: No two stamps belong together.
    """
    after = np.clip(np.searchsorted(b_ns, a_ns), 1, max(len(b_ns) - 1, 1))
    before = after - 1
    after = np.minimum(after, len(b_ns) - 1)
    is_after_nearer = np.abs(b_ns[after] - a_ns) < np.abs(b_ns[before] - a_ns)
    nearest = np.where(is_after_nearer, after, before)
    difference_ns = np.abs(b_ns[nearest] - a_ns)
    order = np.argsort(difference_ns, kind='stable')
    _, first = np.unique(nearest[order], return_index=True)
    chosen = np.sort(order[first])
    chosen = chosen[difference_ns[chosen] <= max_difference_ns]
    if not len(chosen):
        raise AlignmentError(
            f'no two stamps are within {max_difference_ns / _NS_PER_S:g} s of each other: one '
            f'trajectory runs from {a_ns[0]} to {a_ns[-1]} ns, the other from {b_ns[0]} to '
            f'{b_ns[-1]} ns; are they of the same recording?'
        )
    return chosen.astype(np.int64), nearest[chosen].astype(np.int64)


def _row(words: list[str], where: str) -> tuple[int, np.ndarray]:
    if len(words) != _NUM_FIELDS:
        raise SourceError(
            f'{where} has {len(words)} numbers; a pose has 8: stamp tx ty tz qx qy qz qw'
        )
    try:
        stamp_ns = ns_of_seconds(words[0])
        values = np.array([float(word) for word in words[1:]])
    except ValueError as error:
        raise SourceError(f'{where} is not a pose: {" ".join(words)}') from error
    norm = float(np.linalg.norm(values[3:]))
    if not np.isfinite(values).all() or abs(norm - 1) > _MAX_QUAT_ERROR:
        raise SourceError(
            f'{where}: the quaternion must have length 1 and all numbers must be finite; its '
            f'length is {norm:.3g}'
        )
    return stamp_ns, se3.rigid(matrix_from_quat_xyzw(values[3:] / norm), values[:3])
