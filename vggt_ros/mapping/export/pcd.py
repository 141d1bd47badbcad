"""Maps as PCD files, the format of the Point Cloud Library."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

import numpy as np

from vggt_ros.mapping.export.packed_color import packed
from vggt_ros.mapping.layers.voxel_map import MapPoints

_POINT = np.dtype(
    [('xyz', '<f4', 3), ('rgb', '<u4'), ('confidence', '<f4'), ('hits', '<u4')],
)
# The readers of PCL take the entries in this order only.
_HEADER = """\
# .PCD v0.7 - Point Cloud Data file format
VERSION 0.7
FIELDS x y z rgb confidence hits
SIZE 4 4 4 4 4 4
TYPE F F F F F U
COUNT 1 1 1 1 1 1
WIDTH {num}
HEIGHT 1
VIEWPOINT 0 0 0 1 0 0 0
POINTS {num}
DATA binary
"""


def write_pcd(path: str | PathLike[str], points: MapPoints) -> None:
    """Write a binary PCD 0.7 file with the fields x y z rgb confidence hits.

    Args:
        path: The file; replaced if it exists.
        points: N points in the map's frame and unit; N may be 0. `hits` above 2^32 - 1 are
            written as that.

    Raises:
        OSError: The file cannot be written.
    """
    rows = np.empty(len(points.points_in_map), dtype=_POINT)
    rows['xyz'], rows['confidence'] = points.points_in_map, points.confidence
    # PCL calls these four bytes a float, but they never were one: as a number they would be
    # denormal, and arithmetic that flushes denormals to zero would turn every color black.
    rows['rgb'] = packed(points.colors)
    rows['hits'] = np.minimum(points.hits, np.iinfo(np.uint32).max)
    with Path(path).open('wb') as file:
        file.write(_HEADER.format(num=len(rows)).encode('ascii'))
        file.write(rows.tobytes())
