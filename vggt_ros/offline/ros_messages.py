"""ROS messages without ROS: those of the node's outputs, made of the types of rosbags."""

from __future__ import annotations

from typing import Any

from jaxtyping import Float, Float32, UInt8
import numpy as np

from vggt_ros.geometry.rotation import quat_xyzw_from_matrix
from vggt_ros.mapping.export.packed_color import packed

_NS_PER_S = 1_000_000_000
# rgb is 0x00RRGGBB in the bits of a float, as PCL and rviz read it.
_POINT_DTYPE = np.dtype(
    [('x', '<f4'), ('y', '<f4'), ('z', '<f4'), ('rgb', '<u4'), ('confidence', '<f4')]
)
_FLOAT32 = 7  # of sensor_msgs/PointField


class RosMessages:
    """Makes messages; each method returns one of the type that it is named by."""

    def __init__(self, store: Any) -> None:
        """Take the types.

        Args:
            store: A typestore of rosbags for ROS 2.
        """
        self._types = store.types

    def header(self, stamp_ns: int, frame: str) -> Any:
        """Return std_msgs/Header."""
        seconds, nanoseconds = divmod(stamp_ns, _NS_PER_S)
        stamp = self._make('builtin_interfaces/msg/Time', sec=seconds, nanosec=nanoseconds)
        return self._make('std_msgs/msg/Header', stamp=stamp, frame_id=frame)

    def transforms(self, header: Any, child: str, parent_from_child: np.ndarray) -> Any:
        """Return tf2_msgs/TFMessage with one transform, whose parent is the header's frame."""
        made = self._make(
            'geometry_msgs/msg/Transform',
            translation=self._place('Vector3', parent_from_child),
            rotation=self._rotation(parent_from_child),
        )
        stamped = self._make(
            'geometry_msgs/msg/TransformStamped',
            header=header,
            child_frame_id=child,
            transform=made,
        )
        return self._make('tf2_msgs/msg/TFMessage', transforms=[stamped])

    def pose_stamped(self, header: Any, pose: Float[np.ndarray, '4 4']) -> Any:
        """Return geometry_msgs/PoseStamped."""
        made = self._make(
            'geometry_msgs/msg/Pose',
            position=self._place('Point', pose),
            orientation=self._rotation(pose),
        )
        return self._make('geometry_msgs/msg/PoseStamped', header=header, pose=made)

    def path(self, header: Any, poses: list[Any]) -> Any:
        """Return nav_msgs/Path of PoseStamped."""
        return self._make('nav_msgs/msg/Path', header=header, poses=poses)

    def image(self, header: Any, pixels: np.ndarray, encoding: str) -> Any:
        """Return sensor_msgs/Image.

        Args:
            header: Stamp and the camera's optical frame.
            pixels: (H, W) or (H, W, C), of the encoding's type.
            encoding: `rgb8`, `32FC1`.
        """
        pixels = np.ascontiguousarray(pixels, pixels.dtype.newbyteorder('<'))
        rows = pixels.view(np.uint8).reshape(len(pixels), -1)
        return self._make(
            'sensor_msgs/msg/Image',
            header=header,
            height=pixels.shape[0],
            width=pixels.shape[1],
            encoding=encoding,
            is_bigendian=0,
            step=rows.shape[1],
            data=rows.ravel(),
        )

    def camera_info(
        self, header: Any, K: Float[np.ndarray, '3 3'], width: int, height: int
    ) -> Any:
        """Return sensor_msgs/CameraInfo of images without distortion."""
        P = np.hstack([K, np.zeros((3, 1))])
        roi = self._make(
            'sensor_msgs/msg/RegionOfInterest',
            x_offset=0,
            y_offset=0,
            height=0,
            width=0,
            do_rectify=False,
        )
        return self._make(
            'sensor_msgs/msg/CameraInfo',
            header=header,
            height=height,
            width=width,
            distortion_model='plumb_bob',
            d=np.zeros(5),
            k=K.astype(np.float64).ravel(),
            r=np.eye(3).ravel(),
            p=P.astype(np.float64).ravel(),
            binning_x=0,
            binning_y=0,
            roi=roi,
        )

    def cloud(
        self,
        header: Any,
        points: Float32[np.ndarray, '*n 3'],
        colors: UInt8[np.ndarray, '*n 3'],
        confidence: Float32[np.ndarray, '*n'],
    ) -> Any:
        """Return sensor_msgs/PointCloud2, x y z rgb confidence; organized if given as an image."""
        rows: np.ndarray = np.empty(confidence.shape, _POINT_DTYPE)
        for index, axis in enumerate('xyz'):
            rows[axis] = points[..., index]
        rows['rgb'] = packed(colors)
        rows['confidence'] = confidence
        rows = rows.reshape(-1, rows.shape[-1])
        assert _POINT_DTYPE.names is not None, 'it has fields'
        fields = [
            self._make(
                'sensor_msgs/msg/PointField',
                name=name,
                offset=4 * index,
                datatype=_FLOAT32,
                count=1,
            )
            for index, name in enumerate(_POINT_DTYPE.names)
        ]
        return self._make(
            'sensor_msgs/msg/PointCloud2',
            header=header,
            height=rows.shape[0],
            width=rows.shape[1],
            fields=fields,
            is_bigendian=False,
            point_step=_POINT_DTYPE.itemsize,
            row_step=_POINT_DTYPE.itemsize * rows.shape[1],
            data=np.frombuffer(rows.tobytes(), np.uint8),
            is_dense=bool(np.isfinite(points).all()),
        )

    def _place(self, kind: str, pose: np.ndarray) -> Any:
        x, y, z = pose[:3, 3].tolist()
        return self._make(f'geometry_msgs/msg/{kind}', x=x, y=y, z=z)

    def _rotation(self, pose: np.ndarray) -> Any:
        x, y, z, w = quat_xyzw_from_matrix(pose[:3, :3]).tolist()
        return self._make('geometry_msgs/msg/Quaternion', x=x, y=y, z=z, w=w)

    def _make(self, kind: str, /, **values: Any) -> Any:
        return self._types[kind](**values)
