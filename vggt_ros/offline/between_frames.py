"""Frames between keyframes: their poses, from the images where these confirm them."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque, OrderedDict
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from jaxtyping import Float
import numpy as np

from vggt_ros.geometry import se3
from vggt_ros.geometry.pinhole import unproject
from vggt_ros.mapping.frontend.frame import Frame
from vggt_ros.mapping.layers.map_update import FrameResult
from vggt_ros.mapping.refinement.features import detect_features, Features
from vggt_ros.mapping.refinement.keyframe_features import (
    KeyframeFeatures,
    pack_features,
)
from vggt_ros.mapping.refinement.pair_verification import KeyframeView
from vggt_ros.offline.frame_localizer import localize
from vggt_ros.offline.frame_poses import between, FramePoses, share_of
from vggt_ros.offline.map_history import MapHistory

MAX_FEATURES = 500
# Frames that wait for the keyframe after them; 74 kB each. A camera that stands makes none.
MAX_WAITING = 300
# Keyframes that are kept once no frame between them waits: those to come are after them.
_KEPT_KEYFRAMES = 2
# Frames whose features are being found, so many images are kept.
_MAX_AT_WORK = 4
Poses = Mapping[int, Float[np.ndarray, '4 4']]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Waiting:
    stamp_ns: int
    features: Future[KeyframeFeatures]


class _Keyframe:
    """A keyframe whose features are found when a frame beside it asks for them."""

    def __init__(self, result: FrameResult, segment: int) -> None:
        self.stamp_ns = result.frame.stamp_ns
        self.segment = segment
        self._result: FrameResult | None = result
        self._features: KeyframeFeatures | None = None
        self._unit = 1.0

    def scale(self, factor: float) -> None:
        self._unit *= factor
        if self._features is not None:
            self._features = self._features.scaled(factor)

    @property
    def features(self) -> KeyframeFeatures:
        if self._features is None:
            assert self._result is not None, 'one of both is there'
            frame = self._result.frame
            found = detect_features(frame.image, 2 * MAX_FEATURES, frame.is_seen)
            points = self._unit * _points_in_cam(found, self._result)
            self._features = pack_features(
                found, points, self._result.K_image, frame.size, 2 * MAX_FEATURES
            )
            self._result = None
        return self._features


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Refined:
    """A pose by the keyframes next to it: these may still move."""

    window: int
    key_from_cam: tuple[tuple[int, Float[np.ndarray, '4 4']], ...]


class BetweenFrames:
    """Localizes frames that are in no window, as soon as the keyframes around them are known.

    Only features wait, no images, and a bounded number of them; a thread of its own finds them
    while the next frame is read and the network works.
    """

    def __init__(self, history: MapHistory) -> None:
        """Start with nothing.

        Args:
            history: Told of a window before `work` is called after it.
        """
        self._history = history
        self._waiting: OrderedDict[int, _Waiting] = OrderedDict()
        self._keyframes: OrderedDict[int, _Keyframe] = OrderedDict()
        self._refined: dict[int, _Refined] = {}
        self._segment_of: dict[int, int] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix='features')
        self._at_work: deque[Future[KeyframeFeatures]] = deque()

    @property
    def num_waiting(self) -> int:
        """Frames whose pose is not looked for yet."""
        return len(self._waiting)

    @property
    def is_full(self) -> bool:
        """Whether `work` is to be called before the next keyframe is there."""
        return len(self._waiting) >= MAX_WAITING

    def add(self, frame: Frame) -> None:
        """Take a frame that is in no window; its image is let go when its features are found."""
        while len(self._at_work) >= _MAX_AT_WORK:
            self._at_work.popleft().result()
        features = self._thread.submit(_features_of, frame)
        self._at_work.append(features)
        self._waiting[frame.id] = _Waiting(stamp_ns=frame.stamp_ns, features=features)

    def add_keyframe(self, result: FrameResult, segment: int) -> None:
        """Take a frame that entered the map, with its depth.

        Args:
            result: What is known about it.
            segment: Which part of the map it is in; frames between two parts have no pose.
        """
        frame = result.frame
        self._waiting.pop(frame.id, None)
        self._segment_of[frame.id] = segment
        self._keyframes[frame.id] = _Keyframe(result, segment)

    def features_of(self, frame_id: int) -> KeyframeFeatures:
        """Return the features of a keyframe of the newest window, with their points.

        Args:
            frame_id: Given to `add_keyframe`, and not forgotten yet.
        """
        return self._keyframes[frame_id].features

    def scale(self, factor: float) -> None:
        """Take lengths in another unit: the map has grown by `factor`."""
        for each in self._keyframes.values():
            each.scale(factor)

    def work(self, map_from_cam: Poses, window: int, *, to_the_end: bool = False) -> None:
        """Look for the poses of the frames that wait.

        Args:
            map_from_cam: Poses of keyframes, now.
            window: Number of the newest window.
            to_the_end: True to take also those that no keyframe follows yet.
        """
        keys = [i for i in self._keyframes if i in map_from_cam]
        if not keys:
            if to_the_end:
                self._waiting.clear()
            elif self.is_full:
                self._waiting.popitem(last=False)
            return
        while self._waiting:
            frame_id = next(iter(self._waiting))
            if frame_id > keys[-1] and not to_the_end and not self.is_full:
                return
            self._localize(frame_id, self._waiting.pop(frame_id), keys, map_from_cam, window)

    def forget(self) -> None:
        """Let go of keyframes that no frame asks for any more; call after `work`."""
        while len(self._keyframes) > _KEPT_KEYFRAMES:
            self._keyframes.popitem(last=False)

    def close(self) -> None:
        """End the thread; what waits is let go."""
        self._thread.shutdown(cancel_futures=True)
        self._waiting.clear()

    def poses(self, stamps_ns: Sequence[int], map_from_cam: Poses) -> FramePoses:
        """Return the poses of all frames, with all corrections.

        Args:
            stamps_ns: Of the frames, by id.
            map_from_cam: Poses of the keyframes, now.
        """
        keys = sorted(map_from_cam)
        poses = np.full((len(stamps_ns), 4, 4), np.nan)
        kinds = []
        for frame_id, stamp_ns in enumerate(stamps_ns):
            pose, kind = self._pose(frame_id, stamp_ns, stamps_ns, keys, map_from_cam)
            kinds.append(kind)
            if pose is not None:
                poses[frame_id] = pose
        return FramePoses(
            stamps_ns=np.array(stamps_ns, dtype=np.int64), map_from_cam=poses, kind=tuple(kinds)
        )

    def _pose(
        self,
        frame_id: int,
        stamp_ns: int,
        stamps_ns: Sequence[int],
        keys: Sequence[int],
        map_from_cam: Poses,
    ) -> tuple[Float[np.ndarray, '4 4'] | None, str]:
        if frame_id in map_from_cam:
            return map_from_cam[frame_id], 'keyframe'
        refined = self._refined.get(frame_id)
        if refined is not None:
            pose = self._moved(refined, stamp_ns, stamps_ns, map_from_cam)
            if pose is not None:
                return pose, 'refined'
        place = bisect_right(keys, frame_id)
        if not 0 < place < len(keys):
            return None, 'none'
        a, b = keys[place - 1], keys[place]
        is_between = stamps_ns[a] < stamp_ns < stamps_ns[b]
        if not is_between or self._segment_of.get(a) != self._segment_of.get(b):
            return None, 'none'
        share = share_of(stamp_ns, stamps_ns[a], stamps_ns[b])
        return between(map_from_cam[a], map_from_cam[b], share), 'interpolated'

    def _moved(
        self, refined: _Refined, stamp_ns: int, stamps_ns: Sequence[int], map_from_cam: Poses
    ) -> Float[np.ndarray, '4 4'] | None:
        growth = self._history.growth(refined.window, map_from_cam)
        found = []
        for key, key_from_cam in refined.key_from_cam:
            if key in map_from_cam:
                scaled = key_from_cam.copy()
                scaled[:3, 3] *= growth
                found.append((stamps_ns[key], map_from_cam[key] @ scaled))
        if not found:
            return None
        (first_ns, first), (last_ns, last) = found[0], found[-1]
        return between(first, last, share_of(stamp_ns, first_ns, last_ns))

    def _localize(
        self,
        frame_id: int,
        waiting: _Waiting,
        keys: Sequence[int],
        map_from_cam: Poses,
        window: int,
    ) -> None:
        place = bisect_right(keys, frame_id)
        neighbors = [*keys[max(0, place - 1) : place], *keys[place : place + 1]]
        near = [self._keyframes[i] for i in neighbors]
        if near[0].segment != near[-1].segment:
            neighbors, near = neighbors[:1], near[:1]  # the two places are not connected
        views = [
            KeyframeView(features=each.features, place_from_cam=map_from_cam[i])
            for i, each in zip(neighbors, near, strict=True)
        ]
        start = between(
            map_from_cam[neighbors[0]],
            map_from_cam[neighbors[-1]],
            share_of(waiting.stamp_ns, near[0].stamp_ns, near[-1].stamp_ns),
        )
        own = waiting.features.result()
        K = own.K if np.isfinite(own.K).all() else near[0].features.K
        found = localize(own.unpacked(), K, own.image_size, views, start)
        if found is None:
            return
        self._refined[frame_id] = _Refined(
            window=window,
            key_from_cam=tuple(
                (i, se3.inverse(map_from_cam[i]) @ found.map_from_cam) for i in neighbors
            ),
        )


def _features_of(frame: Frame) -> KeyframeFeatures:
    found = detect_features(frame.image, MAX_FEATURES, frame.is_seen)
    K = np.full((3, 3), np.nan) if frame.K is None else frame.K
    nothing = np.full((len(found), 3), np.nan)
    return pack_features(found, nothing, K, frame.size, MAX_FEATURES)


def _points_in_cam(features: Features, result: FrameResult) -> Float[np.ndarray, 'N 3']:
    """Return the points of features by the depth of the nearest pixel; NaN where there is none."""
    uv = features.uv.astype(np.float64)
    on_ray = unproject(uv, np.ones(len(uv)), result.K_image)
    pixel = on_ray @ result.K.T
    column, row = np.rint(pixel[:, :2]).astype(int).T
    height, width = result.depth.shape
    is_inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    depth = np.full(len(uv), np.nan)
    depth[is_inside] = result.depth[row[is_inside], column[is_inside]]
    is_kept = np.zeros(len(uv), dtype=bool)
    is_kept[is_inside] = result.keep[row[is_inside], column[is_inside]]
    return np.asarray(np.where(is_kept, depth, np.nan)[:, None] * on_ray)
