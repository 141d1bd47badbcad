"""Data sets: images of one camera in files, with what else is known about them.

Every layout has a file of its own beside this one, whose function lists the files and returns a
`Dataset`; `dataset_formats` chooses between them. Images of a lens come out rectified.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from jaxtyping import Float, Float32, Int64
import numpy as np

from vggt_ros.errors import SourceError
from vggt_ros.sources.calibration import Calibration
from vggt_ros.sources.frame_picker import FramePicker
from vggt_ros.sources.image_file import read_image
from vggt_ros.sources.number_lines import checked_ns
from vggt_ros.sources.picture_size import sizes_in_header
from vggt_ros.sources.position_fixes import PositionFix
from vggt_ros.sources.rectification import Rectification
from vggt_ros.sources.source import Distortion, SourceFrame

ReadDepth = Callable[[], Float32[np.ndarray, 'h w']]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DatasetRecord:
    """One image of a data set, not read yet.

    Attributes:
        image: The file.
        stamp_ns: When it was taken.
        K: (3, 3) intrinsics of the image as recorded, pixels; None if unknown.
        read_depth: Reads (h, w) depth along the optical axis, meters, NaN where unknown, of the
            same view as the image and of any size; None if there is none.
        world_from_cam: (4, 4) true pose of this camera, meters, OpenCV axes; None if unknown.
        distortion: Of the lens; None for that of the data set, if it has one.
        fix: Where an antenna on the robot was by satellites; None if unknown.
        is_upright: Whether it is turned as its Exif orientation says.
    """

    image: Path
    stamp_ns: int
    K: Float[np.ndarray, '3 3'] | None = None
    read_depth: ReadDepth | None = None
    world_from_cam: Float[np.ndarray, '4 4'] | None = None
    distortion: Distortion | None = None
    fix: PositionFix | None = None
    is_upright: bool = True


class Dataset:
    """The images of one camera in the order of their stamps; a `Recording` that can be indexed.

    Attributes:
        name: Of the data set, for people.
        layout: Which of `dataset_formats.LAYOUTS`.
        cameras: Name of its camera.
        has_time: False if the files carry no time, so that stamps only count the images.
        body_from_cam: (4, 4) its place on what all cameras of the data set are fixed to, meters;
            None if that is not known.
        truth: What the true poses are of, one sentence.
        notes: What a user should know before using it, one sentence each.
        drops: Images that are listed and cannot be used, by reason; they are not among the others.
    """

    def __init__(
        self,
        name: str,
        layout: str,
        records: Sequence[DatasetRecord],
        *,
        distortion: Distortion | None = None,
        rate_hz: float | None = None,
        camera: str = 'camera',
        body_from_cam: Float[np.ndarray, '4 4'] | None = None,
        truth: str = 'the camera',
        notes: Sequence[str] = (),
        drops: Mapping[str, int] | None = None,
    ) -> None:
        """Take the list; files are read when their turn comes.

        Args:
            name: Of the data set.
            layout: Which layout it has.
            records: The images.
            distortion: Of the lens, None for images of a pinhole camera.
            rate_hz: By which the stamps advance if the files carry no time, None if they do.
            camera: Name of the camera.
            body_from_cam: (4, 4) its place on what all cameras are fixed to, meters.
            truth: What the true poses are of; dropped if no record has one.
            notes: What a user should know.
            drops: Images that are listed and cannot be used, by reason.

        Raises:
            SourceError: There are no images, two have one stamp, or one is beyond 64 bits.
        """
        self.drops = {reason: num for reason, num in (drops or {}).items() if num}
        if not records:
            why = ', '.join(f'{num} left out: {reason}' for reason, num in self.drops.items())
            raise SourceError(
                f'{name} has no images{f" ({why})" if why else ""}; give the folder that contains '
                f'all of it'
            )
        self.name, self.layout = name, layout
        self.cameras, self.body_from_cam = (camera,), body_from_cam
        self.has_time = rate_hz is None
        has_truth = any(record.world_from_cam is not None for record in records)
        self.truth = truth if has_truth else ''
        self.notes = tuple(notes)
        try:
            for record in records:
                checked_ns(record.stamp_ns)
        except ValueError as error:
            raise SourceError(f'{name} has an image with an impossible time: {error}') from error
        self._records = sorted(records, key=lambda record: record.stamp_ns)
        steps_ns = np.diff(self.stamps_ns)
        if (steps_ns == 0).any():
            twice = self.stamps_ns[int(np.argmin(steps_ns))]
            raise SourceError(f'{name} has two images with the stamp {twice} ns; keep one')
        self._distortion = distortion
        self._rectification = Rectification(name)
        self._rate_hz = rate_hz

    def __len__(self) -> int:
        return len(self._records)

    @property
    def num_frames(self) -> int:
        """How many frames an iteration yields."""
        return len(self._records)

    @property
    def rate_hz(self) -> float | None:
        """Frames a second by which the stamps advance, None if the files carry the time."""
        return self._rate_hz

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height of the first image as recorded; None if it cannot be opened."""
        sizes = sizes_in_header(self._records[0].image)
        return None if sizes is None else sizes[0 if self._records[0].is_upright else 1]

    @property
    def stamps_ns(self) -> Int64[np.ndarray, ' N']:
        """(N,) ascending."""
        return np.array([record.stamp_ns for record in self._records], dtype=np.int64)

    @property
    def world_from_cam(self) -> Float[np.ndarray, 'N 4 4']:
        """(N, 4, 4) true poses, NaN where unknown."""
        unknown = np.full((4, 4), np.nan)
        poses = (record.world_from_cam for record in self._records)
        return np.stack([unknown if pose is None else pose for pose in poses])

    @property
    def num_depths(self) -> int:
        """How many images have a depth image."""
        return sum(record.read_depth is not None for record in self._records)

    @property
    def K(self) -> Float[np.ndarray, '3 3'] | None:
        """(3, 3) intrinsics of the first image as recorded, pixels; None if unknown."""
        return self._records[0].K

    def select(self, indices: Sequence[int]) -> Dataset:
        """Return the data set with some of its images.

        Args:
            indices: At least one, each once.
        """
        return self._with([self._records[i] for i in indices], self._distortion)

    def calibrated(self, calibration: Calibration) -> Dataset:
        """Return the data set with another calibration instead of its own.

        Raises:
            SourceError: It is not of images of this size.
        """
        calibration.check(self.size, self.name)
        records = [replace(each, K=calibration.K, distortion=None) for each in self._records]
        return self._with(records, calibration.distortion)

    def __iter__(self) -> Iterator[SourceFrame]:
        """Yield the frames; each file is read when its turn comes.

        Raises:
            SourceError: A file cannot be read.
        """
        return map(self.frame, range(len(self)))

    def frames(self, picker: FramePicker) -> Iterator[SourceFrame]:
        """Yield the frames that are picked.

        Raises:
            SourceError: A file cannot be read.
        """
        for index, record in enumerate(self._records):
            if picker.is_done:
                return
            if picker.takes(record.stamp_ns):
                yield self.frame(index)

    def frame(self, index: int, camera: int = 0) -> SourceFrame:
        """Read one image and its depth; both are rectified.

        Args:
            index: 0 .. N - 1.
            camera: Which camera of a rig this is.

        Raises:
            SourceError: A file cannot be read, or the calibration makes no sense for it.
        """
        record = self._records[index]
        image = read_image(record.image, is_upright=record.is_upright)
        depth = None if record.read_depth is None else record.read_depth()
        K, is_seen = record.K, None
        distortion = self._distortion if record.distortion is None else record.distortion
        if distortion is not None and K is not None:
            found = self._rectification.apply(image, K, distortion, depth, where=record.image)
            image, K, is_seen, depth = found.image, found.K, found.is_seen, found.depth
        return SourceFrame(
            image=image,
            stamp_ns=record.stamp_ns,
            K=K,
            world_from_cam=record.world_from_cam,
            depth=depth,
            is_seen=is_seen,
            camera=camera,
            fix=record.fix,
        )

    def _with(self, records: list[DatasetRecord], distortion: Distortion | None) -> Dataset:
        return Dataset(
            self.name,
            self.layout,
            records,
            distortion=distortion,
            rate_hz=self._rate_hz,
            camera=self.cameras[0],
            body_from_cam=self.body_from_cam,
            truth=self.truth,
            notes=self.notes,
            drops=self.drops,
        )
