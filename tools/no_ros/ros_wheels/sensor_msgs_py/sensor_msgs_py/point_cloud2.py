"""Reads and writes sensor_msgs/PointCloud2 messages with NumPy.

A point is one record of a structured array whose fields carry the names of the cloud's
PointFields. Reading does not copy: what `read_points` returns looks into the message's buffer
unless a selection or a change of byte order makes a copy necessary.

An organized cloud is a two-dimensional array of points. Here, as in the package this one stands
in for, the first axis of that array is the cloud's *width* and the second its *height*. Whoever
has an image of points, (H, W), gets a cloud with `width=H, height=W`, and should fill the
message's sizes itself if other software is to see the image's rows as rows.
"""

from __future__ import annotations

import array
from collections import namedtuple
from collections.abc import Iterable
import sys
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.recfunctions import structured_to_unstructured, unstructured_to_structured
from sensor_msgs.msg import PointCloud2, PointField
from std_msgs.msg import Header

DUMMY_FIELD_PREFIX = 'unnamed_field'
"""A field without a name is called this, an underscore and its index."""

_DATATYPES: dict[int, np.dtype[Any]] = {
    PointField.INT8: np.dtype(np.int8),
    PointField.UINT8: np.dtype(np.uint8),
    PointField.INT16: np.dtype(np.int16),
    PointField.UINT16: np.dtype(np.uint16),
    PointField.INT32: np.dtype(np.int32),
    PointField.UINT32: np.dtype(np.uint32),
    PointField.FLOAT32: np.dtype(np.float32),
    PointField.FLOAT64: np.dtype(np.float64),
}

_HOST_IS_BIGENDIAN = sys.byteorder == 'big'


def read_points(
    cloud: PointCloud2,
    field_names: Iterable[str] | None = None,
    skip_nans: bool = False,
    uvs: Iterable[int] | None = None,
    reshape_organized_cloud: bool = False,
) -> np.ndarray:
    """Return the points of a cloud as a structured array.

    Args:
        cloud: The message.
        field_names: The fields to return, in this order; all of them by default.
        skip_nans: Leave out points with a NaN in any returned field. Does nothing if the message
            says that it is dense.
        uvs: Indices into the points (after NaNs were left out) to return, in this order.
        reshape_organized_cloud: Return (width, height) points if the cloud has more than one row.

    Returns:
        (N,) records in the byte order of this machine, or (width, height) of them.

    Raises:
        AssertionError: If `cloud` is no PointCloud2, a requested field is not in it, a name
            occurs twice, or a field's count is 0.
        TypeError: If the data are shorter than width * height * point_step.
    """
    assert isinstance(cloud, PointCloud2), (
        f'read_points needs a sensor_msgs.msg.PointCloud2, not a {type(cloud).__name__}'
    )
    points = np.ndarray(
        shape=(cloud.width * cloud.height,),
        dtype=dtype_from_fields(cloud.fields, point_step=cloud.point_step),
        buffer=cloud.data,
    )
    if field_names is not None:
        wanted = list(field_names)
        missing = [name for name in wanted if name not in points.dtype.names]
        assert not missing, (
            f'the cloud has no field {missing}; its fields are {list(points.dtype.names)}'
        )
        points = points[wanted]
    if bool(cloud.is_bigendian) != _HOST_IS_BIGENDIAN:
        points = points.byteswap()
    if skip_nans and not cloud.is_dense:
        is_number = np.ones(len(points), dtype=bool)
        for name in points.dtype.names:
            is_number &= ~np.isnan(points[name])
        points = points[is_number]
    if uvs is not None:
        points = points[uvs if isinstance(uvs, np.ndarray) else np.fromiter(uvs, int)]
    if reshape_organized_cloud and cloud.height > 1:
        points = points.reshape(cloud.width, cloud.height)
    return points


def read_points_numpy(
    cloud: PointCloud2,
    field_names: Iterable[str] | None = None,
    skip_nans: bool = False,
    uvs: Iterable[int] | None = None,
    reshape_organized_cloud: bool = False,
) -> np.ndarray:
    """Return the points of a cloud as a plain array, one column for each field.

    Args:
        cloud: The message.
        field_names: As for `read_points`.
        skip_nans: As for `read_points`.
        uvs: As for `read_points`.
        reshape_organized_cloud: As for `read_points`.

    Returns:
        (N, F) numbers of the fields' common type, or (width, height, F) of them.

    Raises:
        AssertionError: If a requested field has another type than the cloud's first field
            (requested or not), and as for `read_points`.
    """
    wanted = None if field_names is None else list(field_names)
    assert all(
        field.datatype == cloud.fields[0].datatype
        for field in cloud.fields[1:]
        if wanted is None or field.name in wanted
    ), 'the fields are not all of the type of the first one; use read_points instead'
    return structured_to_unstructured(
        read_points(cloud, wanted, skip_nans, uvs, reshape_organized_cloud)
    )


def read_points_list(
    cloud: PointCloud2,
    field_names: Iterable[str] | None = None,
    skip_nans: bool = False,
    uvs: Iterable[int] | None = None,
) -> list[NamedTuple]:
    """Return the points of a cloud as named tuples; slow, `read_points` is the fast way.

    Args:
        cloud: The message.
        field_names: As for `read_points`.
        skip_nans: As for `read_points`.
        uvs: As for `read_points`.

    Returns:
        One tuple `Point` for each point, with the fields' names.

    Raises:
        AssertionError: As for `read_points`; also for a field with a count above 1 unless its
            parts (`name_0`, `name_1`, ...) are requested by name.
    """
    assert isinstance(cloud, PointCloud2), (
        f'read_points_list needs a sensor_msgs.msg.PointCloud2, not a {type(cloud).__name__}'
    )
    wanted = [field.name for field in cloud.fields] if field_names is None else list(field_names)
    point_type = namedtuple('Point', wanted)
    return [point_type._make(point) for point in read_points(cloud, wanted, skip_nans, uvs)]


def dtype_from_fields(fields: Iterable[PointField], point_step: int | None = None) -> np.dtype:
    """Return the record type of a cloud's points.

    Args:
        fields: The cloud's fields. One with a count of n > 1 becomes n fields whose names end
            in `_0` to `_n-1`; one without a name is named after `DUMMY_FIELD_PREFIX`.
        point_step: Bytes from one point to the next; by default up to the end of the last field.

    Returns:
        The record type, in the byte order of this machine.

    Raises:
        AssertionError: If a count is 0 or a name occurs twice.
        KeyError: If a field's datatype is none of PointField's constants.
        ValueError: If a field does not end within `point_step`.
    """
    names: list[str] = []
    formats: list[str] = []
    offsets: list[int] = []
    for index, field in enumerate(fields):
        scalar = _DATATYPES[field.datatype]
        assert field.count > 0, f'field {index} ("{field.name}") has a count of 0'
        base_name = field.name or f'{DUMMY_FIELD_PREFIX}_{index}'
        for part in range(field.count):
            name = base_name if field.count == 1 else f'{base_name}_{part}'
            assert name not in names, f'two fields of the cloud are called "{name}"'
            names.append(name)
            formats.append(scalar.str)
            offsets.append(field.offset + part * scalar.itemsize)
    layout: dict[str, Any] = {'names': names, 'formats': formats, 'offsets': offsets}
    if point_step is not None:
        layout['itemsize'] = point_step
    return np.dtype(layout)


def create_cloud(
    header: Header,
    fields: Iterable[PointField],
    points: Iterable[Any],
    point_step: int | None = None,
) -> PointCloud2:
    """Return a PointCloud2 message with the given points.

    Args:
        header: The message's header.
        fields: The message's fields.
        points: A structured array with exactly the record type of `fields` (fast); or a plain
            array whose last axis holds the fields' values, all fields then being of one type
            (fast); or any iterable of points, each an iterable of values (slow). Arrays of
            points may have one axis or, for an organized cloud, two: (width, height).
        point_step: Bytes from one point to the next; by default up to the end of the last field.

    Raises:
        AssertionError: If the array has more than two axes of points or another record type than
            `fields`, or if a plain array comes with fields of several types.
        TypeError: If a structured array is not contiguous.
        ValueError: If a point has another number of values than there are fields.
    """
    fields = list(fields)
    record = dtype_from_fields(fields, point_step)
    if not isinstance(points, np.ndarray):
        points = np.array([tuple(point) for point in points], dtype=record)
    elif points.dtype.names is None:
        assert all(field.datatype == fields[0].datatype for field in fields[1:]), (
            'a plain array needs fields of one type; pass a structured array instead'
        )
        points = unstructured_to_structured(points, dtype=record)
    else:
        assert points.dtype == record, (
            f'the points are records of {points.dtype}, but the fields describe {record}; '
            'names, types, offsets and point_step have to agree'
        )
    assert points.ndim <= 2, f'points are in at most 2 dimensions, not in {points.ndim}'

    width = points.shape[0]
    height = points.shape[1] if points.ndim == 2 else 1
    cloud = PointCloud2(
        header=header,
        height=height,
        width=width,
        fields=fields,
        is_bigendian=_HOST_IS_BIGENDIAN,
        point_step=points.dtype.itemsize,
        row_step=points.dtype.itemsize * width,
        is_dense=False,
    )
    # The property keeps an array of bytes as it is; the constructor would look at every element.
    data = array.array('B')
    data.frombytes(memoryview(points).cast('B'))
    cloud.data = data
    return cloud


def create_cloud_xyz32(header: Header, points: Iterable[Any]) -> PointCloud2:
    """Return a PointCloud2 message with the FLOAT32 fields x, y and z.

    Args:
        header: The message's header.
        points: As for `create_cloud`: (N, 3) or (width, height, 3) numbers, or tuples of three.
    """
    fields = [
        PointField(name=name, offset=4 * index, datatype=PointField.FLOAT32, count=1)
        for index, name in enumerate('xyz')
    ]
    return create_cloud(header, fields, points)
