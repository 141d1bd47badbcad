"""Places the robot has been to: enough of them to know them again and to compare them.

A keyframe whose features are known is kept as those with a small image, and its depth is not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

import cv2
from jaxtyping import Float, Float32, Int64, UInt8
import numpy as np

from vggt_ros.errors import InputError
from vggt_ros.geometry.pinhole import scale_K
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.mapping.backend.place_index import rows_of_each_place, subsampled_rows
from vggt_ros.mapping.backend.submap_graph import Correction
from vggt_ros.mapping.frontend.frame import Frame
from vggt_ros.mapping.refinement.keyframe_features import KeyframeFeatures
from vggt_ros.mapping.refinement.vlad import VladIndex
from vggt_ros.mapping.registration.submap import Submap
from vggt_ros.settings.world_config import LoopSettings

# Depth is kept at about this size: the scale of a registration needs no more.
MAX_DEPTH_SIZE = 80
# Features have their own points.
_DEPTH_SIZE_BESIDE_FEATURES = 8
_NO_DESCRIPTORS = np.zeros((0, 128), np.uint8)
_JPEG_QUALITY = 90
# For people, and for what a later version may look for in it.
_IMAGE_SIZE_BESIDE_FEATURES, _JPEG_QUALITY_BESIDE_FEATURES = 480, 80
_NS_PER_S = 1e9
# The mean of fewer descriptors says nothing about what all places have in common.
_MIN_PLACES = 8


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StoredKeyframe:
    """One frame of the past.

    Attributes:
        submap_id: The submap it belongs to.
        frame: The frame without its image: an array of no rows; its intrinsics are those of the
            image that was kept.
        jpeg: The image, compressed, and smaller than it came if there are features.
        in_map: Its depth, subsampled, and its pose in the map.
        descriptor: (C,) what it shows, of length 1.
        features: What it shows and where in the camera's frame, map units; None if the images
            were not asked.
    """

    submap_id: int
    frame: Frame
    jpeg: bytes
    in_map: Submap
    descriptor: Float32[np.ndarray, ' C']
    features: KeyframeFeatures | None = None

    @property
    def map_from_cam(self) -> Float[np.ndarray, '4 4']:
        """(4, 4) pose of its camera."""
        return self.in_map.ref_from_cam[0]

    def moved(self, map_from_old_map: Sim3) -> StoredKeyframe:
        """Return the keyframe after a correction of the map."""
        features = self.features
        return replace(
            self,
            in_map=self.in_map.moved(map_from_old_map).without_points(),
            features=None if features is None else features.scaled(map_from_old_map.scale),
        )

    def decoded(self) -> Frame:
        """Return the frame with its image, as far as JPEG keeps it.

        Raises:
            InputError: The image cannot be decoded.
        """
        image = cv2.imdecode(np.frombuffer(self.jpeg, np.uint8), cv2.IMREAD_COLOR)
        if image is None:
            raise InputError('bad_jpeg', f'the image kept of frame {self.frame.id} is damaged')
        rgb = np.ascontiguousarray(image[..., ::-1])
        return replace(self.frame, image=rgb.astype(np.uint8, copy=False))


class KeyframeDatabase:
    """Places by age; when there are too many, some of the most crowded ones go.

    Attributes:
        settings: How many there may be, and which may be a loop.
        submaps_in_use: Ids of submaps that a loop which waits for its confirmation is about.
    """

    def __init__(self, settings: LoopSettings) -> None:
        self.settings = settings
        self.submaps_in_use: AbstractSet[int] = frozenset()
        self._keyframes: list[StoredKeyframe] = []
        self._words = VladIndex()

    def __len__(self) -> int:
        return len(self._keyframes)

    def clear(self) -> None:
        """Forget all places."""
        self._keyframes.clear()
        self._words.clear()

    def add(
        self,
        submap_id: int,
        frame: Frame,
        in_map: Submap,
        descriptor: Float32[np.ndarray, ' C'],
        features: KeyframeFeatures | None = None,
    ) -> None:
        """Remember a frame.

        Args:
            submap_id: The submap it belongs to.
            frame: The frame.
            in_map: It alone, in the map.
            descriptor: (C,) of length 1.
            features: What its image shows, if that is known; the image is kept small then.
        """
        if features is None:
            jpeg, size = _compressed(frame.image, _JPEG_QUALITY), MAX_DEPTH_SIZE
        else:
            frame = replace(_smaller(frame, _IMAGE_SIZE_BESIDE_FEATURES), is_seen=None)
            jpeg = _compressed(frame.image, _JPEG_QUALITY_BESIDE_FEATURES)
            size = _DEPTH_SIZE_BESIDE_FEATURES
        bare: UInt8[np.ndarray, 'H W 3'] = np.zeros((0, 0, 3), np.uint8)
        self._remember(
            StoredKeyframe(
                submap_id=submap_id,
                frame=replace(frame, image=bare, small=None),
                jpeg=jpeg,
                in_map=in_map.subsampled(size).without_points(),
                descriptor=descriptor,
                features=features,
            )
        )

    def _remember(self, place: StoredKeyframe) -> None:
        self._keyframes.append(place)
        features = place.features
        self._words.add(_NO_DESCRIPTORS if features is None else features.descriptors)
        if len(self._keyframes) > self.settings.max_places:
            depths = [np.nanmedian(each.in_map.depth) for each in self._keyframes]
            usual = float(np.nanmedian(depths))
            self._keep(subsampled_rows(self._poses(), usual, self.settings.max_places))

    def prune(self, usual_depth: float) -> None:
        """Forget places that were seen often enough; `usual_depth` is in map units."""
        if self._keyframes:
            self._keep(rows_of_each_place(self._poses(), usual_depth))

    def _poses(self) -> Float[np.ndarray, 'n 4 4']:
        return np.stack([each.map_from_cam for each in self._keyframes])

    def _keep(self, rows: Int64[np.ndarray, ' m']) -> None:
        if len(rows) < len(self._keyframes):
            self._keyframes = [self._keyframes[row] for row in rows.tolist()]
            self._words.keep(rows.tolist())

    def keyframes(self) -> tuple[StoredKeyframe, ...]:
        """Return all places, oldest first."""
        return tuple(self._keyframes)

    def restore(self, keyframes: Sequence[StoredKeyframe]) -> None:
        """Append places that were stored, as they are."""
        for place in keyframes:
            self._remember(place)

    def candidate(
        self, descriptor: Float32[np.ndarray, ' C'], stamp_ns: int, min_submap_gap: int
    ) -> int | None:
        """Return the index of the place that looks most like what is seen now.

        Args:
            descriptor: (C,) of the newest frame.
            stamp_ns: Its stamp; places left less than `loop.min_gap` ago do not count.
            min_submap_gap: Nor do places of so many newest submaps.

        Returns:
            None if no place is similar enough.
        """
        if len(self._keyframes) < _MIN_PLACES:
            return None
        newest = self._keyframes[-1].submap_id
        until_ns = stamp_ns - int(self.settings.min_gap * _NS_PER_S)
        old = [
            i
            for i, place in enumerate(self._keyframes)
            if place.features is None
            and place.frame.stamp_ns <= until_ns
            and place.submap_id <= newest - min_submap_gap
        ]
        if not old:
            return None
        similarity = self.similarities(descriptor)[old]
        best = int(np.argmax(similarity))
        return old[best] if similarity[best] >= self.settings.min_similarity else None

    def around(self, index: int, count: int) -> list[StoredKeyframe]:
        """Return a place and its neighbors in time that are of the same size, oldest first."""
        size = self._keyframes[index].in_map.depth.shape
        first = max(0, min(index - count // 2, len(self._keyframes) - count))
        found = self._keyframes[first : first + count]
        return [place for place in found if place.in_map.depth.shape == size]

    def __getitem__(self, index: int) -> StoredKeyframe:
        return self._keyframes[index]

    def correct(self, correction: Correction) -> None:
        """Move the places with their submaps."""
        for i, place in enumerate(self._keyframes):
            if place.submap_id in correction:
                self._keyframes[i] = place.moved(correction[place.submap_id])

    def reassign(self, hubs: Mapping[int, int]) -> None:
        """Let places of submaps that left belong to others from now on; `hubs` says to which."""
        for row, place in enumerate(self._keyframes):
            if place.submap_id in hubs:
                self._keyframes[row] = replace(place, submap_id=hubs[place.submap_id])

    def similarities(self, descriptor: Float32[np.ndarray, ' C']) -> Float[np.ndarray, ' n']:
        """Return how alike a frame and all places look to the network's encoder.

        Args:
            descriptor: (C,) of the frame.

        Returns:
            (n,) cosines about the mean: what all places have in common says nothing.
        """
        every = np.stack([place.descriptor for place in self._keyframes])
        mean = every.mean(axis=0)
        others, own = every - mean, descriptor - mean
        lengths = np.linalg.norm(others, axis=1) * np.linalg.norm(own)
        return np.asarray(others @ own / np.maximum(lengths, 1e-12), dtype=np.float64)

    def word_similarities(self, features: KeyframeFeatures) -> Float[np.ndarray, ' n'] | None:
        """Return how alike the features of a frame and of all places look.

        Returns:
            (n,) cosines about the mean, or None as long as there are too few places.
        """
        return self._words.similarities(features.descriptors)


def _smaller(frame: Frame, max_size: int) -> Frame:
    """Return a frame whose image has no longer side than this, with its intrinsics."""
    width, height = frame.size
    factor = max_size / max(width, height, 1)
    if factor >= 1:
        return frame
    size = max(1, round(factor * width)), max(1, round(factor * height))
    image = np.asarray(cv2.resize(frame.image, size, interpolation=cv2.INTER_AREA), np.uint8)
    K = None if frame.K is None else scale_K(frame.K, size[0] / width, size[1] / height)
    return replace(frame, image=image, K=K)


def _compressed(image: UInt8[np.ndarray, 'H W 3'], quality: int) -> bytes:
    bgr = np.ascontiguousarray(image[..., ::-1])
    _, jpeg = cv2.imencode('.jpg', bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return bytes(jpeg.tobytes())
