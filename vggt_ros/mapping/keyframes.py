"""Which frame sets are worth a place in a window."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import cv2
from jaxtyping import Float32, UInt8
import numpy as np

from vggt_ros.config import KeyframeSettings
from vggt_ros.mapping.frame import Frame, UndecodedFrame
from vggt_ros.mapping.frame_set import FrameSet
from vggt_ros.mapping.thumbnail import Thumbnail
from vggt_ros.mapping.view_quality import MIN_CORNERS, ViewQuality

# Motion is given as if the image were this wide: the network's width.
_REFERENCE_WIDTH_PX = 518
_MAX_CORNERS = 150
_CORNER_QUALITY = 0.02
_CORNER_SPACING_PX = 5
# Response (cv2.cornerMinEigenVal, blocks of 3) of the strongest corner in pure noise of one grey
# value is 2e-5, measured; it grows with the square of the noise. Twice that is a corner.
_CORNER_PER_NOISE = 4e-5
_MIN_NOISE_GRAY = 1.0
_FLOW: dict[str, Any] = {
    'winSize': (15, 15),
    'maxLevel': 3,
    'criteria': (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 15, 0.03),
}
# Forth and back again a corner must come home within this distance.
_MAX_ROUND_TRIP_PX = 0.5
# Less motion than this is noise: the camera stands still.
_STILL_PX = 1.5
# Where corners can not be followed: mean change of grey values that is a different picture.
_CHANGED_GRAY = 4.0


# Cameras of a rig that are compared: it moves as one, and every comparison takes a millisecond.
_COMPARED_CAMERAS = 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Reference:
    gray: UInt8[np.ndarray, 'h w']
    corners: Float32[np.ndarray, 'n 1 2']


class KeyframeSelector:
    """Compares each frame set with the last key one; one thread at a time.

    Attributes:
        quality: What could be seen in the newest set, None before the first and after a reset.
    """

    def __init__(self) -> None:
        self.quality: ViewQuality | None = None
        self._last: dict[int, _Reference] = {}
        self._last_stamp_ns = 0

    def reset(self) -> None:
        """Make the next set a key one."""
        self._last = {}
        self.quality = None

    def select(
        self, frame_set: FrameSet[Frame | UndecodedFrame], settings: KeyframeSettings
    ) -> bool:
        """Return True, and compare the next sets with this one, if it is a key set.

        The first set is one, and so is the first of another size or of other cameras. After that
        a set is one if the image of a camera moved by `min_parallax`, or if it moved at all and
        `max_interval` passed; a `min_parallax` of 0 takes every set. While nothing moves there
        are none. Of several cameras those with the most corners in the last key set are compared.

        Raises:
            InputError: The pixels can not be read.
        """
        small = {
            frame.camera: frame.thumbnail()
            for frame in frame_set.frames
            if frame.camera in self._last
        }
        known = {
            camera: each.gray
            for camera, each in small.items()
            if each.gray.shape == self._last[camera].gray.shape
        }
        if known:
            motion_px = max(_motion_px(self._last[each], known[each]) for each in known)
            self._look(known.values(), motion_px)
            waited_s = (frame_set.stamp_ns - self._last_stamp_ns) * 1e-9
            due = waited_s >= settings.max_interval and motion_px >= _STILL_PX
            if not due and motion_px < settings.min_parallax:
                return False
        for frame in frame_set.frames:
            if frame.camera not in small:
                small[frame.camera] = frame.thumbnail()
        references = {
            camera: _Reference(gray=each.gray, corners=_corners(each))
            for camera, each in small.items()
        }
        best = sorted(references, key=lambda camera: -len(references[camera].corners))
        self._last = {camera: references[camera] for camera in best[:_COMPARED_CAMERAS]}
        self._last_stamp_ns = frame_set.stamp_ns
        self._look([small[camera].gray for camera in self._last], 0.0)
        return True

    def _look(self, grays: Iterable[UInt8[np.ndarray, 'h w']], motion_px: float) -> None:
        self.quality = ViewQuality(
            # The one that is lit best: a lens that is covered does not speak for the others.
            mean_gray=min(
                (float(gray.mean()) for gray in grays), key=lambda gray: abs(gray - 128)
            ),
            num_corners=max(len(each.corners) for each in self._last.values()),
            motion_px=motion_px,
        )


def _motion_px(last: _Reference, gray: UInt8[np.ndarray, 'h w']) -> float:
    """Return the median motion since a reference; infinite for another picture."""
    before, corners = last.gray, last.corners
    unit = _REFERENCE_WIDTH_PX / gray.shape[1]
    if len(corners) >= MIN_CORNERS:
        moved, _, _ = cv2.calcOpticalFlowPyrLK(before, gray, corners, None, **_FLOW)
        home, _, _ = cv2.calcOpticalFlowPyrLK(gray, before, moved, None, **_FLOW)
        followed = np.linalg.norm(home - corners, axis=2)[:, 0] < _MAX_ROUND_TRIP_PX
        if followed.sum() >= max(MIN_CORNERS, len(corners) // 3):
            steps = np.linalg.norm(moved - corners, axis=2)[followed, 0]
            return float(np.median(steps)) * unit
    return float('inf') if _is_other_picture(before, gray) else 0.0


def _corners(small: Thumbnail) -> Float32[np.ndarray, 'n 1 2']:
    gray = small.gray
    strongest = float(cv2.cornerMinEigenVal(gray, 3).max())
    weakest = _CORNER_PER_NOISE * max(small.noise_gray, _MIN_NOISE_GRAY) ** 2
    if strongest <= weakest:
        return np.zeros((0, 1, 2), np.float32)
    quality = max(_CORNER_QUALITY, weakest / strongest)
    corners = cv2.goodFeaturesToTrack(gray, _MAX_CORNERS, quality, _CORNER_SPACING_PX)
    return np.zeros((0, 1, 2), np.float32) if corners is None else np.asarray(corners)


def _is_other_picture(before: UInt8[np.ndarray, 'h w'], after: UInt8[np.ndarray, 'h w']) -> bool:
    """Return True if the coarse brightness pattern changed, whatever the overall brightness."""
    coarse = [
        cv2.blur(gray, (9, 9)).astype(np.float32) - np.float32(gray.mean())
        for gray in (before, after)
    ]
    return float(np.abs(coarse[1] - coarse[0]).mean()) > _CHANGED_GRAY
