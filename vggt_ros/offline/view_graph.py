"""View graph: which keyframes of a recording show the same things, by their features."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from jaxtyping import Float, Int
import numpy as np

from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import cross_matrix
from vggt_ros.mapping.refinement.keyframe_features import KeyframeFeatures
from vggt_ros.mapping.refinement.matches import match_features
from vggt_ros.mapping.refinement.two_view import normalized, verify_pair
from vggt_ros.mapping.refinement.vlad import VladIndex
from vggt_ros.offline.keyframe_rig import KeyframeRig

# Keyframes after one that it is compared with, of each camera, and others that look like it.
_NEXT, _ALIKE = 4, 6
# What supports a pose: matches that are as close to their epipolar line.
_SUPPORT_PX = 1.5
_EPS = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ViewPair:
    """Two keyframes with matches that one rigid motion explains.

    Attributes:
        a: Row of the earlier one.
        b: Row of the later one.
        matches: (m, 2) rows of their features.
    """

    a: int
    b: int
    matches: Int[np.ndarray, 'm 2']


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ViewGraph:
    """Keyframes in the order in which they were taken, and their verified pairs.

    Attributes:
        keyframes: Their features.
        pairs: All pairs that were found.
        rig: By which they were taken; None for one camera.
    """

    keyframes: tuple[KeyframeFeatures, ...]
    pairs: tuple[ViewPair, ...]
    rig: KeyframeRig | None = None

    def neighbors(self, row: int) -> list[int]:
        """Return the rows of keyframes that share matches with one, most first."""
        shared = {
            pair.b if pair.a == row else pair.a: len(pair.matches)
            for pair in self.pairs
            if row in (pair.a, pair.b)
        }
        return sorted(shared, key=lambda other: -shared[other])

    def support(
        self, world_from_cam: Float[np.ndarray, 'N 4 4'], K: Float[np.ndarray, 'N 3 3']
    ) -> int:
        """Return the number of matches that poses explain: the score by which poses are compared.

        A match counts if its Sampson error (Hartley and Zisserman, "Multiple View Geometry", 2nd
        edition, eq. 11.9) is at most 1.5 pixels.

        Args:
            world_from_cam: (N, 4, 4) poses in any unit; NaN for a keyframe without one.
            K: (N, 3, 3) intrinsics.
        """
        total = 0
        for pair in self.pairs:
            b_from_a = se3.inverse(world_from_cam[pair.b]) @ world_from_cam[pair.a]
            if np.isfinite(b_from_a).all():
                total += int(self._is_explained(pair, b_from_a, K[pair.a], K[pair.b]).sum())
        return total

    def _is_explained(
        self,
        pair: ViewPair,
        b_from_a: Float[np.ndarray, '4 4'],
        K_a: Float[np.ndarray, '3 3'],
        K_b: Float[np.ndarray, '3 3'],
    ) -> np.ndarray:
        ones = np.ones((len(pair.matches), 1))
        rays_a = normalized(self.keyframes[pair.a].uv[pair.matches[:, 0]], K_a)
        rays_b = normalized(self.keyframes[pair.b].uv[pair.matches[:, 1]], K_b)
        a, b = np.concatenate([rays_a, ones], axis=1), np.concatenate([rays_b, ones], axis=1)
        essential = cross_matrix(b_from_a[:3, 3]) @ b_from_a[:3, :3]
        line_b, line_a = a @ essential.T, b @ essential
        gradient = np.hypot(
            np.linalg.norm(line_a[:, :2], axis=1), np.linalg.norm(line_b[:, :2], axis=1)
        )
        error = np.abs((b * line_b).sum(axis=1)) / np.maximum(gradient, _EPS)
        focal = 0.5 * float(K_a[0, 0] + K_b[0, 0])
        return error * focal <= _SUPPORT_PX


def view_graph(
    keyframes: Sequence[KeyframeFeatures], *, rig: KeyframeRig | None = None, num_threads: int = 2
) -> ViewGraph:
    """Match keyframes with those after them, and with those that look alike.

    Args:
        keyframes: In the order in which they were taken.
        rig: By which they were taken; None for one camera.
        num_threads: At work at a time.
    """
    num_next = _NEXT * (1 if rig is None else len(rig.first_from_cam))

    def verified(rows: tuple[int, int]) -> ViewPair | None:
        a, b = rows
        # Packed they take a quarter of the memory, and unpacking is nothing beside matching.
        matches = match_features(keyframes[a].unpacked(), keyframes[b].unpacked())
        found = verify_pair(
            keyframes[a].uv.astype(np.float64),
            keyframes[b].uv.astype(np.float64),
            matches,
            keyframes[a].K,
            keyframes[b].K,
        )
        return None if found is None else ViewPair(a=a, b=b, matches=found.matches)

    with ThreadPoolExecutor(num_threads) as threads:
        pairs = [each for each in threads.map(verified, _candidates(keyframes, num_next)) if each]
    return ViewGraph(keyframes=tuple(keyframes), pairs=tuple(pairs), rig=rig)


def _candidates(keyframes: Sequence[KeyframeFeatures], num_next: int) -> list[tuple[int, int]]:
    count = len(keyframes)
    pairs = {(a, b) for a in range(count) for b in range(a + 1, min(count, a + 1 + num_next))}
    index = VladIndex()
    for each in keyframes:
        index.add(each.descriptors)
    for row, each in enumerate(keyframes):
        alike = index.similarities(each.descriptors)
        if alike is None:  # so few that all are compared
            pairs |= {(a, row) for a in range(row)}
            continue
        alike[max(0, row - num_next) : row + num_next + 1] = -np.inf
        for other in np.argsort(-alike)[:_ALIKE].tolist():
            if np.isfinite(alike[other]):
                pairs.add((min(row, other), max(row, other)))
    return sorted(pairs)
