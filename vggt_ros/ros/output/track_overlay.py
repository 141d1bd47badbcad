"""Point tracks drawn into an image, for people."""

from __future__ import annotations

from collections import deque
import colorsys

import cv2
from jaxtyping import UInt8
import numpy as np

from vggt_ros.mapping.layers.map_update import FrameTracks

_TRAIL_FRAMES = 16
_RADIUS_PX = 2
_SUBPIXEL_BITS = 4
_GOLDEN_RATIO = 0.618034  # spreads the hues of consecutive ids


class TrackOverlay:
    """Draws every visible point with the trail of its last positions."""

    def __init__(self, min_visibility: float) -> None:
        """Start without trails.

        Args:
            min_visibility: Points below are not drawn, in 0..1; may be changed at any time.
        """
        self.min_visibility = min_visibility
        self._trails: dict[int, deque[tuple[int, int]]] = {}

    def clear(self) -> None:
        """Forget all trails."""
        self._trails.clear()

    def draw(
        self, image: UInt8[np.ndarray, 'H W 3'], tracks: FrameTracks
    ) -> UInt8[np.ndarray, 'H W 3']:
        """Return a copy of the frame's image with its tracks; call once per frame, in order."""
        canvas = np.ascontiguousarray(image).copy()
        visible = (tracks.visibility >= self.min_visibility) & np.isfinite(tracks.uv).all(axis=1)
        ids = tracks.ids[visible].tolist()
        scaled = np.rint(tracks.uv[visible] * (1 << _SUBPIXEL_BITS)).astype(np.int32)
        # A point that is hidden or lost ends its trail: no line across where it was not seen.
        self._trails = {
            track_id: self._trails.get(track_id, deque(maxlen=_TRAIL_FRAMES)) for track_id in ids
        }
        for track_id, (u, v) in zip(ids, scaled.tolist(), strict=True):
            trail = self._trails[track_id]
            trail.append((u, v))
            color = _color(track_id)
            line = np.array(trail, dtype=np.int32)
            cv2.polylines(canvas, [line], False, color, 1, cv2.LINE_AA, _SUBPIXEL_BITS)
            cv2.circle(
                canvas,
                (u, v),
                _RADIUS_PX << _SUBPIXEL_BITS,
                color,
                cv2.FILLED,
                cv2.LINE_AA,
                _SUBPIXEL_BITS,
            )
        return canvas


def _color(track_id: int) -> tuple[float, float, float]:
    red, green, blue = colorsys.hsv_to_rgb((track_id * _GOLDEN_RATIO) % 1.0, 0.9, 1.0)
    return 255.0 * red, 255.0 * green, 255.0 * blue
