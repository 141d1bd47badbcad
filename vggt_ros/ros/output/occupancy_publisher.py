"""The occupancy grid on its topic, whole, and what changes of it beside, as Nav2 takes both."""

from __future__ import annotations

from collections import Counter
import time

from nav_msgs.msg import OccupancyGrid
from rclpy.lifecycle import LifecycleNode, LifecyclePublisher
from std_msgs.msg import Header

from vggt_ros.mapping.layers.occupancy_change import OccupancyChanges, OccupancyPatch
from vggt_ros.mapping.layers.occupancy_grid import OccupancyCells
from vggt_ros.ros.middleware.topic_names import node_of
from vggt_ros.ros.output.camera_publishers import Create, IsWanted, latched, reliable
from vggt_ros.ros.output.occupancy_message import (
    occupancy_grid,
    occupancy_update,
    UPDATE_TYPE,
)

_UPDATES_DEPTH = 10
# Nav2 takes over a whole grid with the next cycle of its costmap, 1 s or less, and throws away
# what comes for it before that.
_SETTLE_S = 2.0


class OccupancyPublisher:
    """Publishes the grid; guarded by its owner's lock.

    Updates are on the topic of the grid with `_updates` behind its name, wherever that was
    remapped to. They take the place of the grid while every node that subscribes to the grid
    subscribes to them, too; otherwise all goes out whole.
    """

    def __init__(self, node: LifecycleNode, create: Create, is_wanted: IsWanted) -> None:
        """Create the publishers.

        Args:
            node: Owns them.
            create: Creates one.
            is_wanted: Whether one has a subscriber.
        """
        self._node = node
        self._is_wanted = is_wanted
        self._changes = OccupancyChanges()
        self._has_whole: set[bytes] = set()  # subscribers by their id
        self._is_latched_old = False
        self._whole_sent_s = float('-inf')
        self._grid = create(OccupancyGrid, '~/occupancy', latched())
        self._updates: LifecyclePublisher | None = None
        if UPDATE_TYPE is None:
            node.get_logger().info(
                'map_msgs is not installed: the occupancy grid is always sent whole; updates '
                'need the package ros-$ROS_DISTRO-map-msgs'
            )
        else:
            topic = f'{node.resolve_topic_name("~/occupancy")}_updates'
            self._updates = create(UPDATE_TYPE, topic, reliable(_UPDATES_DEPTH))

    @property
    def is_wanted(self) -> bool:
        """Whether the grid or its updates have a subscriber who can take something now."""
        if self._updates is None:
            return self._is_wanted(self._grid)
        if not self._is_wanted(self._grid) and not self._is_wanted(self._updates):
            return False
        is_settling = time.monotonic() - self._whole_sent_s < _SETTLE_S
        return not is_settling or self.is_owed or not self._follow_updates()

    @property
    def is_owed(self) -> bool:
        """Whether someone subscribed after updates went out, so that the latched grid is old."""
        return self._is_latched_old and not self._subscribers() <= self._has_whole

    def publish(self, header: Header, cells: OccupancyCells) -> None:
        """Publish all of the grid or what changed, if anything did.

        Args:
            header: Frame of the map and the stamp of the newest keyframe in it.
            cells: The grid as it is now.
        """
        subscribers = self._subscribers()
        if not self._is_latched_old:  # what is latched was theirs, too
            self._has_whole |= subscribers
        whole = not subscribers <= self._has_whole or not self._follow_updates()
        sent = self._changes.next(cells, whole=whole)
        if sent is None:
            return
        self._is_latched_old = isinstance(sent, OccupancyPatch)
        if isinstance(sent, OccupancyPatch) and self._updates is not None:
            self._updates.publish(occupancy_update(header, sent))
            return
        self._has_whole = subscribers
        self._whole_sent_s = time.monotonic()
        self._grid.publish(occupancy_grid(header, cells))

    def _subscribers(self) -> set[bytes]:
        found = self._node.get_subscriptions_info_by_topic(self._grid.topic_name)
        return {bytes(each.endpoint_gid) for each in found}

    def _follow_updates(self) -> bool:
        """Whether every node takes updates as often as it takes the grid."""
        if self._updates is None:
            return False
        takers = [
            Counter(map(node_of, self._node.get_subscriptions_info_by_topic(each.topic_name)))
            for each in (self._grid, self._updates)
        ]
        return not takers[0] - takers[1]
