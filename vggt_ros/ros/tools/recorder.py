"""Node `recorder`: listens to everything `vggt` publishes and writes it to one file.

Used by the demo; on a robot, `ros2 bag record` does this job.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
import json
from pathlib import Path
import sys
from typing import Any

from cv_bridge import CvBridge
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped
from nav_msgs.msg import Path as PathMessage
import numpy as np
import rclpy
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image, PointCloud2
from sensor_msgs_py import point_cloud2

from vggt_ros.evaluation.frame_sample import FrameSample
from vggt_ros.evaluation.recording import RecordedFrame, Recording
from vggt_ros.mapping.export.packed_color import unpacked
from vggt_ros.ros.middleware.messages import matrix_of
from vggt_ros.ros.middleware.shutdown import init, shutdown, until_shutdown
from vggt_ros.ros.middleware.stamps import ns_of
from vggt_ros.ros.output.camera_publishers import latched

_MAX_FRAMES = 32
_PROGRESS_PERIOD_S = 0.25
_RELIABLE = QoSProfile(depth=50, reliability=ReliabilityPolicy.RELIABLE)


class Recorder(Node):
    """Collects the outputs of one `vggt` node.

    Subscribes: the topics of `vggt` under the parameter `prefix`, and the player's camera_info.
    Parameters: `prefix` (name of the vggt node), `camera_info_topic`, `output` (file to write).
    """

    def __init__(self) -> None:
        super().__init__('recorder')
        prefix = self.declare_parameter('prefix', '/vggt').value
        info_topic = self.declare_parameter('camera_info_topic', '/camera/camera_info').value
        self._output = Path(self.declare_parameter('output', 'recording.npz').value)
        self._bridge = CvBridge()
        self._counts: Counter[str] = Counter()
        self._parts: dict[int, dict[str, Any]] = {}
        self._sample = FrameSample[RecordedFrame](_MAX_FRAMES)
        self._poses: dict[int, np.ndarray] = {}
        self._map: PointCloud2 | None = None
        self._input_stamps_ns: list[int] = []
        self._diagnostics: dict[str, str] = {}

        listen = self._listen
        listen(Image, f'{prefix}/depth/image_rect', self._on_part('depth'), _RELIABLE)
        listen(Image, f'{prefix}/rgb/image_rect', self._on_part('image'), _RELIABLE)
        listen(Image, f'{prefix}/confidence/image', self._on_part('confidence'), _RELIABLE)
        listen(CameraInfo, f'{prefix}/depth/camera_info', self._on_part('info'), _RELIABLE)
        listen(PoseStamped, f'{prefix}/pose', self._on_pose, _RELIABLE)
        listen(PathMessage, f'{prefix}/path', self._on_path, _RELIABLE)
        listen(PointCloud2, f'{prefix}/map/points', self._on_map, latched())
        listen(DiagnosticArray, '/diagnostics', self._on_diagnostics, _RELIABLE)
        listen(CameraInfo, info_topic, self._on_input_info, _RELIABLE)
        self.create_timer(_PROGRESS_PERIOD_S, self._report)

    def progress(self) -> dict[str, Any]:
        """Return how many poses and messages came so far, and the last diagnostics."""
        return {
            'poses': len(self._poses),
            'messages': sum(self._counts.values()),
            'diagnostics': self._diagnostics,
        }

    def write(self) -> None:
        """Write the recording; called once, after the last message."""
        stamps_ns = np.array(sorted(self._poses), dtype=np.int64)
        poses = np.array([self._poses[int(s)] for s in stamps_ns]).reshape(-1, 4, 4)
        points, colors, confidence = _read_map(self._map)
        recording = Recording(
            frames=self._sample.frames(),
            stamps_ns=stamps_ns,
            map_from_cam=poses,
            map_points=points,
            map_colors=colors,
            map_confidence=confidence,
            input_stamps_ns=np.array(self._input_stamps_ns, dtype=np.int64),
            diagnostics=self._diagnostics,
            message_counts=dict(self._counts),
        )
        recording.save(self._output)

    def _listen(
        self, kind: type, topic: str, callback: Callable[[Any], None], qos: QoSProfile
    ) -> None:
        def counted(message: Any) -> None:
            self._counts[topic] += 1
            callback(message)

        self.create_subscription(kind, topic, counted, qos)

    def _on_part(self, name: str) -> Callable[[Any], None]:
        def collect(message: Any) -> None:
            parts = self._parts.setdefault(ns_of(message), {})
            parts[name] = message
            if len(parts) == 4:
                self._sample.add(self._frame(self._parts.pop(ns_of(message))))
            while len(self._parts) > _MAX_FRAMES:  # a part that got lost never completes
                self._parts.pop(min(self._parts))

        return collect

    def _frame(self, parts: dict[str, Any]) -> RecordedFrame:
        depth = self._bridge.imgmsg_to_cv2(parts['depth'])
        if depth.dtype == np.uint16:  # 16UC1: millimeters, 0 where invalid
            depth = np.where(depth > 0, depth * np.float32(1e-3), np.float32(np.nan))
        return RecordedFrame(
            stamp_ns=ns_of(parts['depth']),
            image=np.array(self._bridge.imgmsg_to_cv2(parts['image'], 'rgb8')),
            depth=np.array(depth, dtype=np.float32),
            confidence=np.array(self._bridge.imgmsg_to_cv2(parts['confidence'])),
            K=np.array(parts['info'].k, dtype=np.float64).reshape(3, 3),
        )

    def _on_pose(self, message: PoseStamped) -> None:
        self._poses[ns_of(message)] = matrix_of(message.pose)

    def _on_path(self, message: PathMessage) -> None:
        for pose in message.poses:  # the path is corrected in place, so it wins
            self._poses[ns_of(pose)] = matrix_of(pose.pose)

    def _on_map(self, message: PointCloud2) -> None:
        self._map = message

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            self._diagnostics.update({value.key: value.value for value in status.values})

    def _on_input_info(self, message: CameraInfo) -> None:
        self._input_stamps_ns.append(ns_of(message))

    def _report(self) -> None:
        sys.stdout.write(json.dumps(self.progress()) + '\n')
        sys.stdout.flush()


def _read_map(cloud: PointCloud2 | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if cloud is None or cloud.width * cloud.height == 0:
        return np.zeros((0, 3), np.float32), np.zeros((0, 3), np.uint8), np.zeros(0, np.float32)
    fields = point_cloud2.read_points(cloud)
    points = np.stack([fields['x'], fields['y'], fields['z']], axis=-1).astype(np.float32)
    colors = unpacked(np.ascontiguousarray(fields['rgb']).view(np.uint32))
    return points, colors, np.array(fields['confidence'], dtype=np.float32)


def main() -> int:
    """Record until SIGINT or SIGTERM, then write the file; return the exit code."""
    init()
    recorder = Recorder()
    with until_shutdown():
        rclpy.spin(recorder)
    recorder.write()
    recorder.destroy_node()
    shutdown()
    return 0


if __name__ == '__main__':
    sys.exit(main())
