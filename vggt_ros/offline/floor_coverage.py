"""Floor coverage: how much of the floor a finished run has seen."""

from __future__ import annotations

import numpy as np

from vggt_ros.mapping.layers.coverage import Coverage, coverage
from vggt_ros.mapping.layers.occupancy_grid import OccupancyGridMap
from vggt_ros.mapping.session.map_session import MapSession
from vggt_ros.settings.world_config import OccupancySettings

# So many estimates of its height must agree; in the end they are all the same one.
_ESTIMATES = 3


def floor_coverage(session: MapSession | None, settings: OccupancySettings) -> Coverage | None:
    """Measure it in the grid that the scans of a session draw.

    Args:
        session: Where everything is in the end; None if there is none.
        settings: Heights, range and resolution.

    Returns:
        None if no scans were kept, as without `occupancy.enable`.
    """
    if session is None or not session.scans:
        return None
    grid = OccupancyGridMap(settings, len(session.scans))
    grid.absorb(session.scans)
    grid.seeks_floor = session.is_upright and not session.origin_in_map.any()
    for _ in range(_ESTIMATES):
        grid.seek_floor()
    cells = grid.grid()
    if cells is None:
        return None
    path_xy = np.array([scan.center_in_map[:2] for scan in session.scans])
    return coverage(cells, path_xy, settings.robot_width)
