"""Moving pixels: what other frames of a window see through, so that it moved in between."""

from __future__ import annotations

import cv2
from jaxtyping import Bool, Float, Int
import numpy as np

from vggt_ros.inference.image_grid import ImageGrid
from vggt_ros.mapping.refinement.refined_window import RefinedWindow
from vggt_ros.mapping.refinement.view_transfer import is_inside, ViewTransfer
from vggt_ros.mapping.registration.submap import Submap

# Rows and columns that are compared, at most: people are larger than a hundredth of an image.
_MAX_SIZE = 96
# A point is seen through if the depth there is larger by so many standard deviations.
_SIGMAS = 3.0
# Frames that must see through it; one suffices among tracks that fit no camera.
_MIN_THROUGH = 2
# Standard deviation of the log of a depth, at best and at worst, and what counts to find it.
_MIN_SIGMA, _MAX_SIGMA, _SAME_SURFACE = 0.01, 0.15, 0.25
# Tracks tell about so much of the image's width around them, and so many must not fit.
_TRACK_REACH, _MIN_TRACKS = 0.03, 3


def moving_pixels(
    submap: Submap,
    refined: RefinedWindow | None,
    grid: ImageGrid,
    is_inlier: Bool[np.ndarray, ' S'],
) -> Bool[np.ndarray, 'S H W']:
    """Return what of each frame was not there in others of the window.

    Depth of the frames is compared in pairs. Where tracks fit the cameras, nothing moves.

    Args:
        submap: The window.
        refined: What the images say of it; None if they were not asked.
        grid: Where its pixels show the camera's image.
        is_inlier: (S,) frames that can be compared.
    """
    small = submap.subsampled(_MAX_SIZE)
    rows = np.flatnonzero(is_inlier)
    through, agreeing = _views(small, rows)
    least: Int[np.ndarray, 'S h w'] = np.full(through.shape, _MIN_THROUGH)
    step = -(-max(submap.depth.shape[1:]) // _MAX_SIZE)
    if refined is not None:
        for row in rows.tolist():
            fits, fits_not = _near_tracks(refined, row, grid, step, small.depth.shape[1:])
            least[row][(fits == 0) & (fits_not >= _MIN_TRACKS)] = 1
            least[row][fits > fits_not] = len(through)
    moves = (through >= least) & (through > agreeing)
    height, width = submap.depth.shape[1:]
    whole = moves.repeat(step, axis=1).repeat(step, axis=2)[:, :height, :width]
    missing = [(0, 0), (0, height - whole.shape[1]), (0, width - whole.shape[2])]
    return np.pad(whole, missing, mode='edge')


def agreement_sigma(log_ratio: Float[np.ndarray, ' n']) -> float:
    """Return the standard deviation of depths of the same surfaces: the width of the peak at 0.

    Args:
        log_ratio: (n,) of depths at the same places, not all of them of the same surface.
    """
    off = np.abs(log_ratio)
    limit, sigma = _SAME_SURFACE, _MAX_SIGMA
    for _ in range(3):
        near = off[off < limit]
        if not len(near):
            return _MAX_SIGMA
        sigma = max(_MIN_SIGMA, 1.4826 * float(np.median(near)))
        limit = min(limit, 3.0 * sigma)
    return min(sigma, _MAX_SIGMA)


def _views(
    submap: Submap, rows: Int[np.ndarray, ' n']
) -> tuple[Int[np.ndarray, 'S h w'], Int[np.ndarray, 'S h w']]:
    """Return how many frames see through each pixel's point, and how many see it."""
    num_frames, height, width = submap.depth.shape
    depth = np.nan_to_num(submap.depth, nan=0.0)
    # Beside an edge a ray may pass it by error.
    nearest = np.stack([cv2.erode(each, np.ones((3, 3), np.uint8)) for each in depth])
    v, u = np.mgrid[:height, :width].astype(np.float32)
    uv = np.stack([u.ravel(), v.ravel()], axis=1)
    through = np.zeros((num_frames, height * width), np.int64)
    agreeing = np.zeros_like(through)
    for row in rows:
        others = [int(i) for i in rows if i != row]
        transfer = ViewTransfer.between(submap.K, submap.ref_from_cam, int(row), others)
        uv_there, z_there = transfer.pixels(uv, submap.depth[row].ravel())
        inside = is_inside(uv_there, height, width)
        for i, other in enumerate(others):
            at = np.flatnonzero(inside[i])
            column, line = np.rint(uv_there[i, at]).astype(np.int64).T
            column, line = column.clip(0, width - 1), line.clip(0, height - 1)
            with np.errstate(divide='ignore'):
                log_ratio = np.log(depth[other, line, column] / z_there[i, at])
                clearance = np.log(nearest[other, line, column] / z_there[i, at])
            limit = _SIGMAS * agreement_sigma(log_ratio)
            through[row, at] += clearance > limit
            agreeing[row, at] += np.abs(log_ratio) <= limit
    shape = num_frames, height, width
    return through.reshape(shape), agreeing.reshape(shape)


def _near_tracks(
    refined: RefinedWindow, row: int, grid: ImageGrid, step: int, shape: tuple[int, ...]
) -> tuple[Float[np.ndarray, 'h w'], Float[np.ndarray, 'h w']]:
    """Return how many tracks near each pixel fit the cameras, and how many do not."""
    height, width = shape
    size = 2 * max(1, round(_TRACK_REACH * width)) + 1
    counts = []
    is_seen = refined.tracks.is_seen[:, row]
    for chosen in (refined.is_inlier[:, row], is_seen & ~refined.is_inlier[:, row]):
        uv = grid.model_from_image(refined.tracks.uv[chosen, row])
        column, line = (np.floor(uv / step).astype(np.int64)).T
        inside = (column >= 0) & (column < width) & (line >= 0) & (line < height)
        count = np.zeros((height, width), np.float32)
        np.add.at(count, (line[inside], column[inside]), 1.0)
        counts.append(cv2.boxFilter(count, -1, (size, size), normalize=False))
    return np.rint(counts[0]), np.rint(counts[1])
