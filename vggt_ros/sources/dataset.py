"""Data sets: images of one camera in files, with what else is known about them.

Every layout has a file of its own beside this one, whose function lists the files and returns a
`Dataset`; `dataset_formats` chooses between them. Images of a lens come out rectified.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from jaxtyping import Float, Float32, Int64
import numpy as np

from vggt_ros.errors import InputError, SourceError
from vggt_ros.geometry.depth_rectifier import DepthRectifier
from vggt_ros.geometry.lens import Lens, Rectifier
from vggt_ros.sources.image_file import read_image
from vggt_ros.sources.source import SourceFrame

ReadDepth = Callable[[], Float32[np.ndarray, 'h w']]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Distortion:
    """How a lens bends; see `geometry.lens.Lens`.

    Attributes:
        model: `plumb_bob`, `rational_polynomial` or `equidistant`.
        D: (n,) coefficients in OpenCV's order.
    """

    model: str
    D: Float[np.ndarray, ' n']


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
    """

    image: Path
    stamp_ns: int
    K: Float[np.ndarray, '3 3'] | None = None
    read_depth: ReadDepth | None = None
    world_from_cam: Float[np.ndarray, '4 4'] | None = None


class Dataset:
    """The images of one camera in the order of their stamps; a `Source` that can be indexed.

    Attributes:
        name: Of the data set, for people.
        layout: Which of `dataset_formats.LAYOUTS`.
        has_time: False if the files carry no time, so that stamps only count the images.
    """

    def __init__(
        self,
        name: str,
        layout: str,
        records: Sequence[DatasetRecord],
        *,
        distortion: Distortion | None = None,
        rate_hz: float | None = None,
    ) -> None:
        """Take the list; files are read when their turn comes.

        Args:
            name: Of the data set.
            layout: Which layout it has.
            records: The images.
            distortion: Of the lens, None for images of a pinhole camera.
            rate_hz: By which the stamps advance if the files carry no time, None if they do.

        Raises:
            SourceError: There are no images, or two have one stamp.
        """
        if not records:
            raise SourceError(f'{name} has no images; give the folder that contains all of it')
        self.name, self.layout = name, layout
        self.has_time = rate_hz is None
        self._records = sorted(records, key=lambda record: record.stamp_ns)
        steps_ns = np.diff(self.stamps_ns)
        if (steps_ns == 0).any():
            twice = self.stamps_ns[int(np.argmin(steps_ns))]
            raise SourceError(f'{name} has two images with the stamp {twice} ns; keep one')
        self._distortion = distortion
        self._rectifiers: dict[tuple[int, int], tuple[Rectifier, DepthRectifier]] = {}
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
        return Dataset(
            self.name,
            self.layout,
            [self._records[i] for i in indices],
            distortion=self._distortion,
            rate_hz=self._rate_hz,
        )

    def __iter__(self) -> Iterator[SourceFrame]:
        """Yield the frames; each file is read when its turn comes.

        Raises:
            SourceError: A file cannot be read.
        """
        return map(self.frame, range(len(self)))

    def frame(self, index: int) -> SourceFrame:
        """Read one image and its depth; both are rectified.

        Args:
            index: 0 .. N - 1.

        Raises:
            SourceError: A file cannot be read, or the calibration makes no sense for it.
        """
        record = self._records[index]
        image = read_image(record.image)
        depth = None if record.read_depth is None else record.read_depth()
        K, is_seen = record.K, None
        if self._distortion is not None and K is not None:
            rectifier, depth_rectifier = self._rectifier(record, (image.shape[1], image.shape[0]))
            if depth is not None and depth.shape != image.shape[:2]:
                raise SourceError(
                    f'the depth of {record.image} has the size {depth.shape[1]} x '
                    f'{depth.shape[0]}, the image {image.shape[1]} x {image.shape[0]}; to be '
                    f'rectified both must have one size'
                )
            image, K, is_seen = rectifier.rectify(image), rectifier.K, rectifier.is_seen
            depth = None if depth is None else depth_rectifier.rectify(depth)
        return SourceFrame(
            image=image,
            stamp_ns=record.stamp_ns,
            K=K,
            world_from_cam=record.world_from_cam,
            depth=depth,
            is_seen=is_seen,
        )

    def _rectifier(
        self, record: DatasetRecord, size: tuple[int, int]
    ) -> tuple[Rectifier, DepthRectifier]:
        """Return what undoes the lens; all images of one size have one."""
        assert self._distortion is not None, 'asked for images of a lens only'
        assert record.K is not None, 'asked for calibrated images only'
        if size not in self._rectifiers:
            width, height = size
            try:
                lens = Lens(
                    model=self._distortion.model,
                    K=record.K,
                    D=self._distortion.D,
                    K_rect=None,
                    width=width,
                    height=height,
                )
                rectifier = Rectifier(lens)
            except InputError as error:
                raise SourceError(
                    f'the calibration of {self.name} cannot be used for images of {width} x '
                    f'{height}: {error}'
                ) from error
            self._rectifiers[size] = rectifier, DepthRectifier(rectifier)
        return self._rectifiers[size]
