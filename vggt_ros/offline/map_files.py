"""Map files: the cloud as one file, and as tiles where it is large."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from vggt_ros.mapping.export.ply import write_ply
from vggt_ros.mapping.layers.voxel_map import MapPoints

# A cloud of more points is written as tiles, too: viewers take them one by one.
MAX_POINTS_IN_ONE = 1_000_000
# Edge of a tile, in extents of the cloud across x and y.
_TILES_ACROSS = 8


def write_map(folder: Path, points: MapPoints, *, limit: int = MAX_POINTS_IN_ONE) -> int:
    """Write map.ply and, for more points than `limit`, cloud/*.ply; return how many tiles.

    Every point is in one tile; `cloud/tiles.json` says where each tile is.
    """
    write_ply(folder / 'map.ply', points.points_in_map, points.colors, points.confidence)
    if len(points.points_in_map) <= limit:
        return 0
    cloud = folder / 'cloud'
    cloud.mkdir(exist_ok=True)
    xy = points.points_in_map[:, :2]
    low = xy.min(axis=0)
    edge = max(float(np.ptp(xy, axis=0).max()) / _TILES_ACROSS, 1e-6)
    column_row = np.floor((xy - low) / edge).astype(int)
    tiles, of_point = np.unique(column_row, axis=0, return_inverse=True)
    described = []
    for number, (column, row) in enumerate(tiles.tolist()):
        use = of_point.ravel() == number
        name = f'{column}_{row}.ply'
        write_ply(
            cloud / name,
            points.points_in_map[use],
            points.colors[use],
            points.confidence[use],
        )
        corner = (low + edge * np.array([column, row])).tolist()
        described.append({'file': name, 'corner': corner, 'num_points': int(use.sum())})
    text = json.dumps({'edge': edge, 'tiles': described}, indent=2) + '\n'
    (cloud / 'tiles.json').write_text(text, encoding='utf-8')
    return len(tiles)
