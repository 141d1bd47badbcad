"""Export as a bag: what the node would have published, with all corrections, as MCAP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from vggt_ros.errors import SaveError
from vggt_ros.geometry.pinhole import unproject_depth
from vggt_ros.offline.keyframe_files import KeyframeFiles, read_keyframes
from vggt_ros.offline.result import Result
from vggt_ros.offline.ros_messages import RosMessages

MAP_FRAME = 'map'
NAMESPACE = '/vggt_node'
_LATCHED = ('map/points', 'path')


def camera_frame(camera: int) -> str:
    """Return the name of a camera's optical frame in the bag."""
    return f'camera_{camera}' if camera else 'camera'


def write_rosbag(folder: Path, result: Result) -> None:
    """Write rosbag/, which `ros2 bag play`, rviz and Foxglove read.

    The map and the path are there from the first moment on, as they are in the end, for those who
    come late, too (transient local); the transform of every frame that has a pose, and image,
    depth, confidence and points of keyframes at their stamps.

    Args:
        folder: Of the run; `--depth` has written its images.
        result: What came out.

    Raises:
        SaveError: rosbags is not installed, or there are no images.
    """
    try:
        from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
        from rosbags.typesys import get_typestore, Stores
    except ImportError as error:
        raise SaveError(
            "a bag is written with rosbags, which is not there: pip install 'vggt_ros[offline]'"
        ) from error
    files = read_keyframes(folder / 'frames', result.poses, result.keyframes)
    keyframes = {each.frame_id: each for each in files}
    if not keyframes:
        raise SaveError('a bag has images and depth, which --depth writes; give --depth, too')
    writer = Writer(folder / 'rosbag', version=9, storage_plugin=StoragePlugin.MCAP)
    writer.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
    with writer:
        _Bag(writer, get_typestore(Stores.ROS2_HUMBLE), result).write(keyframes)


class _Bag:
    """A bag that is written."""

    def __init__(self, writer: Any, store: Any, result: Result) -> None:
        self._writer, self._store, self._result = writer, store, result
        self._make = RosMessages(store)
        self._connections: dict[str, Any] = {}

    def write(self, keyframes: dict[int, KeyframeFiles]) -> None:
        poses = self._result.poses
        is_known = poses.is_known
        order: list[int] = np.argsort(poses.stamps_ns, kind='stable').tolist()
        known = [i for i in order if is_known[i]]
        self._write_map(known)
        for i in known:
            stamp_ns = int(poses.stamps_ns[i])
            header = self._make.header(stamp_ns, MAP_FRAME)
            pose = poses.map_from_cam[i]
            self._put('/tf', stamp_ns, self._make.transforms(header, self._frame(i), pose))
            self._put(self._topic('pose', i), stamp_ns, self._make.pose_stamped(header, pose))
            if i in keyframes:
                self._write_keyframe(i, keyframes[i], stamp_ns)

    def _write_map(self, known: list[int]) -> None:
        result, make = self._result, self._make
        first_ns = int(result.poses.stamps_ns[known[0]])
        header = make.header(first_ns, MAP_FRAME)
        of_map = result.points
        cloud = make.cloud(header, of_map.points_in_map, of_map.colors, of_map.confidence)
        self._put(f'{NAMESPACE}/map/points', first_ns, cloud)
        path = [
            make.pose_stamped(
                make.header(int(result.poses.stamps_ns[i]), MAP_FRAME),
                result.poses.map_from_cam[i],
            )
            for i in known
            if self._camera(i) == 0
        ]
        self._put(f'{NAMESPACE}/path', first_ns, make.path(header, path))

    def _write_keyframe(self, i: int, files: KeyframeFiles, stamp_ns: int) -> None:
        make, header = self._make, self._make.header(stamp_ns, self._frame(i))
        image, depth, confidence = files.image(), files.depth(), files.confidence()
        height, width = depth.shape
        points = unproject_depth(depth, files.K)
        for name, message in (
            ('rgb/image_rect', make.image(header, image, 'rgb8')),
            ('depth/image_rect', make.image(header, depth, '32FC1')),
            ('depth/camera_info', make.camera_info(header, files.K, width, height)),
            ('confidence/image', make.image(header, confidence, '32FC1')),
            ('points', make.cloud(header, points, image, confidence)),
        ):
            self._put(self._topic(name, i), stamp_ns, message)

    def _put(self, topic: str, stamp_ns: int, message: Any) -> None:
        kind = message.__msgtype__
        if topic not in self._connections:
            is_latched = topic.removeprefix(f'{NAMESPACE}/') in _LATCHED
            self._connections[topic] = self._writer.add_connection(
                topic, kind, typestore=self._store, offered_qos_profiles=[_qos(is_latched)]
            )
        self._writer.write(
            self._connections[topic], stamp_ns, self._store.serialize_cdr(message, kind)
        )

    def _camera(self, i: int) -> int:
        cameras = self._result.poses.camera
        return cameras[i] if cameras else 0

    def _frame(self, i: int) -> str:
        return camera_frame(self._camera(i))

    def _topic(self, name: str, i: int) -> str:
        if self._result.poses.num_cameras == 1:
            return f'{NAMESPACE}/{name}'
        return f'{NAMESPACE}/camera_{self._camera(i)}/{name}'


def _qos(is_latched: bool) -> Any:
    from rosbags.interfaces import (
        Qos,
        QosDurability,
        QosHistory,
        QosLiveliness,
        QosReliability,
        QosTime,
    )

    never = QosTime(sec=9223372036, nsec=854775807)
    return Qos(
        history=QosHistory.KEEP_LAST,
        depth=1 if is_latched else 100,
        reliability=QosReliability.RELIABLE,
        durability=QosDurability.TRANSIENT_LOCAL if is_latched else QosDurability.VOLATILE,
        deadline=never,
        lifespan=never,
        liveliness=QosLiveliness.AUTOMATIC,
        liveliness_lease_duration=never,
        avoid_ros_namespace_conventions=False,
    )
