"""Graph arrays: submaps with their covariances and edges, as arrays of a file."""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float
import numpy as np

from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.mapping.backend.pose_graph import Edge
from vggt_ros.mapping.backend.submap_graph import PlacedSubmap
from vggt_ros.mapping.registration.up_direction import UpDirection
from vggt_ros.mapping.session.checked_arrays import CheckedArrays

# Corrections of maps make nothing longer or shorter than by this.
_MAX_SCALE = 1e6
# Of rounding, against the largest entry.
_SYMMETRY = 1e-6
# Directions are of length 1 but for rounding, and never exact.
_MAX_LENGTH_ERROR, _MIN_UP_SIGMA_RAD = 1e-6, 1e-6


def arrays_of_graph(
    submaps: Sequence[PlacedSubmap], edges: Sequence[Edge]
) -> dict[str, np.ndarray]:
    """Return N submaps and M edges as arrays.

    Returns:
        `submap.id`, `submap.segment` (N,), `submap.map_from_submap` (N, 4, 4) rigid,
        `submap.scale` (N,), `submap.covariance` (N, 7, 7); `submap.up` (N, 3) and
        `submap.up_sigma_rad` (N,), NaN where up was not measured; `edge.ids` (M, 2),
        `edge.i_from_j`, `edge.scale`, `edge.covariance`, `edge.is_loop` (M,).
    """
    return {
        'submap.id': np.array([each.id for each in submaps], dtype=np.int64),
        'submap.segment': np.array([each.segment for each in submaps], dtype=np.int64),
        **_similarities('submap', 'map_from_submap', [each.map_from_submap for each in submaps]),
        'submap.covariance': _stacked([each.covariance for each in submaps]),
        **_arrays_of_ups([each.up for each in submaps]),
        'edge.ids': np.array([[each.i, each.j] for each in edges], np.int64).reshape(-1, 2),
        **_similarities('edge', 'i_from_j', [each.i_from_j for each in edges]),
        'edge.covariance': _stacked([each.covariance for each in edges]),
        'edge.is_loop': np.array([each.is_loop for each in edges], dtype=np.bool_),
    }


def graph_of_arrays(arrays: CheckedArrays) -> tuple[tuple[PlacedSubmap, ...], tuple[Edge, ...]]:
    """Return submaps and edges as they were stored.

    Raises:
        SessionError: An array is not as it must be, or an edge hangs in the air.
    """
    ids = arrays.get('submap.id', np.int64, (None,))
    count = len(ids)
    if (np.diff(ids) <= 0).any():
        raise arrays.refuse('submap.id', 'does not ascend')
    segments = arrays.get('submap.segment', np.int64, (count,))
    # Every segment begins with a submap of its own.
    if count and (segments.min() < 0 or segments.max() >= count or segments[0] != 0):
        raise arrays.refuse('submap.segment', f'must begin with 0 and stay below {count}')
    places = _read_similarities(arrays, 'submap', 'map_from_submap', count)
    ups = _read_ups(arrays, count)
    covariances = _read_covariances(arrays, 'submap.covariance', count)
    ends = arrays.get('edge.ids', np.int64, (None, 2))
    if not (np.isin(ends, ids).all() and (ends[:, 0] != ends[:, 1]).all()):
        raise arrays.refuse('edge.ids', 'names a submap that is not there, or one twice')
    steps = _read_similarities(arrays, 'edge', 'i_from_j', len(ends))
    step_covariances = _read_covariances(arrays, 'edge.covariance', len(ends))
    is_loop = arrays.get('edge.is_loop', np.bool_, (len(ends),))
    return (
        tuple(
            PlacedSubmap(
                id=int(ids[k]),
                segment=int(segments[k]),
                map_from_submap=places[k],
                covariance=covariances[k],
                up=ups[k],
            )
            for k in range(count)
        ),
        tuple(
            Edge(
                i=int(ends[k, 0]),
                j=int(ends[k, 1]),
                i_from_j=steps[k],
                covariance=step_covariances[k],
                is_loop=bool(is_loop[k]),
            )
            for k in range(len(ends))
        ),
    )


def _similarities(kind: str, name: str, places: Sequence[Sim3]) -> dict[str, np.ndarray]:
    poses = np.tile(np.eye(4), (len(places), 1, 1))
    for pose, place in zip(poses, places, strict=True):
        pose[:3, :3], pose[:3, 3] = place.rotation, place.translation
    scales = np.array([each.scale for each in places], dtype=np.float64)
    return {f'{kind}.{name}': poses, f'{kind}.scale': scales}


def _read_similarities(arrays: CheckedArrays, kind: str, name: str, count: int) -> list[Sim3]:
    poses = arrays.poses(f'{kind}.{name}', count)
    scales = arrays.get(f'{kind}.scale', np.float64, (count,))
    if ((scales < 1.0 / _MAX_SCALE) | (scales > _MAX_SCALE)).any():
        raise arrays.refuse(f'{kind}.scale', f'is beyond 1/{_MAX_SCALE:g}..{_MAX_SCALE:g}')
    return [
        Sim3(float(scale), pose[:3, :3].copy(), pose[:3, 3].copy())
        for pose, scale in zip(poses, scales, strict=True)
    ]


def _arrays_of_ups(ups: Sequence[UpDirection | None]) -> dict[str, np.ndarray]:
    directions, sigmas_rad = np.full((len(ups), 3), np.nan), np.full(len(ups), np.nan)
    for row, up in enumerate(ups):
        if up is not None:
            directions[row], sigmas_rad[row] = up.along_axes, up.sigma_rad
    return {'submap.up': directions, 'submap.up_sigma_rad': sigmas_rad}


def _read_ups(arrays: CheckedArrays, count: int) -> list[UpDirection | None]:
    """Return what was measured of gravity; maps of before it was have no such arrays."""
    if not arrays.has('submap.up'):
        return [None] * count
    directions = arrays.get('submap.up', np.float64, (count, 3), may_be_nan=True)
    sigmas_rad = arrays.get('submap.up_sigma_rad', np.float64, (count,), may_be_nan=True)
    is_known = np.isfinite(directions).all(axis=1) & np.isfinite(sigmas_rad)
    lengths = np.linalg.norm(directions[is_known], axis=1)
    if (np.abs(lengths - 1.0) > _MAX_LENGTH_ERROR).any():
        raise arrays.refuse('submap.up', 'has directions that are not of length 1')
    if (sigmas_rad[is_known] < _MIN_UP_SIGMA_RAD).any():
        raise arrays.refuse('submap.up_sigma_rad', f'is below {_MIN_UP_SIGMA_RAD:g}')
    return [
        UpDirection(along_axes=direction, sigma_rad=float(sigma_rad)) if known else None
        for direction, sigma_rad, known in zip(directions, sigmas_rad, is_known, strict=True)
    ]


def _read_covariances(
    arrays: CheckedArrays, name: str, count: int
) -> Float[np.ndarray, 'count 7 7']:
    found: Float[np.ndarray, 'count 7 7'] = arrays.get(name, np.float64, (count, 7, 7))
    size = np.abs(found).max(axis=(1, 2), initial=0.0)
    skew = np.abs(found - np.swapaxes(found, 1, 2)).max(axis=(1, 2), initial=0.0)
    least = np.linalg.eigvalsh(found)[:, 0] if count else np.zeros(0)
    if ((skew > _SYMMETRY * size) | (least < -_SYMMETRY * size)).any():
        raise arrays.refuse(name, 'is no covariance: not symmetric, or negative')
    return found


def _stacked(matrices: Sequence[Float[np.ndarray, '7 7']]) -> Float[np.ndarray, 'n 7 7']:
    return np.array(matrices, dtype=np.float64).reshape(-1, 7, 7)
