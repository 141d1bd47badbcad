"""A node on a full disk, with slow listeners, that is killed, and whose player is killed."""

from pathlib import Path
import resource
import signal

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
import pytest
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
from std_srvs.srv import Trigger

PERIOD_NS = 100_000_000


class Walk:
    """A node and a camera that walks."""

    def __init__(self, node, camera, probe, health):
        self.node, self.camera = node, camera
        self._probe, self._health = probe, health
        self._stamp_ns = 10**18

    def uses(self, number):
        """Send until so many more frames are in the map."""
        wanted = self._health.number('frames_used') + number

        def are_used():
            self._stamp_ns += PERIOD_NS
            self.camera.send(self._stamp_ns)
            self._probe.spin_for(0.1)
            return self._health.number('frames_used') >= wanted

        assert self._probe.spin_until(are_used, 60.0), self.node.log


@pytest.fixture
def make_walk(start_process, node_arguments, make_camera, probe, health):
    def make(node=None, **settings):
        words = node_arguments([('image', '/walk')], **settings)
        node = start_process('vggt_ros.ros.node', *words) if node is None else node
        camera = make_camera('/walk')
        camera.wait_for_node()
        return Walk(node, camera, probe, health)

    return make


def test_a_full_disk_costs_neither_the_map_nor_an_older_one(make_walk, probe, health, tmp_path):
    walk = make_walk(map__save_path=str(tmp_path), map__voxel_size=0.005)
    walk.uses(8)
    saved = probe.call(Trigger, '/vggt/save_map')
    assert saved.success, saved.message
    points, before = health.number('map_points'), sorted(tmp_path.rglob('*'))
    largest = max(path.stat().st_size for path in before)
    # No file of the process may grow beyond half of the map: what a full disk says, without root.
    pid = walk.node.process.pid
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (largest // 2, hard))
    refused = probe.call(Trigger, '/vggt/save_map')
    assert not refused.success
    assert 'nothing was left there' in refused.message
    assert sorted(tmp_path.rglob('*')) == before
    assert health.number('map_points') >= points
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))
    walk.uses(4)
    assert probe.call(Trigger, '/vggt/save_map').success
    assert walk.node.end()[0] == 0


def test_a_listener_that_does_not_read_holds_nobody_up(make_walk, probe, health):
    """It keeps its subscription, and takes nothing out of it: its executor does not run."""
    import rclpy

    context = rclpy.Context()
    rclpy.init(context=context)
    sleeper = rclpy.create_node('sleeper', context=context)
    qos = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)
    for topic in ('/vggt/depth/image_rect', '/vggt/rgb/image_rect'):
        sleeper.create_subscription(Image, topic, lambda message: None, qos)
    try:
        walk = make_walk()
        probe.listen(Image, '/vggt/depth/image_rect')
        walk.uses(20)
        assert probe.spin_until(lambda: len(probe.heard['/vggt/depth/image_rect']) >= 10)
        assert health.number('latency_p95_s') < 2.0
        health.assert_accounted_for()
        assert walk.node.end()[0] == 0
    finally:
        sleeper.destroy_node()
        rclpy.shutdown(context=context)


def test_a_player_that_is_killed_is_missed_and_its_successor_continues_the_map(
    start_process, node_arguments, probe, health
):
    node = start_process(
        'vggt_ros.ros.node',
        *node_arguments([('image', '/camera/image_raw')], input__watchdog_period=1.0),
    )

    def play():
        return start_process(
            'vggt_ros.ros.tools.camera_player',
            *('-p', 'width:=160', '-p', 'height:=120', '-p', 'wait_for_subscribers:=1'),
        )

    player = play()
    assert probe.spin_until(lambda: health.number('frames_used') >= 8, 60.0), node.log
    player.end(signal.SIGKILL)
    assert probe.spin_until(lambda: 'nothing on /camera/image_raw' in health.message), node.log
    assert probe.spin_until(health.is_idle)
    used, points = health.number('frames_used'), health.number('map_points')
    successor = play()
    assert probe.spin_until(lambda: health.number('frames_used') >= used + 6, 60.0), node.log
    assert health.number('map_points') >= points, 'the map of before is kept'
    health.assert_accounted_for()
    successor.end()
    assert node.end()[0] == 0


def test_a_node_that_was_killed_works_again_when_it_is_started_again(make_walk, probe, health):
    walk = make_walk()
    walk.uses(6)
    walk.node.end(signal.SIGKILL)
    again = make_walk()
    assert int(health.fresh().get('frames_used', 0)) == 0, 'it begins again'
    again.uses(6)
    health.assert_accounted_for()
    assert 'Traceback' not in again.node.log
    assert again.node.end(signal.SIGTERM)[0] == 0


def test_ten_rounds_of_the_life_cycle_leave_neither_threads_nor_memory_behind(
    make_walk, probe, health
):
    walk = make_walk()
    walk.uses(4)
    status = Path(f'/proc/{walk.node.process.pid}/status')

    def threads_and_mb():
        lines = status.read_text(encoding='ascii').splitlines()
        fields = dict(line.split(':', 1) for line in lines)
        return int(fields['Threads']), int(fields['VmRSS'].split()[0]) / 1024

    def change(transition):
        request = ChangeState.Request(transition=Transition(id=transition))
        assert probe.call(ChangeState, '/vggt/change_state', request).success, walk.node.log

    found = []
    for _ in range(10):
        change(Transition.TRANSITION_DEACTIVATE)
        change(Transition.TRANSITION_CLEANUP)
        assert probe.spin_until(lambda: health.fresh()['state'] == 'unconfigured')
        found.append(threads_and_mb())
        change(Transition.TRANSITION_CONFIGURE)
        change(Transition.TRANSITION_ACTIVATE)
        walk.camera.wait_for_node()
        walk.uses(4)
    threads = [each for each, _ in found]
    memory_mb = [each for _, each in found]
    assert threads[-1] == threads[2], threads
    assert memory_mb[-1] < memory_mb[2] * 1.1, memory_mb
    assert walk.node.end()[0] == 0
