"""Publishers of the node, each filled only while it has a subscriber."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import threading

from geometry_msgs.msg import PoseArray
from nav_msgs.msg import Odometry, Path
from rclpy.lifecycle import LifecycleNode, LifecyclePublisher
from rclpy.qos import QoSProfile
from sensor_msgs.msg import PointCloud2
from visualization_msgs.msg import Marker

from vggt_ros.mapping.layers.map_update import MapUpdate
from vggt_ros.mapping.layers.occupancy_grid import OccupancyCells
from vggt_ros.mapping.layers.odometry_chain import OdometryEstimate
from vggt_ros.mapping.layers.submap_tiles import SubmapTile, TiledMap
from vggt_ros.mapping.layers.trajectory import StampedPoses
from vggt_ros.mapping.layers.voxel_map import MapPoints
from vggt_ros.ros.middleware import messages
from vggt_ros.ros.middleware.qos_events import QosEvents
from vggt_ros.ros.output.camera_publishers import CameraPublishers, latched, reliable
from vggt_ros.ros.output.clouds import map_cloud
from vggt_ros.ros.output.occupancy_publisher import OccupancyPublisher
from vggt_ros.ros.output.submap_messages import graph_marker, places_cloud, tiles_cloud
from vggt_ros.settings.live_config import LiveConfig

_NEWEST_DEPTH = 2
# A whole map for who comes late takes several messages.
_TILES_DEPTH = 16


class Publishers:
    """Publishes what a window brought. Any thread may call any method but `destroy`."""

    def __init__(self, node: LifecycleNode, config: LiveConfig, qos_events: QosEvents) -> None:
        """Create the publishers; they stay silent until the node is active.

        Args:
            node: Owns them.
            config: The settings.
            qos_events: Told of subscribers that nothing can be sent to.
        """
        self._node = node
        self._qos_events = qos_events
        self._config = config
        self._lock = threading.Lock()
        self._is_closed = False
        self._publishers: list[LifecyclePublisher] = []
        self._cameras = [
            CameraPublishers(self._create, self._wanted, config, camera)
            for camera in range(config.value.input.num_cameras)
        ]
        newest = reliable(_NEWEST_DEPTH)
        self._odometry = self._create(
            Odometry, '~/odometry', reliable(2 * config.value.window.size)
        )
        self._path = self._create(Path, '~/path', newest)
        self._camera_poses = self._create(PoseArray, '~/camera_poses', newest)
        self._map = self._create(PointCloud2, '~/map/points', latched())
        self._map_update = self._create(PointCloud2, '~/map/points_update', newest)
        self._tiles = self._create(PointCloud2, '~/map/submap_points', reliable(_TILES_DEPTH))
        self._submaps = self._create(PointCloud2, '~/map/submaps', latched())
        self._graph = self._create(Marker, '~/map/graph', latched())
        self._occupancy: OccupancyPublisher | None = None
        if config.value.occupancy.enable:
            self._occupancy = OccupancyPublisher(node, self._create, self._wanted)

    @property
    def wants_tracks(self) -> bool:
        """Whether the tracks have a subscriber."""
        with self._lock:
            return any(camera.wants_tracks for camera in self._cameras)

    @property
    def wants_path(self) -> bool:
        """Whether the path has a subscriber."""
        with self._lock:
            return self._wanted(self._path)

    @property
    def wants_map(self) -> bool:
        """Whether the map has a subscriber."""
        with self._lock:
            return self._wanted(self._map)

    @property
    def wants_map_update(self) -> bool:
        """Whether the changes of the map have a subscriber."""
        with self._lock:
            return self._wanted(self._map_update)

    @property
    def num_tile_viewers(self) -> int:
        """How many subscribe to the points by submap."""
        with self._lock:
            return self._tiles.get_subscription_count() if self._wanted(self._tiles) else 0

    @property
    def wants_occupancy(self) -> bool:
        """Whether the occupancy grid has a subscriber, and none that needs time for the last."""
        with self._lock:
            return self._occupancy is not None and self._occupancy.is_wanted

    @property
    def owes_occupancy(self) -> bool:
        """Whether someone has an old occupancy grid, even if it has not changed since."""
        with self._lock:
            return self._occupancy is not None and self._occupancy.is_owed

    def publish(self, update: MapUpdate) -> None:
        """Publish what a window says about its frames: for every topic in the order of stamps."""
        with self._lock:
            for result in update.new_frames:
                self._cameras[result.frame.camera].publish_frame(result)
            newest = {result.frame.camera: result for result in update.new_frames}
            for camera, result in newest.items():
                self._cameras[camera].publish_points(result, self._config.value.cloud.decimation)

    def publish_poses(self, update: MapUpdate) -> None:
        """Publish where a window says its frames are."""
        with self._lock:
            for result in update.new_frames:
                self._cameras[result.frame.camera].publish_pose(result)
            if self._wanted(self._camera_poses):
                newest = update.new_frames[-1]
                header = messages.header_of(newest.frame.stamp_ns, self._config.value.frames.map)
                self._camera_poses.publish(messages.pose_array(header, update.window_map_from_cam))

    def publish_odometry(self, camera_frame: str, estimate: OdometryEstimate) -> None:
        """Publish a step of the odometry if it has a subscriber."""
        with self._lock:
            if self._wanted(self._odometry):
                header = messages.header_of(
                    estimate.stamp_ns, self._config.value.frames.visual_odom
                )
                self._odometry.publish(messages.odometry(header, camera_frame, estimate))

    def publish_map_update(self, stamp_ns: int, points: MapPoints) -> None:
        """Publish the points of the map that changed since the last call."""
        header = messages.header_of(stamp_ns, self._config.value.frames.map)
        message = map_cloud(header, points)
        with self._lock:
            if not self._is_closed:
                self._map_update.publish(message)

    def publish_path(self, poses: StampedPoses) -> None:
        """Publish all poses of the path, oldest first."""
        message = messages.path(self._config.value.frames.map, poses)
        with self._lock:
            if not self._is_closed:
                self._path.publish(message)

    def publish_map(self, stamp_ns: int, points: MapPoints) -> None:
        """Publish the map as of `stamp_ns`; it is latched for those who subscribe later."""
        header = messages.header_of(stamp_ns, self._config.value.frames.map)
        message = map_cloud(header, points)
        with self._lock:
            if not self._is_closed:
                self._map.publish(message)

    def publish_tiles(self, stamp_ns: int, tiles: Sequence[SubmapTile]) -> None:
        """Publish whole tiles of the map, each in the frame of its submap."""
        header = messages.header_of(stamp_ns, self._config.value.frames.map)
        message = tiles_cloud(header, tiles)
        with self._lock:
            if not self._is_closed:
                self._tiles.publish(message)

    def publish_submaps(self, stamp_ns: int, tiled: TiledMap, sizes: Mapping[int, int]) -> None:
        """Publish where submaps are and what connects them; both are latched.

        Args:
            stamp_ns: Of the newest frame.
            tiled: The submaps.
            sizes: How many points the newest published tile of each has.
        """
        header = messages.header_of(stamp_ns, self._config.value.frames.map)
        places, graph = places_cloud(header, tiled, sizes), graph_marker(header, tiled)
        with self._lock:
            if not self._is_closed:
                self._submaps.publish(places)
                self._graph.publish(graph)

    def publish_occupancy(self, stamp_ns: int, cells: OccupancyCells) -> None:
        """Publish the occupancy grid as of `stamp_ns`, or what changed of it."""
        header = messages.header_of(stamp_ns, self._config.value.frames.map)
        with self._lock:
            if not self._is_closed and self._occupancy is not None:
                self._occupancy.publish(header, cells)

    def forget_tracks(self) -> None:
        """Draw no trails of tracks from before."""
        with self._lock:
            for camera in self._cameras:
                camera.overlay.clear()

    def destroy(self) -> None:
        """Destroy the publishers; call from the executor's thread. Later calls publish nothing."""
        with self._lock:
            self._is_closed = True
            while self._publishers:
                self._node.destroy_lifecycle_publisher(self._publishers.pop())

    def _create(self, message_type: type, topic: str, qos: QoSProfile) -> LifecyclePublisher:
        name = self._node.resolve_topic_name(topic)
        publisher = self._node.create_lifecycle_publisher(
            message_type, topic, qos, event_callbacks=self._qos_events.of_publisher(name)
        )
        self._publishers.append(publisher)
        return publisher

    def _wanted(self, publisher: LifecyclePublisher) -> bool:
        if self._is_closed or not publisher.is_activated:
            return False
        return publisher.get_subscription_count() > 0
