"""Session folder: a map session as plain files with checksums; docs/sessions.md is its format."""

from __future__ import annotations

from collections.abc import Mapping
import hashlib
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from vggt_ros.errors import SessionError
from vggt_ros.mapping.session.checked_arrays import CheckedArrays
from vggt_ros.mapping.session.graph_arrays import arrays_of_graph, graph_of_arrays
from vggt_ros.mapping.session.keyframe_arrays import arrays_of_keyframes, keyframes_of_arrays
from vggt_ros.mapping.session.layer_arrays import (
    arrays_of_path,
    arrays_of_scans,
    arrays_of_voxels,
    path_of_arrays,
    scans_of_arrays,
    voxels_of_arrays,
)
from vggt_ros.mapping.session.map_session import MapSession

FOLDER_NAME, INDEX_NAME = 'session', 'session.json'
_FORMAT, _VERSION = 'vggt_ros map session', 1
# A later version that only adds to this one says so, and is read here.
_OLDEST_READER = 1
_NAMES = ('graph', 'keyframes', 'points', 'path', 'scans')
_MAX_INDEX_BYTES = 10_000_000
_REMEDY = 'it is not used; load another map, or set map.load_path to an empty string to begin anew'


def write_session(
    folder: Path, session: MapSession, *, software: str, settings: Mapping[str, Any]
) -> int:
    """Write a session into a new folder `folder/session`; it is complete when this returns.

    Args:
        folder: Is there, and not read by anyone before it has its name.
        session: What to write.
        software: Name and version of what writes it.
        settings: That the map was made with, for people.

    Returns:
        Bytes of all files.

    Raises:
        OSError: The disk is full or not writable.
    """
    target = folder / FOLDER_NAME
    target.mkdir()
    keyframes, camera_frames = arrays_of_keyframes(session.keyframes)
    tables = {
        'graph': arrays_of_graph(session.submaps, session.edges),
        'keyframes': keyframes,
        'points': arrays_of_voxels(session.voxels),
        'path': arrays_of_path(session.path),
        'scans': arrays_of_scans(session.scans),
    }
    files: dict[str, dict[str, Any]] = {}
    for name, arrays in tables.items():
        data = save({key: np.ascontiguousarray(array) for key, array in arrays.items()})
        (target / f'{name}.safetensors').write_bytes(data)
        files[f'{name}.safetensors'] = {'bytes': len(data), 'sha256': _sha256(data)}
    sigma = session.log_scale_sigma
    index = {
        'format': _FORMAT,
        'version': _VERSION,
        'oldest_reader': _OLDEST_READER,
        'written_by': software,
        'counts': {
            'submaps': len(session.submaps),
            'edges': len(session.edges),
            'keyframes': len(session.keyframes),
            'points': len(session.voxels.hits),
            'poses': len(session.path),
            'scans': len(session.scans),
        },
        'scale': {
            'is_metric': session.is_metric,
            'log_sigma': sigma if math.isfinite(sigma) else None,
            'source': session.scale_source,
        },
        'usual_depth': session.usual_depth if math.isfinite(session.usual_depth) else None,
        'origin_in_map': session.origin_in_map.tolist(),
        'is_upright': session.is_upright,
        'camera_frames': camera_frames,
        'settings': dict(settings),
        'files': files,
    }
    text = json.dumps({**index, 'sha256': _sha256(_canonical(index))}, indent=2) + '\n'
    (target / INDEX_NAME).write_text(text, encoding='utf-8')
    return len(text.encode()) + sum(each['bytes'] for each in files.values())


def read_session(folder: Path) -> MapSession:
    """Return the session of a saved map.

    Args:
        folder: Of the map, which holds `session`, or that itself.

    Raises:
        SessionError: There is none, or it is damaged, of another program, or too new; the message
            names the file. Nothing of it is executed.
    """
    try:
        folder = folder.expanduser()
        inner = folder / FOLDER_NAME
        folder = inner if inner.is_dir() else folder
        index = _read_index(folder / INDEX_NAME)
        tables = {name: _read_arrays(folder, f'{name}.safetensors', index) for name in _NAMES}
    except (OSError, RuntimeError) as error:
        reason = getattr(error, 'strerror', None) or error
        raise SessionError(
            f'the stored map {folder} cannot be read: {reason}; {_REMEDY}'
        ) from error
    names = [str(each) for each in _expect(index, 'camera_frames', list)]
    submaps, edges = graph_of_arrays(tables['graph'])
    scale = _expect(index, 'scale', dict)
    sigma, depth = scale.get('log_sigma'), index.get('usual_depth')
    session = MapSession(
        submaps=submaps,
        edges=edges,
        keyframes=keyframes_of_arrays(tables['keyframes'], names),
        voxels=voxels_of_arrays(tables['points']),
        path=path_of_arrays(tables['path']),
        scans=scans_of_arrays(tables['scans']),
        is_metric=_expect(scale, 'is_metric', bool),
        log_scale_sigma=math.inf if sigma is None else _positive(sigma, 'scale.log_sigma'),
        scale_source=_expect(scale, 'source', str),
        usual_depth=math.nan if depth is None else _positive(depth, 'usual_depth'),
        origin_in_map=_origin(index),
        is_upright=_expect(index, 'is_upright', bool),
    )
    if not session.submaps:
        raise SessionError(f'the stored map {folder} has 0 submaps; {_REMEDY}')
    return session


def _read_index(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise SessionError(
            f'{path} is not there: the folder holds no map that can be gone on with (maps saved '
            f'before version 0.2 have none); {_REMEDY}'
        )
    if path.stat().st_size > _MAX_INDEX_BYTES:
        raise SessionError(
            f'{path} has {path.stat().st_size} bytes, more than {_MAX_INDEX_BYTES}; {_REMEDY}'
        )
    try:
        index = json.loads(path.read_text(encoding='utf-8'), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise SessionError(f'{path} is no JSON: {error}; {_REMEDY}') from error
    if not isinstance(index, dict) or index.get('format') != _FORMAT:
        found = index.get('format') if isinstance(index, dict) else None
        raise SessionError(f'{path} is of the format {found!r} and not {_FORMAT!r}; {_REMEDY}')
    oldest = index.get('oldest_reader')
    if not isinstance(oldest, int) or oldest > _VERSION:
        raise SessionError(
            f'{path} was written by {index.get("written_by")!r} in version '
            f'{index.get("version")!r} and needs a reader of version {oldest!r}; this one is '
            f'{_VERSION}: update vggt_ros; {_REMEDY}'
        )
    told = index.pop('sha256', None)
    if told != _sha256(_canonical(index)):
        raise SessionError(f'{path} is not what was written (its checksum differs); {_REMEDY}')
    return index


def _read_arrays(folder: Path, name: str, index: Mapping[str, Any]) -> CheckedArrays:
    told = _expect(_expect(index, 'files', dict), name, dict)
    path = folder / name
    if not path.is_file():
        raise SessionError(f'{path} is not there; {_REMEDY}')
    if path.stat().st_size != told.get('bytes'):
        raise SessionError(
            f'{path} has {path.stat().st_size} bytes and not {told.get("bytes")}; {_REMEDY}'
        )
    data = path.read_bytes()
    if _sha256(data) != told.get('sha256'):
        raise SessionError(f'{path} is not what was written (its checksum differs); {_REMEDY}')
    try:
        arrays = load(data)
    except (SafetensorError, KeyError, ValueError) as error:
        raise SessionError(f'{path} cannot be read: {error}; {_REMEDY}') from error
    return CheckedArrays(str(path), arrays)


def _expect(table: Mapping[str, Any], name: str, kind: type) -> Any:
    found = table.get(name)
    if not isinstance(found, kind):
        raise SessionError(f'{INDEX_NAME}: {name} is {found!r}; {_REMEDY}')
    return found


def _positive(number: object, name: str) -> float:
    if not isinstance(number, int | float) or not 0 <= number < math.inf:
        raise SessionError(f'{INDEX_NAME}: {name} is {number!r} and not positive; {_REMEDY}')
    return float(number)


def _origin(index: Mapping[str, Any]) -> np.ndarray:
    found = _expect(index, 'origin_in_map', list)
    numbers = [each for each in found if isinstance(each, int | float) and math.isfinite(each)]
    if len(numbers) != 3 or len(found) != 3:
        raise SessionError(f'{INDEX_NAME}: origin_in_map is {found!r}; {_REMEDY}')
    return np.array(numbers, dtype=np.float64)


def _refuse_constant(name: str) -> float:
    raise ValueError(f'{name} is no number')


def _canonical(index: Mapping[str, Any]) -> bytes:
    return json.dumps(index, sort_keys=True, separators=(',', ':')).encode()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
