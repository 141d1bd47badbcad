"""Keyframe selection: the frame sets that are worth a place in a window."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
import enum
from typing import Any

import cv2
from jaxtyping import Float32, UInt8
import numpy as np

from vggt_ros.mapping.frontend.frame import Frame, UndecodedFrame
from vggt_ros.mapping.frontend.frame_set import FrameSet
from vggt_ros.mapping.frontend.sight import Sight
from vggt_ros.mapping.frontend.thumbnail import Thumbnail
from vggt_ros.mapping.frontend.view_quality import MIN_CORNERS, ViewQuality
from vggt_ros.settings.config import KeyframeSettings

# Motion is given as if the image were this wide: the network's width.
_REFERENCE_WIDTH_PX = 518
_MAX_CORNERS = 150
_CORNER_QUALITY = 0.02
_CORNER_SPACING_PX = 5
# Response (cv2.cornerMinEigenVal, blocks of 3) of the strongest corner in pure noise of one gray
# value is 2e-5, measured; it grows with the square of the noise. Twice that is a corner.
_CORNER_PER_NOISE = 4e-5
_MIN_NOISE_GRAY = 1.0
_FLOW: dict[str, Any] = {
    'winSize': (15, 15),
    'maxLevel': 3,
    'criteria': (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 15, 0.03),
}
# Largest forward-backward error of a tracked corner.
_MAX_ROUND_TRIP_PX = 0.5
# Less motion than this is noise: the camera stands still.
_STILL_PX = 1.5
# Where corners cannot be followed: mean change of gray values that is a different picture.
_CHANGED_GRAY = 4.0
# Fewer corners than this in an image that cannot be followed: it shows nothing.
_BLIND_CORNERS = 5
# Cameras of a rig that are compared: it moves as one, and every comparison takes a millisecond.
_COMPARED_CAMERAS = 2


class Choice(enum.Enum):
    """What becomes of a frame set."""

    KEY = enum.auto()
    UNMOVED = enum.auto()
    BLIND = enum.auto()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Reference:
    gray: UInt8[np.ndarray, 'h w']
    corners: Float32[np.ndarray, 'n 1 2']


class KeyframeSelector:
    """Compares each frame set with the last key one; one thread at a time.

    Attributes:
        lost_view: True if before the newest keyframe set the images showed nothing for a while, or
            were frozen, and it cannot be followed from the one before that.
    """

    def __init__(self) -> None:
        self.lost_view = False
        self._sight = Sight()
        self._last: dict[int, _Reference] = {}
        self._last_stamp_ns = 0

    @property
    def quality(self) -> ViewQuality | None:
        """What could be seen in the newest set, None before the first and after a reset."""
        return self._sight.quality

    def reset(self) -> None:
        """Make the next set that shows anything a key one."""
        self._last = {}
        self._sight.reset()
        self.lost_view = False

    def select(
        self, frame_set: FrameSet[Frame | UndecodedFrame], settings: KeyframeSettings
    ) -> Choice:
        """Choose what becomes of a frame set; the next ones are compared with the last key one.

        The first set is one, and so is the first of another size or of other cameras. After that
        a set is one if the image of a camera moved by `min_parallax`, or if it moved at all and
        `max_interval` passed. While nothing moves there are none, and sets that show nothing that
        could be followed are none either. A `min_parallax` of 0 takes every set. Of several
        cameras those with the most corners in the last keyframe set are compared.

        Raises:
            InputError: The pixels cannot be read.
        """
        compares = any(frame.camera in self._last for frame in frame_set.frames)
        small = {
            frame.camera: frame.thumbnail()
            for frame in frame_set.frames
            if frame.camera in self._last or not compares
        }
        self._sight.note_change(frame_set.stamp_ns, small)
        known = {
            camera: each
            for camera, each in small.items()
            if camera in self._last and each.gray.shape == self._last[camera].gray.shape
        }
        motions_px = {
            camera: _motion_px(self._last[camera], each) for camera, each in known.items()
        }
        compared = known or small
        corners: dict[int, Float32[np.ndarray, 'n 1 2']] = {}
        if all(motions_px.get(camera) is None for camera in compared):
            corners = {camera: _corners(each) for camera, each in compared.items()}
        takes_all = settings.min_parallax <= 0
        is_blind = bool(corners) and max(map(len, corners.values())) < _BLIND_CORNERS
        if is_blind and not takes_all:
            self._sight.note_blind(frame_set.stamp_ns, compared)
            return Choice.BLIND
        is_lost = False
        if known:
            motion_px = max(
                _unfollowed_px(self._last[camera], known[camera]) if moved is None else moved
                for camera, moved in motions_px.items()
            )
            is_lost = self._sight.was_blind and not np.isfinite(motion_px) and not takes_all
            self._sight.note_seen(frame_set.stamp_ns, known, self._num_corners, motion_px)
            waited_s = (frame_set.stamp_ns - self._last_stamp_ns) * 1e-9
            due = waited_s >= settings.max_interval and motion_px >= _STILL_PX
            if not due and motion_px < settings.min_parallax:
                return Choice.UNMOVED
        self.lost_view = is_lost
        self._remember(frame_set, small, corners)
        return Choice.KEY

    @property
    def _num_corners(self) -> int:
        return max((len(each.corners) for each in self._last.values()), default=0)

    def _remember(
        self,
        frame_set: FrameSet[Frame | UndecodedFrame],
        small: Mapping[int, Thumbnail],
        corners: Mapping[int, Float32[np.ndarray, 'n 1 2']],
    ) -> None:
        """Have the next sets compared with this one, of which some is known already."""
        small = {
            frame.camera: small[frame.camera] if frame.camera in small else frame.thumbnail()
            for frame in frame_set.frames
        }
        references = {
            camera: _Reference(
                gray=each.gray, corners=corners[camera] if camera in corners else _corners(each)
            )
            for camera, each in small.items()
        }
        best = sorted(references, key=lambda camera: -len(references[camera].corners))
        self._last = {camera: references[camera] for camera in best[:_COMPARED_CAMERAS]}
        self._last_stamp_ns = frame_set.stamp_ns
        seen = {camera: small[camera] for camera in self._last}
        self._sight.note_seen(frame_set.stamp_ns, seen, self._num_corners, 0.0)


def _motion_px(last: _Reference, small: Thumbnail) -> float | None:
    """Return the median motion since a reference; None if it cannot be followed."""
    before, corners, gray = last.gray, last.corners, small.gray
    if len(corners) < MIN_CORNERS:
        return None
    moved, _, _ = cv2.calcOpticalFlowPyrLK(before, gray, corners, None, **_FLOW)
    home, _, _ = cv2.calcOpticalFlowPyrLK(gray, before, moved, None, **_FLOW)
    followed = np.linalg.norm(home - corners, axis=2)[:, 0] < _MAX_ROUND_TRIP_PX
    if followed.sum() < max(MIN_CORNERS, len(corners) // 3):
        return None
    steps = np.linalg.norm(moved - corners, axis=2)[followed, 0]
    return float(np.median(steps)) * _REFERENCE_WIDTH_PX / gray.shape[1]


def _unfollowed_px(last: _Reference, small: Thumbnail) -> float:
    """Return what stands for motion that cannot be followed: infinite for another picture."""
    return float('inf') if _is_other_picture(last.gray, small.gray) else 0.0


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
