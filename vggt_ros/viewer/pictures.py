"""Pictures: what the camera sees now, with depth and confidence, as images for people."""

from __future__ import annotations

import cv2
from jaxtyping import Float32, UInt8
import numpy as np

from vggt_ros.viewer.point_colors import painted

MAX_WIDTH = 320


def depth_picture(depth: Float32[np.ndarray, 'H W']) -> UInt8[np.ndarray, 'H W 3']:
    """Return RGB of depth: near is red, far is blue, by the inverse; unknown is black."""
    with np.errstate(divide='ignore', invalid='ignore'):
        inverse = np.where(depth > 0, 1.0 / depth.astype(np.float64), np.nan)
    return _within_percentiles(inverse, 'turbo')


def confidence_picture(confidence: Float32[np.ndarray, 'H W']) -> UInt8[np.ndarray, 'H W 3']:
    """Return RGB of confidence: dark is low, bright is high, by the logarithm."""
    with np.errstate(divide='ignore', invalid='ignore'):
        logs = np.log(confidence.astype(np.float64))
    return _within_percentiles(np.where(np.isfinite(logs), logs, np.nan), 'viridis')


def small(
    image: UInt8[np.ndarray, 'H W 3'], max_width: int = MAX_WIDTH
) -> UInt8[np.ndarray, 'h w 3']:
    """Return the image, at most `max_width` pixels wide."""
    height, width = image.shape[:2]
    if width <= max_width:
        return image
    size = (max_width, max(1, round(height * max_width / width)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _within_percentiles(values: np.ndarray, scale: str) -> UInt8[np.ndarray, 'H W 3']:
    known = values[np.isfinite(values)]
    low, high = np.percentile(known, [2, 98]).tolist() if len(known) else (0.0, 1.0)
    return painted(values, low, high, scale)
