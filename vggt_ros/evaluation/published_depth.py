"""Published depth of single frames against measured depth, with one scale a frame."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float, Float32
import numpy as np

from vggt_ros.errors import AlignmentError
from vggt_ros.evaluation.depth import depth_error, DepthError
from vggt_ros.evaluation.model_evaluation import WindowSample
from vggt_ros.mapping.layers.map_update import FrameResult


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FrameDepthError:
    """Errors of one frame.

    Attributes:
        frame_id: The frame.
        published: Of the depth that was published.
        constant: Of one depth for all pixels, the best that looking at nothing can do.
    """

    frame_id: int
    published: DepthError
    constant: DepthError


def published_depth_error(
    result: FrameResult, true_depth: Float32[np.ndarray, 'h w'], name: str
) -> tuple[FrameDepthError, WindowSample] | None:
    """Compare the depth of a frame with what was measured; None if nothing was where it looks.

    Args:
        result: What was published.
        true_depth: (h, w) meters, NaN where unknown; of the view of the image, any size.
        name: Of the frame, for pictures.

    Returns:
        The errors; and image, depth in meters and true depth, on the network's pixels.
    """
    truth = depth_on_pixels(true_depth, result)
    constant = np.where(np.isfinite(result.depth), np.float32(1.0), np.float32(np.nan))
    try:
        published = depth_error([result.depth], [truth])
        of_constant = depth_error([constant], [truth])
    except AlignmentError:
        return None  # nothing was measured where the network looked
    error = FrameDepthError(frame_id=result.frame.id, published=published, constant=of_constant)
    sample = WindowSample(
        name=name,
        image=result.image,
        depth=result.depth * np.float32(published.scale),
        true_depth=truth,
    )
    return error, sample


def depth_on_pixels(
    true_depth: Float32[np.ndarray, 'h w'], result: FrameResult
) -> Float32[np.ndarray, 'H W']:
    """Return measured depth at the pixels of a frame's depth, NaN outside of the image.

    The nearest pixel counts: a mean across an outline is the depth of nothing.

    Args:
        true_depth: (h, w) of the view of the camera's image, any size.
        result: K and K_image say how its pixels map to those of the camera's image.
    """
    width, height = result.frame.size
    rows, columns = result.depth.shape
    v = _nearest(np.arange(rows), result, 1, height, true_depth.shape[0])
    u = _nearest(np.arange(columns), result, 0, width, true_depth.shape[1])
    padded = np.pad(true_depth, ((0, 1), (0, 1)), constant_values=np.nan)
    return padded[v][:, u]


def _nearest(
    pixel: Float[np.ndarray, ' n'] | np.ndarray,
    result: FrameResult,
    axis: int,
    image_size: int,
    depth_size: int,
) -> np.ndarray:
    """Return rows or columns of a depth image; one past the last where there is none."""
    on_ray = (pixel - result.K[axis, 2]) / result.K[axis, axis]
    in_image = on_ray * result.K_image[axis, axis] + result.K_image[axis, 2]
    # Pixel centers are at integers, so that the image begins at -0.5, as the depth image does.
    nearest = np.rint((in_image + 0.5) * depth_size / image_size - 0.5).astype(int)
    return np.where((nearest >= 0) & (nearest < depth_size), nearest, depth_size)
