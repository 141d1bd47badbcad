"""Node `viewer`: a page in a browser with what a `vggt` node publishes.

It is a process of its own that only listens, unless it is given control: neither a slow browser
nor a slow viewer holds up the node.
"""

from __future__ import annotations

from collections.abc import Callable
import logging
import math
import sys
import threading
import time
from typing import Any

from cv_bridge import CvBridge
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseWithCovarianceStamped
from nav_msgs.msg import OccupancyGrid
from nav_msgs.msg import Path as PathMessage
import numpy as np
import rclpy
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image, PointCloud2
from std_srvs.srv import SetBool, Trigger
from visualization_msgs.msg import Marker

from vggt_ros.errors import ConfigError, InputError
from vggt_ros.ros.middleware.messages import matrix_of
from vggt_ros.ros.middleware.parameters import ParameterServer
from vggt_ros.ros.middleware.shutdown import init, shutdown, until_shutdown
from vggt_ros.ros.middleware.stamps import ns_of
from vggt_ros.ros.output.camera_publishers import latched
from vggt_ros.ros.output.submap_messages import places_of_cloud, tiles_of_cloud
from vggt_ros.ros.tools.viewer_config import ViewerConfig
from vggt_ros.viewer.browser_page import BrowserPage
from vggt_ros.viewer.camera_layer import SeenFrame
from vggt_ros.viewer.number_history import NumberHistory
from vggt_ros.viewer.panel import summary
from vggt_ros.viewer.pictures import confidence_picture, depth_picture

# What is late is not wanted any more: the node never waits for it.
_NEWEST = QoSProfile(depth=2, reliability=ReliabilityPolicy.BEST_EFFORT)
# All frames of a window come at once.
_BURST = QoSProfile(depth=40, reliability=ReliabilityPolicy.BEST_EFFORT)
_RELIABLE = QoSProfile(depth=16, reliability=ReliabilityPolicy.RELIABLE)
_PERIOD_S = 0.5
# Tiles that are announced and have not come by then got lost: all are asked for again.
_TILE_PATIENCE_S = 5.0
_ANSWER_S = 60.0
_MAX_NOTE = 160
_HISTORY = 600  # samples of every diagnostics.period


class Viewer(Node):
    """Feeds a page.

    Subscribes: the topics of the node that the parameter `prefix` names. Parameters: those of
    `ViewerConfig`.
    """

    def __init__(self) -> None:
        """Listen to the node, and open the page.

        Raises:
            ConfigError: viser is missing, or nothing can listen on the port.
        """
        super().__init__('viewer')
        config = ParameterServer(self, ViewerConfig(), lambda _: None).config
        prefix, camera = config.prefix.rstrip('/'), config.camera
        self._prefix = prefix
        self._bridge = CvBridge()
        self._K: np.ndarray | None = None
        self._said: dict[str, str] = {}
        self._sizes: dict[int, int] = {}
        self._complete_s = time.monotonic()
        self._pictures: dict[str, tuple[Callable[[Any], np.ndarray], Any]] = {}
        self._plots = {
            'latency, s': NumberHistory(('latency_p50_s', 'latency_p95_s'), _HISTORY),
            'per second': NumberHistory(('rate_images_hz', 'rate_frames_hz'), _HISTORY),
            'dropped frames': NumberHistory(('frames_dropped',), _HISTORY),
        }
        self.browser = BrowserPage(config.host, config.port, prefix.lstrip('/') or 'node')
        self.page = self.browser.page
        for title, history in self._plots.items():
            self.browser.panel.add_plot(title, history)
        if config.control:
            self.browser.panel.add_actions(self._actions())
        self._listen_to_map()
        self._listen_to_camera(
            prefix if camera < 0 else f'{prefix}/camera_{camera}', config.tracks
        )
        self.create_subscription(DiagnosticArray, '/diagnostics', self._on_diagnostics, _RELIABLE)
        self.create_timer(_PERIOD_S, self._refresh)

    def _listen_to_map(self) -> None:
        listen, prefix = self.create_subscription, self._prefix
        self._tiles = self._subscribe_tiles()
        listen(PointCloud2, f'{prefix}/map/submaps', self._on_submaps, latched())
        listen(Marker, f'{prefix}/map/graph', self._on_graph, latched())
        listen(PathMessage, f'{prefix}/path', self._on_path, _RELIABLE)
        listen(OccupancyGrid, f'{prefix}/occupancy', self._on_occupancy, latched())

    def _listen_to_camera(self, prefix: str, has_tracks: bool) -> None:
        listen = self.create_subscription
        pictures: dict[str, tuple[str, Callable[[Any], np.ndarray]]] = {
            'depth': ('depth/image_rect', self._depth_picture),
            'confidence': ('confidence/image', self._confidence_picture),
        }
        if has_tracks:
            pictures['tracks'] = ('tracks/image', self._rgb)
        listen(CameraInfo, f'{prefix}/depth/camera_info', self._on_info, _BURST)
        listen(Image, f'{prefix}/rgb/image_rect', self._on_image, _BURST)
        for label, (topic, draw) in pictures.items():
            listen(Image, f'{prefix}/{topic}', self._keeper(label, draw), _NEWEST)
        topic = f'{prefix}/pose_with_covariance'
        listen(PoseWithCovarianceStamped, topic, self._on_pose, _NEWEST)

    def _subscribe_tiles(self) -> Any:
        topic = f'{self._prefix}/map/submap_points'
        return self.create_subscription(PointCloud2, topic, self._on_tiles, _RELIABLE)

    def _on_tiles(self, message: PointCloud2) -> None:
        try:
            self.page.put_tiles(tiles_of_cloud(message))
        except InputError as error:
            self.get_logger().error(str(error), once=True)

    def _on_submaps(self, message: PointCloud2) -> None:
        try:
            places, self._sizes = places_of_cloud(message)
        except InputError as error:
            self.get_logger().error(str(error), once=True)
            return
        if places:
            self.page.put_places(places)
        else:  # the node was reset
            self.page.clear()

    def _on_graph(self, message: Marker) -> None:
        points = np.array([(each.x, each.y, each.z) for each in message.points])
        colors = [message.colors[k] for k in range(0, len(message.colors), 2)]
        # Loops are the warm ones.
        is_loop = np.array([each.r > each.b for each in colors], dtype=bool)
        self.page.put_graph(points.reshape(-1, 2, 3), is_loop)

    def _on_path(self, message: PathMessage) -> None:
        stamps_ns = np.array([ns_of(each) for each in message.poses], dtype=np.int64)
        poses = np.array([matrix_of(each.pose) for each in message.poses]).reshape(-1, 4, 4)
        self.page.put_path(stamps_ns, poses)

    def _on_occupancy(self, message: OccupancyGrid) -> None:
        info = message.info
        cells = np.array(message.data, dtype=np.int8).reshape(info.height, info.width)
        origin = info.origin.position
        corner = np.array([origin.x, origin.y, origin.z])
        self.page.put_floor(cells, corner, float(info.resolution))

    def _on_info(self, message: CameraInfo) -> None:
        self._K = np.array(message.k, dtype=np.float64).reshape(3, 3)

    def _on_image(self, message: Image) -> None:
        if self._K is None:
            return
        image = self._rgb(message)
        fov_rad = 2 * math.atan2(image.shape[0] / 2, float(self._K[1, 1]))
        self.page.put_image(SeenFrame(stamp_ns=ns_of(message), image=image, fov_rad=fov_rad))
        self._pictures['image'] = (self._rgb, message)

    def _on_pose(self, message: PoseWithCovarianceStamped) -> None:
        covariance = np.array(message.pose.covariance).reshape(6, 6)[:3, :3]
        position = matrix_of(message.pose.pose)[:3, 3]
        self.page.put_ellipses(position[None], covariance[None])

    def _keeper(self, label: str, draw: Callable[[Any], np.ndarray]) -> Callable[[Image], None]:
        def keep(message: Image) -> None:
            self._pictures[label] = (draw, message)

        return keep

    def _rgb(self, message: Image) -> np.ndarray:
        return np.array(self._bridge.imgmsg_to_cv2(message, 'rgb8'))

    def _depth_picture(self, message: Image) -> np.ndarray:
        depth = np.array(self._bridge.imgmsg_to_cv2(message)).astype(np.float32)
        return depth_picture(depth)

    def _confidence_picture(self, message: Image) -> np.ndarray:
        return confidence_picture(np.array(self._bridge.imgmsg_to_cv2(message)))

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.name.partition(':')[0] != self._prefix.lstrip('/'):
                continue
            self._said = {'message': status.message}
            self._said |= {value.key: value.value for value in status.values}
            for history in self._plots.values():
                history.add(time.monotonic(), self._said)
            self.browser.panel.refresh_plots()

    def _refresh(self) -> None:
        pictures, self._pictures = self._pictures, {}
        for label, (draw, message) in pictures.items():
            self.browser.panel.show_picture(label, draw(message))
        self.browser.panel.show_state(self._state())
        self.browser.aim()
        self._ask_for_lost_tiles()

    def _ask_for_lost_tiles(self) -> None:
        held, now_s = self.page.sizes(), time.monotonic()
        if all(held.get(each, 0) == size for each, size in self._sizes.items()):
            self._complete_s = now_s
        elif now_s - self._complete_s > _TILE_PATIENCE_S:
            self._complete_s = now_s
            # Who comes anew gets all; the new subscription comes before the old one goes.
            old, self._tiles = self._tiles, self._subscribe_tiles()
            self.destroy_subscription(old)

    def _state(self) -> dict[str, str]:
        said = self._said
        if not said:
            return {'state': f'nothing was heard of {self._prefix} yet'}
        drops = [
            f'{key.partition(".")[2]} {number}'
            for key, number in said.items()
            if key.startswith('dropped.') and number != '0'
        ]
        scale = 'not metric: map units'
        if said.get('is_metric') == 'true':
            sigma = _percent(said.get('metres_per_unit_log_sigma', ''))
            scale = f'metric, from {said.get("scale_source", "")}{sigma}'
        drawn = self.page.last_drawn
        return summary(
            [
                ('state', said.get('state', '')),
                (
                    'note',
                    said['message'][:_MAX_NOTE] if said['message'] != said.get('state') else '',
                ),
                ('scale', scale),
                (
                    'map',
                    f'{said.get("map_points", "0")} points, {said.get("submaps", "0")} submaps',
                ),
                ('loops', said.get('loops', '')),
                ('corrections', str(self.page.num_corrections)),
                ('dropped', ', '.join(drops)),
                ('shown', f'{drawn.num_shown:,} points'),
                ('sent', f'{self.page.num_sent_bytes / 1e6:.1f} MB to the page'),
            ]
        )

    def _actions(self) -> dict[str, Callable[[], str]]:
        def enable(is_on: bool) -> Callable[[], str]:
            return lambda: self._call(SetBool, 'enable', SetBool.Request(data=is_on))

        def trigger(name: str) -> Callable[[], str]:
            return lambda: self._call(Trigger, name, Trigger.Request())

        return {
            'pause': enable(False),
            'go on': enable(True),
            'save map': trigger('save_map'),
            'reset': trigger('reset'),
        }

    def _call(self, kind: Any, name: str, request: Any) -> str:
        """Call a service of the node, from a thread that may wait; return what it answers."""
        client = self.create_client(kind, f'{self._prefix}/{name}')
        try:
            if not client.wait_for_service(timeout_sec=2.0):
                return f'there is no service {client.srv_name}'
            answered = threading.Event()
            future = client.call_async(request)
            future.add_done_callback(lambda _: answered.set())
            if not answered.wait(_ANSWER_S):
                return f'no answer within {_ANSWER_S:.0f} s'
            answer = future.result()
            return answer.message or ('done' if answer.success else 'refused')
        finally:
            self.destroy_client(client)


def _percent(log_sigma: str) -> str:
    try:
        return f', ± {100 * float(log_sigma):.1f} %'
    except ValueError:
        return ''


def main() -> int:
    """Show the node until SIGINT or SIGTERM; return 2 if the page cannot be opened."""
    logging.basicConfig(level=logging.INFO, format='%(message)s', stream=sys.stderr)
    init()
    try:
        viewer = Viewer()
    except ConfigError as error:
        rclpy.logging.get_logger('viewer').fatal(str(error))
        shutdown()
        return 2
    with viewer.browser, until_shutdown():
        viewer.get_logger().info(f'the page is at {viewer.browser.address}')
        rclpy.spin(viewer)
    viewer.destroy_node()
    shutdown()
    return 0


if __name__ == '__main__':
    sys.exit(main())
