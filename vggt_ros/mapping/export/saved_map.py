"""A map as a folder of files: all of it is there, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
import json
from pathlib import Path

import numpy as np

from vggt_ros.errors import SaveError
from vggt_ros.mapping.export.colmap_model import write_colmap_model
from vggt_ros.mapping.export.part_folder import (
    maps_named,
    PartFolder,
    remove_leftovers,
    write_whole,
)
from vggt_ros.mapping.export.pcd import write_pcd
from vggt_ros.mapping.export.ply import write_ply
from vggt_ros.mapping.layers.camera_view import CameraView
from vggt_ros.mapping.layers.trajectory import StampedPoses
from vggt_ros.mapping.layers.voxel_map import MapPoints


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedMap:
    """A map that is on the disk.

    Attributes:
        folder: Absolute; holds map.ply, map.pcd, map.json, trajectory.tum and colmap/.
        num_points: Points in it.
        num_views: Camera poses in it.
        num_bytes: Of all files.
    """

    folder: Path
    num_points: int
    num_views: int
    num_bytes: int


def save_map(
    folder: Path,
    points: MapPoints,
    views: Sequence[CameraView],
    *,
    name: str,
    is_metric: bool,
    map_frame: str,
    camera_frame: str,
    max_saves: int = 0,
    on_begin: Callable[[PartFolder], object] = lambda part: None,
    write_more: Callable[[Path], object] = lambda folder: None,
) -> SavedMap:
    """Write the map into a new folder `folder/name`, or `name-2`, `name-3`... if that is taken.

    The files are written into a hidden folder beside it, `.name.*.part`, brought to the disk and
    then renamed: under its name a map is complete, and an older one is never touched. Only a
    process that is killed leaves the hidden folder behind; the next save removes it.

    Args:
        folder: Holds the maps; made if it is not there. A leading `~` is the home folder.
        points: N points; N may be 0 if there are views.
        views: In any order; written by stamp, into the trajectory only those of camera 0.
        name: Of the new folder.
        is_metric: Whether lengths are meters.
        map_frame: Coordinate frame of the points and the poses.
        camera_frame: Optical coordinate frame of the camera.
        max_saves: Refuse to make more maps of this name than so many; 0 makes any number.
        on_begin: Told of the hidden folder; to discard it, from any thread, ends the save.
        write_more: Writes what else belongs to the map into the hidden folder.

    Raises:
        SaveError: There is nothing to save, the name is not the name of a folder, COLMAP has no
            such camera, there are `max_saves` already, the disk is full or not writable, or the
            save was ended.
    """
    _check_name(name)
    if not len(points.points_in_map) and not views:
        raise SaveError(
            'there is nothing to save: the map has 0 points and 0 camera poses; save it after '
            'the first window'
        )
    views = sorted(views, key=lambda view: view.stamp_ns)
    facts: dict[str, object] = {
        'num_points': len(points.points_in_map),
        'num_views': len(views),
        'is_metric': is_metric,
        'unit': 'm' if is_metric else 'map units',
        'map_frame': map_frame,
        'camera_frame': camera_frame,
        'first_stamp_ns': views[0].stamp_ns if views else None,
        'last_stamp_ns': views[-1].stamp_ns if views else None,
    }
    num_bytes = 0

    def write(path: Path) -> None:
        nonlocal num_bytes
        _write(path, points, views, facts)
        write_more(path)
        num_bytes = sum(each.stat().st_size for each in path.rglob('*'))

    folder = _expanded(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        remove_leftovers(folder, name)
        _check_room(folder, name, max_saves)
        target = write_whole(folder, name, write, on_begin)
    except OSError as error:
        raise SaveError(
            f'the map cannot be saved as {folder / name}: {error.strerror or error}; nothing was '
            f'left there; make room or set map.save_path to a folder that can be written'
        ) from error
    return SavedMap(
        folder=target,
        num_points=len(points.points_in_map),
        num_views=len(views),
        num_bytes=num_bytes,
    )


def _check_name(name: str) -> None:
    # A leading dot would hide the map, and is how `..` and the folders being written begin.
    if not name.isprintable() or not name.strip() or name[0] == '.' or set(name) & set('/\\'):
        raise SaveError(
            f'the name of a map must be one folder name, without / and \\ and not beginning with '
            f'a dot; got {name!r}; map.save_path says where the folder is made'
        )


def _check_room(folder: Path, name: str, max_saves: int) -> None:
    if max_saves and len(maps_named(folder, name)) >= max_saves:
        raise SaveError(
            f'{folder} holds {max_saves} maps, as many as map.max_saves allows: move some of them '
            f'away, or raise it; nothing is deleted'
        )


def _expanded(folder: Path) -> Path:
    try:
        return folder.expanduser().absolute()
    except RuntimeError as error:
        raise SaveError(
            f'the map cannot be saved in {folder}: there is no such home folder; set '
            f'map.save_path to an absolute path'
        ) from error


def _write(
    folder: Path, points: MapPoints, views: Sequence[CameraView], facts: dict[str, object]
) -> None:
    write_ply(folder / 'map.ply', points.points_in_map, points.colors, points.confidence)
    write_pcd(folder / 'map.pcd', points)
    way = [view for view in views if view.camera == 0]
    poses = StampedPoses(
        stamps_ns=np.array([view.stamp_ns for view in way], dtype=np.int64),
        map_from_cam=np.array([view.map_from_cam for view in way]).reshape(-1, 4, 4),
    )
    (folder / 'trajectory.tum').write_text(poses.tum(), encoding='ascii')
    (folder / 'colmap').mkdir()
    write_colmap_model(folder / 'colmap', points, views)
    (folder / 'map.json').write_text(json.dumps(facts, indent=2) + '\n', encoding='utf-8')
