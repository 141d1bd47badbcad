"""With real middleware: whoever applies updates to the grid has the grid."""

from map_msgs.msg import OccupancyGridUpdate
from nav_msgs.msg import OccupancyGrid
import numpy as np
import pytest
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile

from vggt_ros.mapping.layers.occupancy_grid import OccupancyCells
from vggt_ros.ros.middleware.messages import header_of
from vggt_ros.ros.output import occupancy_publisher
from vggt_ros.ros.output.occupancy_publisher import OccupancyPublisher

pytestmark = pytest.mark.ros
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


def grid(height, width, value=-1, origin=(0.0, 0.0)):
    return OccupancyCells(
        cells=np.full((height, width), value, dtype=np.int8),
        origin_xy_m=np.array(origin),
        resolution_m=0.05,
    )


def with_rectangle(before, rows, columns, value):
    after = grid(*before.cells.shape, origin=before.origin_xy_m)
    after.cells[:] = before.cells
    after.cells[rows, columns] = value
    return after


class Planner:
    """Does with the messages what Nav2's static layer and rviz do: no look at the stamps."""

    def __init__(self, make_node, name, topic='/vggt/occupancy'):
        self.node = make_node(name, kind=Node)
        self.num_whole = self.num_updates = 0
        self.cells, self.origin, self.stamp_ns = np.zeros((0, 0), np.int8), None, 0
        self.node.create_subscription(OccupancyGrid, topic, self._take_whole, LATCHED)
        # As of its defaults: reliable and volatile.
        self.node.create_subscription(
            OccupancyGridUpdate, f'{topic}_updates', self._take_update, 10
        )

    def _take_whole(self, message):
        self.num_whole += 1
        info = message.info
        self.cells = np.array(message.data, np.int8).reshape(info.height, info.width)
        self.origin = (info.origin.position.x, info.origin.position.y)
        self.stamp_ns = message.header.stamp.nanosec

    def _take_update(self, message):
        self.num_updates += 1
        assert message.header.frame_id == 'map'
        assert message.width > 0
        assert message.height > 0
        assert 0 <= message.x <= self.cells.shape[1] - message.width
        assert 0 <= message.y <= self.cells.shape[0] - message.height
        assert len(message.data) == message.width * message.height
        assert message.header.stamp.nanosec >= self.stamp_ns
        part = np.array(message.data, np.int8).reshape(message.height, message.width)
        rows = slice(message.y, message.y + message.height)
        self.cells[rows, message.x : message.x + message.width] = part

    def has(self, cells):
        return np.array_equal(self.cells, cells.cells) and self.origin == tuple(cells.origin_xy_m)


@pytest.fixture
def make_sender(make_node, monkeypatch):
    def make(*words, settle_s=0.0):
        monkeypatch.setattr(occupancy_publisher, '_SETTLE_S', settle_s)
        node = make_node('vggt', *words)
        sender = OccupancyPublisher(
            node,
            node.create_lifecycle_publisher,
            lambda publisher: publisher.get_subscription_count() > 0,
        )
        sender.node = node
        sender.stamp_ns = 0
        node.trigger_configure()
        node.trigger_activate()
        return sender

    return make


def send(sender, cells):
    sender.stamp_ns += 1
    sender.publish(header_of(sender.stamp_ns, 'map'), cells)


def connected(make_node, sender, planner, topic='/vggt/occupancy', number=1):
    """Wait until both ends know of each other."""
    names = (topic, f'{topic}_updates')
    assert make_node.spin(
        lambda: (
            all(
                len(sender.node.get_subscriptions_info_by_topic(name)) >= number
                and planner.node.count_publishers(name) >= 1
                for name in names
            )
            and sender._grid.get_subscription_count() >= number
            and sender._updates.get_subscription_count() >= number
        )
    )


def test_whole_grids_and_updates_are_the_grid_however_it_changes(make_node, make_sender):
    sender, planner = make_sender(), Planner(make_node, 'planner')
    connected(make_node, sender, planner)
    now = grid(40, 60)
    steps = [now]
    for step in range(5):  # the robot moves along
        now = with_rectangle(now, slice(5, 12), slice(4 * step, 4 * step + 6), 0)
        steps.append(now)
    steps.append(with_rectangle(now, slice(5, 12), slice(0, 30), -1))  # and is not sure any more
    grown = grid(72, 60, origin=(0.0, -1.6))
    grown.cells[32:] = now.cells
    steps += [grown, with_rectangle(grown, slice(60, 64), slice(50, 60), 100)]
    shifted = grid(72, 60, origin=(0.0, -1.6))  # a correction moves all of it
    shifted.cells[:, 7:] = grown.cells[:, :-7]
    steps += [shifted, with_rectangle(shifted, slice(0, 1), slice(0, 1), 100)]
    for step in steps:
        send(sender, step)
        assert make_node.spin(lambda step=step: planner.has(step))
    assert planner.num_whole + planner.num_updates == len(steps)
    assert planner.num_updates >= 7


def test_who_comes_later_has_the_grid_as_well(make_node, make_sender):
    sender, early = make_sender(), Planner(make_node, 'early')
    connected(make_node, sender, early)
    first = grid(40, 60)
    send(sender, first)
    assert make_node.spin(lambda: early.has(first))
    newest = with_rectangle(first, slice(3, 9), slice(3, 9), 100)
    send(sender, newest)
    assert make_node.spin(lambda: early.has(newest))
    assert (early.num_whole, early.num_updates) == (1, 1)
    assert not sender.is_owed
    late = Planner(make_node, 'late')
    connected(make_node, sender, late, number=2)
    assert make_node.spin(lambda: sender.is_owed)
    send(sender, newest)  # nothing has changed
    assert make_node.spin(lambda: late.has(newest) and early.has(newest))
    assert not sender.is_owed
    after = with_rectangle(newest, slice(20, 21), slice(20, 22), 0)
    send(sender, after)
    assert make_node.spin(lambda: late.has(after) and early.has(after))
    assert early.num_updates == 2


def test_who_takes_no_updates_gets_every_grid_whole(make_node, make_sender):
    sender, planner = make_sender(), Planner(make_node, 'planner')
    connected(make_node, sender, planner)
    seen = []
    page = make_node('page', kind=Node)
    page.create_subscription(OccupancyGrid, '/vggt/occupancy', seen.append, LATCHED)
    grid_name = '/vggt/occupancy'
    assert make_node.spin(lambda: len(sender.node.get_subscriptions_info_by_topic(grid_name)) == 2)
    now = grid(20, 20)
    for column in range(3):
        now = with_rectangle(now, slice(0, 2), slice(column, column + 1), 100)
        send(sender, now)
        whole = now.cells.reshape(-1).tolist()
        assert make_node.spin(lambda whole=whole: seen and seen[-1].data.tolist() == whole)
        assert make_node.spin(lambda now=now: planner.has(now))
    assert planner.num_updates == 0


def test_updates_are_beside_the_grid_wherever_it_is(make_node, make_sender):
    sender = make_sender('-r', '/vggt/occupancy:=/map')
    planner = Planner(make_node, 'planner', '/map')
    connected(make_node, sender, planner, '/map')
    first = grid(20, 20)
    newest = with_rectangle(first, slice(0, 2), slice(0, 2), 100)
    for each in (first, newest):
        send(sender, each)
        assert make_node.spin(lambda each=each: planner.has(each))
    assert planner.num_updates == 1


def test_a_whole_grid_is_given_time_before_an_update(make_node, make_sender):
    sender, planner = make_sender(settle_s=0.5), Planner(make_node, 'planner')
    connected(make_node, sender, planner)
    assert sender.is_wanted
    send(sender, grid(20, 20))
    assert not sender.is_wanted
    assert make_node.spin(lambda: sender.is_wanted, 2.0)


def test_without_map_msgs_all_goes_out_whole(make_node, make_sender, monkeypatch):
    monkeypatch.setattr(occupancy_publisher, 'UPDATE_TYPE', None)
    sender, planner = make_sender(), Planner(make_node, 'planner')
    assert make_node.spin(lambda: sender._grid.get_subscription_count() == 1)
    now = grid(20, 20)
    for column in range(3):
        now = with_rectangle(now, slice(0, 1), slice(column, column + 1), 100)
        send(sender, now)
        assert make_node.spin(lambda now=now: planner.has(now))
    assert (planner.num_whole, planner.num_updates) == (3, 0)
    assert sender.is_wanted
    assert not sender.is_owed
