"""Keyframe store: what each keyframe showed, kept on disk until the map is drawn anew."""

from __future__ import annotations

from dataclasses import dataclass, replace
import tempfile

from jaxtyping import Bool, Float, Float32, UInt8
import numpy as np

from vggt_ros.mapping.layers.map_update import FrameResult

# Half precision is 1 mm at 2 m: a tenth of what depth is good to.
_HALF = np.dtype('<f2')
_MAX_CONFIDENCE = 6e4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MeasuredDepth:
    """Depth of one keyframe on the network's pixels.

    Attributes:
        depth: (H, W) in the unit of the map when the keyframe came; NaN where there is none.
        confidence: (H, W) at least 1.
        keep: (H, W) True where it is good enough for the cloud.
    """

    depth: Float32[np.ndarray, 'H W']
    confidence: Float32[np.ndarray, 'H W']
    keep: Bool[np.ndarray, 'H W']


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Stored:
    shape: tuple[int, int]
    K: Float[np.ndarray, '3 3']
    focal_px: float
    image: int
    depth: int
    candidate: int | None = None


class KeyframeStore:
    """A file without a name that is gone when it is closed; 8 bytes a pixel.

    Of each keyframe it has the depth that is used, and after `propose` another one beside it.
    """

    def __init__(self) -> None:
        """Start with nothing."""
        self._file = tempfile.TemporaryFile(prefix='vggt_ros_')  # noqa: SIM115 - see `close`
        self._stored: dict[int, _Stored] = {}

    @property
    def frame_ids(self) -> list[int]:
        """Keyframes that are here, in the order in which they came."""
        return list(self._stored)

    def add(self, result: FrameResult) -> None:
        """Keep a keyframe.

        Raises:
            OSError: The disk is full.
        """
        image = self._write(np.ascontiguousarray(result.image))
        measured = MeasuredDepth(
            depth=result.depth, confidence=result.confidence, keep=result.drawn
        )
        self._stored[result.frame.id] = _Stored(
            shape=(result.depth.shape[0], result.depth.shape[1]),
            K=result.K.astype(np.float64),
            focal_px=float(result.K_image[0, 0]),
            image=image,
            depth=self._write_depth(measured),
        )

    def shape(self, frame_id: int) -> tuple[int, int]:
        """Return rows and columns of the depth."""
        return self._stored[frame_id].shape

    def K(self, frame_id: int, focal_px: float) -> Float[np.ndarray, '3 3']:
        """Return the (3, 3) intrinsics on the network's pixels.

        Args:
            frame_id: Which keyframe.
            focal_px: Of the camera's image; it may have been adjusted since the keyframe came.
        """
        stored = self._stored[frame_id]
        K = stored.K.copy()
        K[:2, :2] *= focal_px / stored.focal_px
        return K

    def image(self, frame_id: int) -> UInt8[np.ndarray, 'H W 3']:
        """Return the RGB image."""
        stored = self._stored[frame_id]
        return self._read(stored.image, np.dtype('u1'), (*stored.shape, 3))

    def measured(self, frame_id: int) -> MeasuredDepth:
        """Return the depth that is used."""
        stored = self._stored[frame_id]
        return self._read_depth(stored.shape, stored.depth)

    def propose(self, frame_id: int, measured: MeasuredDepth) -> None:
        """Put another depth beside the one that is used, in the place of an earlier one.

        Raises:
            OSError: The disk is full.
        """
        stored = self._stored[frame_id]
        candidate = self._write_depth(measured, stored.candidate)
        self._stored[frame_id] = replace(stored, candidate=candidate)

    def proposed(self, frame_id: int) -> MeasuredDepth | None:
        """Return what was proposed; None if nothing was."""
        stored = self._stored[frame_id]
        if stored.candidate is None:
            return None
        return self._read_depth(stored.shape, stored.candidate)

    def accept(self, frame_id: int) -> None:
        """Use what was proposed from now on."""
        stored = self._stored[frame_id]
        assert stored.candidate is not None, 'something was proposed'
        self._stored[frame_id] = replace(stored, depth=stored.candidate, candidate=None)

    def close(self) -> None:
        """Remove the file; more than once is harmless."""
        self._file.close()

    def _write_depth(self, measured: MeasuredDepth, offset: int | None = None) -> int:
        confidence = np.minimum(measured.confidence, _MAX_CONFIDENCE)
        halves = np.stack([measured.depth, confidence]).astype(_HALF)
        offset = self._write(halves, offset)
        self._write(measured.keep.astype(np.uint8), offset + halves.nbytes)
        return offset

    def _read_depth(self, shape: tuple[int, int], offset: int) -> MeasuredDepth:
        halves = self._read(offset, _HALF, (2, *shape))
        keep = self._read(offset + halves.nbytes, np.dtype('u1'), shape)
        depth, confidence = halves.astype(np.float32)
        return MeasuredDepth(depth=depth, confidence=confidence, keep=keep > 0)

    def _write(self, array: np.ndarray, offset: int | None = None) -> int:
        offset = self._file.seek(0, 2) if offset is None else self._file.seek(offset)
        self._file.write(array.tobytes())
        return offset

    def _read(self, offset: int, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
        self._file.seek(offset)
        raw = self._file.read(dtype.itemsize * int(np.prod(shape)))
        return np.frombuffer(raw, dtype).reshape(shape)
