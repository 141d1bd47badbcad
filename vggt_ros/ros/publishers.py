"""The topics of the node, each filled only while somebody listens."""

from __future__ import annotations

import threading

from geometry_msgs.msg import PoseArray, PoseStamped, PoseWithCovarianceStamped
from nav_msgs.msg import OccupancyGrid, Odometry, Path
from rclpy.lifecycle import LifecycleNode, LifecyclePublisher
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image, PointCloud2

from vggt_ros.config import VggtConfig
from vggt_ros.mapping.map_update import FrameResult, FrameTracks, MapUpdate
from vggt_ros.mapping.occupancy_grid import OccupancyCells
from vggt_ros.mapping.odometry_chain import OdometryEstimate
from vggt_ros.mapping.trajectory import StampedPoses
from vggt_ros.mapping.voxel_map import MapPoints
from vggt_ros.ros import messages
from vggt_ros.ros.clouds import frame_cloud, map_cloud, tracks_cloud
from vggt_ros.ros.occupancy_message import occupancy_grid
from vggt_ros.ros.track_overlay import TrackOverlay

_NEWEST_DEPTH = 2
_MAP_QOS = QoSProfile(
    depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL
)


class Publishers:
    """Publishes what a window brought. Any thread may call any method but `destroy`."""

    def __init__(self, node: LifecycleNode, config: VggtConfig) -> None:
        """Create the publishers; they stay silent until the node is active."""
        self._node = node
        self._config = config
        self._lock = threading.Lock()
        self._is_closed = False
        self._overlay = TrackOverlay(config.tracks.min_visibility)
        self._publishers: list[LifecyclePublisher] = []

        # A window brings its new frames in one go: a shorter queue would lose some of them.
        every_frame = _reliable(2 * config.window.size)
        newest = _reliable(_NEWEST_DEPTH)
        self._points = self._create(PointCloud2, '~/points', newest)
        self._depth = self._create(Image, '~/depth/image_rect', every_frame)
        self._depth_info = self._create(CameraInfo, '~/depth/camera_info', every_frame)
        self._rgb = self._create(Image, '~/rgb/image_rect', every_frame)
        self._confidence = self._create(Image, '~/confidence/image', every_frame)
        self._pose = self._create(PoseStamped, '~/pose', every_frame)
        self._pose_with_covariance = self._create(
            PoseWithCovarianceStamped, '~/pose_with_covariance', every_frame
        )
        self._odometry = self._create(Odometry, '~/odometry', every_frame)
        self._path = self._create(Path, '~/path', newest)
        self._camera_poses = self._create(PoseArray, '~/camera_poses', newest)
        self._tracks = self._create(PointCloud2, '~/tracks', every_frame)
        self._tracks_image = self._create(Image, '~/tracks/image', every_frame)
        self._map = self._create(PointCloud2, '~/map/points', _MAP_QOS)
        self._map_update = self._create(PointCloud2, '~/map/points_update', newest)
        self._occupancy: LifecyclePublisher | None = None
        if config.occupancy.enable:
            self._occupancy = self._create(OccupancyGrid, '~/occupancy', _MAP_QOS)

    @property
    def wants_tracks(self) -> bool:
        """Whether somebody listens to the tracks."""
        with self._lock:
            return self._wanted(self._tracks) or self._wanted(self._tracks_image)

    @property
    def wants_path(self) -> bool:
        """Whether somebody listens to the path."""
        with self._lock:
            return self._wanted(self._path)

    @property
    def wants_map(self) -> bool:
        """Whether somebody listens to the map."""
        with self._lock:
            return self._wanted(self._map)

    @property
    def wants_map_update(self) -> bool:
        """Whether somebody listens to the changes of the map."""
        with self._lock:
            return self._wanted(self._map_update)

    @property
    def wants_occupancy(self) -> bool:
        """Whether somebody listens to the occupancy grid."""
        with self._lock:
            return self._occupancy is not None and self._wanted(self._occupancy)

    def update_config(self, config: VggtConfig) -> None:
        """Use other settings from the next message on."""
        with self._lock:
            self._config = config
            self._overlay.min_visibility = config.tracks.min_visibility

    def publish(self, update: MapUpdate) -> None:
        """Publish what a window says about its frames: for every topic in the order of stamps."""
        with self._lock:
            for result in update.new_frames:
                self._publish_frame(result)
            newest = update.new_frames[-1]
            if self._wanted(self._points):
                header = messages.header_of(newest.frame.stamp_ns, newest.frame.camera_frame)
                self._points.publish(frame_cloud(header, newest, self._config.cloud.decimation))

    def publish_poses(self, update: MapUpdate) -> None:
        """Publish where a window says its frames are."""
        with self._lock:
            for result in update.new_frames:
                self._publish_pose(result)
            if self._wanted(self._camera_poses):
                newest = update.new_frames[-1]
                header = messages.header_of(newest.frame.stamp_ns, self._config.frames.map)
                self._camera_poses.publish(messages.pose_array(header, update.window_map_from_cam))

    def publish_odometry(self, camera_frame: str, estimate: OdometryEstimate) -> None:
        """Publish a step of the odometry if somebody listens."""
        with self._lock:
            if self._wanted(self._odometry):
                header = messages.header_of(estimate.stamp_ns, self._config.frames.visual_odom)
                self._odometry.publish(messages.odometry(header, camera_frame, estimate))

    def publish_map_update(self, stamp_ns: int, points: MapPoints) -> None:
        """Publish the points of the map that changed since the last call."""
        header = messages.header_of(stamp_ns, self._config.frames.map)
        message = map_cloud(header, points)
        with self._lock:
            if not self._is_closed:
                self._map_update.publish(message)

    def publish_path(self, poses: StampedPoses) -> None:
        """Publish all poses of the path, oldest first."""
        message = messages.path(self._config.frames.map, poses)
        with self._lock:
            if not self._is_closed:
                self._path.publish(message)

    def publish_map(self, stamp_ns: int, points: MapPoints) -> None:
        """Publish the map as of `stamp_ns`; it is latched for those who subscribe later."""
        header = messages.header_of(stamp_ns, self._config.frames.map)
        message = map_cloud(header, points)
        with self._lock:
            if not self._is_closed:
                self._map.publish(message)

    def publish_occupancy(self, stamp_ns: int, cells: OccupancyCells) -> None:
        """Publish the occupancy grid as of `stamp_ns`; it is latched."""
        header = messages.header_of(stamp_ns, self._config.frames.map)
        message = occupancy_grid(header, cells)
        with self._lock:
            if not self._is_closed and self._occupancy is not None:
                self._occupancy.publish(message)

    def forget_tracks(self) -> None:
        """Draw no trails of tracks from before."""
        with self._lock:
            self._overlay.clear()

    def destroy(self) -> None:
        """Destroy the publishers; call from the executor's thread. Later calls publish nothing."""
        with self._lock:
            self._is_closed = True
            while self._publishers:
                self._node.destroy_lifecycle_publisher(self._publishers.pop())

    def _create(self, message_type: type, topic: str, qos: QoSProfile) -> LifecyclePublisher:
        publisher = self._node.create_lifecycle_publisher(message_type, topic, qos)
        self._publishers.append(publisher)
        return publisher

    def _wanted(self, publisher: LifecyclePublisher) -> bool:
        if self._is_closed or not publisher.is_activated:
            return False
        return publisher.get_subscription_count() > 0

    def _publish_frame(self, result: FrameResult) -> None:
        stamp_ns = result.frame.stamp_ns
        header = messages.header_of(stamp_ns, result.frame.camera_frame)
        if self._wanted(self._depth):
            encoding = self._config.depth.encoding
            self._depth.publish(messages.depth_image(header, result.depth, encoding))
        if self._wanted(self._depth_info):
            height, width = result.depth.shape
            self._depth_info.publish(messages.camera_info(header, result.K, width, height))
        if self._wanted(self._rgb):
            self._rgb.publish(messages.rgb_image(header, result.image))
        if self._wanted(self._confidence):
            self._confidence.publish(messages.confidence_image(header, result.confidence))
        if result.tracks is not None:
            self._publish_tracks(result, result.tracks)

    def _publish_pose(self, result: FrameResult) -> None:
        header = messages.header_of(result.frame.stamp_ns, self._config.frames.map)
        if self._wanted(self._pose):
            self._pose.publish(messages.pose_stamped(header, result.map_from_cam))
        if self._wanted(self._pose_with_covariance):
            self._pose_with_covariance.publish(
                messages.pose_with_covariance_stamped(
                    header, result.map_from_cam, result.covariance
                )
            )

    def _publish_tracks(self, result: FrameResult, tracks: FrameTracks) -> None:
        header = messages.header_of(result.frame.stamp_ns, result.frame.camera_frame)
        if self._wanted(self._tracks):
            self._tracks.publish(tracks_cloud(header, tracks))
        if self._wanted(self._tracks_image):
            drawn = self._overlay.draw(result.image, tracks)
            self._tracks_image.publish(messages.rgb_image(header, drawn))


def _reliable(depth: int) -> QoSProfile:
    return QoSProfile(depth=depth, reliability=ReliabilityPolicy.RELIABLE)
