"""Message conversion: images, calibration and poses of a frame as messages; pure functions."""

from __future__ import annotations

from geometry_msgs.msg import (
    Point,
    Pose,
    PoseArray,
    PoseStamped,
    PoseWithCovariance,
    PoseWithCovarianceStamped,
    Quaternion,
    TransformStamped,
    Twist,
    TwistWithCovariance,
    Vector3,
)
from jaxtyping import Float, Float32, UInt8
from nav_msgs.msg import Odometry, Path
import numpy as np
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header
from tf_transformations import quaternion_from_matrix, quaternion_matrix

from vggt_ros.errors import PublishingError
from vggt_ros.geometry.plausible import implausible
from vggt_ros.mapping.layers.odometry_chain import OdometryEstimate
from vggt_ros.mapping.layers.trajectory import StampedPoses
from vggt_ros.ros.middleware.payload import fill
from vggt_ros.ros.middleware.stamps import stamp_from_ns

_MM_PER_M = 1000.0
_MAX_UINT16 = 65535.0


def header_of(stamp_ns: int, frame_id: str) -> Header:
    """Return a header of integer nanoseconds and a frame."""
    return Header(stamp=stamp_from_ns(stamp_ns), frame_id=frame_id)


def rgb_image(header: Header, image: UInt8[np.ndarray, 'H W 3']) -> Image:
    """Return an rgb8 image."""
    return _image(header, image, 'rgb8')


def depth_image(header: Header, depth: Float32[np.ndarray, 'H W'], encoding: str) -> Image:
    """Return a depth image.

    Args:
        header: Stamp of the image and the camera's optical frame.
        depth: (H, W) along the optical axis in meters (map units), NaN where there is none.
        encoding: 32FC1 for meters with NaN; 16UC1 for millimeters with 0 where there is none
            or where it does not fit (65.535 m).
    """
    if encoding == '32FC1':
        return _image(header, depth.astype('<f4', copy=False), encoding)
    millimeters = np.rint(depth * np.float32(_MM_PER_M))
    fits = (millimeters > 0.0) & (millimeters <= _MAX_UINT16)  # False for NaN
    return _image(header, np.where(fits, millimeters, 0.0).astype('<u2'), '16UC1')


def confidence_image(header: Header, confidence: Float32[np.ndarray, 'H W']) -> Image:
    """Return the confidence, at least 1 and unbounded, as a 32FC1 image."""
    return _image(header, confidence.astype('<f4', copy=False), '32FC1')


def camera_info(
    header: Header, K: Float[np.ndarray, '3 3'], width: int, height: int
) -> CameraInfo:
    """Return the calibration of published images, which have no distortion.

    Args:
        header: Header of the image.
        K: (3, 3) intrinsics in pixels of the published image.
        width: Width of the published image, pixels.
        height: Height of the published image, pixels.
    """
    P = np.zeros((3, 4))
    P[:, :3] = K
    return CameraInfo(
        header=header,
        width=width,
        height=height,
        distortion_model='plumb_bob',
        d=[0.0] * 5,
        k=K.astype(np.float64).ravel(),
        r=np.eye(3).ravel(),
        p=P.ravel(),
    )


def pose(b_from_a: Float[np.ndarray, '4 4']) -> Pose:
    """Return the pose of frame a in frame b.

    Raises:
        PublishingError: It is not finite, not rigid or beyond all bounds. Who would be told of it
            could do nothing with it: planners and tf2 keep such numbers for ever.
    """
    problem = implausible(b_from_a)
    if problem:
        raise PublishingError(
            f'a pose is not published: {problem}; look at /diagnostics for what is wrong with TF '
            f'or the scale, and call ~/reset if it stays'
        )
    x, y, z = b_from_a[:3, 3].tolist()
    qx, qy, qz, qw = (float(value) for value in quaternion_from_matrix(b_from_a))
    return Pose(position=Point(x=x, y=y, z=z), orientation=Quaternion(x=qx, y=qy, z=qz, w=qw))


def matrix_of(pose: Pose) -> Float[np.ndarray, '4 4']:
    """Return the pose of frame a in frame b, b_from_a, that a message tells."""
    q, t = pose.orientation, pose.position
    b_from_a = np.array(quaternion_matrix([q.x, q.y, q.z, q.w]))
    b_from_a[:3, 3] = (t.x, t.y, t.z)
    return b_from_a


def pose_stamped(header: Header, map_from_cam: Float[np.ndarray, '4 4']) -> PoseStamped:
    """Return the camera's pose; the header names the map and the image's stamp."""
    return PoseStamped(header=header, pose=pose(map_from_cam))


def pose_with_covariance_stamped(
    header: Header, map_from_cam: Float[np.ndarray, '4 4'], covariance: Float[np.ndarray, '6 6']
) -> PoseWithCovarianceStamped:
    """Return the camera's pose and how sure it is; see `FrameResult.covariance`."""
    return PoseWithCovarianceStamped(
        header=header,
        pose=PoseWithCovariance(pose=pose(map_from_cam), covariance=_finite(covariance)),
    )


def odometry(header: Header, child_frame_id: str, estimate: OdometryEstimate) -> Odometry:
    """Return where the camera is and how it moves.

    Args:
        header: Stamp of the image and the frame of the odometry.
        child_frame_id: The camera's optical frame, in which the twist is.
        estimate: What is known.
    """
    twist = _finite(estimate.twist).tolist()
    linear, angular = twist[:3], twist[3:]
    return Odometry(
        header=header,
        child_frame_id=child_frame_id,
        pose=PoseWithCovariance(
            pose=pose(estimate.odom_from_cam), covariance=_finite(estimate.covariance)
        ),
        twist=TwistWithCovariance(
            twist=Twist(
                linear=Vector3(x=linear[0], y=linear[1], z=linear[2]),
                angular=Vector3(x=angular[0], y=angular[1], z=angular[2]),
            ),
            covariance=_finite(estimate.twist_covariance),
        ),
    )


def pose_array(header: Header, map_from_cam: Float[np.ndarray, 'S 4 4']) -> PoseArray:
    """Return several poses of the camera in the map."""
    return PoseArray(header=header, poses=[pose(each) for each in map_from_cam])


def path(frame_id: str, poses: StampedPoses) -> Path:
    """Return a path in the map, stamped like its newest pose, or 0 if it is empty."""
    stamps_ns = poses.stamps_ns.tolist()
    return Path(
        header=header_of(stamps_ns[-1] if stamps_ns else 0, frame_id),
        poses=[
            pose_stamped(header_of(stamp_ns, frame_id), map_from_cam)
            for stamp_ns, map_from_cam in zip(stamps_ns, poses.map_from_cam, strict=True)
        ],
    )


def transform(
    header: Header, child_frame_id: str, parent_from_child: Float[np.ndarray, '4 4']
) -> TransformStamped:
    """Return the transform whose parent is the header's frame."""
    message = TransformStamped(header=header, child_frame_id=child_frame_id)
    child_in_parent = pose(parent_from_child)
    translation = message.transform.translation
    translation.x = child_in_parent.position.x
    translation.y = child_in_parent.position.y
    translation.z = child_in_parent.position.z
    message.transform.rotation = child_in_parent.orientation
    return message


def _finite(values: Float[np.ndarray, ...]) -> Float[np.ndarray, ' n']:
    """Return values in one row; raise PublishingError if they are not finite."""
    if not np.isfinite(values).all():
        raise PublishingError(
            'a pose is not published: its covariance or its speed is not finite; call ~/reset if '
            'it stays'
        )
    return values.ravel()


def _image(header: Header, pixels: np.ndarray, encoding: str) -> Image:
    """Pack (H, W) or (H, W, C) pixels, which are little-endian."""
    height, width = pixels.shape[:2]
    message = Image(
        header=header,
        height=height,
        width=width,
        encoding=encoding,
        is_bigendian=0,
        step=pixels[0].nbytes,
    )
    fill(message.data, pixels)
    return message
