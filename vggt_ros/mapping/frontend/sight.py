"""Sight: since when the images show something, and since when they change."""

from __future__ import annotations

from collections.abc import Mapping

from jaxtyping import UInt8
import numpy as np

from vggt_ros.mapping.frontend.thumbnail import Thumbnail
from vggt_ros.mapping.frontend.view_quality import ViewQuality, why_blind


class Sight:
    """Takes down what frame sets show, one after the other; one thread at a time.

    Attributes:
        quality: What could be seen in the newest set, None before the first and after a reset.
        was_blind: True from a set by which the images have shown nothing, or been frozen, for long
            (`why_blind`) to the next one that is followed from the last keyframe set.
    """

    def __init__(self) -> None:
        """Have seen nothing yet."""
        self.reset()

    def reset(self) -> None:
        """Forget what was seen."""
        self.quality: ViewQuality | None = None
        self.was_blind = False
        self._before: dict[int, UInt8[np.ndarray, 'h w']] = {}
        self._seeing_ns: int | None = None
        self._changed_ns = 0
        self._num_frozen = 0

    def note_change(self, stamp_ns: int, small: Mapping[int, Thumbnail]) -> None:
        """Compare a set with the one just before it; call first, for every set."""
        is_same = bool(small) and all(
            camera in self._before and np.array_equal(self._before[camera], each.gray)
            for camera, each in small.items()
        )
        self._num_frozen = self._num_frozen + 1 if is_same else 0
        if not is_same:
            self._changed_ns = stamp_ns
        self._before = {camera: each.gray for camera, each in small.items()}

    def note_blind(self, stamp_ns: int, small: Mapping[int, Thumbnail]) -> None:
        """Take down a set that shows nothing that could be followed."""
        if self._seeing_ns is None:
            self._seeing_ns = stamp_ns
        self._note(stamp_ns, small, 0, 0.0)
        self.was_blind |= bool(why_blind(self.quality))

    def note_seen(
        self, stamp_ns: int, small: Mapping[int, Thumbnail], num_corners: int, motion_px: float
    ) -> None:
        """Take down a set that shows something.

        Args:
            stamp_ns: Of the set.
            small: Its images that are compared, by camera.
            num_corners: Corners in the last keyframe set.
            motion_px: Since that one; infinite if it cannot be followed.
        """
        self._seeing_ns = stamp_ns
        self._note(stamp_ns, small, num_corners, motion_px)
        is_followed = bool(np.isfinite(motion_px))
        self.was_blind = bool(why_blind(self.quality)) or (self.was_blind and not is_followed)

    def _note(
        self, stamp_ns: int, small: Mapping[int, Thumbnail], num_corners: int, motion_px: float
    ) -> None:
        assert self._seeing_ns is not None, 'the caller has set it'
        self.quality = ViewQuality(
            # The one that is lit best: a lens that is covered does not speak for the others.
            mean_gray=min(
                (float(each.gray.mean()) for each in small.values()),
                key=lambda gray: abs(gray - 128),
            ),
            num_corners=num_corners,
            motion_px=motion_px,
            blind_s=1e-9 * (stamp_ns - self._seeing_ns),
            frozen_s=1e-9 * (stamp_ns - self._changed_ns),
            num_frozen=self._num_frozen,
        )
