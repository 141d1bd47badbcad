"""Keyframe clouds: what each keyframe measured, kept on disk until the map is drawn anew."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
import tempfile

from jaxtyping import Float, Float32, UInt8
import numpy as np

from vggt_ros.geometry import se3
from vggt_ros.mapping.layers.map_update import FrameResult
from vggt_ros.mapping.layers.voxel_map import MapPoints, VoxelMap
from vggt_ros.settings.world_config import MapSettings

# Every second pixel of every second row: voxels are coarser than pixels nearly everywhere.
_STRIDE = 2
# Half precision is 1 mm at 2 m: a tenth of what depth is good to.
_POINT = np.dtype([('xyz', '<f2', 3), ('rgb', 'u1', 3), ('confidence', '<f2')])
_MAX_CONFIDENCE = 6e4


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stored:
    frame_id: int
    offset: int
    count: int
    focal_px: float


class KeyframeClouds:
    """A file without a name that is gone when it is closed; 0.3 MB a keyframe."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._file = tempfile.TemporaryFile(prefix='vggt_ros_')  # noqa: SIM115 - see `close`
        self._stored: list[_Stored] = []

    def add(self, result: FrameResult) -> None:
        """Keep the points of a keyframe that are drawn into the map."""
        keep = result.drawn[::_STRIDE, ::_STRIDE]
        points = np.empty(int(keep.sum()), _POINT)
        points['xyz'] = result.points_in_cam[::_STRIDE, ::_STRIDE][keep]
        points['rgb'] = result.image[::_STRIDE, ::_STRIDE][keep]
        confidence = result.confidence[::_STRIDE, ::_STRIDE][keep]
        points['confidence'] = np.minimum(confidence, _MAX_CONFIDENCE)
        offset = self._file.seek(0, 2)
        self._file.write(points.tobytes())
        self._stored.append(
            _Stored(
                frame_id=result.frame.id,
                offset=offset,
                count=len(points),
                focal_px=float(result.K_image[0, 0]),
            )
        )

    def fused(
        self,
        map_from_cam: dict[int, Float[np.ndarray, '4 4']],
        growth: dict[int, float],
        focal_px: dict[int, float],
        settings: MapSettings,
    ) -> MapPoints:
        """Return all points, each keyframe's where it is now.

        Args:
            map_from_cam: Poses of the keyframes, by frame.
            growth: How much longer what each measured is now, by frame.
            focal_px: Their focal lengths now, by frame.
            settings: `map.*`.
        """
        voxels = VoxelMap(settings.voxel_size, settings.max_points)
        for stored, xyz, rgb, confidence in self._read():
            pose = map_from_cam.get(stored.frame_id)
            if pose is None:
                continue
            across = stored.focal_px / focal_px[stored.frame_id]
            scale = growth[stored.frame_id] * np.array([across, across, 1.0], np.float32)
            points = se3.transform(pose, (xyz * scale).astype(np.float32)).astype(np.float32)
            voxels.insert(points, rgb, confidence, 0)
        return voxels.points()

    def close(self) -> None:
        """Remove the file; more than once is harmless."""
        self._file.close()

    def _read(
        self,
    ) -> Iterator[
        tuple[
            _Stored,
            Float32[np.ndarray, 'n 3'],
            UInt8[np.ndarray, 'n 3'],
            Float32[np.ndarray, ' n'],
        ]
    ]:
        for stored in self._stored:
            self._file.seek(stored.offset)
            raw = self._file.read(stored.count * _POINT.itemsize)
            points = np.frombuffer(raw, _POINT)
            yield (
                stored,
                points['xyz'].astype(np.float32),
                points['rgb'].copy(),
                points['confidence'].astype(np.float32),
            )
