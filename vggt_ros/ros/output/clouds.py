"""Points as PointCloud2: per frame, of the map, of tracks."""

from __future__ import annotations

from jaxtyping import Float32, UInt8
import numpy as np
from sensor_msgs.msg import PointCloud2, PointField
from std_msgs.msg import Header

from vggt_ros.mapping.export.packed_color import packed
from vggt_ros.mapping.layers.map_update import FrameResult, FrameTracks
from vggt_ros.mapping.layers.voxel_map import MapPoints
from vggt_ros.ros.middleware.payload import fill

# rgb is 0x00RRGGBB in the bits of a float, as PCL and rviz read it.
POINT_DTYPE = np.dtype(
    [('x', '<f4'), ('y', '<f4'), ('z', '<f4'), ('rgb', '<u4'), ('confidence', '<f4')]
)
TRACK_DTYPE = np.dtype(
    [
        ('x', '<f4'),
        ('y', '<f4'),
        ('z', '<f4'),
        ('u', '<f4'),
        ('v', '<f4'),
        ('id', '<u4'),
        ('visibility', '<f4'),
        ('confidence', '<f4'),
    ]
)
# All others are floats; colors are in the bits of one.
_DATATYPES = {'id': PointField.UINT32, 'submap': PointField.INT32}


def frame_cloud(header: Header, result: FrameResult, decimation: int) -> PointCloud2:
    """Return the organized cloud of a frame, x y z rgb confidence.

    Args:
        header: Stamp of the image and the camera's optical frame.
        result: The frame; points that its `keep` excludes become NaN.
        decimation: Every n-th row and column is kept.
    """
    step = (slice(None, None, decimation), slice(None, None, decimation))
    points = result.points_in_cam[step]
    keep = result.keep[step]
    rows = _point_rows(points, result.image[step], result.confidence[step])
    numbers = rows.view('<f4').reshape(*rows.shape, -1)
    numbers[..., :3][~keep] = np.nan
    return records_cloud(header, rows, is_dense=False)


def map_cloud(header: Header, points: MapPoints) -> PointCloud2:
    """Return the map as an unorganized cloud without invalid points, x y z rgb confidence."""
    rows = _point_rows(points.points_in_map, points.colors, points.confidence)
    return records_cloud(header, rows[None], is_dense=True)


def tracks_cloud(header: Header, tracks: FrameTracks) -> PointCloud2:
    """Return the tracked points of a frame, x y z u v id visibility confidence.

    Args:
        header: Stamp of the image and the camera's optical frame.
        tracks: The points; where the position is unknown x, y and z are NaN.
    """
    rows = np.empty((1, len(tracks.ids)), dtype=TRACK_DTYPE)
    for index, axis in enumerate('xyz'):
        rows[axis] = tracks.points_in_cam[:, index]
    rows['u'], rows['v'] = tracks.uv[:, 0], tracks.uv[:, 1]
    rows['id'] = tracks.ids
    rows['visibility'] = tracks.visibility
    rows['confidence'] = tracks.confidence
    return records_cloud(header, rows, is_dense=False)


def _point_rows(
    points: Float32[np.ndarray, '*n 3'],
    colors: UInt8[np.ndarray, '*n 3'],
    confidence: Float32[np.ndarray, '*n'],
) -> np.ndarray:
    rows = np.empty(confidence.shape, dtype=POINT_DTYPE)
    for index, axis in enumerate('xyz'):
        rows[axis] = points[..., index]
    rows['rgb'] = packed(colors)
    rows['confidence'] = confidence
    return rows


def records_cloud(header: Header, rows: np.ndarray, *, is_dense: bool) -> PointCloud2:
    """Pack a (height, width) array of records, which are little-endian on every machine."""
    height, width = rows.shape
    dtype = rows.dtype
    assert dtype.names is not None and dtype.fields is not None, 'records only'
    fields = [
        PointField(
            name=name,
            offset=dtype.fields[name][1],
            datatype=_DATATYPES.get(name, PointField.FLOAT32),
            count=1,
        )
        for name in dtype.names
    ]
    message = PointCloud2(
        header=header,
        height=height,
        width=width,
        fields=fields,
        is_bigendian=False,
        point_step=dtype.itemsize,
        row_step=dtype.itemsize * width,
        is_dense=is_dense,
    )
    fill(message.data, rows)
    return message
