"""Rig of a data set: several cameras of it, which are fixed to each other, as one recording."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
import heapq

from jaxtyping import Float
import numpy as np

from vggt_ros.errors import OptionError
from vggt_ros.geometry.se3 import inverse
from vggt_ros.sources.dataset import Dataset
from vggt_ros.sources.frame_picker import FrameChoice, FramePicker
from vggt_ros.sources.source import SourceFrame


class RigDataset:
    """Images of several cameras in the order of their stamps; only to be iterated, as a `Bag`.

    Attributes:
        name: Of the data set.
        layout: Which of `dataset_formats.LAYOUTS`.
        cameras: Names of its cameras; the first one is what the others are placed on.
        first_from_cam: For each camera its (4, 4) pose on the first one, meters.
        base_from_cam: None for each: there is no odometry.
        drops: Images that are listed and cannot be used, by reason.
    """

    stamps_ns = None
    world_from_cam = None

    def __init__(self, datasets: Sequence[Dataset]) -> None:
        """Take the cameras of one data set.

        Args:
            datasets: One for each camera, two or more.

        Raises:
            OptionError: A camera is named twice, or its place is not known.
        """
        first = datasets[0]
        self._datasets = tuple(datasets)
        self.name, self.layout, self.has_time = first.name, first.layout, first.has_time
        self.cameras = tuple(each.cameras[0] for each in datasets)
        if len(set(self.cameras)) < len(self.cameras):
            raise OptionError(
                f'{", ".join(self.cameras)} of {self.name} has a camera twice; name each once'
            )
        places: list[Float[np.ndarray, '4 4']] = []
        for each in datasets:
            if each.body_from_cam is None or first.body_from_cam is None:
                raise OptionError(
                    f'{self.name} is of the layout {self.layout}, which does not say where its '
                    f'cameras are on each other; name one'
                )
            places.append(inverse(first.body_from_cam) @ each.body_from_cam)
        self.first_from_cam = tuple(places)
        self.base_from_cam = (None,) * len(datasets)
        self.drops: dict[str, int] = {}
        for each in datasets:
            for reason, num in each.drops.items():
                self.drops[reason] = self.drops.get(reason, 0) + num

    @property
    def num_frames(self) -> int:
        """How many images all cameras have."""
        return sum(len(each) for each in self._datasets)

    @property
    def num_depths(self) -> int:
        """How many images of all cameras have a depth image."""
        return sum(each.num_depths for each in self._datasets)

    @property
    def rate_hz(self) -> float | None:
        """Frames a second of one camera, None if the files carry the time."""
        return self._datasets[0].rate_hz

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height of the first camera's images as recorded; None if unknown."""
        return self._datasets[0].size

    @property
    def K(self) -> Float[np.ndarray, '3 3'] | None:
        """(3, 3) intrinsics of the first camera as recorded, pixels; None if unknown."""
        return self._datasets[0].K

    @property
    def truth(self) -> str:
        """What the true poses of the first camera are of; empty if there are none."""
        return self._datasets[0].truth

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know before using it, one sentence each."""
        return tuple(dict.fromkeys(note for each in self._datasets for note in each.notes))

    def __iter__(self) -> Iterator[SourceFrame]:
        """Yield the frames; see `frames`."""
        return self.frames(FrameChoice().picker(len(self.cameras)))

    def frames(self, picker: FramePicker) -> Iterator[SourceFrame]:
        """Yield the frames that are picked; the others are not read.

        Raises:
            SourceError: A file cannot be read.
        """
        stamps = [
            [(stamp_ns, camera, index) for index, stamp_ns in enumerate(each.stamps_ns.tolist())]
            for camera, each in enumerate(self._datasets)
        ]
        for stamp_ns, camera, index in heapq.merge(*stamps):
            if picker.is_done:
                return
            if picker.takes(stamp_ns, camera):
                yield self._datasets[camera].frame(index, camera)
