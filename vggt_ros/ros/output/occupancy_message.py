"""The map seen from above, and what changes of it, as messages for planners."""

from __future__ import annotations

from geometry_msgs.msg import Point, Pose, Quaternion
from nav_msgs.msg import MapMetaData, OccupancyGrid
from std_msgs.msg import Header

from vggt_ros.mapping.layers.occupancy_change import OccupancyPatch
from vggt_ros.mapping.layers.occupancy_grid import OccupancyCells
from vggt_ros.ros.middleware.payload import fill

try:
    from map_msgs.msg import OccupancyGridUpdate
except ImportError:  # it comes with Nav2 and rviz; the grid goes out whole without it
    OccupancyGridUpdate = None

UPDATE_TYPE: type | None = OccupancyGridUpdate


def occupancy_grid(header: Header, cells: OccupancyCells) -> OccupancyGrid:
    """Return the grid, rows along y from its origin, columns along x.

    Args:
        header: Frame of the map and the stamp of the newest keyframe in it.
        cells: The grid.
    """
    height, width = cells.cells.shape
    x, y = cells.origin_xy_m.tolist()
    message = OccupancyGrid(
        header=header,
        info=MapMetaData(
            map_load_time=header.stamp,
            resolution=cells.resolution_m,
            width=width,
            height=height,
            origin=Pose(
                position=Point(x=x, y=y, z=0.0),
                orientation=Quaternion(x=0.0, y=0.0, z=0.0, w=1.0),
            ),
        ),
    )
    fill(message.data, cells.cells)
    return message


def occupancy_update(header: Header, patch: OccupancyPatch) -> OccupancyGridUpdate:
    """Return a rectangle of the grid, in cells from its origin; rows along y, columns along x.

    Args:
        header: As of the grid.
        patch: The rectangle.
    """
    height, width = patch.cells.shape
    message = OccupancyGridUpdate(
        header=header, x=patch.column, y=patch.row, width=width, height=height
    )
    fill(message.data, patch.cells)
    return message
