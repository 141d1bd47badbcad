"""Frame agreement: which frames of a window are consistent with what the others see."""

from __future__ import annotations

from jaxtyping import Bool, Float
import numpy as np

from vggt_ros.geometry import se3
from vggt_ros.geometry.pinhole import project
from vggt_ros.geometry.robust import median_and_sigma
from vggt_ros.mapping.registration.submap import Submap

_MAX_SAMPLES = 600  # pixels of a frame; the median of so many is good to a few percent of itself
_MIN_COMMON = 40  # pixels that two frames must both see to be compared
_NEIGHBORS = 6  # frames before and after that one is compared with, at least
# A frame is left out if it disagrees so many times more than its window does, so many standard
# deviations more, and by so much.
_MAX_RATIO, _MAX_SIGMAS, _MAX_DISAGREEMENT = 1.7, 5.0, 0.045


def consistent_frames(
    disagreement: Float[np.ndarray, ' S'], submap: Submap
) -> Bool[np.ndarray, ' S']:
    """Return True for the frames of a window that are inliers.

    Now and then a network gets a camera or the scale of one depth map far off, with
    full confidence. Within a window that shows: what such a frame sees is elsewhere in all
    others. A frame that sees nothing of what the others see, while those can be compared, is of
    another place. Frames without depth are inliers: they add no points.

    Args:
        disagreement: (S,) from `frame_inconsistency`.
        submap: The same window.
    """
    known = disagreement[np.isfinite(disagreement)]
    if known.size < 3:  # of two that disagree either may be wrong
        return np.ones(len(disagreement), dtype=bool)
    has_depth = np.isfinite(submap.depth).any(axis=(1, 2))
    is_alone = has_depth & ~np.isfinite(disagreement)
    median, sigma = median_and_sigma(known)
    limit = max(_MAX_RATIO * median, median + _MAX_SIGMAS * sigma, _MAX_DISAGREEMENT)
    return ~(disagreement > limit) & ~is_alone


def frame_inconsistency(submap: Submap, set_size: int = 1) -> Float[np.ndarray, ' S']:
    """Return how much each frame disagrees with the others of its window.

    The points of a frame are moved into another one; there, the log of their depth over the
    depth that the other frame has at that pixel tells how far apart the two are. One number for
    two frames is the median over the pixels, for a frame the median over the others: a
    single frame that is wrong spoils one comparison of every other frame, and all of its own.

    Args:
        submap: The window.
        set_size: Most frames of one moment: with several cameras those of the sets before and
            after are compared, too.

    Returns:
        (S,), relative depth; NaN for frames that could be compared with none.
    """
    # Either direction may be the one in which enough is seen.
    pairs = pairwise_inconsistency(submap, set_size)
    both = np.concatenate([pairs, pairs.T], axis=1)
    result = np.full(len(pairs), np.nan)
    is_compared = np.isfinite(both).any(axis=1)
    result[is_compared] = np.nanmedian(both[is_compared], axis=1)
    return result


def pairwise_inconsistency(submap: Submap, set_size: int = 1) -> Float[np.ndarray, 'S S']:
    """Return how much what frame i sees differs from what frame j sees, as `frame_inconsistency`.

    Args:
        submap: The window.
        set_size: Most frames of one moment: with several cameras those of the sets before and
            after are compared, too.

    Returns:
        (S, S), relative depth; NaN for frames that see too little of the same, or are far apart
        in the order of the window.
    """
    num_frames = len(submap.frame_ids)
    reach = max(_NEIGHBORS, 2 * set_size)
    pairs = np.full((num_frames, num_frames), np.nan)
    has_depth = np.isfinite(submap.depth).any(axis=(1, 2))
    cam_from_submap = se3.inverse(submap.ref_from_cam)
    for i in np.flatnonzero(has_depth):
        points = _sample(submap, int(i))
        for j in np.flatnonzero(has_depth):
            if 0 < abs(int(i) - int(j)) <= reach:
                pairs[i, j] = _disagreement(points, submap, int(j), cam_from_submap[j])
    return pairs


def _sample(submap: Submap, frame: int) -> Float[np.ndarray, 'n 3']:
    """Return points of a frame, evenly spread over it, in the frame of the submap."""
    height, width = submap.depth.shape[1:]
    step = max(1, int(np.sqrt(height * width / _MAX_SAMPLES)))
    points = submap.points_in_cam[frame, step // 2 :: step, step // 2 :: step].reshape(-1, 3)
    points = points[np.isfinite(points).all(axis=1)].astype(np.float64)
    return se3.transform(submap.ref_from_cam[frame], points)


def _disagreement(
    points_in_submap: Float[np.ndarray, 'n 3'],
    submap: Submap,
    frame: int,
    cam_from_submap: Float[np.ndarray, '4 4'],
) -> float:
    height, width = submap.depth.shape[1:]
    points = se3.transform(cam_from_submap, points_in_submap)
    pixels = np.rint(project(points, submap.K[frame]))
    with np.errstate(invalid='ignore'):
        is_inside = (pixels >= 0).all(axis=1) & (pixels < [width, height]).all(axis=1)
    u, v = pixels[is_inside].astype(int).T
    seen = submap.depth[frame, v, u]
    expected = points[is_inside, 2]
    is_known = np.isfinite(seen)
    if np.count_nonzero(is_known) < _MIN_COMMON:
        return float('nan')
    return float(np.median(np.abs(np.log(expected[is_known] / seen[is_known]))))
