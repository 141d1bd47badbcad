"""The topics that are about single frames of one camera."""

from __future__ import annotations

from collections.abc import Callable

from geometry_msgs.msg import PoseStamped, PoseWithCovarianceStamped
from rclpy.lifecycle import LifecyclePublisher
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image, PointCloud2

from vggt_ros.mapping.layers.map_update import FrameResult, FrameTracks
from vggt_ros.ros.middleware import messages
from vggt_ros.ros.middleware.topic_names import private_topic_of
from vggt_ros.ros.output.clouds import frame_cloud, tracks_cloud
from vggt_ros.ros.output.track_overlay import TrackOverlay
from vggt_ros.settings.live_config import LiveConfig

_NEWEST_DEPTH = 2

# Creates a publisher of a type on a topic.
Create = Callable[[type, str, QoSProfile], LifecyclePublisher]
# Whether a topic has a subscriber.
IsWanted = Callable[[LifecyclePublisher], bool]


class CameraPublishers:
    """Publishes what is known about the frames of one camera; guarded by its owner's lock.

    Attributes:
        overlay: Draws the tracks.
    """

    def __init__(
        self, create: Create, is_wanted: IsWanted, config: LiveConfig, camera: int
    ) -> None:
        """Create the publishers.

        Args:
            create: Creates one.
            is_wanted: Whether one has a subscriber.
            config: The settings.
            camera: Which camera.
        """
        settings = config.value
        self.overlay = TrackOverlay(settings.tracks.min_visibility)
        self._config = config
        self._is_wanted = is_wanted
        self._map_frame = settings.frames.map
        self._depth_encoding = settings.depth.encoding

        def make(message_type: type, name: str, qos: QoSProfile) -> LifecyclePublisher:
            topic = private_topic_of(name, camera, settings.input.num_cameras)
            return create(message_type, topic, qos)

        # A window brings its new frames in one go: a shorter queue would lose some of them.
        every_frame = reliable(2 * settings.window.size)
        self._points = make(PointCloud2, 'points', reliable(_NEWEST_DEPTH))
        self._depth = make(Image, 'depth/image_rect', every_frame)
        self._depth_info = make(CameraInfo, 'depth/camera_info', every_frame)
        self._rgb = make(Image, 'rgb/image_rect', every_frame)
        self._confidence = make(Image, 'confidence/image', every_frame)
        self._pose = make(PoseStamped, 'pose', every_frame)
        self._pose_with_covariance = make(
            PoseWithCovarianceStamped, 'pose_with_covariance', every_frame
        )
        self._tracks = make(PointCloud2, 'tracks', every_frame)
        self._tracks_image = make(Image, 'tracks/image', every_frame)

    @property
    def wants_tracks(self) -> bool:
        """Whether the tracks have a subscriber."""
        return self._is_wanted(self._tracks) or self._is_wanted(self._tracks_image)

    def publish_points(self, result: FrameResult, decimation: int) -> None:
        """Publish the cloud of a frame, every n-th row and column."""
        if self._is_wanted(self._points):
            header = messages.header_of(result.frame.stamp_ns, result.frame.camera_frame)
            self._points.publish(frame_cloud(header, result, decimation))

    def publish_frame(self, result: FrameResult) -> None:
        """Publish depth, picture, confidence and tracks of a frame."""
        stamp_ns = result.frame.stamp_ns
        header = messages.header_of(stamp_ns, result.frame.camera_frame)
        if self._is_wanted(self._depth):
            encoding = self._depth_encoding
            self._depth.publish(messages.depth_image(header, result.depth, encoding))
        if self._is_wanted(self._depth_info):
            height, width = result.depth.shape
            self._depth_info.publish(messages.camera_info(header, result.K, width, height))
        if self._is_wanted(self._rgb):
            self._rgb.publish(messages.rgb_image(header, result.image))
        if self._is_wanted(self._confidence):
            self._confidence.publish(messages.confidence_image(header, result.confidence))
        if result.tracks is not None:
            self._publish_tracks(result, result.tracks)

    def publish_pose(self, result: FrameResult) -> None:
        """Publish where a frame is in the map."""
        header = messages.header_of(result.frame.stamp_ns, self._map_frame)
        if self._is_wanted(self._pose):
            self._pose.publish(messages.pose_stamped(header, result.map_from_cam))
        if self._is_wanted(self._pose_with_covariance):
            self._pose_with_covariance.publish(
                messages.pose_with_covariance_stamped(
                    header, result.map_from_cam, result.covariance
                )
            )

    def _publish_tracks(self, result: FrameResult, tracks: FrameTracks) -> None:
        header = messages.header_of(result.frame.stamp_ns, result.frame.camera_frame)
        if self._is_wanted(self._tracks):
            self._tracks.publish(tracks_cloud(header, tracks))
        if self._is_wanted(self._tracks_image):
            self.overlay.min_visibility = self._config.value.tracks.min_visibility
            drawn = self.overlay.draw(result.image, tracks)
            self._tracks_image.publish(messages.rgb_image(header, drawn))


def reliable(depth: int) -> QoSProfile:
    """Return the quality of service of data: nothing is lost up to a queue of this depth."""
    return QoSProfile(depth=depth, reliability=ReliabilityPolicy.RELIABLE)


def latched() -> QoSProfile:
    """Return the quality of service of maps: who subscribes later gets the newest."""
    return QoSProfile(
        depth=1,
        reliability=ReliabilityPolicy.RELIABLE,
        durability=DurabilityPolicy.TRANSIENT_LOCAL,
    )
