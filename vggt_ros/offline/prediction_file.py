"""Prediction files: what a network said of one window, on the disk in half precision."""

from __future__ import annotations

from dataclasses import astuple, fields
import os
from pathlib import Path
import secrets
from typing import Any
import zipfile

import numpy as np

from vggt_ros.inference.image_grid import ImageGrid
from vggt_ros.inference.prediction import Prediction, Tracks

_HALF_MAX = float(np.finfo(np.float16).max)
_BROKEN = (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile)


def write_prediction(path: Path, prediction: Prediction) -> None:
    """Write a prediction; the file is complete or not there.

    Depth and points are kept to 5 parts in 10,000, poses, intrinsics and tracks as they are.

    Raises:
        OSError: It cannot be written.
    """
    part = path.with_name(f'{path.name}.{secrets.token_hex(4)}.part')
    try:
        with part.open('wb') as file:
            np.savez(file, **_packed(prediction))
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def read_prediction(path: Path) -> Prediction | None:
    """Return what was written, None if it is not there or broken: it is to be asked for again."""
    try:
        # Opened here: of a broken file numpy would leave it open.
        with path.open('rb') as opened, np.load(opened, allow_pickle=False) as file:
            return _unpacked({name: file[name] for name in file.files})
    except _BROKEN:
        return None


def rounded(prediction: Prediction) -> Prediction:
    """Return a prediction as its file will say, so that a first run is like a repeated one."""
    return _unpacked(_packed(prediction))


def _packed(prediction: Prediction) -> dict[str, Any]:
    unit = float(np.nanmedian(prediction.depth)) if prediction.depth.size else 1.0
    unit = unit if np.isfinite(unit) and unit > 0 else 1.0
    packed: dict[str, Any] = {
        'grid': np.array(astuple(prediction.grid), dtype=np.float64),
        'images': prediction.images,
        'unit': np.float64(unit),
        'depth': _half(prediction.depth / np.float32(unit)),
        'depth_conf': _half(prediction.depth_conf),
        'keep': prediction.keep,
        'cam_from_world': prediction.cam_from_world,
        'K_model': prediction.K_model,
        'K_image': prediction.K_image,
    }
    if prediction.points_in_world is not None:
        packed['points_in_world'] = _half(prediction.points_in_world / np.float32(unit))
    if prediction.points_conf is not None:
        packed['points_conf'] = _half(prediction.points_conf)
    if prediction.descriptors is not None:
        packed['descriptors'] = prediction.descriptors
    if prediction.tracks is not None:
        for field in fields(Tracks):
            packed[f'tracks_{field.name}'] = getattr(prediction.tracks, field.name)
    return packed


def _unpacked(packed: dict[str, Any]) -> Prediction:
    numbers = packed['grid'].tolist()
    whole = {'image_width', 'image_height', 'model_width', 'model_height', 'offset_u', 'offset_v'}
    grid = {
        field.name: int(number) if field.name in whole else number
        for field, number in zip(fields(ImageGrid), numbers, strict=True)
    }
    unit = np.float32(packed['unit'])
    points = packed.get('points_in_world')
    sure = packed.get('points_conf')
    tracks = None
    if 'tracks_positions' in packed:
        tracks = Tracks(**{field.name: packed[f'tracks_{field.name}'] for field in fields(Tracks)})
    return Prediction(
        grid=ImageGrid(**grid),
        images=packed['images'],
        depth=packed['depth'].astype(np.float32) * unit,
        depth_conf=packed['depth_conf'].astype(np.float32),
        keep=packed['keep'],
        cam_from_world=packed['cam_from_world'],
        K_model=packed['K_model'],
        K_image=packed['K_image'],
        points_in_world=None if points is None else points.astype(np.float32) * unit,
        points_conf=None if sure is None else sure.astype(np.float32),
        tracks=tracks,
        descriptors=packed.get('descriptors'),
    )


def _half(values: np.ndarray) -> np.ndarray:
    return np.clip(values, -_HALF_MAX, _HALF_MAX).astype(np.float16)
