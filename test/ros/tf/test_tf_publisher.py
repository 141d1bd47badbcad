from dataclasses import replace
import time

import numpy as np
import pytest
from rosgraph_msgs.msg import Clock as ClockMessage
from tf2_msgs.msg import TFMessage
from tf2_ros import TransformBroadcaster

from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import matrix_from_rotation_vector
from vggt_ros.ros.middleware.messages import header_of, transform
from vggt_ros.ros.middleware.stamps import ns_from_stamp, stamp_from_ns
from vggt_ros.ros.tf.sent_transforms import SentTransforms
from vggt_ros.ros.tf.tf_listener import TfListener
from vggt_ros.ros.tf.tf_pose_priors import TfPosePriors
from vggt_ros.ros.tf.tf_publisher import MapBroadcaster
from vggt_ros.settings.world_config import FrameSettings, TfSettings

FRAMES = FrameSettings()
PERIOD_NS = 100_000_000
START_NS = 1_000_000_000
BASE_FROM_CAM = se3.rigid(
    np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]]), np.array([0.2, 0.0, 0.3])
)
# Where the odometry's frame is in the map, and where the robot is in the odometry.
MAP_FROM_ODOM = se3.rigid(
    matrix_from_rotation_vector(np.array([0.0, 0.0, 0.4])), np.array([2.0, -1.0, 0.0])
)


def odom_from_base(k):
    turn = matrix_from_rotation_vector(np.array([0.0, 0.0, 0.1 * k]))
    return se3.rigid(turn, np.array([0.3 * k, 0.05 * k * k, 0.0]))


def stamp(k):
    return START_NS + k * PERIOD_NS


class PosePriors:
    """All that the tests need: a broadcaster, a listener of its own and a robot that drives."""

    def __init__(self, make_node, tree, frame_result, make_update, words=(), **settings):
        self.node = make_node('vggt', *words)
        self.make_node, self.tree = make_node, tree
        self.frame_result, self.make_update = frame_result, make_update
        self.heard = []
        self.settings = TfSettings(lookup_timeout=0.0, **settings)
        sent = SentTransforms()
        self.listener = TfListener(self.node, 30.0, root='map', sent=sent)
        robot = TfPosePriors(
            self.listener, FRAMES, self.settings, lambda *asked: None, lambda *asked: None, print
        )
        self.broadcaster = MapBroadcaster(
            self.node, self.settings, FRAMES, robot, self.listener.other_parent, sent
        )
        tree.node.create_subscription(TFMessage, '/tf', self.on_tf, 100)

    def on_tf(self, message):
        for each in message.transforms:
            if each.header.frame_id == 'map':
                self.heard.append((time.monotonic(), each))

    def mount_camera(self):
        self.tree.static('base_link', 'cam_optical', BASE_FROM_CAM)
        assert self.make_node.spin(lambda: self.listener.knows('base_link', 'cam_optical'))

    def drive(self, count=5):
        def sent():
            for k in range(count):
                self.tree.moving('odom', 'base_link', odom_from_base(k), stamp(k))
            return self.listener.lookup('odom', 'cam_optical', stamp(count - 1), 0.0) is not None

        assert self.make_node.spin(sent)

    def update(self, ks, map_from_odom=MAP_FROM_ODOM):
        results = tuple(
            replace(
                self.frame_result(stamp_ns=stamp(k)),
                map_from_cam=map_from_odom @ odom_from_base(k) @ BASE_FROM_CAM,
            )
            for k in ks
        )
        return self.make_update(results, log_sigma=0.01)

    def spin(self, condition, timeout_s=10.0):
        return self.make_node.spin(condition, timeout_s)

    def close(self):
        self.broadcaster.close()
        self.listener.close()


@pytest.fixture
def robot_of(make_node, tree, frame_result, make_update):
    made = []

    def make(*words, **settings):
        made.append(PosePriors(make_node, tree, frame_result, make_update, words, **settings))
        return made[-1]

    yield make
    for robot in made:
        robot.close()


def matrix(message):
    from tf_transformations import quaternion_matrix

    q, t = message.transform.rotation, message.transform.translation
    found = quaternion_matrix([q.x, q.y, q.z, q.w])
    found[:3, 3] = t.x, t.y, t.z
    return found


def test_with_odometry_the_chain_over_odom_and_base_ends_at_the_camera(robot_of):
    robot = robot_of()
    robot.mount_camera()
    robot.drive()
    update = robot.update([1, 2, 3])  # not the newest of the odometry
    robot.broadcaster.send(update)
    assert robot.broadcaster.mode == 'map_to_odom'
    assert robot.spin(lambda: robot.heard)
    names = {(m.header.frame_id, m.child_frame_id) for _, m in robot.heard}
    assert names == {('map', 'odom')}
    np.testing.assert_allclose(matrix(robot.heard[-1][1]), MAP_FROM_ODOM, atol=1e-6)
    # What TF says about the frame's stamp is what the window said.
    odom_from_cam = robot.listener.lookup('odom', 'cam_optical', stamp(3), 0.0)
    chain = matrix(robot.heard[-1][1]) @ odom_from_cam
    np.testing.assert_allclose(chain, update.new_frames[-1].map_from_cam, atol=1e-6)
    later = robot.listener.lookup('odom', 'cam_optical', stamp(4), 0.0)
    assert np.abs(later - odom_from_cam).max() > 0.1, 'the newest would have been another one'


def test_without_new_windows_it_goes_on_at_its_rate_ahead_of_now(robot_of):
    robot = robot_of(tolerance=0.25, publish_rate=20.0)
    robot.mount_camera()
    robot.drive()
    robot.broadcaster.send(robot.update([3]))
    assert robot.spin(lambda: len(robot.heard) >= 3)
    robot.heard.clear()
    start_s = time.monotonic()
    assert robot.spin(lambda: len(robot.heard) >= 21)
    assert 0.7 < time.monotonic() - start_s < 4.0
    now_ns = robot.node.get_clock().now().nanoseconds
    ahead_s = (ns_from_stamp(robot.heard[-1][1].header.stamp) - now_ns) / 1e9
    assert 0.0 < ahead_s <= 0.25
    stamps_ns = [ns_from_stamp(m.header.stamp) for _, m in robot.heard]
    assert sorted(set(stamps_ns)) == stamps_ns


def test_simulated_time_that_stands_still_is_not_stamped_twice(robot_of, make_node):
    robot = robot_of('-p', 'use_sim_time:=true')
    clock = make_node('clock').create_publisher(ClockMessage, '/clock', 10)

    def tick(stamp_ns):
        def check():
            clock.publish(ClockMessage(clock=stamp_from_ns(stamp_ns)))
            return robot.node.get_clock().now().nanoseconds == stamp_ns

        assert robot.spin(check)

    tick(50_000_000_000)
    robot.mount_camera()
    robot.drive()
    robot.broadcaster.send(robot.update([3]))
    robot.spin(lambda: False, 0.5)
    assert len({ns_from_stamp(m.header.stamp) for _, m in robot.heard}) == len(robot.heard) == 1
    tick(50_200_000_000)
    assert robot.spin(lambda: len(robot.heard) == 2)
    tick(10_000_000_000)  # a bag starts again
    assert robot.spin(lambda: len(robot.heard) == 3)
    assert ns_from_stamp(robot.heard[-1][1].header.stamp) == 10_100_000_000


def test_with_a_mounted_camera_alone_the_base_is_sent_for_every_frame(robot_of):
    robot = robot_of()
    robot.mount_camera()
    update = robot.update([1, 2])
    robot.broadcaster.send(update)
    assert robot.broadcaster.mode == 'map_to_base'
    assert robot.spin(lambda: len(robot.heard) == 2)
    for (_, message), result in zip(robot.heard, update.new_frames, strict=True):
        assert message.child_frame_id == 'base_link'
        assert ns_from_stamp(message.header.stamp) == result.frame.stamp_ns
        np.testing.assert_allclose(matrix(message) @ BASE_FROM_CAM, result.map_from_cam, atol=1e-6)


def test_a_camera_alone_is_sent_itself(robot_of):
    robot = robot_of()
    update = robot.update([1, 2])
    robot.broadcaster.send(update)
    assert robot.broadcaster.mode == 'map_to_camera'
    assert robot.spin(lambda: len(robot.heard) == 2)
    for (_, message), result in zip(robot.heard, update.new_frames, strict=True):
        assert message.child_frame_id == 'cam_optical'
        np.testing.assert_allclose(matrix(message), result.map_from_cam, atol=1e-6)


def rig_update(robot):
    """Two cameras at two times."""
    update = robot.update([1, 1, 2, 2])
    results = tuple(
        replace(
            result,
            frame=replace(result.frame, camera=i % 2, camera_frame=('left', 'right')[i % 2]),
        )
        for i, result in enumerate(update.new_frames)
    )
    return replace(update, new_frames=results)


@pytest.mark.parametrize('is_connected', [True, False])
def test_of_a_rig_the_first_camera_is_sent_and_those_that_do_not_follow_from_it(
    robot_of, monkeypatch, is_connected
):
    monkeypatch.setattr('vggt_ros.ros.tf.tf_rig._PATIENCE_S', 0.1)
    robot = robot_of()
    if is_connected:
        robot.tree.static('left', 'right', BASE_FROM_CAM)
        assert robot.spin(lambda: robot.listener.knows('left', 'right'))
    robot.broadcaster.send(rig_update(robot))
    expected = ['left', 'left'] if is_connected else ['left', 'right', 'left', 'right']
    assert robot.spin(lambda: len(robot.heard) == len(expected))
    assert [message.child_frame_id for _, message in robot.heard] == expected
    assert robot.broadcaster.conflict == ''


def test_a_mode_that_was_asked_for_waits_for_its_transforms(robot_of):
    robot = robot_of(mode='map_to_odom')
    robot.mount_camera()
    robot.broadcaster.send(robot.update([1]))
    assert robot.broadcaster.mode == 'undecided'
    assert not robot.spin(lambda: robot.heard, 0.3)
    robot.drive()
    robot.broadcaster.send(robot.update([3]))
    assert robot.broadcaster.mode == 'map_to_odom'
    assert robot.spin(lambda: robot.heard)


def test_of_a_place_that_is_a_guess_nothing_is_sent_and_what_was_known_stays(robot_of):
    robot = robot_of()
    robot.mount_camera()
    robot.drive()
    guess = replace(robot.update([1]), is_connected=False)
    robot.broadcaster.send(guess)
    assert robot.broadcaster.mode == 'map_to_odom'
    assert not robot.spin(lambda: robot.heard, 0.3)
    robot.broadcaster.send(robot.update([2]))
    assert robot.spin(lambda: robot.heard)
    known = robot.heard[-1][1].transform.translation
    far = robot.update([3])
    moved = far.new_frames[0].map_from_cam.copy()
    moved[:3, 3] += 100.0
    results = (replace(far.new_frames[0], map_from_cam=moved),)
    robot.broadcaster.send(replace(far, new_frames=results, is_connected=False))
    count = len(robot.heard)
    assert robot.spin(lambda: len(robot.heard) > count + 3)
    assert robot.heard[-1][1].transform.translation == known


def test_none_sends_nothing(robot_of):
    robot = robot_of(mode='none')
    robot.broadcaster.send(robot.update([1]))
    assert not robot.spin(lambda: robot.heard, 0.3)


def test_a_frame_with_a_parent_is_not_given_a_second_one(robot_of, monkeypatch):
    monkeypatch.setattr('vggt_ros.ros.tf.tf_parents._FORGET_S', 0.5)
    robot = robot_of()
    robot.mount_camera()

    def taken():
        robot.tree.moving('world', 'odom', np.eye(4), stamp(0))
        return robot.listener.other_parent('odom') is not None

    assert robot.spin(taken)
    robot.drive()
    assert robot.spin(taken)
    robot.broadcaster.send(robot.update([3]))
    assert 'odom has the parent world' in robot.broadcaster.conflict
    assert 'tf.mode' in robot.broadcaster.conflict
    assert not robot.heard
    assert robot.spin(lambda: robot.heard), 'when the other one has gone, the way is free'
    assert robot.broadcaster.conflict == ''


@pytest.mark.parametrize(
    ('mode', 'child'),
    [('map_to_odom', 'odom'), ('map_to_base', 'base_link'), ('map_to_camera', 'cam_optical')],
)
def test_who_else_sends_the_same_edge_is_named_and_the_way_is_left_to_it(
    robot_of, make_node, monkeypatch, mode, child
):
    monkeypatch.setattr('vggt_ros.ros.tf.tf_parents._FORGET_S', 1.0)
    robot = robot_of(mode=mode)
    if mode == 'map_to_base':
        robot.mount_camera()
    if mode == 'map_to_odom':
        robot.mount_camera()
        robot.drive()
    update = robot.update([3])
    robot.broadcaster.send(update)
    assert robot.spin(lambda: robot.heard)
    robot.spin(lambda: False, 0.5)
    robot.broadcaster.send(update)
    assert robot.broadcaster.conflict == '', 'what it sends itself is no conflict'
    rival = TransformBroadcaster(make_node('rival'))

    def is_told():
        message = transform(header_of(stamp(3), 'map'), child, MAP_FROM_ODOM)
        message.transform.translation.x += 1e-9
        rival.sendTransform(message)
        robot.broadcaster.send(update)
        return robot.broadcaster.conflict

    assert robot.spin(is_told)
    assert robot.broadcaster.conflict.startswith(f'map -> {child} is sent by another node, too')
    assert '/rival' in robot.broadcaster.conflict
    assert mode in robot.broadcaster.conflict
    robot.spin(lambda: False, 0.2)
    robot.heard.clear()
    robot.broadcaster.send(update)
    assert not robot.spin(lambda: robot.heard, 0.3)

    def is_sent():
        robot.broadcaster.send(update)
        return robot.heard

    assert robot.spin(is_sent), 'when the other one has gone, the way is free'
    assert robot.broadcaster.conflict == ''


def test_a_correction_is_spread_over_the_time_that_was_asked_for(robot_of):
    robot = robot_of(smoothing_time=1.0, publish_rate=50.0)
    robot.mount_camera()
    robot.drive()
    robot.broadcaster.send(robot.update([3]))
    assert robot.spin(lambda: len(robot.heard) >= 2)
    moved = MAP_FROM_ODOM.copy()
    moved[0, 3] += 1.0
    robot.broadcaster.send(robot.update([4], moved))
    robot.heard.clear()
    assert robot.spin(lambda: robot.heard and matrix(robot.heard[-1][1])[0, 3] > 2.999)
    xs = np.array([matrix(message)[0, 3] for _, message in robot.heard])
    assert (np.diff(xs) >= -1e-9).all()
    assert np.diff(xs).max() < 0.5, 'no jump'
    assert len(np.unique(xs)) > 5


def test_a_reset_forgets_where_the_odometry_was(robot_of):
    robot = robot_of()
    robot.mount_camera()
    robot.drive()
    robot.broadcaster.send(robot.update([3]))
    assert robot.spin(lambda: robot.heard)
    robot.broadcaster.reset()
    robot.spin(lambda: False, 0.2)
    robot.heard.clear()
    assert not robot.spin(lambda: robot.heard, 0.3)


def edges(robot):
    return [(message.header.frame_id, message.child_frame_id) for _, message in robot.heard]


def test_a_mount_that_comes_late_replaces_the_camera_and_gives_it_no_second_parent(robot_of):
    robot = robot_of()
    robot.broadcaster.send(robot.update([1]))
    assert robot.broadcaster.mode == 'map_to_camera'
    assert robot.spin(lambda: edges(robot) == [('map', 'cam_optical')])
    robot.mount_camera()
    robot.heard.clear()
    update = robot.update([2, 3])
    robot.broadcaster.send(update)
    assert robot.broadcaster.mode == 'map_to_base'
    assert robot.spin(lambda: len(robot.heard) == 2)
    robot.spin(lambda: False, 0.3)
    assert edges(robot) == [('map', 'base_link')] * 2
    for (_, message), result in zip(robot.heard, update.new_frames, strict=True):
        np.testing.assert_allclose(matrix(message) @ BASE_FROM_CAM, result.map_from_cam, atol=1e-6)
    assert robot.broadcaster.conflict == ''


def test_odometry_that_begins_late_replaces_the_base(robot_of):
    robot = robot_of()
    robot.mount_camera()
    robot.broadcaster.send(robot.update([1]))
    assert robot.broadcaster.mode == 'map_to_base'
    assert robot.spin(lambda: robot.heard)
    robot.drive()
    robot.heard.clear()
    robot.broadcaster.send(robot.update([3]))
    assert robot.broadcaster.mode == 'map_to_odom'
    assert robot.spin(lambda: len(robot.heard) >= 3)
    assert set(edges(robot)) == {('map', 'odom')}
    np.testing.assert_allclose(matrix(robot.heard[-1][1]), MAP_FROM_ODOM, atol=1e-6)
    assert robot.broadcaster.conflict == ''


def test_what_the_node_sends_itself_is_not_taken_for_odometry(robot_of):
    """Another node says where odom is in the map, and none where the robot is in odom."""
    robot = robot_of()
    robot.mount_camera()
    for _ in range(3):
        robot.tree.moving('map', 'odom', MAP_FROM_ODOM, stamp(0))
        robot.broadcaster.send(robot.update([1, 2, 3]))
        robot.spin(lambda: False, 0.2)
    assert ('map', 'base_link') in edges(robot)
    assert robot.broadcaster.mode == 'map_to_base'


def test_a_reset_decides_again(robot_of):
    robot = robot_of()
    robot.mount_camera()
    robot.drive()
    robot.broadcaster.send(robot.update([3]))
    assert robot.broadcaster.mode == 'map_to_odom'
    robot.broadcaster.reset()
    assert robot.broadcaster.mode == 'undecided'
    robot.broadcaster.send(robot.update([3]))
    assert robot.broadcaster.mode == 'map_to_odom'


def test_odometry_that_ceased_leaves_the_base_to_the_map(robot_of, monkeypatch):
    robot = robot_of()
    robot.mount_camera()
    robot.drive()
    robot.broadcaster.send(robot.update([1000]))
    assert robot.broadcaster.mode == 'undecided', 'it was sent a moment ago'
    monkeypatch.setattr('vggt_ros.ros.tf.tf_parents._FORGET_S', 0.1)
    robot.spin(lambda: False, 0.2)
    robot.broadcaster.send(robot.update([1001]))
    assert robot.broadcaster.mode == 'map_to_base'
    assert robot.spin(lambda: edges(robot) == [('map', 'base_link')])


def test_odometry_at_other_stamps_leaves_the_base_to_its_parent(robot_of):
    robot = robot_of()
    robot.mount_camera()
    robot.broadcaster.send(robot.update([1]))
    assert robot.broadcaster.mode == 'map_to_base'
    robot.drive()
    robot.spin(lambda: robot.heard)
    robot.heard.clear()
    robot.broadcaster.send(robot.update([1000]))  # 100 s later than all of the odometry
    assert robot.broadcaster.mode == 'undecided'
    assert not robot.spin(lambda: robot.heard, 0.3)
    robot.broadcaster.send(robot.update([4]))
    assert robot.broadcaster.mode == 'map_to_odom'


def test_odometry_that_is_refused_leaves_the_base_to_its_parent(robot_of, monkeypatch):
    robot = robot_of()
    robot.mount_camera()

    def is_refused():
        robot.tree.moving('odom', 'base_link', odom_from_base(0), stamp(1))
        return robot.listener.problems()

    with monkeypatch.context() as patched:
        patched.setattr(
            'vggt_ros.ros.middleware.messages.quaternion_from_matrix', lambda _: (0.0,) * 4
        )
        assert robot.spin(is_refused)
    robot.broadcaster.send(robot.update([1]))
    assert robot.broadcaster.mode == 'undecided'
    assert robot.broadcaster.conflict == '', 'its sender is told of its rotation, not blamed'
    assert not robot.spin(lambda: robot.heard, 0.3)


def test_nothing_is_stamped_by_a_clock_that_has_not_begun(robot_of):
    robot = robot_of('-p', 'use_sim_time:=true')
    robot.mount_camera()
    robot.drive()
    robot.broadcaster.send(robot.update([3]))
    assert robot.broadcaster.mode == 'map_to_odom'
    assert not robot.spin(lambda: robot.heard, 0.5)


def test_an_absurd_correction_is_not_sent_and_the_old_one_stays(robot_of):
    robot = robot_of(publish_rate=50.0)
    robot.mount_camera()
    robot.drive()
    robot.broadcaster.send(robot.update([3]))
    assert robot.spin(lambda: robot.heard)
    for x in (1e9, 1e155, float('nan')):
        wrong = MAP_FROM_ODOM.copy()
        wrong[0, 3] = x
        robot.broadcaster.send(robot.update([4], wrong))
    robot.heard.clear()
    assert robot.spin(lambda: len(robot.heard) >= 5)
    for _, message in robot.heard:
        np.testing.assert_allclose(matrix(message), MAP_FROM_ODOM, atol=1e-6)


def test_nothing_is_left_of_it_when_it_is_closed(robot_of):
    robot = robot_of()
    node = robot.node
    before = len(list(node.publishers)), len(list(node.timers))
    robot.broadcaster.close()
    assert (len(list(node.publishers)), len(list(node.timers))) == (before[0] - 1, before[1] - 1)
    assert '/tf' not in [each.topic_name for each in node.publishers]
