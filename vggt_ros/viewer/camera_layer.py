"""Camera layer: the path of the cameras, and the newest of them with their images."""

from __future__ import annotations

from dataclasses import dataclass, replace

from jaxtyping import Float, Int64, UInt8
import numpy as np

from vggt_ros.viewer.canvas import Canvas, Frustum
from vggt_ros.viewer.pictures import small

MAX_FRUSTA = 20
_MAX_IMAGES = 400
_MAX_WIDTH = 240
_PATH_COLOR, _NEWEST_COLOR = (90, 170, 255), (255, 200, 60)
_PATH_WIDTH_PX = 2.0
_PATH = '/path'
# A step this many times the usual one is a jump into another segment, not a way.
_JUMP = 30.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SeenFrame:
    """An image and the camera's opening.

    Attributes:
        stamp_ns: Of the image.
        image: (H, W, 3) RGB, at most `_MAX_WIDTH` wide once it is taken.
        fov_rad: From its upper to its lower edge.
    """

    stamp_ns: int
    image: UInt8[np.ndarray, 'H W 3']
    fov_rad: float


class CameraLayer:
    """Images wait for the pose with their stamp. Not thread-safe."""

    def __init__(self) -> None:
        """Start empty."""
        self.max_frusta = MAX_FRUSTA
        self.until_ns: int | None = None
        self._stamps_ns = np.zeros(0, np.int64)
        self._poses = np.zeros((0, 4, 4))
        self._images: dict[int, SeenFrame] = {}
        self._drawn: dict[int, Float[np.ndarray, '4 4']] = {}
        self._size = 0.0
        self._has_changes = False

    def add_image(self, frame: SeenFrame) -> None:
        """Take an image; the oldest go when there are too many."""
        self._images[frame.stamp_ns] = replace(frame, image=small(frame.image, _MAX_WIDTH))
        while len(self._images) > _MAX_IMAGES:
            del self._images[min(self._images)]
        self._has_changes = True

    def take_path(
        self, stamps_ns: Int64[np.ndarray, ' N'], map_from_cam: Float[np.ndarray, 'N 4 4']
    ) -> None:
        """Take all poses anew, oldest first."""
        self._stamps_ns, self._poses = stamps_ns, map_from_cam
        self._has_changes = True

    def clear(self) -> None:
        """Forget images and poses."""
        self._images.clear()
        self.take_path(np.zeros(0, np.int64), np.zeros((0, 4, 4)))

    def refresh(self) -> None:
        """Draw again, as after a change of `until_ns` or `max_frusta`."""
        self._has_changes = True

    @property
    def shown_poses(self) -> Float[np.ndarray, 'n 4 4']:
        """(n, 4, 4) the poses up to `until_ns`, oldest first."""
        if self.until_ns is None:
            return self._poses
        return self._poses[: np.searchsorted(self._stamps_ns, self.until_ns, side='right')]

    def newest_image(self) -> UInt8[np.ndarray, 'H W 3'] | None:
        """Return the last image that is shown, None without any."""
        stamps_ns = [each for each in self._images if self._is_shown(each)]
        return self._images[max(stamps_ns)].image if stamps_ns else None

    def draw(self, canvas: Canvas, size: float) -> None:
        """Draw what has changed.

        Args:
            canvas: Where to.
            size: Distance of the images from the cameras, map units.
        """
        if not self._has_changes and size == self._size:
            return
        self._has_changes = False
        poses = self.shown_poses
        segments = np.stack([poses[:-1, :3, 3], poses[1:, :3, 3]], axis=1)
        lengths = np.linalg.norm(segments[:, 1] - segments[:, 0], axis=1)
        if len(lengths):
            segments = segments[lengths <= _JUMP * max(float(np.median(lengths)), 1e-6)]
        colors = np.tile(np.array(_PATH_COLOR, np.uint8), (len(segments), 2, 1))
        colors[-1:] = _NEWEST_COLOR
        canvas.put_lines(_PATH, segments, colors, _PATH_WIDTH_PX)
        self._draw_frusta(canvas, size)

    def _is_shown(self, stamp_ns: int) -> bool:
        return self.until_ns is None or stamp_ns <= self.until_ns

    def _draw_frusta(self, canvas: Canvas, size: float) -> None:
        by_stamp = dict(zip(self._stamps_ns.tolist(), self._poses, strict=True))
        posed = sorted(each for each in self._images if each in by_stamp and self._is_shown(each))
        wanted = posed[-self.max_frusta :] if self.max_frusta else []
        for stamp_ns in self._drawn.keys() - set(wanted):
            canvas.remove(_name(stamp_ns))
            del self._drawn[stamp_ns]
        has_other_size = size != self._size
        self._size = size
        for stamp_ns in wanted:
            pose, frame = by_stamp[stamp_ns], self._images[stamp_ns]
            before = self._drawn.get(stamp_ns)
            if before is not None and not has_other_size:
                if not np.array_equal(before, pose):
                    canvas.move_frustum(_name(stamp_ns), pose)
            else:
                frustum = Frustum(
                    map_from_cam=pose, fov_rad=frame.fov_rad, image=frame.image, size=size
                )
                canvas.put_frustum(_name(stamp_ns), frustum)
            self._drawn[stamp_ns] = pose


def _name(stamp_ns: int) -> str:
    return f'/cameras/{stamp_ns}'
