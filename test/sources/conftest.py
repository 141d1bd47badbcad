from pathlib import Path

import cv2
import numpy as np
import pytest

_COLORS = ((200, 30, 40), (20, 180, 60), (50, 70, 220))


@pytest.fixture
def shared_data():
    folder = Path(__file__).parents[3] / 'shared' / 'data'
    if not folder.is_dir():
        pytest.skip('the real images are not on this machine')
    return folder


@pytest.fixture
def colors():
    return _COLORS


@pytest.fixture
def make_video(tmp_path):
    """Write a Motion-JPEG file with one plain RGB color a frame."""

    def make(*, num_frames=6, rate_hz=12.0, width=64, height=48, name='clip.avi'):
        path = tmp_path / name
        writer = cv2.VideoWriter(
            str(path), cv2.VideoWriter_fourcc(*'MJPG'), rate_hz, (width, height)
        )
        assert writer.isOpened()
        for index in range(num_frames):
            bgr = _COLORS[index % len(_COLORS)][::-1]
            writer.write(np.full((height, width, 3), bgr, np.uint8))
        writer.release()
        return path

    return make


@pytest.fixture
def make_folder(tmp_path):
    """Write one plain PNG per name, whose red is its place in the list."""

    def make(names, *, width=8, height=6):
        folder = tmp_path / 'images'
        folder.mkdir(exist_ok=True)
        for index, name in enumerate(names):
            bgr = np.full((height, width, 3), (0, 0, index), np.uint8)
            assert cv2.imwrite(str(folder / name), bgr)
        return folder

    return make


@pytest.fixture
def write_image(tmp_path):
    """Write a plain image of one gray value, and its folders."""

    def write(name, value=90, size=(64, 48)):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(path), np.full((size[1], size[0], 3), value, np.uint8))
        return path

    return write


@pytest.fixture
def write_depth(tmp_path):
    """Write a depth image of uint16 with one value, and 0 and 65535 in the first two pixels."""

    def write(name, value, size=(64, 48)):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        units = np.full((size[1], size[0]), value, np.uint16)
        units[0, :2] = 0, 65535
        assert cv2.imwrite(str(path), units)
        return path

    return write


# Kinds of bags that `write_bag` can write, all with the same messages.
BAG_KINDS = (
    *('ros1', 'ros1_bz2', 'ros1_split'),
    *('sqlite3', 'sqlite3_file', 'sqlite3_message', 'sqlite3_bare', 'sqlite3_split'),
    *('mcap', 'mcap_file', 'mcap_message', 'mcap_chunks', 'mcap_bare', 'mcap_split'),
)


@pytest.fixture(params=BAG_KINDS)
def bag_kind(request):
    return request.param


class BagMessages:
    """Makes messages of ROS 1 or ROS 2, without either."""

    def __init__(self, is_ros1):
        typesys = pytest.importorskip('rosbags.typesys')
        stores = typesys.Stores
        self.is_ros1 = is_ros1
        self.store = typesys.get_typestore(stores.ROS1_NOETIC if is_ros1 else stores.ROS2_HUMBLE)
        if is_ros1:
            self.store.register(
                typesys.get_types_from_msg(
                    'geometry_msgs/TransformStamped[] transforms', 'tf2_msgs/msg/TFMessage'
                )
            )

    def make(self, name, *values, **named):
        return self.store.types[name](*values, **named)

    def serialize(self, message, name):
        serialize = self.store.serialize_ros1 if self.is_ros1 else self.store.serialize_cdr
        return serialize(message, name)

    def header(self, stamp_ns, frame):
        stamp = self.make('builtin_interfaces/msg/Time', *divmod(stamp_ns, 10**9))
        seq = (7,) if self.is_ros1 else ()
        return self.make('std_msgs/msg/Header', *seq, stamp=stamp, frame_id=frame)

    def image(self, stamp_ns, pixels, encoding='rgb8', frame='cam', padding=0, is_bigendian=0):
        pixels = np.ascontiguousarray(pixels)
        rows = pixels.view(np.uint8).reshape(len(pixels), -1)
        data = np.pad(rows, ((0, 0), (0, padding)), constant_values=77)
        height = len(pixels) * 2 // 3 if encoding == 'nv12' else len(pixels)
        return self.make(
            'sensor_msgs/msg/Image',
            header=self.header(stamp_ns, frame),
            height=height,
            width=pixels.shape[1],
            encoding=encoding,
            is_bigendian=is_bigendian,
            step=data.shape[1],
            data=data.ravel(),
        )

    def compressed(self, stamp_ns, data, format_='jpeg', frame='cam'):
        return self.make(
            'sensor_msgs/msg/CompressedImage',
            header=self.header(stamp_ns, frame),
            format=format_,
            data=np.frombuffer(bytes(data), np.uint8),
        )

    def info(self, stamp_ns, K, size, model='plumb_bob', d=(0, 0, 0, 0, 0), P=None, frame='cam'):
        names = 'DKRP' if self.is_ros1 else 'dkrp'
        P = np.hstack([K, np.zeros((3, 1))]) if P is None else P
        arrays = [np.array(each, np.float64).ravel() for each in (d, K, np.eye(3), P)]
        roi = self.make('sensor_msgs/msg/RegionOfInterest', 0, 0, 0, 0, False)
        return self.make(
            'sensor_msgs/msg/CameraInfo',
            header=self.header(stamp_ns, frame),
            height=size[1],
            width=size[0],
            distortion_model=model,
            binning_x=0,
            binning_y=0,
            roi=roi,
            **dict(zip(names, arrays, strict=True)),
        )

    def vector(self, place, kind='Vector3'):
        return self.make(f'geometry_msgs/msg/{kind}', *map(float, place))

    def quaternion(self, quat_xyzw):
        return self.make('geometry_msgs/msg/Quaternion', *map(float, quat_xyzw))

    def transform(self, stamp_ns, parent, child, place, quat_xyzw=(0, 0, 0, 1)):
        transform = self.make(
            'geometry_msgs/msg/Transform', self.vector(place), self.quaternion(quat_xyzw)
        )
        return self.make(
            'geometry_msgs/msg/TransformStamped',
            header=self.header(stamp_ns, parent),
            child_frame_id=child,
            transform=transform,
        )

    def transforms(self, *stamped):
        return self.make('tf2_msgs/msg/TFMessage', list(stamped))

    def imu(self, stamp_ns, force, frame='imu'):
        """What an IMU without orientation feels at rest."""
        return self.make(
            'sensor_msgs/msg/Imu',
            header=self.header(stamp_ns, frame),
            orientation=self.quaternion((0, 0, 0, 1)),
            orientation_covariance=np.array([-1.0] + [0.0] * 8),
            angular_velocity=self.vector((0, 0, 0)),
            angular_velocity_covariance=np.zeros(9),
            linear_acceleration=self.vector(force),
            linear_acceleration_covariance=np.zeros(9),
        )

    def fix(self, stamp_ns, place, variance, frame='gps', status=0, covariance_type=2):
        return self.make(
            'sensor_msgs/msg/NavSatFix',
            self.header(stamp_ns, frame),
            self.make('sensor_msgs/msg/NavSatStatus', status, 1),
            *map(float, place),
            variance * np.eye(3).ravel(),
            covariance_type,
        )

    def odometry(self, stamp_ns, place, quat_xyzw=(0, 0, 0, 1), child='base_link'):
        pose = self.make(
            'geometry_msgs/msg/Pose', self.vector(place, 'Point'), self.quaternion(quat_xyzw)
        )
        twist = self.make('geometry_msgs/msg/Twist', self.vector([0] * 3), self.vector([0] * 3))
        return self.make(
            'nav_msgs/msg/Odometry',
            header=self.header(stamp_ns, 'odom'),
            child_frame_id=child,
            pose=self.make('geometry_msgs/msg/PoseWithCovariance', pose, np.zeros(36)),
            twist=self.make('geometry_msgs/msg/TwistWithCovariance', twist, np.zeros(36)),
        )


@pytest.fixture
def ros2_messages():
    return BagMessages(is_ros1=False)


@pytest.fixture(params=[False, True], ids=['ros2', 'ros1'])
def any_messages(request):
    return BagMessages(request.param)


@pytest.fixture
def write_bag(tmp_path):
    """Write (topic, log time, message) of `make(messages)` as a bag of one of `BAG_KINDS`."""

    def write(make, kind='mcap', name='walk'):
        messages = BagMessages(kind.startswith('ros1'))
        found = list(make(messages))
        half = len(found) // 2
        parts = [found[:half], found[half:]] if kind.endswith('_split') else [found]
        if kind.startswith('ros1'):
            paths = [
                _write_ros1(tmp_path / f'{name}_{i}.bag', part, messages, kind)
                for i, part in enumerate(parts)
            ]
            return _gathered(paths, tmp_path / name) if len(parts) > 1 else paths[0]
        paths = [
            _write_ros2(tmp_path / f'{name}_{i}', part, messages, kind)
            for i, part in enumerate(parts)
        ]
        if not kind.endswith(('_bare', '_split')):
            return paths[0]
        files = [next(each for each in path.iterdir() if each.suffix != '.yaml') for path in paths]
        return _gathered(files, tmp_path / name)

    return write


def _gathered(files, folder):
    folder.mkdir()
    for file in files:
        file.rename(folder / file.name)
    return folder


def _type_of(message):
    return message.__msgtype__


def _write_ros1(path, found, messages, kind):
    from rosbags.rosbag1 import Writer

    writer = Writer(path)
    if kind == 'ros1_bz2':
        writer.set_compression(Writer.CompressionFormat.BZ2)
    _write(writer, found, messages)
    return path


def _write_ros2(path, found, messages, kind):
    from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer

    plugin, _, how = kind.partition('_')
    writer = Writer(path, version=9, storage_plugin=StoragePlugin[plugin.upper()])
    modes = {'file': 'FILE', 'message': 'MESSAGE', 'chunks': 'STORAGE'}
    if how in modes:
        writer.set_compression(CompressionMode[modes[how]], CompressionFormat.ZSTD)
    _write(writer, found, messages)
    return path


def _write(writer, found, messages):
    with writer:
        connections = {}
        for topic, log_ns, message in found:
            name = _type_of(message)
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, name, typestore=messages.store)
            writer.write(connections[topic], log_ns, messages.serialize(message, name))
