"""Session files: a map session as a folder that people, programs and a later session can read."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vggt_ros import __version__
from vggt_ros.mapping.layers.trajectory import StampedPoses
from vggt_ros.mapping.layers.voxel_map import VoxelMap
from vggt_ros.mapping.session.map_session import MapSession
from vggt_ros.mapping.session.session_folder import write_session
from vggt_ros.offline.map_files import write_map
from vggt_ros.offline.run_folder import save_error
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.parameter_tree import values_of


def write_session_files(folder: Path, session: MapSession) -> None:
    """Write `session/`, the cloud (`map.ply`) and the path of the first camera (trajectory.tum).

    Args:
        folder: Is there.
        session: What to write.

    Raises:
        SaveError: The disk is full or not writable.
    """
    config = VggtConfig()
    voxels = VoxelMap(config.map.voxel_size, max(1, len(session.voxels.hits)))
    voxels.absorb(session.voxels)
    views = [each.view for each in session.path.values() if each.view.camera == 0]
    views.sort(key=lambda view: view.stamp_ns)
    path = StampedPoses(
        stamps_ns=np.array([view.stamp_ns for view in views], dtype=np.int64),
        map_from_cam=np.array([view.map_from_cam for view in views]).reshape(-1, 4, 4),
    )
    settings = values_of(config)
    try:
        write_session(folder, session, software=f'vggt_ros {__version__}', settings=settings)
        write_map(folder, voxels.points())
        (folder / 'trajectory.tum').write_text(path.tum(), encoding='ascii')
    except OSError as error:
        raise save_error(folder, error) from error
