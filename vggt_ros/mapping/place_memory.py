"""Places the robot has been to: enough of them to know them again and to compare them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
from jaxtyping import Float, Float32, UInt8
import numpy as np

from vggt_ros.errors import InputError
from vggt_ros.mapping.frame import Frame
from vggt_ros.mapping.submap import Submap
from vggt_ros.mapping.submap_chain import Correction
from vggt_ros.world_config import LoopSettings

# Depth is kept at about this size: the scale of a seam needs no more.
MAX_DEPTH_SIZE = 80
_JPEG_QUALITY = 90
_NS_PER_S = 1e9
# The mean of fewer descriptors says nothing about what all places have in common.
_MIN_PLACES = 8


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Place:
    """One frame of the past.

    Attributes:
        submap_id: The submap it belongs to.
        frame: The frame without its image: an array of no rows.
        jpeg: The image, compressed.
        in_map: Its depth, thinned, and its pose in the map.
        descriptor: (C,) what it shows, of length 1.
    """

    submap_id: int
    frame: Frame
    jpeg: bytes
    in_map: Submap
    descriptor: Float32[np.ndarray, ' C']

    def decoded(self) -> Frame:
        """Return the frame with its image, as far as JPEG keeps it.

        Raises:
            InputError: The image can not be decoded.
        """
        image = cv2.imdecode(np.frombuffer(self.jpeg, np.uint8), cv2.IMREAD_COLOR)
        if image is None:
            raise InputError('bad_jpeg', f'the image kept of frame {self.frame.id} is damaged')
        rgb = np.ascontiguousarray(image[..., ::-1])
        return replace(self.frame, image=rgb.astype(np.uint8, copy=False))


class PlaceMemory:
    """Places by age; when there are too many, every other one of the older half goes."""

    def __init__(self, settings: LoopSettings) -> None:
        self.settings = settings
        self._places: list[Place] = []

    def __len__(self) -> int:
        return len(self._places)

    def clear(self) -> None:
        """Forget all places."""
        self._places.clear()

    def add(
        self,
        submap_id: int,
        frame: Frame,
        in_map: Submap,
        descriptor: Float32[np.ndarray, ' C'],
    ) -> None:
        """Remember a frame.

        Args:
            submap_id: The submap it belongs to.
            frame: The frame.
            in_map: It alone, in the map.
            descriptor: (C,) of length 1.
        """
        bgr = np.ascontiguousarray(frame.image[..., ::-1])
        _, jpeg = cv2.imencode('.jpg', bgr, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
        bare: UInt8[np.ndarray, 'H W 3'] = np.zeros((0, 0, 3), np.uint8)
        self._places.append(
            Place(
                submap_id=submap_id,
                frame=replace(frame, image=bare),
                jpeg=jpeg.tobytes(),
                in_map=in_map.thinned(MAX_DEPTH_SIZE).without_points(),
                descriptor=descriptor,
            )
        )
        if len(self._places) > self.settings.max_places:
            half = len(self._places) // 2
            self._places = self._places[:half:2] + self._places[half:]

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
        if len(self._places) < _MIN_PLACES:
            return None
        newest = self._places[-1].submap_id
        until_ns = stamp_ns - int(self.settings.min_gap * _NS_PER_S)
        old = [
            i
            for i, place in enumerate(self._places)
            if place.frame.stamp_ns <= until_ns and place.submap_id <= newest - min_submap_gap
        ]
        if not old:
            return None
        similarity = self._similarity(descriptor, old)
        best = int(np.argmax(similarity))
        return old[best] if similarity[best] >= self.settings.min_similarity else None

    def around(self, index: int, count: int) -> list[Place]:
        """Return a place and its neighbours in time that are of the same size, oldest first."""
        size = self._places[index].in_map.depth.shape
        first = max(0, min(index - count // 2, len(self._places) - count))
        found = self._places[first : first + count]
        return [place for place in found if place.in_map.depth.shape == size]

    def __getitem__(self, index: int) -> Place:
        return self._places[index]

    def correct(self, correction: Correction) -> None:
        """Move the places with their submaps."""
        for i, place in enumerate(self._places):
            if place.submap_id in correction:
                moved = place.in_map.moved(correction[place.submap_id]).without_points()
                self._places[i] = replace(place, in_map=moved)

    def _similarity(
        self, descriptor: Float32[np.ndarray, ' C'], indices: Sequence[int]
    ) -> Float[np.ndarray, ' n']:
        """Return cosines about the mean: what all places have in common says nothing."""
        every = np.stack([place.descriptor for place in self._places])
        mean = every.mean(axis=0)
        others, own = every[indices] - mean, descriptor - mean
        lengths = np.linalg.norm(others, axis=1) * np.linalg.norm(own)
        return np.asarray(others @ own / np.maximum(lengths, 1e-12), dtype=np.float64)
