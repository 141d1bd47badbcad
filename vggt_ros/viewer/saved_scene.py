"""Saved scene: a stored map as a page shows it, with the time each part of it came."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
import json
import math
from pathlib import Path
from typing import Any

import cv2
from jaxtyping import Bool, Float, Int64
import numpy as np

from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.mapping.layers.occupancy_grid import OccupancyCells, OccupancyGridMap
from vggt_ros.mapping.layers.submap_tiles import places_of, submap_tiles, SubmapTile
from vggt_ros.mapping.session.map_session import MapSession
from vggt_ros.mapping.session.session_folder import read_session
from vggt_ros.settings.world_config import OccupancySettings
from vggt_ros.viewer.camera_layer import SeenFrame
from vggt_ros.viewer.map_page import MapPage

# Of a rig, the one whose path and images are shown; others have the same stamps.
_CAMERA = 0
_MAX_SCANS = 600
_MAX_RUN_BYTES = 50_000_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SavedScene:
    """All that a page shows of a stored map.

    Attributes:
        name: Of the map.
        tiles: Its points.
        places: map_from_submap by id.
        begins_ns: When each submap was first seen.
        stamps_ns: (N,) of the path.
        map_from_cam: (N, 4, 4) poses of the path, oldest first.
        frames: Images of the stored keyframes.
        segments: (E, 2, 3) edges between submaps.
        is_loop: (E,) which of them are loops.
        covariances: (S, 3, 3) of the positions of submaps, by `places`.
        floor: What is free and occupied, None if the map has no scans.
        facts: What is known of the map, for people.
    """

    name: str
    tiles: tuple[SubmapTile, ...]
    places: Mapping[int, Sim3]
    begins_ns: Mapping[int, int]
    stamps_ns: Int64[np.ndarray, ' N']
    map_from_cam: Float[np.ndarray, 'N 4 4']
    frames: tuple[SeenFrame, ...]
    segments: Float[np.ndarray, 'E 2 3']
    is_loop: Bool[np.ndarray, ' E']
    covariances: Float[np.ndarray, 'S 3 3']
    floor: OccupancyCells | None
    facts: Mapping[str, str]

    def put_on(self, page: MapPage) -> None:
        """Show all of it."""
        page.put_places(self.places)
        page.put_begins(self.begins_ns)
        page.put_path(self.stamps_ns, self.map_from_cam)
        page.put_tiles(self.tiles)
        for frame in self.frames:
            page.put_image(frame)
        page.put_graph(self.segments, self.is_loop)
        centers = np.array([each.translation for each in self.places.values()]).reshape(-1, 3)
        page.put_ellipses(centers, self.covariances)
        if self.floor is not None:
            corner = np.array([*self.floor.origin_xy_m.tolist(), 0.0])
            page.put_floor(self.floor.cells, corner, self.floor.resolution_m)


def read_saved_scene(folder: Path) -> SavedScene:
    """Return the scene of a folder that `vggt_ros map` or `~/save_map` wrote.

    Raises:
        SessionError: It holds no map, or one that is damaged.
    """
    session = read_session(folder)
    places = places_of(session.submaps)
    poses = sorted(session.path.values(), key=lambda each: each.view.stamp_ns)
    begins_ns: dict[int, int] = {}
    for pose in poses:
        begins_ns.setdefault(pose.submap_id, pose.view.stamp_ns)
    poses = [each for each in poses if each.view.camera == _CAMERA]
    edges = [each for each in session.edges if each.i in places and each.j in places]
    segments = [[places[each.i].translation, places[each.j].translation] for each in edges]
    covariances = [
        each.map_from_submap.rotation @ each.covariance[3:6, 3:6] @ each.map_from_submap.rotation.T
        for each in session.submaps
    ]
    return SavedScene(
        name=folder.resolve().name,
        tiles=submap_tiles(session.voxels, places),
        places=places,
        begins_ns=begins_ns,
        stamps_ns=np.array([each.view.stamp_ns for each in poses], dtype=np.int64),
        map_from_cam=np.array([each.view.map_from_cam for each in poses]).reshape(-1, 4, 4),
        frames=_frames(session),
        segments=np.array(segments).reshape(-1, 2, 3),
        is_loop=np.array([each.is_loop for each in edges], dtype=bool),
        covariances=np.array(covariances).reshape(-1, 3, 3),
        floor=_floor(session),
        facts=_facts(folder, session),
    )


def _frames(session: MapSession) -> tuple[SeenFrame, ...]:
    frames = []
    for keyframe in session.keyframes:
        if keyframe.frame.camera != _CAMERA:
            continue
        image = cv2.imdecode(np.frombuffer(keyframe.jpeg, np.uint8), cv2.IMREAD_COLOR)
        if image is None:
            continue  # a place without its picture is still a place
        K = keyframe.frame.K if keyframe.frame.K is not None else keyframe.in_map.K[0]
        height = 2 * (float(K[1, 2]) + 0.5)
        frames.append(
            SeenFrame(
                stamp_ns=keyframe.frame.stamp_ns,
                image=np.ascontiguousarray(image[..., ::-1], dtype=np.uint8),
                fov_rad=2 * math.atan2(height / 2, float(K[1, 1])),
            )
        )
    return tuple(frames)


def _floor(session: MapSession) -> OccupancyCells | None:
    if not session.scans:
        return None
    grid = OccupancyGridMap(OccupancySettings(enable=True), _MAX_SCANS)
    grid.absorb(session.scans)
    return grid.grid()


def _facts(folder: Path, session: MapSession) -> dict[str, str]:
    facts = {
        'points': f'{len(session.voxels.hits):,}',
        'submaps': str(len(session.submaps)),
        'loops': str(sum(each.is_loop for each in session.edges)),
        'poses': str(len(session.path)),
        'unit': 'meters' if session.is_metric else 'map units (not metric)',
    }
    if session.is_metric and math.isfinite(session.log_scale_sigma):
        facts['scale'] = f'± {100 * session.log_scale_sigma:.1f} %, from {session.scale_source}'
    return facts | _run_facts(folder / 'run.json')


def _run_facts(path: Path) -> dict[str, str]:
    """Return what the record of the run adds; a saved map of a node has none."""
    try:
        if path.stat().st_size > _MAX_RUN_BYTES:
            return {}
        run: Any = json.loads(path.read_text(encoding='utf-8'))
        dropped = sum(int(each) for each in run['frames']['dropped'].values())
        return {
            'network': str(run['network']['checkpoint']),
            'frames': f'{run["frames"]["read"]}, {dropped} of them not in the map',
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
