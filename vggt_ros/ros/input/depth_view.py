"""One depth camera beside one camera: its newest images, and whether they show the same."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
import threading

from jaxtyping import Float, Float32
import numpy as np
from sensor_msgs.msg import CameraInfo, Image

from vggt_ros.errors import InputError
from vggt_ros.geometry.lens import Lens
from vggt_ros.mapping.frontend.frame import Frame, UndecodedFrame
from vggt_ros.mapping.registration.depth_registration import (
    CameraSight,
    has_same_view,
    not_registered,
    rays_of,
    register_depth,
)
from vggt_ros.ros.input.calibration import CalibrationReader
from vggt_ros.ros.middleware.depth_message import depth_from_image, DepthGrid
from vggt_ros.ros.middleware.log_text import one_line
from vggt_ros.ros.middleware.stamps import ns_from_stamp

# Ten seconds at 30 Hz; at 160 x 160 pixels 31 MB.
_KEPT = 300
# A sensor of its own takes its images at other times; a camera moves little in this one.
_MAX_OFFSET_NS = 20_000_000
_NS_PER_MS = 1e6
# So many images in a row without depth are no accident.
_MANY_MISSES = 8

# Asked for the place of one frame in another at a stamp: (target, source, stamp_ns).
Lookup = Callable[[str, str, int], Float[np.ndarray, '4 4'] | None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Measured:
    """One depth image."""

    stamp_ns: int
    frame: str
    grid: DepthGrid
    depth_m: Float32[np.ndarray, 'h w']


class DepthView:
    """Answers with depth as the camera sees it; one thread asks, another one tells."""

    def __init__(self, topic: str, lookup: Lookup) -> None:
        """Know nothing yet.

        Args:
            topic: Full name of the topic of the depth, for messages.
            lookup: Knows the transforms.
        """
        self._topic = topic
        self._lookup = lookup
        self._lock = threading.Lock()
        self._images: deque[_Measured] = deque(maxlen=_KEPT)
        self._info: CameraInfo | None = None
        self._reader = CalibrationReader('auto', topic)
        self._camera: CameraSight | None = None
        self._refusal = ''
        self._num_misses, self._offset_ns = 0, 0
        self._rays: tuple[object, Float[np.ndarray, 'h w 3']] | None = None

    @property
    def problem(self) -> str:
        """Why the depth does not count; empty if it does, or there is none."""
        if self._refusal:
            return f'{self._topic}: {self._refusal}'
        if self._num_misses < _MANY_MISSES:
            return ''
        return (
            f'{self._topic}: none of the last {self._num_misses} images has depth within '
            f'{_MAX_OFFSET_NS / _NS_PER_MS:.0f} ms of its stamp, the nearest is '
            f'{self._offset_ns / _NS_PER_MS:+.0f} ms off: it does not count for the scale; '
            f'synchronize the clocks or triggers of the two sensors'
        )

    def clear(self) -> None:
        """Forget the images."""
        with self._lock:
            self._images.clear()
        self._refusal, self._num_misses = '', 0

    def note_frame(self, frame: Frame | UndecodedFrame) -> None:
        """Remember what the camera sees."""
        known = self._camera
        K_known = None if known is None or known.lens is None else known.lens.K
        is_same = (
            known is not None
            and (known.frame, known.size) == (frame.camera_frame, frame.size)
            and (K_known is frame.K or np.array_equal(K_known, frame.K))  # type: ignore[arg-type]
        )
        if not is_same:
            lens = None if frame.K is None else _pinhole(frame.K, frame.size)
            self._camera = CameraSight(frame=frame.camera_frame, size=frame.size, lens=lens)

    def note_info(self, info: CameraInfo) -> None:
        """Remember the calibration of the depth camera, whose frame has no leading slash."""
        self._info = info

    def add(self, message: Image) -> None:
        """Take a depth image, whose frame has no leading slash.

        Raises:
            ValueError: It cannot be read.
        """
        measured = _Measured(
            stamp_ns=ns_from_stamp(message.header.stamp),
            frame=one_line(message.header.frame_id),
            grid=DepthGrid(width=message.width, height=message.height),
            depth_m=depth_from_image(message),
        )
        with self._lock:
            self._images.append(measured)

    def depth_m(self, stamp_ns: int) -> Float32[np.ndarray, 'h w'] | None:
        """Return the depth nearest to a stamp as the camera sees it; None if there is none."""
        with self._lock:
            if not self._images:
                return None
            found = min(self._images, key=lambda each: abs(each.stamp_ns - stamp_ns))
        if abs(found.stamp_ns - stamp_ns) > _MAX_OFFSET_NS:
            self._num_misses += 1
            self._offset_ns = found.stamp_ns - stamp_ns
            return None
        self._num_misses = 0
        try:
            registered = self._registered(found)
        except InputError as error:
            self._refusal = str(error)
            return None
        self._refusal = ''
        return registered

    def _registered(self, found: _Measured) -> Float32[np.ndarray, 'h w']:
        camera = self._camera
        if camera is None:  # no calibration: it is taken to see the same
            return found.depth_m
        lens = self._lens_of(found)
        size = found.grid.width, found.grid.height
        depth = CameraSight(frame=found.frame, size=size, lens=lens)
        if has_same_view(depth, camera):
            return found.depth_m
        assert lens is not None, 'else it is the same view, or an error'
        cam_from_depth = np.eye(4)
        if found.frame not in ('', camera.frame):
            known = self._lookup(camera.frame, found.frame, found.stamp_ns)
            if known is None:
                raise not_registered(
                    f'it is in the frame {found.frame!r}, the image in {camera.frame!r}',
                    [f'the transform between them on TF at the stamp {found.stamp_ns} ns'],
                )
            cam_from_depth = known
        return register_depth(
            found.depth_m, self._rays_of(lens, found.grid), cam_from_depth, camera
        )

    def _lens_of(self, found: _Measured) -> Lens | None:
        """Return how the depth camera sees; None if nothing that holds for the image is known."""
        info = self._info
        # On a topic beside the depth there may be the calibration of another camera.
        if info is None or info.header.frame_id not in ('', found.frame):
            return None
        try:
            calibration = self._reader.read(info, found.grid.width, found.grid.height)
        except InputError:
            return None
        if calibration.rectifier is not None:
            return calibration.rectifier.lens
        if calibration.K is None:
            return None
        return _pinhole(calibration.K, (found.grid.width, found.grid.height))

    def _rays_of(self, lens: Lens, grid: DepthGrid) -> Float[np.ndarray, 'h w 3']:
        key = (lens.K.tobytes(), lens.D.tobytes(), lens.model, grid)
        if self._rays is None or self._rays[0] != key:
            self._rays = key, rays_of(lens, grid.columns, grid.rows)
        return self._rays[1]


def _pinhole(K: Float[np.ndarray, '3 3'], size: tuple[int, int]) -> Lens:
    return Lens(model='plumb_bob', K=K, D=np.zeros(5), K_rect=None, width=size[0], height=size[1])
