"""Submap: a window's points and poses, in a frame and a unit of its own or in those of the map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from jaxtyping import Bool, Float, Float32
import numpy as np

from vggt_ros.errors import PredictionError
from vggt_ros.geometry import se3
from vggt_ros.geometry.pinhole import unproject_depth
from vggt_ros.geometry.rotation import nearest_rotation
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.inference.image_grid import ImageGrid
from vggt_ros.inference.prediction import Prediction
from vggt_ros.mapping.frontend.frame import Frame
from vggt_ros.mapping.frontend.window import Window

# A predicted focal length this many times off the calibrated one is not a focal length.
_MAX_FOCAL_RATIO = 100.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Submap:
    """Depth and poses of the frames of one window, rigid within itself.

    Attributes:
        frame_ids: Ids of the S frames, oldest first.
        depth: (S, H, W) along the optical axis, NaN where there is none.
        confidence: (S, H, W) of the depth, at least 1.
        points_in_cam: (S, H, W, 3) in the cameras' optical frames, NaN where there is none.
        points_confidence: (S, H, W) of the points.
        K: (S, 3, 3) intrinsics in pixels of the depth.
        ref_from_cam: (S, 4, 4) rigid poses of the cameras.
        focal_ratio: Predicted over calibrated focal length, NaN without calibration.
    """

    frame_ids: tuple[int, ...]
    depth: Float32[np.ndarray, 'S H W']
    confidence: Float32[np.ndarray, 'S H W']
    points_in_cam: Float32[np.ndarray, 'S H W 3']
    points_confidence: Float32[np.ndarray, 'S H W']
    K: Float[np.ndarray, 'S 3 3']
    ref_from_cam: Float[np.ndarray, 'S 4 4']
    focal_ratio: float

    def moved(self, map_from_submap: Sim3) -> Submap:
        """Return the same frames in the coordinates and the unit of the map."""
        scale = np.float32(map_from_submap.scale)
        return replace(
            self,
            depth=self.depth * scale,
            points_in_cam=self.points_in_cam * scale,
            ref_from_cam=map_from_submap.apply_to_pose(self.ref_from_cam),
        )

    def completed_by(self, earlier: Submap) -> Submap:
        """Return the same frames with what an earlier submap knows of those without any depth.

        Args:
            earlier: In the same coordinates and unit, of images of the same size.
        """
        bare = [
            i
            for i, frame_id in enumerate(self.frame_ids)
            if frame_id in earlier.frame_ids and np.isnan(self.depth[i]).all()
        ]
        if not bare:
            return self
        known = earlier.select([self.frame_ids[i] for i in bare])
        names = ('depth', 'confidence', 'points_in_cam', 'points_confidence', 'K')
        maps = {name: getattr(self, name).copy() for name in names}
        for name, array in maps.items():
            array[bare] = getattr(known, name)
        return replace(self, **maps)

    def without_points(self) -> Submap:
        """Return the same frames with points of no pixel: registration needs none."""
        # A view of one number: it looks like an array of points and needs no memory.
        nothing = np.broadcast_to(np.float32(np.nan), (*self.depth.shape, 3))
        return replace(self, points_in_cam=nothing, points_confidence=nothing[..., 0])

    def subsampled(self, max_size: int) -> Submap:
        """Return the same frames with every n-th row and column, at most `max_size` of either."""
        step = max(1, -(-max(self.depth.shape[1:]) // max_size))
        pick = (slice(None), slice(step // 2, None, step), slice(step // 2, None, step))
        K = self.K.copy()
        K[:, :2] /= step
        K[:, :2, 2] -= (step // 2) / step
        return replace(
            self,
            depth=self.depth[pick],
            confidence=self.confidence[pick],
            points_in_cam=self.points_in_cam[pick],
            points_confidence=self.points_confidence[pick],
            K=K,
        )

    def select(self, frame_ids: Sequence[int]) -> Submap:
        """Return only the named frames, in the order of the names."""
        rows = [self.frame_ids.index(frame_id) for frame_id in frame_ids]
        return replace(
            self,
            frame_ids=tuple(frame_ids),
            depth=self.depth[rows],
            confidence=self.confidence[rows],
            points_in_cam=self.points_in_cam[rows],
            points_confidence=self.points_confidence[rows],
            K=self.K[rows],
            ref_from_cam=self.ref_from_cam[rows],
        )


def joined(submaps: Sequence[Submap]) -> Submap:
    """Return the frames of several submaps, all in the map and of one size, as one.

    Args:
        submaps: At least one.
    """
    names = ('depth', 'confidence', 'points_in_cam', 'points_confidence', 'K', 'ref_from_cam')
    return Submap(
        frame_ids=tuple(i for submap in submaps for i in submap.frame_ids),
        focal_ratio=submaps[0].focal_ratio,
        **{name: np.concatenate([getattr(each, name) for each in submaps]) for name in names},
    )


def submap_from_prediction(window: Window, prediction: Prediction) -> Submap:
    """Turn the network's answer about a window into a submap with the calibrated intrinsics.

    Where the focal length is known, depth is multiplied by calibrated over predicted focal
    length: what an image shows fixes f * X / Z, and the sizes X across the optical axis are bound
    to the motion of the cameras, so an error of f goes into Z. One factor per window, the
    median over its frames, keeps the submap rigid.

    Args:
        window: The frames the prediction is about.
        prediction: The network's answer; points of the point head are used if they are there.

    Raises:
        PredictionError: The number of frames differs, cameras are not finite, a focal length is
            absurd, or no pixel of the window has a depth.
    """
    _check_cameras(window, prediction)
    grid = prediction.grid
    focal_ratio = _focal_ratio(window.frames, prediction)
    stretch = 1.0 if np.isnan(focal_ratio) else 1.0 / focal_ratio
    K = np.array(prediction.K_model, dtype=np.float64)
    K[:, (0, 1), (0, 1)] *= stretch
    for i, frame in enumerate(window.frames):
        if frame.K is not None:
            K[i] = grid.K_model_from_image(frame.K)

    is_valid = np.isfinite(prediction.depth) & (prediction.depth > 0) & grid.inside()
    is_valid &= _is_seen(window.frames, grid)
    if not is_valid.any():
        raise PredictionError(
            'no pixel of the window has a positive finite depth; check the weights and precision'
        )
    depth = np.where(is_valid, prediction.depth * np.float32(stretch), np.float32(np.nan))
    cam_from_submap = np.array(prediction.cam_from_world, dtype=np.float64)
    # Low precision leaves the matrices a little off SO(3); chained, that would grow.
    cam_from_submap[:, :3, :3] = nearest_rotation(cam_from_submap[:, :3, :3])

    if prediction.points_in_world is None or prediction.points_conf is None:
        points_in_cam = np.stack([unproject_depth(d, k) for d, k in zip(depth, K, strict=True)])
        points_confidence = prediction.depth_conf
    else:
        points_in_cam = _in_cameras(prediction.points_in_world, cam_from_submap)
        points_in_cam[..., 2] *= np.float32(stretch)
        points_in_cam[~_is_seen(window.frames, grid)] = np.nan
        points_confidence = prediction.points_conf
    return Submap(
        frame_ids=tuple(frame.id for frame in window.frames),
        depth=depth,
        confidence=prediction.depth_conf,
        points_in_cam=points_in_cam,
        points_confidence=points_confidence,
        K=K,
        ref_from_cam=se3.inverse(cam_from_submap),
        focal_ratio=focal_ratio,
    )


def _check_cameras(window: Window, prediction: Prediction) -> None:
    if len(prediction.depth) != len(window.frames):
        raise PredictionError(
            f'the prediction is about {len(prediction.depth)} frames, the window has '
            f'{len(window.frames)}; the predictor must answer for every image'
        )
    cameras = {'cam_from_world': prediction.cam_from_world, 'K_model': prediction.K_model}
    for name, matrices in cameras.items():
        if not np.isfinite(matrices).all():
            raise PredictionError(
                f'{name} of the prediction has values that are not finite; '
                'check the weights, or run with model.precision fp32'
            )


def _is_seen(frames: Sequence[Frame], grid: ImageGrid) -> Bool[np.ndarray, 'S H W']:
    """Return False where the images show nothing, on the network's pixels."""
    is_seen = np.ones((len(frames), grid.model_height, grid.model_width), dtype=bool)
    if all(frame.is_seen is None for frame in frames):
        return is_seen
    v, u = np.indices(is_seen.shape[1:])
    uv = np.stack([u, v], axis=-1).reshape(-1, 2).astype(np.float64)
    columns, rows = np.rint(grid.image_from_model(uv)).astype(int).T
    columns = np.clip(columns, 0, grid.image_width - 1)
    rows = np.clip(rows, 0, grid.image_height - 1)
    for row, frame in enumerate(frames):
        if frame.is_seen is not None:
            is_seen[row] = frame.is_seen[rows, columns].reshape(is_seen.shape[1:])
    return is_seen


def _focal_ratio(frames: Sequence[Frame], prediction: Prediction) -> float:
    ratios = [
        predicted[axis, axis] / frame.K[axis, axis]
        for frame, predicted in zip(frames, prediction.K_image, strict=True)
        if frame.K is not None
        for axis in (0, 1)
    ]
    if not ratios:
        return float('nan')
    ratio = float(np.median(ratios))
    if not 1 / _MAX_FOCAL_RATIO < ratio < _MAX_FOCAL_RATIO:
        raise PredictionError(
            f'the predicted focal length is {ratio:g} times the calibrated one (limits '
            f'{1 / _MAX_FOCAL_RATIO:g}..{_MAX_FOCAL_RATIO:g}); check camera_info and the weights'
        )
    return ratio


def _in_cameras(
    points_in_world: Float32[np.ndarray, 'S H W 3'], cam_from_world: Float[np.ndarray, 'S 4 4']
) -> Float32[np.ndarray, 'S H W 3']:
    pairs = zip(cam_from_world, points_in_world, strict=True)
    points_in_cam = np.stack([se3.transform(pose, points) for pose, points in pairs])
    points_in_cam[~(points_in_cam[..., 2] > 0)] = np.nan
    return points_in_cam
