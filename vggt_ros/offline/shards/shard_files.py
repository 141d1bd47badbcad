"""Shard files: what of a mapped shard is needed to join it with others, without pickles.

`features.bin` and `clouds.bin` have the features and points of keyframes one after the other, as
they came; `shard.npz` says whose is what, and has poses, intrinsics and the truth.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
import json
from pathlib import Path
from typing import Any

from jaxtyping import Float, Float32, Int64
import numpy as np

from vggt_ros.mapping.layers.map_update import FrameResult
from vggt_ros.mapping.refinement.keyframe_features import KeyframeFeatures
from vggt_ros.mapping.registration.metric_scale import ScaleState
from vggt_ros.offline.depth_sample import DepthSample
from vggt_ros.offline.frame_poses import FramePoses, KINDS
from vggt_ros.offline.result import Result
from vggt_ros.offline.shards.keyframe_points import cloud_of, CLOUD_POINT

SHARD = 'shard'
_FEATURES, _CLOUDS, _ARRAYS = 'features.bin', 'clouds.bin', 'shard.npz'
_FEATURE = np.dtype([('uv', '<f4', 2), ('descriptor', 'u1', 128), ('point', '<f4', 3)])
# What a row of pictures shows of all shards together.
_MAX_SAMPLES = 6
_SAMPLE = 'image', 'depth', 'confidence'


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Kept:
    num_features: int
    num_points: int
    K: Float[np.ndarray, '3 3']
    descriptor: Float32[np.ndarray, ' C']


class ShardFiles:
    """Writes the files while a shard is mapped; 0.5 MB a keyframe."""

    def __init__(self, folder: Path) -> None:
        """Open the files; those that are there are replaced.

        Args:
            folder: Is made if it is not there.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._features = (folder / _FEATURES).open('wb')
        self._clouds = (folder / _CLOUDS).open('wb')
        self._kept: dict[int, _Kept] = {}
        self._is_calibrated = True

    def add(self, result: FrameResult, features: KeyframeFeatures) -> None:
        """Write what a keyframe shows, in the unit of the map when it came."""
        rows = np.empty(len(features), _FEATURE)
        rows['uv'], rows['descriptor'] = features.uv, features.descriptors
        rows['point'] = features.points_in_cam
        self._features.write(rows.tobytes())
        self._is_calibrated &= result.frame.K is not None
        points = cloud_of(result)
        self._clouds.write(points.tobytes())
        nothing: Float32[np.ndarray, ' C'] = np.zeros(0, np.float32)
        self._kept[result.frame.id] = _Kept(
            num_features=len(rows),
            num_points=len(points),
            K=features.K,
            descriptor=nothing if result.descriptor is None else result.descriptor,
        )

    def finish(self, result: Result) -> None:
        """Write what is known in the end.

        Args:
            result: What came out.
        """
        self.close()
        ends = np.cumsum([[k.num_features, k.num_points] for k in self._kept.values()], axis=0)
        begins = np.concatenate([[[0, 0]], ends])
        place = {frame_id: begins[[n, n + 1]].T for n, frame_id in enumerate(self._kept)}
        ids = result.keyframes.tolist()
        samples = result.samples[:: max(1, -(-len(result.samples) // _MAX_SAMPLES))]
        arrays: dict[str, Any] = {
            'stamps_ns': result.poses.stamps_ns,
            'map_from_cam': result.poses.map_from_cam,
            'kind': np.array([KINDS.index(kind) for kind in result.poses.kind], np.int8),
            'camera': np.array(result.poses.camera, np.int16),
            'keyframes': result.keyframes,
            'segments': result.segments,
            'growth': result.growth,
            'K': np.array([view.K for view in result.views]).reshape(-1, 3, 3),
            'image_size': np.array([(v.width, v.height) for v in result.views]).reshape(-1, 2),
            'K_measured': np.array([self._kept[i].K for i in ids]).reshape(-1, 3, 3),
            'features': np.array([place[i][0] for i in ids]).reshape(-1, 2),
            'clouds': np.array([place[i][1] for i in ids]).reshape(-1, 2),
            'descriptors': np.array([self._kept[i].descriptor for i in ids], np.float32),
            'is_calibrated': np.array(self._is_calibrated),
            'sample_ids': np.array([sample.frame_id for sample in samples], np.int64),
        }
        if result.truth is not None:
            arrays['world_from_cam'] = result.truth.world_from_cam
        for row, sample in enumerate(samples):
            arrays |= {f'sample_{name}_{row}': getattr(sample, name) for name in _SAMPLE}
        np.savez(self._folder / _ARRAYS, **arrays)

    def close(self) -> None:
        """Close the files; again is harmless."""
        self._features.close()
        self._clouds.close()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shard:
    """A shard that was mapped: N frames, M of them keyframes; lengths in the unit of its map.

    Attributes:
        folder: Of its run.
        record: What `run.json` says of it.
        poses: Of its frames.
        world_from_cam: (N, 4, 4) true poses, NaN where unknown; None if there is no truth.
        keyframes: (M,) its frames that are in its map, ascending.
        segments: (M,) the part of its map that each is in.
        K: (M, 3, 3) their intrinsics, pixels of the camera's image.
        K_measured: (M, 3, 3) the same when they were measured.
        image_size: (M, 2) width and height of their images.
        growth: (M,) how much longer what was measured is in its map in the end.
        descriptors: (M, C) what the network says that they look like; C may be 0.
        is_calibrated: Whether the focal length is known.
        samples: Keyframes to look at, depth as it was measured.
        ranges: Rows of keyframes in `features` and `clouds`, from and to.
    """

    folder: Path
    record: Mapping[str, Any]
    poses: FramePoses
    world_from_cam: Float[np.ndarray, 'N 4 4'] | None
    keyframes: Int64[np.ndarray, ' M']
    segments: Int64[np.ndarray, ' M']
    K: Float[np.ndarray, 'M 3 3']
    K_measured: Float[np.ndarray, 'M 3 3']
    image_size: Int64[np.ndarray, 'M 2']
    growth: Float[np.ndarray, ' M']
    descriptors: Float32[np.ndarray, 'M C']
    is_calibrated: bool
    samples: tuple[DepthSample, ...]
    ranges: Mapping[str, Int64[np.ndarray, 'M 2']]

    @property
    def scale(self) -> ScaleState:
        """What is known of meters."""
        told = self.record['scale']
        unknown: dict[str, Any] = {'meters_per_unit': float('nan'), 'log_sigma': float('inf')}
        return ScaleState(**told | {k: v for k, v in unknown.items() if told[k] is None})

    def median_depth(self, rows: Int64[np.ndarray, ' n']) -> float:
        """Return how far away what some keyframes show is, in the unit of its map; 1 if unknown.

        Args:
            rows: (n,) of 0 .. M - 1, one or more.
        """
        depths = np.concatenate([self.features(row).points_in_cam[:, 2] for row in rows.tolist()])
        return float(np.nanmedian(depths)) if np.isfinite(depths).any() else 1.0

    def features(self, row: int) -> KeyframeFeatures:
        """Return the features of a keyframe, with points in the unit of its map.

        Args:
            row: 0 .. M - 1.
        """
        found = self._rows('features', row, _FEATURES, _FEATURE)
        across = self.K_measured[row, 0, 0] / self.K[row, 0, 0]
        stretch = self.growth[row] * np.array([across, across, 1.0])
        width, height = self.image_size[row].tolist()
        return KeyframeFeatures(
            uv=found['uv'].copy(),
            descriptors=found['descriptor'].copy(),
            points_in_cam=(found['point'] * stretch).astype(np.float32),
            K=self.K[row],
            image_size=(width, height),
        )

    def cloud(self, row: int) -> np.ndarray:
        """Return the points of a keyframe as they were measured: (n,) of `CLOUD_POINT`."""
        return self._rows('clouds', row, _CLOUDS, CLOUD_POINT)

    def _rows(self, what: str, row: int, name: str, kind: np.dtype[Any]) -> np.ndarray:
        begin, end = self.ranges[what][row].tolist()
        path = self.folder / SHARD / name
        return np.fromfile(path, kind, count=end - begin, offset=begin * kind.itemsize)


def read_shard(folder: Path) -> Shard:
    """Return a shard that was mapped into a folder.

    Args:
        folder: Of its run, complete.

    Raises:
        OSError: A file is missing.
    """
    record = json.loads((folder / 'run.json').read_text(encoding='utf-8'))
    with np.load(folder / SHARD / _ARRAYS, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    samples = tuple(
        DepthSample(
            frame_id=frame_id, **{name: arrays[f'sample_{name}_{row}'] for name in _SAMPLE}
        )
        for row, frame_id in enumerate(arrays['sample_ids'].tolist())
    )
    same = ('keyframes', 'segments', 'K', 'K_measured', 'image_size', 'growth', 'descriptors')
    return Shard(
        folder=folder,
        record=record,
        poses=FramePoses(
            stamps_ns=arrays['stamps_ns'],
            map_from_cam=arrays['map_from_cam'],
            kind=tuple(KINDS[code] for code in arrays['kind'].tolist()),
            camera=tuple(arrays['camera'].tolist()),
        ),
        world_from_cam=arrays.get('world_from_cam'),
        is_calibrated=bool(arrays['is_calibrated']),
        samples=samples,
        ranges={name: arrays[name] for name in ('features', 'clouds')},
        **{name: arrays[name] for name in same},
    )
