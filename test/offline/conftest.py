from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import matrix_from_rotation_vector, quat_xyzw_from_matrix
from vggt_ros.inference.predictor_description import PredictorDescription
from vggt_ros.mapping.frontend.frame import Frame
from vggt_ros.mapping.layers.map_update import FrameResult
from vggt_ros.mapping.refinement.features import Features
from vggt_ros.mapping.refinement.keyframe_features import pack_features
from vggt_ros.offline.frame_poses import between
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.parameter_tree import with_values
from vggt_ros.sources.frame_picker import FrameChoice
from vggt_ros.sources.sequence import FrameSequence
from vggt_ros.sources.source import SourceFrame
from vggt_ros.synthetic.course import make_course
from vggt_ros.synthetic.course_camera import CourseCamera
from vggt_ros.synthetic.simulated_predictor import NONE, SimulatedPredictor

PERIOD_NS = 50_000_000
START_NS = 1_700_000_000_123_456_789


class CourseSource:
    """The frames of a course as a recording, with truth; reads can be counted and fail."""

    def __init__(self, course, *, stop=None, depth=False):
        self.course = course
        self.num_frames = len(course) if stop is None else stop
        self.rate_hz = None
        self.depth = depth
        self.fails_at = None
        self._camera = CourseCamera(course)

    def __iter__(self):
        for index in range(self.num_frames):
            if index == self.fails_at:
                raise KeyboardInterrupt
            yield self.frame(index)

    def frame(self, index):
        course, pose = self.course, self.course.world_from_cam[index]
        depth = None
        if self.depth:
            depth = course.world.depth(pose, course.K, course.width, course.height)
        return SourceFrame(
            image=self._camera.image(index),
            stamp_ns=START_NS + index // course.num_cameras * PERIOD_NS,
            camera=index % course.num_cameras,
            K=course.K_image,
            world_from_cam=pose,
            depth=depth,
        )


def sequence_of(source, path, drops=()):
    return FrameSequence(CourseRecording(source, dict(drops)), FrameChoice(), path=path)


class CourseRecording:
    """A source as what is in files."""

    name, layout, cameras, has_time = 'walk', 'rgbd', ('rgb',), True
    size = stamps_ns = world_from_cam = K = num_depths = rate_hz = None
    truth, notes = 'poses of the camera', ()

    def __init__(self, source, drops):
        self.source, self.drops = source, drops

    @property
    def num_frames(self):
        return self.source.num_frames

    def __iter__(self):
        return iter(self.source)

    def frames(self, picker):
        return iter(self.source)


def finer(course, factor):
    """The same path with `factor` frames for each, evenly between."""
    poses = course.world_from_cam
    fine = [between(a, b, k / factor) for a, b in pairwise(poses) for k in range(factor)]
    return replace(course, world_from_cam=np.stack([*fine, poses[-1]]))


@pytest.fixture(name='finer', scope='session')
def _finer():
    return finer


@pytest.fixture(scope='session')
def walk():
    """25 frames through a painted hall, four for every 12 cm."""
    whole = make_course('figure_eight', 40, 0).with_pictures(width=84, height=64, image_scale=2)
    return finer(replace(whole, world_from_cam=whole.world_from_cam[:7]), 4)


@pytest.fixture
def config():
    values = {'keyframe.min_parallax': 12.0, 'window.size': 4, 'window.overlap': 2}
    return with_values(VggtConfig(), values | {'refine.mode': 'off', 'loop.enable': False})


@pytest.fixture
def source_of():
    return CourseSource


@pytest.fixture(scope='session')
def source_type():
    return CourseSource


@pytest.fixture(name='sequence_of')
def _sequence_of():
    return sequence_of


@pytest.fixture
def truthful():
    """Make the network that answers for a course with the truth."""
    return lambda course: SimulatedPredictor(course, NONE, 0)


@pytest.fixture(scope='session')
def truthful_map():
    """Map a walk by a network that tells the truth; four keyframes a window."""
    from vggt_ros.offline.map_sequence import map_sequence

    values = {'keyframe.min_parallax': 12.0, 'window.size': 4, 'window.overlap': 2}
    values |= {'refine.mode': 'off', 'loop.enable': False}

    def run(walk, source=None, **options):
        return map_sequence(
            CourseSource(walk, depth=True) if source is None else source,
            config=with_values(VggtConfig(), values),
            predictor=SimulatedPredictor(walk, NONE, 0),
            **options,
        )

    return run


@pytest.fixture(scope='session')
def mapped(walk, truthful_map):
    return truthful_map(walk)


@pytest.fixture
def backbone_of():
    """Make a network of a course that counts and ends, as what `load_backbone` returns."""
    return SimulatedBackbone


@pytest.fixture(scope='session')
def backbone_type():
    return SimulatedBackbone


class SimulatedBackbone:
    """Tells the truth; what it says of a window depends on the window alone."""

    def __init__(self, course, *, stop_after=None):
        self.description = PredictorDescription(
            checkpoint='simulated',
            device='cpu',
            precision='fp32',
            num_parameters=0,
            image_size=course.width,
            is_trained=True,
            notice='',
        )
        self.course, self.stop_after = course, stop_after
        self.asked = []
        self.is_closed = False
        self.capabilities = SimulatedPredictor(course, NONE, 0).capabilities

    def encode(self, frame_id, image):
        raise AssertionError('a recording is not encoded on arrival')

    def predict(self, images, request, *, frame_ids=None):
        if len(self.asked) == self.stop_after:
            raise KeyboardInterrupt
        self.asked.append(tuple(frame_ids))
        fresh = SimulatedPredictor(self.course, NONE, sum(frame_ids))
        return fresh.predict(images, request, frame_ids=frame_ids)

    def park(self):
        pass

    def unpark(self):
        pass

    def close(self):
        self.is_closed = True


@pytest.fixture
def opened(walk, source_of, tmp_path):
    """The walk as a sequence that is open; its folder is there and empty."""
    folder = tmp_path / 'input'
    folder.mkdir()
    return sequence_of(source_of(walk, depth=True), folder)


@pytest.fixture
def record(mapped, opened, backbone_of, walk):
    from vggt_ros.offline.run_record import run_record

    return run_record(
        mapped,
        opened,
        VggtConfig(),
        command=['vggt_ros', 'map', 'a <b>'],
        network=backbone_of(walk).description,
        sha256='ab' * 32,
    )


ROOM_K = np.array([[300.0, 0, 159.5], [0, 300.0, 119.5], [0, 0, 1]])
ROOM_SIZE = (320, 240)


class Room:
    """Things in a room, and keyframes that see them with noise of a third of a pixel."""

    def __init__(self, seed=0, count=4000):
        self.rng = np.random.default_rng(seed)
        self.points = self.rng.uniform(-1, 1, (count, 3)) * (4, 2, 1.5) + (0, 0, 4)
        histograms = self.rng.gamma(0.5, size=(count, 128)) + 0.02
        self.looks = np.sqrt(histograms / histograms.sum(axis=1, keepdims=True))

    def keyframe(self, world_from_cam, depth_factor=1.0):
        in_cam = se3.transform(se3.inverse(world_from_cam), self.points)
        uv = in_cam @ ROOM_K.T
        with np.errstate(divide='ignore', invalid='ignore'):
            uv = uv[:, :2] / uv[:, 2:]
        is_seen = (in_cam[:, 2] > 0.3) & (uv >= 0).all(axis=1) & (uv < ROOM_SIZE).all(axis=1)
        rows = np.flatnonzero(is_seen)[:600]
        noisy = uv[rows] + 0.3 * self.rng.normal(size=(len(rows), 2))
        features = Features(
            uv=noisy.astype(np.float32), descriptors=self.looks[rows].astype(np.float32)
        )
        return pack_features(features, depth_factor * in_cam[rows], ROOM_K, ROOM_SIZE, 600)


@pytest.fixture(scope='session')
def make_room():
    return Room


@pytest.fixture(scope='session')
def along_wall():
    """Make the poses of a camera that goes along a wall, swaying."""

    def make(count=14):
        poses = []
        for step in np.linspace(-1, 1, count):
            sway = np.array([0.05 * step, 0.3 * np.sin(4 * step), 0.0])
            center = np.array([1.5 * step, 0.2 * np.sin(5 * step), 0.1 * step])
            poses.append(se3.rigid(matrix_from_rotation_vector(sway), center))
        return np.stack(poses)

    return make


@pytest.fixture(scope='session')
def uniform_keyframe():
    def make(frame_id, point, keep=True):
        """A keyframe all of whose pixels are at one point."""
        return FrameResult(
            frame=Frame(
                id=frame_id, stamp_ns=1, camera_frame='c', image=np.zeros((8, 8, 3), np.uint8)
            ),
            image=np.full((4, 6, 3), 10 * (1 + frame_id), np.uint8),
            depth=np.full((4, 6), point[2], np.float32),
            confidence=np.full((4, 6), 1e9, np.float32),
            points_in_cam=np.tile(np.array(point, np.float32), (4, 6, 1)),
            keep=np.full((4, 6), keep),
            K=np.diag([100.0, 100.0, 1.0]),
            K_image=np.diag([100.0, 100.0, 1.0]),
            map_from_cam=np.eye(4),
            covariance=np.eye(6),
        )

    return make


class CourseBag:
    """Writes what robots record of a course: images, camera_info and more, without ROS."""

    def __init__(self, path, kind):
        typesys = pytest.importorskip('rosbags.typesys')
        self.is_ros1 = kind == 'ros1'
        self.store = typesys.get_typestore(
            typesys.Stores.ROS1_NOETIC if self.is_ros1 else typesys.Stores.ROS2_HUMBLE
        )
        if self.is_ros1:
            from rosbags.rosbag1 import Writer

            self._writer = Writer(path)
        else:
            from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer

            plugin, _, how = kind.partition('_')
            self._writer = Writer(path, version=9, storage_plugin=StoragePlugin[plugin.upper()])
            if how:
                mode = CompressionMode[how.upper()]
                self._writer.set_compression(mode, CompressionFormat.ZSTD)
        self._connections = {}

    def __enter__(self):
        self._writer.open()
        return self

    def __exit__(self, *_):
        self._writer.close()

    def make(self, name, *values, **named):
        return self.store.types[name](*values, **named)

    def write(self, topic, stamp_ns, message):
        name = message.__msgtype__
        if topic not in self._connections:
            self._connections[topic] = self._writer.add_connection(
                topic, name, typestore=self.store
            )
        serialize = self.store.serialize_ros1 if self.is_ros1 else self.store.serialize_cdr
        self._writer.write(self._connections[topic], stamp_ns, serialize(message, name))

    def header(self, stamp_ns, frame):
        stamp = self.make('builtin_interfaces/msg/Time', *divmod(stamp_ns, 10**9))
        seq = (0,) if self.is_ros1 else ()
        return self.make('std_msgs/msg/Header', *seq, stamp, frame)

    def image(self, topic, stamp_ns, pixels, encoding='rgb8', frame='cam_0'):
        header = self.header(stamp_ns, frame)
        pixels = np.ascontiguousarray(pixels)
        data = pixels.view(np.uint8).reshape(len(pixels), -1)
        message = self.make(
            'sensor_msgs/msg/Image',
            *(header, *pixels.shape[:2], encoding, 0, data.shape[1], data.ravel()),
        )
        self.write(topic, stamp_ns, message)

    def info(self, topic, stamp_ns, K, size, frame='cam_0'):
        P = np.hstack([K, np.zeros((3, 1))])
        arrays = [np.array(each, np.float64).ravel() for each in ([0] * 5, K, np.eye(3), P)]
        roi = self.make('sensor_msgs/msg/RegionOfInterest', 0, 0, 0, 0, False)
        message = self.make(
            'sensor_msgs/msg/CameraInfo',
            *(self.header(stamp_ns, frame), size[1], size[0], 'plumb_bob', *arrays, 0, 0, roi),
        )
        self.write(topic, stamp_ns, message)

    def transform(self, stamp_ns, parent, child, parent_from_child):
        made = self.make(
            'geometry_msgs/msg/Transform',
            self.make('geometry_msgs/msg/Vector3', *parent_from_child[:3, 3].tolist()),
            self._quaternion(parent_from_child),
        )
        stamped = self.make(
            'geometry_msgs/msg/TransformStamped', self.header(stamp_ns, parent), child, made
        )
        self.write('/tf_static', stamp_ns, self.make('tf2_msgs/msg/TFMessage', [stamped]))

    def imu(self, stamp_ns, force, frame='imu'):
        """What an IMU without orientation feels at rest."""
        zero = self.make('geometry_msgs/msg/Vector3', 0.0, 0.0, 0.0)
        message = self.make(
            'sensor_msgs/msg/Imu',
            self.header(stamp_ns, frame),
            *(self._quaternion(np.eye(4)), np.array([-1.0] + [0.0] * 8)),
            *(zero, np.zeros(9)),
            *(self.make('geometry_msgs/msg/Vector3', *map(float, force)), np.zeros(9)),
        )
        self.write('/imu', stamp_ns, message)

    def fix(self, stamp_ns, place, variance, frame='gps'):
        message = self.make(
            'sensor_msgs/msg/NavSatFix',
            self.header(stamp_ns, frame),
            self.make('sensor_msgs/msg/NavSatStatus', 0, 1),
            *map(float, place),
            variance * np.eye(3).ravel(),
            2,
        )
        self.write('/fix', stamp_ns, message)

    def odometry(self, stamp_ns, odom_from_base, child='base_link'):
        zero = self.make('geometry_msgs/msg/Vector3', 0.0, 0.0, 0.0)
        place = self.make('geometry_msgs/msg/Point', *odom_from_base[:3, 3].tolist())
        pose = self.make('geometry_msgs/msg/Pose', place, self._quaternion(odom_from_base))
        twist = self.make('geometry_msgs/msg/Twist', zero, zero)
        message = self.make(
            'nav_msgs/msg/Odometry',
            self.header(stamp_ns, 'odom'),
            child,
            self.make('geometry_msgs/msg/PoseWithCovariance', pose, np.zeros(36)),
            self.make('geometry_msgs/msg/TwistWithCovariance', twist, np.zeros(36)),
        )
        self.write('/odom', stamp_ns, message)

    def frame(self, frame, has_depth=False):
        camera, size = frame.camera, frame.image.shape[1::-1]
        of = f'cam_{camera}'
        self.info(f'/{of}/camera_info', frame.stamp_ns, frame.K, size, of)
        if has_depth:  # before the image: what comes after it may be too late
            self.image(f'/{of}/depth', frame.stamp_ns, frame.depth, '32FC1', of)
        self.image(f'/{of}/image', frame.stamp_ns, frame.image, frame=of)

    def _quaternion(self, pose):
        quat_xyzw = quat_xyzw_from_matrix(pose[:3, :3])
        return self.make('geometry_msgs/msg/Quaternion', *quat_xyzw.tolist())


@pytest.fixture
def open_bag():
    """Open a bag to write to: `ros1`, `mcap`, `sqlite3`, or `mcap_file`, `sqlite3_message`..."""
    return CourseBag
