"""Cameras that die, lag and flood: what waits for them, and what the user is told."""

import time

import numpy as np
import pytest
from sensor_msgs.msg import PointCloud2

from vggt_ros.geometry import se3
from vggt_ros.ros.middleware.messages import header_of, rgb_image, transform
from vggt_ros.synthetic.shaken_rig import ShakenRig, uneven_motion

PERIOD_NS = 100_000_000
LATE_NS = 80_000_000
RIG = [('image_0', '/left/image'), ('image_1', '/right/image')]


@pytest.fixture
def rig(start_process, node_arguments, probe, make_camera, health):
    """A node with two cameras, which are 0.2 m apart in TF."""
    from tf2_ros import StaticTransformBroadcaster

    started = []

    class Rig:
        def __init__(self, **settings):
            words = node_arguments(RIG, input__num_cameras=2, **settings)
            self.node = start_process('vggt_ros.ros.node', *words)
            started.append(self.node)
            static = StaticTransformBroadcaster(probe.node)
            right = se3.rigid(np.eye(3), np.array([0.2, 0.0, 0.0]))
            static.sendTransform(transform(header_of(0, 'left'), 'right', right))
            self._static = static  # keeps it alive
            self.cameras = [
                make_camera('/left/image', 'left'),
                make_camera('/right/image', 'right'),
            ]
            for camera in self.cameras:
                camera.wait_for_node()
            self.index = 0

        def send(self, number, which=(0, 1), pace_s=0.1):
            for _ in range(number):
                self.index += 1
                for camera in which:
                    stamp_ns = 10**18 + self.index * PERIOD_NS + camera * 1_000_000
                    self.cameras[camera].send(stamp_ns, self.index)
                probe.spin_for(pace_s)

        def uses(self, number, which=(0, 1)):
            """Send until so many more frames are in the map."""
            wanted = health.number('frames_used') + number

            def are_used():
                self.send(1, which)
                return health.number('frames_used') >= wanted

            assert probe.spin_until(are_used, 60.0), self.node.log

    yield Rig
    for node in started:
        assert 'Traceback' not in node.log
        assert node.end()[0] == 0


def test_a_rig_has_depth_of_every_camera_and_one_map(rig, probe, health):
    made = rig()
    for topic in ('/vggt/camera_0/points', '/vggt/camera_1/points', '/vggt/map/points_update'):
        probe.listen(PointCloud2, topic)
    made.uses(12)
    assert probe.spin_until(
        lambda: (
            all(probe.heard[f'/vggt/camera_{i}/points'] for i in (0, 1))
            and probe.heard['/vggt/map/points_update']
        )
    )
    for camera, frame in enumerate(('left', 'right')):
        heard = probe.heard[f'/vggt/camera_{camera}/points']
        assert {cloud.header.frame_id for cloud in heard} == {frame}
    assert probe.spin_until(health.is_idle)
    values = health.fresh()
    assert values['camera_0.in_sets'] == values['camera_1.in_sets']
    health.assert_accounted_for()
    assert 'TF does not connect' not in made.node.log


def test_a_camera_that_dies_is_named_and_used_again_when_it_returns(rig, probe, health):
    made = rig(input__sync__min_cameras=1, input__watchdog_period=1.0)
    made.uses(8)
    points = health.number('map_points')
    made.uses(6, which=[0])
    assert probe.spin_until(lambda: 'nothing on /right/image' in made.node.log)
    assert probe.spin_until(lambda: 'nothing on /right/image' in health.message)
    assert '/left/image' in health.message, 'the rate of the other'
    assert health.number('map_points') >= points > 0
    in_sets = health.number('camera_1.in_sets')
    made.uses(8)
    assert probe.spin_until(lambda: health.number('camera_1.in_sets') >= in_sets + 3)
    assert probe.spin_until(lambda: 'nothing on' not in health.message)
    health.assert_accounted_for()


def test_without_the_permission_to_go_on_alone_nothing_is_used_and_nothing_lost(
    rig, probe, health
):
    made = rig(input__watchdog_period=1.0)
    made.uses(8)
    assert probe.spin_until(health.is_idle)
    used, points = health.number('frames_used'), health.number('map_points')
    made.send(15, which=[0])
    assert probe.spin_until(lambda: health.number('dropped.unsynchronized') >= 10)
    assert health.number('frames_used') == used
    assert health.number('map_points') == points
    assert 'input.sync.min_cameras' in health.message
    made.uses(6)
    health.assert_accounted_for()


def test_cameras_with_clocks_apart_are_told_by_how_much(rig, probe, health):
    made = rig(input__sync__slop=0.005)

    def is_told():
        made.index += 1
        for camera in (0, 1):
            stamp_ns = 10**18 + made.index * PERIOD_NS + camera * 20_000_000
            made.cameras[camera].send(stamp_ns, made.index)
        probe.spin_for(0.05)
        return 'input.sync.slop' in health.message

    assert probe.spin_until(is_told), health.message
    assert '+20.0 ms' in health.message
    health.assert_accounted_for()


def test_a_camera_that_lags_is_waited_for(rig, probe, health):
    made = rig()
    stamps_ns = [10**18 + i * PERIOD_NS for i in range(40)]
    for number, stamp_ns in enumerate(stamps_ns):
        made.cameras[0].send(stamp_ns, number)
        if number >= 2:  # 200 ms later than the other
            made.cameras[1].send(stamps_ns[number - 2], number - 2)
        probe.spin_for(0.1)
    assert probe.spin_until(lambda: health.number('camera_1.in_sets') >= 34), health.values
    health.assert_accounted_for()


def test_a_flood_is_thinned_and_costs_no_memory(
    start_process, node_arguments, probe, make_camera, health
):
    bounds = {'map__max_points': 20_000, 'loop__enable': False}
    node = start_process('vggt_ros.ros.node', *node_arguments([('image', '/flood')], **bounds))
    camera = make_camera('/flood')
    camera.wait_for_node()
    messages = [camera.image(1, index) for index in range(50)]
    memory_mb = []
    start_s = time.monotonic()
    for number in range(1600):
        due_s = start_s + number / 200.0
        while time.monotonic() < due_s:
            probe.spin_for(0.001)
        message = messages[number % 50]
        message.header = header_of(10**18 + number * 5_000_000, 'cam')
        camera.images.publish(message)
        if number % 400 == 399:
            memory_mb.append(float(health.fresh()['memory_mb']))
    assert probe.spin_until(health.is_idle)
    health.assert_accounted_for()
    assert health.number('frames_used') > 0
    assert health.number('dropped.late') > 0
    # 1600 images have 100 MB; what is kept of them is bounded.
    assert memory_mb[-1] < memory_mb[1] + 90.0, memory_mb
    assert node.end()[0] == 0


def test_a_recording_that_loops_begins_the_map_again(
    start_process, node_arguments, probe, make_camera, health
):
    node = start_process('vggt_ros.ros.node', *node_arguments([('image', '/bag')]))
    camera = make_camera('/bag')
    camera.wait_for_node()

    def play():
        before = health.number('frames_used')
        for index in range(300):
            camera.send(10**18 + index * PERIOD_NS, index)
            probe.spin_for(0.1)
            if index > 14 and health.number('frames_used') >= before + 6:
                return
        raise AssertionError(node.log)

    play()
    probe.spin_until(health.is_idle)
    play()
    assert 'the map begins again' in node.log
    assert health.number('dropped.stamp_outlier') == 1
    assert health.number('submaps') < 8
    health.assert_accounted_for()
    assert 'Traceback' not in node.log
    assert node.end()[0] == 0


@pytest.mark.parametrize('late_ns', [LATE_NS, 0])
def test_a_camera_whose_stamps_are_late_is_named_and_a_synchronized_one_is_not(
    rig, probe, health, late_ns
):
    made = rig(input__sync__slop=0.02, input__watchdog_period=1.0, window__size=6)
    shaken = ShakenRig(uneven_motion(1200, 5))
    moment = 0

    def is_told():
        nonlocal moment
        moment += 1
        for number, camera in enumerate(made.cameras):
            stamp_ns = 10**18 + moment * PERIOD_NS + number * late_ns
            header = header_of(stamp_ns, camera.frame_id)
            camera.images.publish(rgb_image(header, shaken.image(number, moment)))
        probe.spin_for(0.02)
        return health.values.get('camera_1.true_offset_ms', 'nan') != 'nan'

    assert probe.spin_until(is_told, 90.0), made.node.log
    assert health.number('camera_1.in_sets') >= 0.7 * health.number('camera_1.frames')
    assert health.number('camera_1.period_ms') == pytest.approx(100.0)
    told = 'sets of the nearest stamps hold images 100 ms apart'
    if late_ns:
        assert health.number('camera_1.offset_ms') == pytest.approx(-20.0)
        assert health.number('camera_1.true_offset_ms') == pytest.approx(80.0)
        assert probe.spin_until(lambda: told in health.message), health.values
        made.node.wait_for_log(told)
    else:
        assert health.number('camera_1.true_offset_ms') == pytest.approx(0.0)
        health.fresh()
        assert told not in health.message
        assert told not in made.node.log
