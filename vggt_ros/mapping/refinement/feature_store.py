"""Features of the frames that may be in a window, and the verified pairs among them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
import threading

from jaxtyping import Float, Int
import numpy as np

from vggt_ros.mapping.frontend.frame import Frame
from vggt_ros.mapping.refinement.features import detect_features, Features
from vggt_ros.mapping.refinement.matches import match_features
from vggt_ros.mapping.refinement.two_view import TwoView, verify_pair
from vggt_ros.mapping.refinement.window_tracks import window_tracks, WindowTracks

# So many times the features of a frame are looked for where the usual number was not enough.
_CLOSER = 3
# A pair is found once: one motion of two calibrated cameras does not change.
_Pair = tuple[int, int]


class FeatureStore:
    """Detects features once per frame and matches every pair of frames once; any thread may call.

    Bounded: the frames that were asked for longest ago go first, and their pairs with them.
    """

    def __init__(self, max_features: int, max_frames: int) -> None:
        """Start empty.

        Args:
            max_features: Features of a frame.
            max_frames: Frames that are kept.
        """
        self._max_features = max_features
        self._max_frames = max_frames
        self._lock = threading.Lock()
        self._features: OrderedDict[int, Features] = OrderedDict()
        # What the next window may have beside a new frame: those of the newest window, and those
        # that were prepared since. Both without their pixels.
        self._last: list[Frame] = []
        self._prepared: dict[int, Frame] = {}
        self._matches: dict[_Pair, Int[np.ndarray, 'm 2']] = {}
        self._verified: dict[_Pair, TwoView | None] = {}

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._features.clear()
            self._last = []
            self._prepared.clear()
            self._matches.clear()
            self._verified.clear()

    def features(self, frame: Frame) -> Features:
        """Return the features of a frame, from the store if it has them."""
        with self._lock:
            known = self._features.get(frame.id)
            if known is not None:
                self._features.move_to_end(frame.id)
                return known
        found = detect_features(frame.image, self._max_features, frame.is_seen)
        with self._lock:
            self._features[frame.id] = found
            while len(self._features) > self._max_frames:
                self._forget(self._features.popitem(last=False)[0])
        return found

    def detect_more(self, frames: Sequence[Frame]) -> bool:
        """Look for more features in frames that nothing was built on yet.

        Views that are far apart share few of their features: all that there are may be needed.
        Pairs are found anew.

        Args:
            frames: With their images.

        Returns:
            False if no frame had more than were taken: nothing changed.
        """
        full = [frame for frame in frames if len(self.features(frame)) == self._max_features]
        for frame in full:
            found = detect_features(frame.image, _CLOSER * self._max_features, frame.is_seen)
            with self._lock:
                self._forget(frame.id)
                self._features[frame.id] = found
        return bool(full)

    def prepare(self, frame: Frame, num_partners: int) -> None:
        """Detect and match what a frame shows before its window is worked on.

        Args:
            frame: A new one.
            num_partners: With so many of the newest window, and with what was prepared since.
        """
        features = self.features(frame)
        with self._lock:
            if frame.id in self._prepared:
                return
            partners = {each.id: each for each in self._last[-num_partners:]} | self._prepared
        for other in partners.values():
            known = self._known(other.id)
            if known is not None:
                self._pair(other, frame, known, features, other.K, frame.K)
        with self._lock:
            if frame.id in self._features:
                self._prepared[frame.id] = frame.without_image()

    def __contains__(self, frame_id: int) -> bool:
        """Return True if the features of a frame are there."""
        with self._lock:
            return frame_id in self._features

    def window(
        self, frames: Sequence[Frame], K_predicted: Float[np.ndarray, 'S 3 3']
    ) -> WindowTracks:
        """Return the tracks of a window; only pairs that are new to the store are matched.

        Args:
            frames: Of the window, all of one image size; all but the last may have lost their
                image if the store has their features.
            K_predicted: (S, 3, 3) intrinsics in pixels of the images, for frames without
                calibration.
        """
        is_calibrated = all(frame.K is not None for frame in frames)
        K = np.stack(
            [
                predicted if frame.K is None else frame.K
                for frame, predicted in zip(frames, K_predicted, strict=True)
            ]
        ).astype(np.float64)
        features = [self.features(frame) for frame in frames]
        with self._lock:
            self._last = [frame.without_image() for frame in frames]
            for frame in frames:
                self._prepared.pop(frame.id, None)
        pairs = {}
        for j in range(len(frames)):
            for i in range(j):
                pair = self._pair(frames[i], frames[j], features[i], features[j], K[i], K[j])
                if pair is not None:
                    pairs[i, j] = pair
        return window_tracks(
            [each.uv for each in features],
            pairs,
            K,
            is_calibrated=is_calibrated,
            image_size=frames[-1].size,
        )

    def _pair(
        self,
        a: Frame,
        b: Frame,
        features_a: Features,
        features_b: Features,
        K_a: Float[np.ndarray, '3 3'] | None,
        K_b: Float[np.ndarray, '3 3'] | None,
    ) -> TwoView | None:
        """Return what two frames share; without intrinsics they are only matched."""
        key = (a.id, b.id)
        is_lasting = a.K is not None and b.K is not None
        with self._lock:
            if is_lasting and key in self._verified:
                return self._verified[key]
            matches = self._matches.get(key)
        if matches is None:
            matches = match_features(features_a, features_b)
        found = None
        if K_a is not None and K_b is not None:
            found = verify_pair(features_a.uv, features_b.uv, matches, K_a, K_b)
        with self._lock:
            # A frame that has been forgotten meanwhile would never be forgotten again.
            if a.id in self._features and b.id in self._features:
                if is_lasting:
                    self._verified[key] = found
                else:
                    self._matches[key] = matches
        return found

    def _known(self, frame_id: int) -> Features | None:
        with self._lock:
            return self._features.get(frame_id)

    def _forget(self, frame_id: int) -> None:
        self._prepared.pop(frame_id, None)
        for pairs in (self._matches, self._verified):
            for key in [key for key in pairs if frame_id in key]:
                del pairs[key]
