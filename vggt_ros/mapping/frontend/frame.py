"""One image with its stamp: what a camera delivers."""

from __future__ import annotations

from dataclasses import dataclass, replace

from jaxtyping import Bool, Float, UInt8
import numpy as np

from vggt_ros.geometry.lens import Rectifier
from vggt_ros.mapping.frontend.needed_size import reduced, reduced_K, reduced_mask
from vggt_ros.mapping.frontend.thumbnail import make_thumbnail, ReadRows, Thumbnail


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frame:
    """One image of one camera.

    Attributes:
        id: Unique in this run and increasing; windows and registration find frames by it.
        stamp_ns: When the image was taken, ROS time in integer nanoseconds.
        camera_frame: Name of the camera's optical coordinate frame.
        image: (H, W, 3) RGB, contiguous.
        K: (3, 3) calibrated intrinsics in pixels of `image`, None if unknown.
        camera: Which camera, 0..7.
        is_seen: (H, W) False where the image shows nothing, as beside what a lens saw; None if it
            shows something everywhere.
        small: Its thumbnail, if it was made before.
    """

    id: int
    stamp_ns: int
    camera_frame: str
    image: UInt8[np.ndarray, 'H W 3']
    K: Float[np.ndarray, '3 3'] | None = None
    camera: int = 0
    is_seen: Bool[np.ndarray, 'H W'] | None = None
    small: Thumbnail | None = None

    def without_image(self) -> Frame:
        """Return the frame with an image of no rows: what is known of it takes no memory."""
        return replace(self, image=np.zeros((0, 0, 3), np.uint8), is_seen=None, small=None)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, pixels."""
        return self.image.shape[1], self.image.shape[0]

    @property
    def num_bytes(self) -> int:
        """What the image takes."""
        return int(self.image.nbytes)

    def thumbnail(self) -> Thumbnail:
        """Return a small gray copy."""
        if self.small is not None:
            return self.small
        return make_thumbnail(lambda rows: self.image[rows], *self.size)

    def with_thumbnail(self) -> Frame:
        """Return the frame with its thumbnail, so that it is made once."""
        return replace(self, small=self.thumbnail())

    def decoded(self) -> Frame:
        """Return the frame itself; see `UndecodedFrame`."""
        return self


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class UndecodedFrame:
    """One image of one camera whose pixels are not read unless it becomes a keyframe.

    Attributes:
        id: As in `Frame`, like all that have the same names.
        stamp_ns: When the image was taken.
        camera_frame: Name of the camera's optical coordinate frame.
        size: Width and height, pixels.
        read_rows: Reads the rows that a slice names; raises InputError if that fails.
        K: Calibrated intrinsics of the image at `size`, after `rectifier`.
        camera: Which camera.
        rectifier: Applied to the pixels when the frame is decoded; None if there is nothing to do.
        num_bytes: What it holds until then.
        small: As in `Frame`.
    """

    id: int
    stamp_ns: int
    camera_frame: str
    size: tuple[int, int]
    read_rows: ReadRows
    K: Float[np.ndarray, '3 3'] | None = None
    camera: int = 0
    rectifier: Rectifier | None = None
    num_bytes: int = 0
    small: Thumbnail | None = None

    def thumbnail(self) -> Thumbnail:
        """Return a small gray copy of the pixels as they are read.

        Raises:
            InputError: The pixels cannot be read.
        """
        if self.small is not None:
            return self.small
        return make_thumbnail(self.read_rows, *self.size)

    def with_thumbnail(self) -> UndecodedFrame:
        """Return the frame with its thumbnail, so that it is made once.

        Raises:
            InputError: The pixels cannot be read.
        """
        small = self.thumbnail()
        if small is self.small:
            return self
        return replace(self, small=small, num_bytes=self.num_bytes + small.gray.nbytes)

    def decoded(self) -> Frame:
        """Return the frame with its pixels, in the size that is needed (`needed_size.py`).

        Raises:
            InputError: The pixels cannot be read.
        """
        image = np.ascontiguousarray(self.read_rows(slice(0, self.size[1])))
        rectifier = self.rectifier
        is_seen = None if rectifier is None else rectifier.is_seen
        return Frame(
            id=self.id,
            stamp_ns=self.stamp_ns,
            camera_frame=self.camera_frame,
            image=reduced(image if rectifier is None else rectifier.rectify(image)),
            K=None if self.K is None else reduced_K(self.K, *self.size),
            camera=self.camera,
            is_seen=None if is_seen is None else reduced_mask(is_seen),
        )
