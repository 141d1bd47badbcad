"""Request check: refuses outputs that a network does not have."""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float32, Shaped
import numpy as np

from vggt_ros.errors import ConfigError, PredictionError
from vggt_ros.inference.image_grid import ImageGrid
from vggt_ros.inference.prediction import Request
from vggt_ros.model.vggt import VGGT


def check_images(images: Sequence[Shaped[np.ndarray, '*_']]) -> None:
    """Refuse what are not color images of one size.

    Raises:
        PredictionError: There is none, or one has another shape, type or size.
    """
    if not len(images):
        raise PredictionError('there are no images to predict from; give at least one')
    for i, image in enumerate(images):
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise PredictionError(
                f'image {i} has the shape {image.shape} and the type {image.dtype}; give '
                f'(height, width, 3) uint8, RGB'
            )
        if image.shape != images[0].shape:
            raise PredictionError(
                f'image {i} has {image.shape[1]} x {image.shape[0]} pixels, image 0 has '
                f'{images[0].shape[1]} x {images[0].shape[0]}; all must have one size'
            )


def check_depth_frames(request: Request, num_images: int) -> None:
    """Refuse frames that are not there.

    Raises:
        PredictionError: `depth_frames` is empty, names a frame twice or one that does not exist.
    """
    frames = request.depth_frames
    if frames is None:
        return
    outside = [frame for frame in frames if not 0 <= frame < num_images]
    if not frames or outside or len(set(frames)) != len(frames):
        raise PredictionError(
            f'depth_frames must name at least one of the {num_images} images, each once; '
            f'got {frames}'
        )


def model_queries(
    query_points: Float32[np.ndarray, 'N 2'] | None, grid: ImageGrid
) -> Float32[np.ndarray, 'N 2'] | None:
    """Turn pixels of the camera's image into pixels of the network's.

    Args:
        query_points: (N, 2) pixels (u, v) of the camera's image; None for none.
        grid: How the two images map to each other.

    Raises:
        PredictionError: The shape is another, or a point is outside of what the network sees.
    """
    if query_points is None:
        return None
    points = np.asarray(query_points, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 2:
        raise PredictionError(f'query points must have the shape (N, 2); got {points.shape}')
    queries = grid.model_from_image(points)
    limit = np.array([grid.model_width, grid.model_height]) - 0.5
    is_inside = ((queries >= -0.5) & (queries <= limit)).all(axis=-1)
    if not is_inside.all():
        first = int(np.argmin(is_inside))
        low, high = grid.image_from_model(np.stack([np.full(2, -0.5), limit]))
        raise PredictionError(
            f'{np.count_nonzero(~is_inside)} query points are outside of what the network sees, '
            f'the first is {first} at ({points[first, 0]:.1f}, {points[first, 1]:.1f}); give u '
            f'in {low[0]:.1f}..{high[0]:.1f} and v in {low[1]:.1f}..{high[1]:.1f}'
        )
    return queries.astype(np.float32)


def check_heads(network: VGGT) -> None:
    """Raise ConfigError if a network lacks what every answer needs: camera and depth head."""
    missing = sorted({'camera', 'depth'} - set(network.config.enabled_heads))
    if missing:
        raise ConfigError(
            f'the network has no {" and no ".join(missing)} head; a predictor needs both camera '
            f'and depth, use other weights'
        )
