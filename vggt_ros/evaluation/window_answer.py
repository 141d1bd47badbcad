"""Window answer: what a network says about a window, and what one would say without looking."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float, Float32
import numpy as np

from vggt_ros.evaluation.truth_window import TruthWindow
from vggt_ros.inference.image_grid import ImageGrid
from vggt_ros.inference.prediction import Prediction


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AnsweredTracks:
    """Where N points of the first image are said to be.

    Attributes:
        positions: (S, N, 2) pixels (u, v) of the network's image.
        visibility: (S, N) in 0..1.
    """

    positions: Float32[np.ndarray, 'S N 2']
    visibility: Float32[np.ndarray, 'S N']


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WindowAnswer:
    """What is said about S images; None for what nothing is said about.

    Attributes:
        cam_from_world: (S, 4, 4) rigid, any world, any unit.
        K_image: (S, 3, 3) intrinsics, pixels of the window's images.
        depth: (S, h, w) on the network's image, any unit.
        tracks: Of the window's points.
    """

    cam_from_world: Float[np.ndarray, 'S 4 4'] | None = None
    K_image: Float[np.ndarray, 'S 3 3'] | None = None
    depth: Float32[np.ndarray, 'S h w'] | None = None
    tracks: AnsweredTracks | None = None


def answer_of(prediction: Prediction) -> WindowAnswer:
    """Return what a network predicted."""
    tracks = prediction.tracks
    return WindowAnswer(
        cam_from_world=prediction.cam_from_world,
        K_image=prediction.K_image,
        depth=prediction.depth,
        tracks=None
        if tracks is None
        else AnsweredTracks(positions=tracks.positions, visibility=tracks.visibility),
    )


def no_motion(window: TruthWindow, grid: ImageGrid) -> WindowAnswer:
    """Say that the camera stood still: points stay where they are and can be seen.

    Args:
        window: Only the number of its images and its points are used.
        grid: How the network's pixels map to those of the images.
    """
    num_frames = len(window.images)
    tracks = None
    if window.tracks is not None:
        start = grid.model_from_image(window.tracks.positions[0].astype(np.float64))
        positions = np.tile(start.astype(np.float32), (num_frames, 1, 1))
        visibility = np.ones(positions.shape[:2], np.float32)
        tracks = AnsweredTracks(positions=positions, visibility=visibility)
    return WindowAnswer(cam_from_world=np.tile(np.eye(4), (num_frames, 1, 1)), tracks=tracks)


def mean_depth(window: TruthWindow, grid: ImageGrid) -> WindowAnswer:
    """Say that every pixel is as far as the true depth is on average over the window.

    Args:
        window: What the mean is taken of.
        grid: How the network's pixels map to those of the images.
    """
    true_depth = window.depth_on(grid)
    return WindowAnswer(depth=np.full_like(true_depth, np.nanmean(true_depth, dtype=np.float64)))
