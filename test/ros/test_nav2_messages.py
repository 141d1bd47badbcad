"""What the recipe's costmaps receive from a running node, against what Nav2 asks of messages.

Nav2 is not run: its conditions are those of its message checks, static layer and obstacle layer
(nav2_ros_common, nav2_costmap_2d; 2026-08).
"""

from pathlib import Path
import time

from map_msgs.msg import OccupancyGridUpdate
from nav_msgs.msg import OccupancyGrid
import numpy as np
import pytest
from rclpy.duration import Duration
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.time import Time
from sensor_msgs.msg import Image, PointCloud2, PointField
from tf2_msgs.msg import TFMessage
from tf2_ros import Buffer
import yaml

from vggt_ros.geometry import se3
from vggt_ros.ros.middleware.messages import header_of, transform
from vggt_ros.ros.middleware.stamps import ns_from_stamp

pytestmark = pytest.mark.ros
RECIPE = Path(__file__).parents[2] / 'config' / 'recipe_nav2.yaml'
COSTMAPS = {
    name: tree[name]['ros__parameters']
    for name, tree in yaml.safe_load(RECIPE.read_text()).items()
    if name.endswith('_costmap')
}
GRID = COSTMAPS['global_costmap']['grid']
POINTS = COSTMAPS['local_costmap']['camera']['points']
SETTINGS = {
    'model.checkpoint': 'nano',
    'refine.mode': 'off',
    'scale.source': 'fixed',
    'window.size': 3,
    'window.overlap': 1,
    'window.max_wait': 0.3,
    'keyframe.min_parallax': 0.0,
    'map.publish_rate': 2.0,
}
# x of the camera to the right of the robot, z ahead.
BASE_FROM_CAM = se3.rigid(
    np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]]), np.array([0.1, 0.0, 0.5])
)
LATCHED = QoSProfile(
    depth=3, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL
)
SENSOR = QoSProfile(depth=50, reliability=ReliabilityPolicy.BEST_EFFORT)


class Robot:
    """Drives to the left along a wall, and listens as the costmaps of the recipe do."""

    def __init__(self, probe, camera_image):
        self.probe, self.make_image = probe, camera_image
        self.number = 0
        self.frames = Buffer(cache_time=Duration(seconds=100))
        node = probe.node
        self.images = node.create_publisher(Image, '/camera/image_raw', 10)
        self.tree = {
            name: node.create_publisher(
                TFMessage, f'/{name}', LATCHED if name == 'tf_static' else QoSProfile(depth=100)
            )
            for name in ('tf', 'tf_static')
        }
        node.create_subscription(TFMessage, '/tf', self._hear, 100)
        probe.listen(OccupancyGrid, GRID['map_topic'], LATCHED)
        probe.listen(OccupancyGridUpdate, f'{GRID["map_topic"]}_updates')
        self.clouds = []
        node.create_subscription(PointCloud2, POINTS['topic'], self._take_cloud, SENSOR)
        self._send('tf_static', transform(header_of(0, 'base_link'), 'cam_optical', BASE_FROM_CAM))

    def _send(self, topic, message):
        self.tree[topic].publish(TFMessage(transforms=[message]))
        if topic == 'tf_static':
            self.frames.set_transform_static(message, 'test')

    def _hear(self, message):
        for each in message.transforms:
            self.frames.set_transform(each, 'tf')

    def _take_cloud(self, message):
        self.clouds.append((message, time.time_ns()))

    def step(self):
        self.number += 1
        stamp_ns = time.time_ns()
        odom_from_base = se3.rigid(np.eye(3), np.array([0.0, 0.05 * self.number, 0.0]))
        self._send('tf', transform(header_of(stamp_ns, 'odom'), 'base_link', odom_from_base))
        self.images.publish(self.make_image(self.number, stamp_ns))
        self.probe.spin_for(0.15)


@pytest.fixture(scope='module')
def drive(probe, start_process, camera_image):
    """A robot whose costmaps have had a grid, an update of it and clouds."""
    robot = Robot(probe, camera_image)
    words = ['-r', 'image:=/camera/image_raw', '--params-file', str(RECIPE)]
    for name, value in SETTINGS.items():
        words += ['-p', f'{name}:={value}']
    node = start_process('vggt_ros.ros.node', *words)
    assert probe.spin_until(lambda: robot.images.get_subscription_count() > 0), node.log
    deadline_s = time.monotonic() + 60.0
    topic = GRID['map_topic']
    while not (probe.heard[topic] and probe.heard[f'{topic}_updates'] and len(robot.clouds) > 3):
        assert time.monotonic() < deadline_s, (
            {each: len(heard) for each, heard in probe.heard.items()},
            node.log,
        )
        robot.step()
    return robot


def is_header(header, frame):
    stamp_ns = ns_from_stamp(header.stamp)
    return header.frame_id == frame and 0 < stamp_ns <= time.time_ns()


def test_the_grid_is_one_that_nav2_takes(drive):
    for grid in drive.probe.heard[GRID['map_topic']]:
        assert is_header(grid.header, COSTMAPS['global_costmap']['global_frame'])
        info, place = grid.info, grid.info.origin
        assert 0 < ns_from_stamp(info.map_load_time) <= time.time_ns()
        assert info.resolution == pytest.approx(COSTMAPS['global_costmap']['resolution'])
        assert 0 < info.width <= 2**15 - 1
        assert 0 < info.height <= 2**15 - 1
        assert len(grid.data) == info.width * info.height
        assert np.isfinite([place.position.x, place.position.y]).all()
        assert place.position.z == 0.0
        turn = place.orientation
        assert (turn.x, turn.y, turn.z, turn.w) == (0.0, 0.0, 0.0, 1.0)


def test_cells_are_unknown_free_or_lethal(drive):
    for grid in drive.probe.heard[GRID['map_topic']]:
        # Nav2 reads bytes: unknown_cost_value is 255, lethal_cost_threshold 100.
        values = set(np.array(grid.data, dtype=np.int8).view(np.uint8).tolist())
        assert values <= {255, 0, 100}
        assert values > {255}


def test_updates_lie_within_the_grid_that_they_came_after(drive):
    grids = drive.probe.heard[GRID['map_topic']]
    for update in drive.probe.heard[f'{GRID["map_topic"]}_updates']:
        assert is_header(update.header, COSTMAPS['global_costmap']['global_frame'])
        stamp_ns = ns_from_stamp(update.header.stamp)
        before = [each for each in grids if ns_from_stamp(each.header.stamp) <= stamp_ns]
        info = before[-1].info
        assert update.x >= 0
        assert update.y >= 0
        assert update.x + update.width <= info.width
        assert update.y + update.height <= info.height
        assert len(update.data) == update.width * update.height > 0


def test_clouds_have_what_a_voxel_layer_reads(drive):
    for cloud, _ in drive.clouds:
        kinds = {field.name: (field.datatype, field.count) for field in cloud.fields}
        assert {kinds[name] for name in 'xyz'} == {(PointField.FLOAT32, 1)}
        assert not cloud.is_bigendian
        assert len(cloud.data) == cloud.row_step * cloud.height
        assert cloud.row_step >= cloud.width * cloud.point_step


def test_a_cloud_is_of_the_past_and_its_place_is_known_in_time(drive):
    tolerance_s = COSTMAPS['local_costmap']['transform_tolerance']
    frame = COSTMAPS['local_costmap']['global_frame']
    ages_ns = [came_ns - ns_from_stamp(cloud.header.stamp) for cloud, came_ns in drive.clouds]
    assert min(ages_ns) >= 0
    assert np.median(ages_ns) <= 1e9 * tolerance_s
    for cloud, _ in drive.clouds[-3:]:
        stamp = Time.from_msg(cloud.header.stamp)
        assert drive.frames.can_transform(frame, cloud.header.frame_id, stamp)


def test_the_map_is_beneath_the_odometry(drive):
    def has_map():
        drive.step()
        settings = COSTMAPS['global_costmap']
        ends = settings['global_frame'], settings['robot_base_frame']
        return drive.frames.can_transform(*ends, Time())

    assert drive.probe.spin_until(has_map)
