"""Submaps as messages: their places, their points, and the graph between them.

Tables are PointCloud2, which every tool can read; points are x y z in the frame of their submap.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from geometry_msgs.msg import Point
import numpy as np
from sensor_msgs.msg import PointCloud2
from std_msgs.msg import ColorRGBA, Header
from visualization_msgs.msg import Marker

from vggt_ros.errors import InputError
from vggt_ros.geometry.rotation import matrix_from_quat_xyzw, quat_xyzw_from_matrix
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.mapping.export.packed_color import packed, unpacked
from vggt_ros.mapping.layers.submap_tiles import SubmapTile, TiledMap
from vggt_ros.ros.output.clouds import records_cloud

# rgb is 0x00RRGGBB in the bits of a float, as PCL and rviz read it.
TILE_DTYPE = np.dtype(
    [
        *((name, '<f4') for name in ('x', 'y', 'z')),
        ('rgb', '<u4'),
        ('confidence', '<f4'),
        ('submap', '<i4'),
    ]
)
# Positions in doubles would be no PointField that rviz draws; a float is 1 mm off at 8 km.
PLACE_DTYPE = np.dtype(
    [
        *((name, '<f4') for name in ('x', 'y', 'z', 'qx', 'qy', 'qz', 'qw', 'scale', 'segment')),
        ('points', '<f4'),
        ('submap', '<i4'),
    ]
)
_OVERLAP_COLOR = ColorRGBA(r=0.55, g=0.6, b=0.65, a=1.0)
_LOOP_COLOR = ColorRGBA(r=1.0, g=0.45, b=0.1, a=1.0)
_LINE_WIDTH = 0.01


def tiles_cloud(header: Header, tiles: Sequence[SubmapTile]) -> PointCloud2:
    """Return whole tiles as one cloud, x y z rgb confidence submap."""
    rows = np.zeros(sum(len(each.confidence) for each in tiles), dtype=TILE_DTYPE)
    begin = 0
    for tile in tiles:
        own = rows[begin : begin + len(tile.confidence)]
        begin += len(own)
        for index, axis in enumerate('xyz'):
            own[axis] = tile.points_in_submap[:, index]
        own['rgb'] = packed(tile.colors)
        own['confidence'], own['submap'] = tile.confidence, tile.submap_id
    return records_cloud(header, rows[None], is_dense=True)


def tiles_of_cloud(message: PointCloud2) -> Iterator[SubmapTile]:
    """Yield the tiles in a cloud of `tiles_cloud`.

    Raises:
        InputError: It is another cloud.
    """
    rows = _rows(message, TILE_DTYPE)
    for submap_id in np.unique(rows['submap']).tolist():
        own = rows[rows['submap'] == submap_id]
        yield SubmapTile(
            submap_id=submap_id,
            points_in_submap=np.stack([own['x'], own['y'], own['z']], axis=-1),
            colors=unpacked(own['rgb']),
            confidence=np.ascontiguousarray(own['confidence']),
        )


def places_cloud(header: Header, tiled: TiledMap, sizes: Mapping[int, int]) -> PointCloud2:
    """Return where all submaps are, one point each.

    Args:
        header: Frame of the map.
        tiled: The submaps.
        sizes: How many points the newest published tile of each has.
    """
    ids = [*tiled.places, *(each for each in sizes if each not in tiled.places)]
    rows = np.zeros((1, len(ids)), dtype=PLACE_DTYPE)
    rows['qw'], rows['scale'] = 1.0, 1.0
    for row, submap_id in zip(rows[0], ids, strict=True):
        row['submap'], row['points'] = submap_id, sizes.get(submap_id, 0)
        place = tiled.places.get(submap_id)
        if place is not None:
            row['x'], row['y'], row['z'] = place.translation
            quat_xyzw = quat_xyzw_from_matrix(place.rotation)
            row['qx'], row['qy'], row['qz'], row['qw'] = quat_xyzw
            row['scale'], row['segment'] = place.scale, tiled.segments[submap_id]
    return records_cloud(header, rows, is_dense=True)


def places_of_cloud(message: PointCloud2) -> tuple[dict[int, Sim3], dict[int, int]]:
    """Return map_from_submap and the number of points, both by id, of a `places_cloud`.

    Raises:
        InputError: It is another cloud.
    """
    rows = _rows(message, PLACE_DTYPE)
    quats = np.stack([rows[f'q{axis}'] for axis in 'xyzw'], axis=-1).astype(np.float64)
    rotations = matrix_from_quat_xyzw(quats)
    origins = np.stack([rows[axis] for axis in 'xyz'], axis=-1).astype(np.float64)
    ids = rows['submap'].tolist()
    places = {
        each: Sim3(float(rows['scale'][k]), rotations[k], origins[k]) for k, each in enumerate(ids)
    }
    return places, dict(zip(ids, rows['points'].astype(int).tolist(), strict=True))


def graph_marker(header: Header, tiled: TiledMap) -> Marker:
    """Return the edges between submaps as lines in the map; loops have another color."""
    marker = Marker(header=header, ns='submaps', type=Marker.LINE_LIST, action=Marker.ADD)
    marker.scale.x = _LINE_WIDTH
    marker.pose.orientation.w = 1.0
    # Loops are drawn last, so that they are seen where both are.
    for link in sorted(tiled.links, key=lambda each: each in tiled.loops):
        if not all(each in tiled.places for each in link):
            continue
        color = _LOOP_COLOR if link in tiled.loops else _OVERLAP_COLOR
        for submap_id in link:
            x, y, z = tiled.places[submap_id].translation.tolist()
            marker.points.append(Point(x=x, y=y, z=z))
            marker.colors.append(color)
    return marker


def _rows(message: PointCloud2, dtype: np.dtype) -> np.ndarray:
    names = tuple(field.name for field in message.fields)
    if names != dtype.names or message.point_step != dtype.itemsize or message.is_bigendian:
        raise InputError(
            'other_fields',
            f'a cloud with the fields {" ".join(names) or "none"} came where '
            f'{" ".join(dtype.names or ())} was expected; the node is of another version',
        )
    return np.frombuffer(bytes(message.data), dtype=dtype)
