"""Keyframe arrays: stored places with images, features and descriptors, as arrays of a file."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vggt_ros.mapping.backend.keyframe_database import StoredKeyframe
from vggt_ros.mapping.frontend.frame import Frame
from vggt_ros.mapping.refinement.keyframe_features import KeyframeFeatures
from vggt_ros.mapping.registration.submap import Submap
from vggt_ros.mapping.session.checked_arrays import CheckedArrays, put_together

_MAX_CAMERA = 7
_NO_PIXELS = (0, 0, 3)


def arrays_of_keyframes(
    keyframes: Sequence[StoredKeyframe],
) -> tuple[dict[str, np.ndarray], list[str]]:
    """Return N keyframes as arrays, and the names of the coordinate frames of their cameras.

    Returns:
        Of each: `submap_id`, `frame_id`, `stamp_ns`, `camera`, `camera_frame` (a row of the
        names), `map_from_cam` (4, 4), `K` (3, 3; NaN if not known) in pixels of its image,
        `descriptor` (C,), `focal_ratio`; `image`: bytes of a JPEG file; `depth`, `confidence` and
        `depth_size`, `depth_K`; `has_features`, `features.uv`, `features.descriptors`,
        `features.points_in_cam`, `features.K`, `features.image_size`. What differs in length is
        put one after the other, and `....ends` says where each ends.
    """
    names = sorted({each.frame.camera_frame for each in keyframes})
    frames = [each.frame for each in keyframes]
    features = [each.features or _no_features() for each in keyframes]
    unknown_K = np.full((3, 3), np.nan)
    arrays = {
        'submap_id': np.array([each.submap_id for each in keyframes], np.int64),
        'frame_id': np.array([each.id for each in frames], np.int64),
        'stamp_ns': np.array([each.stamp_ns for each in frames], np.int64),
        'camera': np.array([each.camera for each in frames], np.int64),
        'camera_frame': np.array([names.index(each.camera_frame) for each in frames], np.int64),
        'map_from_cam': _stacked([each.map_from_cam for each in keyframes], 4),
        'K': _stacked([unknown_K if each.K is None else each.K for each in frames], 3),
        'descriptor': _descriptors(keyframes),
        'focal_ratio': np.array([each.in_map.focal_ratio for each in keyframes], np.float64),
        'depth_size': _sizes([each.in_map.depth.shape[1:] for each in keyframes]),
        'depth_K': _stacked([each.in_map.K[0] for each in keyframes], 3),
        'has_features': np.array([each.features is not None for each in keyframes], np.bool_),
        'features.K': _stacked([each.K for each in features], 3),
        'features.image_size': _sizes([each.image_size for each in features]),
    }
    images = [np.frombuffer(each.jpeg, np.uint8) for each in keyframes]
    arrays |= put_together('image', images, np.uint8, ())
    for name in ('depth', 'confidence'):
        flat = [getattr(each.in_map, name).ravel() for each in keyframes]
        arrays |= put_together(name, flat, np.float32, ())
    arrays |= put_together('features.uv', [each.uv for each in features], np.float32, (2,))
    described = [each.descriptors for each in features]
    arrays |= put_together('features.descriptors', described, np.uint8, (128,))
    points = [each.points_in_cam for each in features]
    arrays |= put_together('features.points_in_cam', points, np.float32, (3,))
    return arrays, names


def keyframes_of_arrays(
    arrays: CheckedArrays, camera_frames: Sequence[str]
) -> tuple[StoredKeyframe, ...]:
    """Return keyframes as they were stored.

    Args:
        arrays: Of the file.
        camera_frames: Names of the coordinate frames of cameras.

    Raises:
        SessionError: An array is not as it must be.
    """
    frame_ids = arrays.ids('frame_id')
    count = len(frame_ids)
    cameras = arrays.get('camera', np.int64, (count,))
    if count and not (cameras.min() >= 0 and cameras.max() <= _MAX_CAMERA):
        raise arrays.refuse('camera', f'is not within 0..{_MAX_CAMERA}')
    named = arrays.get('camera_frame', np.int64, (count,))
    if count and not (named.min() >= 0 and named.max() < len(camera_frames)):
        raise arrays.refuse('camera_frame', f'is none of {len(camera_frames)} names')
    submap_ids = arrays.get('submap_id', np.int64, (count,))
    stamps_ns = arrays.get('stamp_ns', np.int64, (count,))
    K = arrays.get('K', np.float64, (count, 3, 3), may_be_nan=True)
    descriptors = arrays.get('descriptor', np.float32, (count, None))
    images = arrays.pieces('image', np.uint8, (), count)
    features = _features(arrays, count)
    in_map = _in_map(arrays, frame_ids)
    return tuple(
        StoredKeyframe(
            submap_id=int(submap_ids[k]),
            frame=Frame(
                id=int(frame_ids[k]),
                stamp_ns=int(stamps_ns[k]),
                camera_frame=camera_frames[named[k]],
                image=np.zeros(_NO_PIXELS, np.uint8),
                K=K[k] if np.isfinite(K[k]).all() else None,
                camera=int(cameras[k]),
            ),
            jpeg=images[k].tobytes(),
            in_map=in_map[k],
            descriptor=descriptors[k],
            features=features[k],
        )
        for k in range(count)
    )


def _features(arrays: CheckedArrays, count: int) -> list[KeyframeFeatures | None]:
    has_features = arrays.get('has_features', np.bool_, (count,))
    K = arrays.get('features.K', np.float64, (count, 3, 3))
    sizes = arrays.get('features.image_size', np.int64, (count, 2))
    if (sizes < 0).any():
        raise arrays.refuse('features.image_size', 'is negative')
    uv = arrays.pieces('features.uv', np.float32, (2,), count)
    descriptors = arrays.pieces('features.descriptors', np.uint8, (128,), count)
    points = arrays.pieces('features.points_in_cam', np.float32, (3,), count, may_be_nan=True)
    found: list[KeyframeFeatures | None] = []
    for k in range(count):
        if not len(uv[k]) == len(descriptors[k]) == len(points[k]):
            raise arrays.refuse('features', f'of keyframe {k} are not of one number')
        one = KeyframeFeatures(
            uv=uv[k],
            descriptors=descriptors[k],
            points_in_cam=points[k],
            K=K[k],
            image_size=(int(sizes[k, 0]), int(sizes[k, 1])),
        )
        found.append(one if has_features[k] else None)
    return found


def _in_map(arrays: CheckedArrays, frame_ids: np.ndarray) -> list[Submap]:
    count = len(frame_ids)
    poses = arrays.poses('map_from_cam', count)
    K = arrays.get('depth_K', np.float64, (count, 3, 3))
    focal_ratio = arrays.get('focal_ratio', np.float64, (count,), may_be_nan=True)
    sizes = arrays.get('depth_size', np.int64, (count, 2))
    depth = arrays.pieces('depth', np.float32, (), count, may_be_nan=True)
    confidence = arrays.pieces('confidence', np.float32, (), count, may_be_nan=True)
    found = []
    for k, frame_id in enumerate(frame_ids.tolist()):
        height, width = sizes[k].tolist()
        if min(height, width) < 1 or not len(depth[k]) == len(confidence[k]) == height * width:
            raise arrays.refuse('depth_size', f'of keyframe {k} is not that of its depth')
        shape = (1, height, width)
        # Points of no pixel, as `Submap.without_points` has them.
        nothing = np.broadcast_to(np.float32(np.nan), (*shape, 3))
        found.append(
            Submap(
                frame_ids=(frame_id,),
                depth=depth[k].reshape(shape),
                confidence=confidence[k].reshape(shape),
                points_in_cam=nothing,
                points_confidence=nothing[..., 0],
                K=K[k][None],
                ref_from_cam=poses[k][None],
                focal_ratio=float(focal_ratio[k]),
            )
        )
    return found


def _descriptors(keyframes: Sequence[StoredKeyframe]) -> np.ndarray:
    if not keyframes:
        return np.zeros((0, 0), np.float32)
    return np.stack([each.descriptor for each in keyframes])


def _stacked(matrices: Sequence[np.ndarray], size: int) -> np.ndarray:
    return np.array(matrices, dtype=np.float64).reshape(-1, size, size)


def _sizes(sizes: Sequence[tuple[int, ...]]) -> np.ndarray:
    return np.array(sizes, dtype=np.int64).reshape(-1, 2)


def _no_features() -> KeyframeFeatures:
    return KeyframeFeatures(
        uv=np.zeros((0, 2), np.float32),
        descriptors=np.zeros((0, 128), np.uint8),
        points_in_cam=np.zeros((0, 3), np.float32),
        K=np.eye(3),
        image_size=(0, 0),
    )
