"""What this project relies on in sensor_msgs_py; the real package passes it, too."""

import array
import sys
import time

import numpy as np
import pytest

pytest.importorskip('sensor_msgs')
point_cloud2 = pytest.importorskip('sensor_msgs_py.point_cloud2')

from sensor_msgs.msg import PointCloud2, PointField  # noqa: E402
from std_msgs.msg import Header  # noqa: E402

pytestmark = pytest.mark.ros

HEADER = Header(frame_id='map')
XYZ = np.array([[0, 1, 2], [3, np.nan, 5], [6, 7, 8], [9, 10, 11]], dtype=np.float32)


def field(name, offset, datatype=PointField.FLOAT32, count=1):
    return PointField(name=name, offset=offset, datatype=datatype, count=count)


def xyz_cloud():
    return point_cloud2.create_cloud_xyz32(HEADER, XYZ)


def mixed_cloud(byte_order='='):
    """Four points of every datatype, with a gap before and after."""
    layout = np.dtype(
        {
            'names': ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'],
            'formats': [
                np.dtype(code).newbyteorder(byte_order)
                for code in ('i1', 'u1', 'i2', 'u2', 'i4', 'u4', 'f4', 'f8')
            ],
            'offsets': [2, 3, 4, 6, 8, 12, 16, 20],
            'itemsize': 32,
        }
    )
    points = np.zeros(4, layout)
    for scale, name in enumerate(layout.names):
        points[name] = np.arange(4) * (scale + 1)
    fields = [
        field(name, layout.fields[name][1], datatype)
        for name, datatype in zip(layout.names, range(1, 9), strict=True)
    ]
    cloud = PointCloud2(height=1, width=4, fields=fields, point_step=32, row_step=128)
    cloud.is_bigendian = byte_order == '>' or (byte_order == '=' and sys.byteorder == 'big')
    cloud.data = array.array('B', points.tobytes())
    return cloud, points


def test_xyz_cloud_has_the_documented_layout():
    cloud = xyz_cloud()
    assert [(f.name, f.offset, f.datatype, f.count) for f in cloud.fields] == [
        ('x', 0, PointField.FLOAT32, 1),
        ('y', 4, PointField.FLOAT32, 1),
        ('z', 8, PointField.FLOAT32, 1),
    ]
    assert (cloud.height, cloud.width, cloud.point_step, cloud.row_step) == (1, 4, 12, 48)
    assert cloud.header.frame_id == 'map'
    assert not cloud.is_dense
    assert not cloud.is_bigendian
    assert isinstance(cloud.data, array.array)
    assert bytes(cloud.data) == XYZ.tobytes()


@pytest.mark.parametrize(
    'points', [XYZ.astype(np.float64), XYZ.tolist(), map(tuple, XYZ), XYZ[::-1][::-1]]
)
def test_points_may_be_any_iterable(points):
    cloud = point_cloud2.create_cloud_xyz32(HEADER, points)
    np.testing.assert_array_equal(point_cloud2.read_points_numpy(cloud), XYZ)


def test_structured_points_of_every_datatype_come_back():
    cloud, points = mixed_cloud()
    read = point_cloud2.read_points(cloud)
    assert read.dtype == points.dtype
    np.testing.assert_array_equal(read, points)
    written = point_cloud2.create_cloud(HEADER, cloud.fields, points, 32)
    assert written.point_step == 32
    np.testing.assert_array_equal(point_cloud2.read_points(written), points)


@pytest.mark.parametrize('byte_order', ['<', '>'])
def test_foreign_byte_order_is_read(byte_order):
    cloud, points = mixed_cloud(byte_order)
    for names in (None, ['c', 'h'], ['g']):
        read = point_cloud2.read_points(mixed_cloud(byte_order)[0], names)
        for name in names or points.dtype.names:
            np.testing.assert_array_equal(read[name], points[name])
    assert cloud.is_bigendian == (byte_order == '>')


def test_reading_leaves_the_message_alone():
    cloud, _ = mixed_cloud('>')
    if 'Stand-in' not in (sys.modules['sensor_msgs_py'].__doc__ or ''):
        pytest.skip('the original swaps the bytes of the message')
    before = bytes(cloud.data)
    first = point_cloud2.read_points(cloud).copy()
    assert bytes(cloud.data) == before
    np.testing.assert_array_equal(point_cloud2.read_points(cloud), first)


def test_reading_does_not_copy():
    cloud = xyz_cloud()
    view = point_cloud2.read_points(cloud)
    view['x'][0] = 42.0
    assert point_cloud2.read_points(cloud)['x'][0] == 42.0


def test_fields_come_in_the_requested_order():
    points = point_cloud2.read_points(xyz_cloud(), field_names=('z', 'x'))
    assert points.dtype.names == ('z', 'x')
    np.testing.assert_array_equal(
        point_cloud2.read_points_numpy(xyz_cloud(), ['z', 'x']), XYZ[:, [2, 0]]
    )


def test_unknown_field_is_refused():
    with pytest.raises(AssertionError):
        point_cloud2.read_points(xyz_cloud(), field_names=['rgb'])


def test_points_with_nans_are_left_out_on_request():
    assert len(point_cloud2.read_points(xyz_cloud())) == 4
    points = point_cloud2.read_points_numpy(xyz_cloud(), skip_nans=True)
    np.testing.assert_array_equal(points, XYZ[[0, 2, 3]])
    # A NaN in a field nobody asked for does no harm.
    assert len(point_cloud2.read_points(xyz_cloud(), ['x', 'z'], skip_nans=True)) == 4


def test_nans_are_not_looked_for_in_a_dense_cloud():
    cloud = xyz_cloud()
    cloud.is_dense = True
    assert len(point_cloud2.read_points(cloud, skip_nans=True)) == 4


@pytest.mark.parametrize('uvs', [[3, 0], iter([3, 0]), np.array([3, 0])])
def test_points_are_picked_by_index(uvs):
    np.testing.assert_array_equal(
        point_cloud2.read_points_numpy(xyz_cloud(), uvs=uvs), XYZ[[3, 0]]
    )


def test_indices_count_after_nans_were_left_out():
    points = point_cloud2.read_points_numpy(xyz_cloud(), skip_nans=True, uvs=[1])
    np.testing.assert_array_equal(points, XYZ[[2]])


def test_first_axis_of_organized_points_is_the_width():
    grid = np.arange(2 * 5 * 3, dtype=np.float32).reshape(2, 5, 3)
    cloud = point_cloud2.create_cloud_xyz32(HEADER, grid)
    assert (cloud.width, cloud.height, cloud.row_step) == (2, 5, 24)
    assert point_cloud2.read_points(cloud).shape == (10,)
    points = point_cloud2.read_points_numpy(cloud, reshape_organized_cloud=True)
    np.testing.assert_array_equal(points, grid)


def test_cloud_of_one_row_is_not_reshaped():
    points = point_cloud2.read_points(xyz_cloud(), reshape_organized_cloud=True)
    assert points.shape == (4,)


def test_field_with_a_count_becomes_numbered_fields():
    fields = [field('normal', 0, count=3), field('', 12, PointField.UINT8)]
    layout = point_cloud2.dtype_from_fields(fields, point_step=16)
    assert layout.names == ('normal_0', 'normal_1', 'normal_2', 'unnamed_field_1')
    assert [layout.fields[name][1] for name in layout.names] == [0, 4, 8, 12]
    assert layout.itemsize == 16
    assert point_cloud2.dtype_from_fields(fields).itemsize == 13
    assert point_cloud2.DUMMY_FIELD_PREFIX == 'unnamed_field'


def test_points_become_named_tuples():
    points = point_cloud2.read_points_list(xyz_cloud(), ['y', 'x'], uvs=[2, 3])
    assert points == [(7.0, 6.0), (10.0, 9.0)]
    assert points[0].x == 6.0
    assert [point.z for point in point_cloud2.read_points_list(xyz_cloud())] == [2, 5, 8, 11]


@pytest.mark.parametrize(
    'fields',
    [
        [field('x', 0), field('x', 4)],
        [field('x', 0, count=2), field('x_1', 8)],
        [field('x', 0, count=0)],
    ],
)
def test_ambiguous_fields_are_refused(fields):
    with pytest.raises(AssertionError):
        point_cloud2.dtype_from_fields(fields)


def test_unknown_datatype_is_a_key_error():
    with pytest.raises(KeyError):
        point_cloud2.dtype_from_fields([field('x', 0, datatype=9)])


def test_point_step_shorter_than_the_fields_is_refused():
    with pytest.raises(ValueError, match='itemsize'):
        point_cloud2.dtype_from_fields(xyz_cloud().fields, point_step=8)


def test_plain_array_needs_fields_of_one_type():
    cloud, _ = mixed_cloud()
    with pytest.raises(AssertionError):
        point_cloud2.read_points_numpy(cloud)
    with pytest.raises(AssertionError):
        point_cloud2.read_points_numpy(cloud, ['a', 'b'])
    with pytest.raises(AssertionError):
        point_cloud2.create_cloud(HEADER, cloud.fields, np.zeros((4, 8)))


def test_structured_points_must_match_the_fields():
    cloud, points = mixed_cloud()
    with pytest.raises(AssertionError):  # the point step is missing
        point_cloud2.create_cloud(HEADER, cloud.fields, points)
    with pytest.raises(AssertionError):
        point_cloud2.create_cloud(HEADER, cloud.fields[:-1], points, 32)


def test_points_in_three_dimensions_are_refused():
    with pytest.raises(AssertionError):
        point_cloud2.create_cloud_xyz32(HEADER, np.zeros((2, 2, 2, 3)))


@pytest.mark.parametrize('reader', ['read_points', 'read_points_list'])
def test_other_messages_are_refused(reader):
    with pytest.raises(AssertionError):
        getattr(point_cloud2, reader)(HEADER)


def test_too_few_bytes_are_refused():
    cloud = xyz_cloud()
    cloud.data = cloud.data[:-1]
    with pytest.raises(TypeError):
        point_cloud2.read_points(cloud)


@pytest.mark.parametrize('points', [[], np.zeros((0, 3), np.float32)])
def test_cloud_without_points_is_written_and_read(points):
    cloud = point_cloud2.create_cloud_xyz32(HEADER, points)
    assert (cloud.width, cloud.height, cloud.point_step, len(cloud.data)) == (0, 1, 12, 0)
    assert point_cloud2.read_points(cloud).shape == (0,)
    assert point_cloud2.read_points_list(cloud) == []


def test_scattered_structured_points_are_refused():
    cloud, points = mixed_cloud()
    with pytest.raises(TypeError):
        point_cloud2.create_cloud(HEADER, cloud.fields, points[::2], 32)


def test_bytes_are_written_at_once():
    points = np.zeros((1_000_000, 3), np.float32)
    start_s = time.perf_counter()
    point_cloud2.create_cloud_xyz32(HEADER, points)
    # 12 MB are copied in some milliseconds; looking at every byte takes seconds.
    assert time.perf_counter() - start_s < 0.5
