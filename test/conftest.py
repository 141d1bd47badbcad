from collections import defaultdict
import os
from pathlib import Path
import signal
import subprocess
import sys
import time
import warnings

from jaxtyping import install_import_hook
import numpy as np
import pytest

from vggt_ros.cli.ros_domain import claim_domain

# Check every jaxtyping annotation at run time while the tests run.
install_import_hook(['vggt_ros', 'training'], 'beartype.beartype')

# A domain and a reach of their own, before anything of ROS is loaded: no test talks to a robot
# nor to the tests of another user.
os.environ['ROS_DOMAIN_ID'] = str(claim_domain())
if os.environ.get('ROS_DISTRO') == 'humble':
    os.environ['ROS_LOCALHOST_ONLY'] = '1'
else:
    os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'

ROOT = Path(__file__).parents[1]
DEADLINE_S = 30.0

try:
    import rclpy

    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # the parser that rclpy loads is older than Python 3.11
        import rosidl_generator_py  # noqa: F401
except ImportError:
    rclpy = None
    collect_ignore = ['ros', 'faults']


def pytest_report_header():
    if rclpy is None:
        return (
            'test/ros and test/faults are left out: rclpy is not installed (`make venv`, or '
            'source ROS 2)'
        )
    return f'test/ros, test/faults: ROS_DOMAIN_ID={os.environ["ROS_DOMAIN_ID"]}'


class ManualClock:
    """Seconds that pass only when a test says so."""

    def __init__(self):
        self.now_s = 100.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def rng():
    return np.random.default_rng(7)


class RosProcess:
    """A module of the package in a process of its own."""

    def __init__(self, log_path, module, *arguments):
        self._log_path = log_path
        environment = dict(os.environ)
        paths = [str(ROOT), *environment.get('PYTHONPATH', '').split(os.pathsep)]
        environment['PYTHONPATH'] = os.pathsep.join(path for path in paths if path)
        environment['ROS_LOG_DIR'] = str(log_path.parent)
        environment['OMP_NUM_THREADS'] = '1'
        with log_path.open('w') as log:
            self.process = subprocess.Popen(
                [sys.executable, '-u', '-m', module, '--ros-args', *arguments],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=log_path.parent,
            )

    @property
    def is_alive(self):
        return self.process.poll() is None

    @property
    def log(self):
        return self._log_path.read_text(errors='replace')

    def wait_for_log(self, text, timeout_s=DEADLINE_S):
        deadline = time.monotonic() + timeout_s
        while text not in self.log:
            assert self.is_alive, f'the process ended:\n{self.log}'
            assert time.monotonic() < deadline, f'{text!r} did not come:\n{self.log}'
            time.sleep(0.05)

    def end(self, number=signal.SIGINT):
        """Send a signal; return the exit code and the seconds it took."""
        start = time.monotonic()
        if self.is_alive:
            self.process.send_signal(number)
        try:
            code = self.process.wait(15.0)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        return code, time.monotonic() - start


@pytest.fixture(scope='module')
def start_process(tmp_path_factory):
    """Start modules as processes; those that still run at the end of the module are ended."""
    started = []

    def start(module, *arguments):
        log_path = tmp_path_factory.mktemp('process') / 'log.txt'
        process = RosProcess(log_path, module, *arguments)
        started.append(process)
        return process

    start.started = started
    yield start
    for process in started:
        if process.is_alive:
            process.end()


class Probe:
    """A ROS node in the test's own process that sends images and keeps what it hears."""

    def __init__(self, node, executor):
        self.node = node
        self.heard = defaultdict(list)
        self._executor = executor

    def spin_until(self, condition, timeout_s=DEADLINE_S):
        deadline = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > deadline:
                return False
            self._executor.spin_once(timeout_sec=0.02)
        return True

    def spin_for(self, duration_s):
        self.spin_until(lambda: False, duration_s)

    def listen(self, message_type, topic, qos=50):
        self.node.create_subscription(message_type, topic, self.heard[topic].append, qos)

    def call(self, service_type, name, request=None, timeout_s=DEADLINE_S):
        client = self.node.create_client(service_type, name)
        assert client.wait_for_service(timeout_sec=timeout_s), f'there is no service {name}'
        future = client.call_async(request or service_type.Request())
        assert self.spin_until(future.done, timeout_s), f'{name} did not answer'
        self.node.destroy_client(client)
        return future.result()


@pytest.fixture(scope='module')
def probe():
    from rclpy.executors import SingleThreadedExecutor

    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node('probe', context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    yield Probe(node, executor)
    executor.shutdown()
    node.destroy_node()
    rclpy.shutdown(context=context)


@pytest.fixture
def make_node():
    """Make nodes that can be spun with `spin(condition)`; `context` is what their parts want."""
    from rclpy.executors import SingleThreadedExecutor
    from rclpy.lifecycle import LifecycleNode

    from vggt_ros.ros.middleware.heard_topics import HeardTopics
    from vggt_ros.ros.middleware.node_context import NodeContext
    from vggt_ros.ros.middleware.qos_events import QosEvents
    from vggt_ros.settings.config import VggtConfig
    from vggt_ros.settings.live_config import LiveConfig

    context = rclpy.Context()
    rclpy.init(context=context)
    executor = SingleThreadedExecutor(context=context)
    nodes = []

    def make(name, *words, kind=LifecycleNode):
        arguments = ['--ros-args', *words]
        node = kind(name, context=context, cli_args=arguments, use_global_arguments=False)
        nodes.append(node)
        executor.add_node(node)
        return node

    def spin(condition, timeout_s=10.0):
        deadline = time.monotonic() + timeout_s
        while not condition() and time.monotonic() < deadline:
            executor.spin_once(timeout_sec=0.02)
        return condition()

    def context_of(node, config=None, **parts):
        config = VggtConfig() if config is None else config
        events = parts.pop('qos_events', QosEvents(print))

        def fail(reason):
            pytest.fail(str(reason))

        usual = {'note_error': fail, 'end_with_error': fail}
        topics = HeardTopics(node, config.input, events)
        return NodeContext(
            node=node,
            config=LiveConfig(config),
            topics=topics,
            qos_events=events,
            **(usual | parts),
        )

    make.spin, make.context = spin, context_of
    yield make
    executor.shutdown()
    for node in nodes:
        node.destroy_node()
    rclpy.shutdown(context=context)


@pytest.fixture(scope='session')
def camera_image():
    """Make the Image of a camera that moves sideways over a textured wall."""
    import cv2
    from sensor_msgs.msg import Image

    from vggt_ros.ros.middleware.messages import header_of
    from vggt_ros.ros.middleware.payload import fill

    noise = np.random.default_rng(0).integers(0, 256, (126, 2000, 3), dtype=np.uint8)
    wall = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 2), None, 0, 255, cv2.NORM_MINMAX)

    def make(index, stamp_ns, width=168):
        left = 5 * index % 1800
        message = Image(
            header=header_of(stamp_ns, 'cam_optical'),
            height=126,
            width=width,
            encoding='rgb8',
            step=3 * width,
        )
        fill(message.data, wall[:, left : left + width])
        return message

    return make


@pytest.fixture(scope='session')
def views():
    """Ten views of a made-up hall: images, depth of half the size, poses and intrinsics."""
    from types import SimpleNamespace

    from vggt_ros.synthetic.course import make_course
    from vggt_ros.synthetic.course_camera import CourseCamera

    course = make_course('figure_eight', 40, 0).with_pictures(width=84, height=64, image_scale=2)
    camera, picked = CourseCamera(course), range(0, 40, 4)
    poses = course.world_from_cam[list(picked)]
    depth = [course.world.depth(pose, course.K, 84, 64) for pose in poses]
    return SimpleNamespace(
        images=np.stack([camera.image(index) for index in picked]),
        depth=np.stack(depth),
        world_from_cam=poses,
        K=course.K_image,
    )


@pytest.fixture
def rgbd_folder(views, tmp_path):
    """The views as color/, depth/, pose.txt and camera.txt."""
    import cv2

    from vggt_ros.geometry.rotation import quat_xyzw_from_matrix

    folder = tmp_path / 'hall'
    for name in ('color', 'depth'):
        (folder / name).mkdir(parents=True)
    lines = []
    for index, pose in enumerate(views.world_from_cam):
        cv2.imwrite(str(folder / 'color' / f'{index}.png'), views.images[index][..., ::-1])
        millimeters = np.rint(1000 * views.depth[index]).astype(np.uint16)
        cv2.imwrite(str(folder / 'depth' / f'{index}.png'), millimeters)
        lines.append(' '.join(map(str, [*pose[:3, 3], *quat_xyzw_from_matrix(pose[:3, :3])])))
    (folder / 'pose.txt').write_text('\n'.join(lines) + '\n')
    K = views.K
    (folder / 'camera.txt').write_text(f'{K[0, 0]} {K[1, 1]} {K[0, 2]} {K[1, 2]}\n')
    return folder


@pytest.fixture(scope='session')
def write_map():
    """Map frames of a course with images of what there is to see; store the map."""
    from vggt_ros.mapping.frontend.frame import Frame
    from vggt_ros.mapping.mapper import Mapper
    from vggt_ros.mapping.offline import map_frames
    from vggt_ros.offline.session_files import write_session_files
    from vggt_ros.settings.config import VggtConfig
    from vggt_ros.settings.parameter_tree import with_values
    from vggt_ros.synthetic.course import make_course
    from vggt_ros.synthetic.course_camera import CourseCamera
    from vggt_ros.synthetic.simulated_predictor import SimulatedPredictor

    def write(folder, indices, seed=0, **values):
        course = make_course('figure_eight', 300, seed).with_pictures(seed=seed)
        camera = CourseCamera(course)
        wanted = {name.replace('__', '.'): value for name, value in values.items()}
        wanted |= {'keyframe.min_parallax': 0.0, 'map.voxel_size': 0.1}
        config = with_values(VggtConfig(), wanted)
        mapper = Mapper(SimulatedPredictor(course, seed=seed), config, offline=True)
        frames = [
            Frame(
                id=index,
                stamp_ns=100_000_000 * (index + 1),
                camera_frame='camera',
                image=camera.image(index),
                K=course.K_image,
            )
            for index in indices
        ]
        assert list(map_frames(mapper, frames))
        folder.mkdir()
        write_session_files(folder, mapper.map.session())

    return write


@pytest.fixture(scope='session')
def stored_map(tmp_path_factory, write_map):
    """The folder of a small map with images and an occupancy grid, stored as by a run."""
    folder = tmp_path_factory.mktemp('maps') / 'small'
    write_map(folder, range(20), refine__mode='off', occupancy__enable=True)
    return folder
