"""The node in a process of its own, over DDS, on images of a moving camera."""

from itertools import pairwise
import json
import math
import signal
import time

from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseArray, PoseStamped, PoseWithCovarianceStamped
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from nav_msgs.msg import Odometry, Path
import numpy as np
import pytest
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import DescribeParameters, SetParametersAtomically
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image, PointCloud2
from std_srvs.srv import SetBool, Trigger
from tf2_msgs.msg import TFMessage

from vggt_ros.ros.middleware.messages import header_of
from vggt_ros.ros.middleware.stamps import ns_from_stamp

pytestmark = pytest.mark.ros

LATCHED = QoSProfile(
    depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL
)
PER_FRAME = {
    '/vggt/depth/image_rect': Image,
    '/vggt/depth/camera_info': CameraInfo,
    '/vggt/rgb/image_rect': Image,
    '/vggt/confidence/image': Image,
    '/vggt/pose': PoseStamped,
    '/vggt/pose_with_covariance': PoseWithCovarianceStamped,
    '/vggt/odometry': Odometry,
    '/vggt/tracks': PointCloud2,
    '/vggt/tracks/image': Image,
}
PER_WINDOW = {
    '/vggt/points': PointCloud2,
    '/vggt/path': Path,
    '/vggt/camera_poses': PoseArray,
    '/vggt/map/points_update': PointCloud2,
}
SETTINGS = {
    'model.checkpoint': 'nano',
    'refine.mode': 'off',  # the demo's test has it on
    'window.size': 3,
    'window.overlap': 1,
    'window.max_wait': 0.3,
    'keyframe.min_parallax': 0.0,  # every image is a keyframe
    'diagnostics.period': 0.1,
    'map.publish_rate': 10.0,
    'tracks.num_points': 16,
}
FX = 150.0
DEADLINE_S = 30.0


def arguments(settings):
    words = ['-r', 'image:=/camera/image_raw', '-r', 'camera_info:=/camera/camera_info']
    for name, value in settings.items():
        words += ['-p', f'{name}:={value}']
    return words


class Camera:
    """Sends images at a pace the node can follow, with stamps that use every digit."""

    def __init__(self, probe, camera_image):
        self._probe = probe
        self._make = camera_image
        self._index = 0
        self._next_stamp_ns = 1_700_000_000_123_456_789
        sensor = QoSProfile(depth=10, reliability=ReliabilityPolicy.BEST_EFFORT)
        self._images = probe.node.create_publisher(Image, '/camera/image_raw', sensor)
        self._infos = probe.node.create_publisher(CameraInfo, '/camera/camera_info', sensor)

    def wait_for_node(self):
        def is_heard():
            return (
                self._images.get_subscription_count() > 0
                and self._infos.get_subscription_count() > 0
            )

        assert self._probe.spin_until(is_heard), 'the node does not subscribe'

    def image(self):
        self._index += 1
        self._next_stamp_ns += 100_000_003
        return self._make(self._index, self._next_stamp_ns)

    def send(self, image, k=(FX, 0.0, 84.0, 0.0, FX, 63.0, 0.0, 0.0, 1.0)):
        info = CameraInfo(header=image.header, width=168, height=126, k=list(k))
        self._infos.publish(info)
        self._probe.spin_for(0.03)
        self._images.publish(image)
        return ns_from_stamp(image.header.stamp)

    def walk(self, number, pace_s=0.1):
        stamps_ns = []
        for _ in range(number):
            stamps_ns.append(self.send(self.image()))
            self._probe.spin_for(pace_s)
        return stamps_ns


class Health:
    """The newest diagnostics of the node."""

    def __init__(self, probe):
        self._probe = probe
        probe.listen(DiagnosticArray, '/diagnostics')

    @property
    def status(self):
        return self._probe.heard['/diagnostics'][-1].status[0]

    def number(self, key):
        if not self._probe.heard['/diagnostics']:
            return 0
        return int({each.key: each.value for each in self.status.values}.get(key, '0'))

    @property
    def state(self):
        if not self._probe.heard['/diagnostics']:
            return ''
        return {each.key: each.value for each in self.status.values}['state']

    def is_idle(self):
        self._probe.heard['/diagnostics'].clear()
        self._probe.spin_until(lambda: self._probe.heard['/diagnostics'])
        return self.number('frames_pending') == 0


@pytest.fixture(scope='module')
def saved_maps(tmp_path_factory):
    return tmp_path_factory.mktemp('saved_maps')


@pytest.fixture(scope='module')
def node(start_process, saved_maps):
    settings = SETTINGS | {'map.save_path': str(saved_maps)}
    return start_process('vggt_ros.ros.node', *arguments(settings))


@pytest.fixture(scope='module')
def health(probe):
    return Health(probe)


@pytest.fixture(scope='module')
def camera(node, probe, camera_image, health):
    for topic, kind in {**PER_FRAME, **PER_WINDOW}.items():
        probe.listen(kind, topic)
    probe.listen(PointCloud2, '/vggt/map/points', LATCHED)
    probe.listen(TFMessage, '/tf')
    made = Camera(probe, camera_image)
    made.wait_for_node()

    return made


@pytest.fixture(scope='module')
def walk(camera, probe, health):
    """Stamps of the images of a walk that the node has worked off, all listeners attached."""
    topics = [*PER_FRAME, *PER_WINDOW, '/vggt/map/points', '/tf']
    deadline = time.monotonic() + DEADLINE_S
    while not all(probe.heard[topic] for topic in topics):  # until every listener is found
        assert time.monotonic() < deadline, [t for t in topics if not probe.heard[t]]
        camera.walk(2)
    assert probe.spin_until(health.is_idle)
    probe.spin_for(0.5)
    before = health.number('frames_in')
    for messages in probe.heard.values():
        messages.clear()
    # Two at a time, as many as a window takes: however slow the machine is, none comes too late.
    stamps_ns = []
    while len(stamps_ns) < 8:
        stamps_ns += camera.walk(2, pace_s=0.05)
        arrived = before + len(stamps_ns)
        assert probe.spin_until(
            lambda n=arrived: health.is_idle() and health.number('frames_in') >= n
        )
    # Whatever the middleware has to send again comes late, but it comes.
    probe.spin_until(
        lambda: all(stamps_ns[-1] in stamps_of(probe.heard[t]) for t in [*PER_FRAME, *PER_WINDOW])
    )
    assert probe.spin_until(health.is_idle)
    probe.spin_for(0.5)
    return stamps_ns


def stamps_of(messages):
    return [ns_from_stamp(message.header.stamp) for message in messages]


def since(walk, stamps_ns):
    """What belongs to the walk: a message from before it may have come late."""
    return [stamp_ns for stamp_ns in stamps_ns if stamp_ns >= walk[0]]


def transforms(probe):
    return [each for message in probe.heard['/tf'] for each in message.transforms]


@pytest.mark.parametrize('topic', PER_FRAME)
def test_every_image_comes_back_once_in_order_with_its_own_stamp(walk, probe, topic):
    assert since(walk, stamps_of(probe.heard[topic])) == walk


def test_every_image_comes_back_as_a_transform_from_map_to_camera(walk, probe):
    found = transforms(probe)
    assert since(walk, stamps_of(found)) == walk
    assert {each.header.frame_id for each in found} == {'map'}
    assert {each.child_frame_id for each in found} == {'cam_optical'}


@pytest.mark.parametrize('topic', PER_WINDOW)
def test_what_comes_once_a_window_has_the_stamp_of_its_newest_image(walk, probe, topic):
    stamps_ns = since(walk, stamps_of(probe.heard[topic]))
    assert stamps_ns == sorted(set(stamps_ns))
    assert set(stamps_ns) <= set(walk)
    assert stamps_ns[-1] == walk[-1]


@pytest.mark.parametrize(
    ('topic', 'frame'),
    [
        ('/vggt/points', 'cam_optical'),
        ('/vggt/depth/image_rect', 'cam_optical'),
        ('/vggt/depth/camera_info', 'cam_optical'),
        ('/vggt/rgb/image_rect', 'cam_optical'),
        ('/vggt/confidence/image', 'cam_optical'),
        ('/vggt/tracks', 'cam_optical'),
        ('/vggt/tracks/image', 'cam_optical'),
        ('/vggt/pose', 'map'),
        ('/vggt/pose_with_covariance', 'map'),
        ('/vggt/odometry', 'vggt_odom'),
        ('/vggt/map/points_update', 'map'),
        ('/vggt/path', 'map'),
        ('/vggt/camera_poses', 'map'),
        ('/vggt/map/points', 'map'),
    ],
)
def test_topics_name_their_frame(walk, probe, topic, frame):
    assert {message.header.frame_id for message in probe.heard[topic]} == {frame}


def test_depth_color_confidence_and_calibration_have_one_size(walk, probe):
    sizes = {
        (message.width, message.height)
        for topic, kind in PER_FRAME.items()
        if kind in (Image, CameraInfo)
        for message in probe.heard[topic]
    }
    assert sizes == {(168, 126)}
    assert {(m.width, m.height) for m in probe.heard['/vggt/points']} == {(168, 126)}


@pytest.mark.parametrize(
    ('topic', 'encoding', 'bytes_per_pixel'),
    [
        ('/vggt/depth/image_rect', '32FC1', 4),
        ('/vggt/rgb/image_rect', 'rgb8', 3),
        ('/vggt/confidence/image', '32FC1', 4),
        ('/vggt/tracks/image', 'rgb8', 3),
    ],
)
def test_images_have_the_documented_encoding(walk, probe, topic, encoding, bytes_per_pixel):
    message = probe.heard[topic][-1]
    assert message.encoding == encoding
    assert message.step == 168 * bytes_per_pixel
    assert len(message.data) == 126 * message.step


def test_the_published_calibration_is_that_of_the_camera(walk, probe):
    info = probe.heard['/vggt/depth/camera_info'][-1]
    # The camera's image has the network's size, so its calibration needs no change.
    np.testing.assert_allclose(info.k, [FX, 0, 84, 0, FX, 63, 0, 0, 1], atol=1e-6)


def test_the_cloud_is_the_depth_image_seen_through_the_calibration(walk, probe):
    cloud = probe.heard['/vggt/points'][-1]
    assert [field.name for field in cloud.fields] == ['x', 'y', 'z', 'rgb', 'confidence']
    assert cloud.point_step == 20
    points = np.frombuffer(cloud.data, '<f4').reshape(126, 168, 5)
    depth = np.frombuffer(probe.heard['/vggt/depth/image_rect'][-1].data, '<f4').reshape(126, 168)
    kept = np.isfinite(points[..., 2])
    assert kept.mean() > 0.3
    np.testing.assert_allclose(points[kept, 2], depth[kept], rtol=1e-5)
    u = np.broadcast_to(np.arange(168), (126, 168))
    np.testing.assert_allclose(
        points[kept, 0], (u[kept] - 84.0) / FX * depth[kept], rtol=1e-3, atol=1e-4
    )


def test_the_path_holds_every_pose(walk, probe):
    path = probe.heard['/vggt/path'][-1]
    stamps_ns = stamps_of(path.poses)
    assert stamps_ns[-len(walk) :] == walk
    newest = probe.heard['/vggt/pose'][-1]
    assert path.poses[-1].pose == newest.pose


def test_camera_poses_are_those_of_the_whole_window(walk, probe):
    assert {len(m.poses) for m in probe.heard['/vggt/camera_poses']} <= {2, 3}
    assert probe.heard['/vggt/camera_poses'][-1].poses[-1] == probe.heard['/vggt/pose'][-1].pose


def test_tracks_carry_the_same_ids_from_frame_to_frame(walk, probe):
    ids = [
        set(np.frombuffer(cloud.data, '<u4').reshape(-1, 8)[:, 5].tolist())
        for cloud in probe.heard['/vggt/tracks']
    ]
    assert all(ids)
    assert all(before & after for before, after in pairwise(ids))


def test_every_image_is_accounted_for(walk, probe, health):
    assert probe.spin_until(health.is_idle)
    dropped = health.number('frames_dropped')
    assert health.number('frames_in') == health.number('frames_used') + dropped
    assert health.number('windows') > 0
    assert health.state == 'tracking'


def test_a_model_for_demonstration_says_so(walk, health, node):
    assert 'demonstration model' in node.log
    values = {each.key: each.value for each in health.status.values}
    assert 'demonstration model' in values['model.note']


@pytest.mark.parametrize('topic', [*PER_FRAME, *PER_WINDOW])
def test_data_is_reliable_and_volatile(camera, probe, topic):
    (endpoint,) = probe.node.get_publishers_info_by_topic(topic)
    assert endpoint.qos_profile.reliability == ReliabilityPolicy.RELIABLE
    assert endpoint.qos_profile.durability == DurabilityPolicy.VOLATILE


def test_the_map_is_reliable_and_latched(camera, probe):
    (endpoint,) = probe.node.get_publishers_info_by_topic('/vggt/map/points')
    assert endpoint.qos_profile.reliability == ReliabilityPolicy.RELIABLE
    assert endpoint.qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL


@pytest.mark.parametrize('topic', ['/camera/image_raw', '/camera/camera_info'])
def test_input_is_asked_for_as_it_is_offered(camera, probe, topic):
    def policies(endpoints):
        return {(e.qos_profile.reliability, e.qos_profile.durability) for e in endpoints}

    node = probe.node
    assert probe.spin_until(
        lambda: (
            policies(node.get_subscriptions_info_by_topic(topic))
            == policies(node.get_publishers_info_by_topic(topic))
        )
    )


def test_who_comes_late_gets_the_map_at_once(walk, probe, health):
    late = []
    subscription = probe.node.create_subscription(
        PointCloud2, '/vggt/map/points', late.append, LATCHED
    )
    assert probe.spin_until(lambda: late, 5.0)
    assert late[0].width == health.number('map_points') > 0
    probe.node.destroy_subscription(subscription)


def test_a_saved_map_is_a_folder_with_all_of_it(walk, probe, health, saved_maps):
    assert probe.spin_until(health.is_idle)
    answer = probe.call(Trigger, '/vggt/save_map')
    assert answer.success, answer.message
    (folder,) = (each for each in saved_maps.iterdir() if not each.is_symlink())
    assert str(folder) in answer.message
    facts = json.loads((folder / 'map.json').read_text())
    assert facts['num_points'] == health.number('map_points') > 0
    assert (facts['is_metric'], facts['camera_frame']) == (False, 'cam_optical')
    poses = np.loadtxt(folder / 'trajectory.tum')
    assert len(poses) == len(probe.heard['/vggt/path'][-1].poses)
    assert (folder / 'colmap' / 'images.txt').is_file()
    assert probe.call(Trigger, '/vggt/save_map').success
    names = {each.name for each in saved_maps.iterdir()}
    assert names == {'map', 'map-2', 'latest'}, 'the first one is not touched'
    assert (saved_maps / 'latest').resolve() == saved_maps / 'map-2'


def spoilt(image, how):
    if how == 'bad_encoding':
        image.encoding = 'jpeg'
    elif how == 'bad_step':
        image.step = 3
    elif how == 'empty_image':
        image = Image(header=image.header, encoding='rgb8')
    elif how == 'stamp_zero':
        image.header = header_of(0, 'cam_optical')
    elif how == 'stamp_backwards':
        before_ns = ns_from_stamp(image.header.stamp) - 500_000_000
        image.header = header_of(before_ns, 'cam_optical')
    elif how == 'no_frame_id':
        image.header.frame_id = ''
    return image


@pytest.mark.parametrize(
    'reason',
    ['bad_encoding', 'bad_step', 'empty_image', 'stamp_zero', 'stamp_backwards', 'no_frame_id'],
)
def test_a_bad_image_is_counted_logged_and_survived(walk, camera, probe, health, node, reason):
    assert probe.spin_until(health.is_idle)
    num_before, map_before = health.number(f'dropped.{reason}'), health.number('map_points')
    camera.send(spoilt(camera.image(), reason))
    assert probe.spin_until(lambda: health.number(f'dropped.{reason}') == num_before + 1), node.log
    assert f'{reason}: ' in node.log
    assert node.is_alive
    assert health.number('map_points') >= map_before
    assert_goes_on(camera, probe)


def test_a_bad_calibration_is_counted_logged_and_survived(walk, camera, probe, health, node):
    num_before, map_before = health.number('dropped.bad_camera_info'), health.number('map_points')
    camera.send(camera.image(), k=[math.nan] * 9)
    assert probe.spin_until(lambda: health.number('dropped.bad_camera_info') == num_before + 1)
    assert 'bad_camera_info: ' in node.log
    assert health.number('map_points') >= map_before
    assert_goes_on(camera, probe)


def test_a_size_that_changes_is_counted_logged_and_survived(
    walk, camera, probe, health, node, camera_image
):
    assert probe.spin_until(health.is_idle)
    map_before = health.number('map_points')
    stamp_ns = ns_from_stamp(camera.image().header.stamp)
    camera._images.publish(camera_image(0, stamp_ns, width=140))
    # Without a calibration of its size it is refused for that; either reason is the truth.
    assert probe.spin_until(
        lambda: (
            health.number('dropped.size_changed') + health.number('dropped.bad_camera_info') >= 2
        )
    ), node.log
    assert health.number('map_points') >= map_before
    assert_goes_on(camera, probe)


def assert_goes_on(camera, probe):
    probe.heard['/vggt/pose'].clear()
    deadline = time.monotonic() + DEADLINE_S
    while not probe.heard['/vggt/pose']:
        assert time.monotonic() < deadline, 'the node does not go on'
        camera.walk(2)


def set_parameter(probe, name, value):
    kinds = {bool: 'bool', int: 'integer', float: 'double', str: 'string'}
    kind = kinds[type(value)]
    message = ParameterValue(type=getattr(ParameterType, f'PARAMETER_{kind.upper()}'))
    setattr(message, f'{kind}_value', value)
    request = SetParametersAtomically.Request(parameters=[Parameter(name=name, value=message)])
    return probe.call(SetParametersAtomically, '/vggt/set_parameters_atomically', request).result


def test_a_parameter_in_range_is_accepted(camera, probe):
    assert set_parameter(probe, 'cloud.confidence_percentile', 30.0).successful


@pytest.mark.parametrize(
    ('name', 'value', 'words'),
    [
        ('keyframe.min_parallax', 101.0, ['100']),
        ('keyframe.min_parallax', math.nan, ['100']),
        ('tracks.num_points', 0, ['1', '4096']),
        ('cloud.confidence_mode', 'guess', ['percentile', 'absolute']),
        ('window.size', 5, ['read-only']),
        ('window.sise', 5, ['undeclared']),
        ('keyframe.min_parallax', 'much', ['type']),
    ],
)
def test_a_parameter_that_is_not_allowed_is_refused_with_the_limit(
    camera, probe, name, value, words
):
    result = set_parameter(probe, name, value)
    assert not result.successful
    assert all(word in result.reason for word in words), result.reason


def test_parameters_describe_themselves(camera, probe):
    request = DescribeParameters.Request(names=['keyframe.min_parallax', 'cloud.confidence_mode'])
    answer = probe.call(DescribeParameters, '/vggt/describe_parameters', request)
    number, choice = answer.descriptors
    assert 'Unit: px' in number.description
    assert number.floating_point_range[0].to_value == 100.0
    assert not number.read_only
    assert 'percentile, absolute' in choice.additional_constraints


def test_a_change_while_running_is_used(walk, camera, probe):
    assert set_parameter(probe, 'cloud.decimation', 2).successful
    probe.heard['/vggt/points'].clear()
    camera.walk(4)
    assert probe.spin_until(
        lambda: any((m.width, m.height) == (84, 63) for m in probe.heard['/vggt/points'])
    )
    assert set_parameter(probe, 'cloud.decimation', 1).successful


def test_pausing_lets_images_pass_and_keeps_the_map(walk, camera, probe, health):
    assert probe.call(SetBool, '/vggt/enable', SetBool.Request(data=False)).success
    assert probe.spin_until(lambda: health.state == 'paused')
    assert probe.spin_until(health.is_idle)
    windows, map_points = health.number('windows'), health.number('map_points')
    camera.walk(6)
    assert probe.spin_until(lambda: health.number('dropped.paused') >= 6)
    assert health.number('windows') == windows
    assert health.number('map_points') == map_points > 0
    assert probe.call(Trigger, '/vggt/trigger').success
    camera.walk(3)
    assert probe.spin_until(lambda: health.number('windows') == windows + 1)
    assert health.state == 'paused'
    assert probe.call(SetBool, '/vggt/enable', SetBool.Request(data=True)).success
    assert_goes_on(camera, probe)


def test_reset_while_working_empties_map_and_path_and_goes_on(walk, camera, probe, health):
    camera.walk(6, pace_s=0.0)  # the worker has its hands full
    probe.heard['/vggt/map/points'].clear()
    probe.heard['/vggt/path'].clear()
    answer = probe.call(Trigger, '/vggt/reset')
    assert answer.success
    assert 'points' in answer.message
    assert probe.spin_until(lambda: any(m.width == 0 for m in probe.heard['/vggt/map/points']))
    assert probe.spin_until(lambda: any(not m.poses for m in probe.heard['/vggt/path']))
    assert probe.spin_until(health.is_idle)
    stamps_ns = camera.walk(4)
    assert probe.spin_until(
        lambda: (
            probe.heard['/vggt/path']
            and stamps_of(probe.heard['/vggt/path'][-1].poses)[-1:] == stamps_ns[-1:]
        )
    )
    assert len(probe.heard['/vggt/path'][-1].poses) <= len(stamps_ns) + 1


def change_state(probe, transition):
    request = ChangeState.Request(transition=Transition(id=transition))
    return probe.call(ChangeState, '/vggt/change_state', request).success


def state(probe):
    return probe.call(GetState, '/vggt/get_state').current_state.label


def test_the_life_cycle_can_be_run_through_again_and_again(walk, camera, probe, health, node):
    for _ in range(2):
        assert change_state(probe, Transition.TRANSITION_DEACTIVATE)
        assert state(probe) == 'inactive'
        assert change_state(probe, Transition.TRANSITION_CLEANUP)
        assert state(probe) == 'unconfigured'
        assert not probe.call(Trigger, '/vggt/reset').success
        assert change_state(probe, Transition.TRANSITION_CONFIGURE), node.log
        assert change_state(probe, Transition.TRANSITION_ACTIVATE), node.log
        assert state(probe) == 'active'
        camera.wait_for_node()
        assert_goes_on(camera, probe)


def test_a_transition_that_makes_no_sense_is_refused(camera, probe, node):
    assert not change_state(probe, Transition.TRANSITION_ACTIVATE)
    assert node.is_alive
    assert state(probe) == 'active'


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_process_cleanly_while_it_works(
    start_process, camera, probe, node, number
):
    # The last tests of the module: they need images, and the shared node hears them, too.
    other = start_process('vggt_ros.ros.node', '-r', '__node:=other', *arguments(SETTINGS))

    def listens():
        found = probe.node.get_subscriptions_info_by_topic('/camera/image_raw')
        return 'other' in {each.node_name for each in found}

    assert probe.spin_until(listens)
    camera.walk(6, pace_s=0.0)
    other.process.send_signal(number)  # twice: the terminal and `ros2 launch` send one each
    time.sleep(0.05)
    code, duration_s = other.end(number)
    assert code == 0, other.log
    assert duration_s < 5.0
    assert 'Traceback' not in other.log
    time.sleep(0.1)


def test_the_shared_node_ends_cleanly(camera, node):
    code, duration_s = node.end()
    assert code == 0, node.log
    assert duration_s < 5.0
    assert 'Traceback' not in node.log
