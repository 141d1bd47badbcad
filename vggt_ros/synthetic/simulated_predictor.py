"""A predictor that answers with the truth about a course and the errors that VGGT makes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
from jaxtyping import Float, Float32, UInt8
import numpy as np
import torch

from vggt_ros.errors import PredictionError
from vggt_ros.geometry import se3
from vggt_ros.geometry.pinhole import project, unproject
from vggt_ros.geometry.rotation import matrix_from_rotation_vector
from vggt_ros.inference.backbone import Capabilities
from vggt_ros.inference.image_grid import ImageGrid
from vggt_ros.inference.pixel_filter import keep_mask
from vggt_ros.inference.prediction import Prediction, Request, Tracks
from vggt_ros.synthetic.course import Course
from vggt_ros.synthetic.mistaken_place import mistaken_m, seeming_poses

_KEPT_FRAMES = 256
_FIELD = 4  # rows and columns of the smooth random field that bends depth
_TRACK_NOISE_PX = 0.3
_DESCRIPTOR, _DESCRIPTOR_NOISE = 64, 0.2
_PLACE_M = 2.0  # descriptors of places this far apart have little in common


@dataclass(frozen=True, slots=True, kw_only=True)
class Errors:
    """How wrong the answers are; the defaults are like VGGT, `NONE` is the truth.

    Attributes:
        log_scale: Standard deviation of the log of the unit of a window, cut at 0.4 and 2.5.
        focal: Standard deviation of the focal length of a window, relative.
        depth_bias: Standard deviation of a smooth error of depth, relative.
        blurs_edges: Whether depth is smooth across outlines.
        rotation_rad: Standard deviation of the orientation of a camera that is one median depth
            away from the first; errors grow from the first camera on.
        translation: The same of its position, in median depths.
        outliers: Share of frames that are outliers.
        failures: Share of windows that raise PredictionError.
    """

    log_scale: float = 0.4
    focal: float = 0.03
    depth_bias: float = 0.03
    blurs_edges: bool = True
    rotation_rad: float = 0.006
    translation: float = 0.012
    outliers: float = 0.02
    failures: float = 0.005


NONE = Errors(
    log_scale=0.0,
    focal=0.0,
    depth_bias=0.0,
    blurs_edges=False,
    rotation_rad=0.0,
    translation=0.0,
    outliers=0.0,
    failures=0.0,
)


class SimulatedPredictor:
    """Answers for frames of a course; the id of a frame is its number in the course.

    Attributes:
        encoded: Ids of the frames that were encoded.
        capabilities: It follows points.
    """

    def __init__(self, course: Course, errors: Errors | None = None, seed: int = 0) -> None:
        """Start answering.

        Args:
            course: What is true.
            errors: How wrong the answers are; None for errors like VGGT's.
            seed: The same seed and the same windows give the same answers.
        """
        self.encoded: list[int] = []
        self.capabilities = Capabilities(follows_points=True, encodes_on_arrival=True)
        self._course = course
        self._errors = Errors() if errors is None else errors
        self._rng = np.random.default_rng([seed, 11])
        # The same waves for every seed: what a place looks like is no error of the network.
        of_place = np.random.default_rng(5)
        self._place_waves = of_place.normal(size=(4, _DESCRIPTOR))
        self._place_phases = of_place.uniform(0.0, 2 * np.pi, _DESCRIPTOR)
        self._depths: OrderedDict[int, Float32[np.ndarray, 'H W']] = OrderedDict()

    def encode(self, frame_id: int, image: UInt8[np.ndarray, 'H W 3']) -> None:
        """Remember that the frame was encoded."""
        self.encoded.append(frame_id)

    def predict(
        self,
        images: Sequence[UInt8[np.ndarray, 'H W 3']],
        request: Request,
        *,
        frame_ids: Sequence[int] | None = None,
    ) -> Prediction:
        """Answer for frames of the course.

        Args:
            images: (H, W, 3) of the course's camera; they come back at the size of the grid.
            request: Points of the point head are those of the depth; tracks are the truth with
                some noise.
            frame_ids: Numbers of the frames in the course.

        Raises:
            PredictionError: The window is one of those that fail.
        """
        assert frame_ids is not None, 'the simulation knows frames by their numbers'
        rng, errors, course = self._rng, self._errors, self._course
        if rng.uniform() < errors.failures:
            raise PredictionError('the simulated network failed')
        true_pose = seeming_poses(course, frame_ids)
        true_depth = np.stack([self._depth(i) for i in frame_ids])
        is_outlier = rng.uniform(size=len(frame_ids)) < errors.outliers
        way_m = self._way_m(frame_ids)
        cam_from_world = self._cameras(true_pose, way_m, float(np.median(true_depth)), is_outlier)
        depth = self._wrong_depth(true_depth, is_outlier)
        unit = float(np.clip(np.exp(errors.log_scale * rng.normal()), 0.4, 2.5))
        focal = float(np.exp(errors.focal * rng.normal()))
        depth *= np.float32(unit * focal)
        cam_from_world[:, :3, 3] *= unit
        confidence = self._confidence(depth / (unit * focal), true_depth)
        if request.depth_frames is not None:
            unasked = sorted(set(range(len(frame_ids))) - set(request.depth_frames))
            depth[unasked] = confidence[unasked] = np.nan
        K = course.K.copy()
        K[(0, 1), (0, 1)] *= focal
        num_frames = len(frame_ids)
        points = None
        if request.point_head:
            points = _points_in_world(depth, K, cam_from_world)
        grid = course.grid
        keep = keep_mask(
            torch.from_numpy(depth),
            torch.from_numpy(confidence),
            torch.from_numpy(grid.inside()),
            request.filter,
        )
        return Prediction(
            grid=grid,
            images=np.stack([_shrunk(image, grid) for image in images]),
            depth=depth,
            depth_conf=confidence,
            keep=keep.numpy(),
            cam_from_world=cam_from_world,
            K_model=np.tile(K, (num_frames, 1, 1)),
            K_image=np.tile(grid.K_image_from_model(K), (num_frames, 1, 1)),
            points_in_world=points,
            points_conf=None if points is None else confidence,
            tracks=self._tracks(request, frame_ids),
            descriptors=self._descriptors(frame_ids),
        )

    def _depth(self, frame_id: int) -> Float32[np.ndarray, 'H W']:
        known = self._depths.get(frame_id)
        if known is None:
            course = self._course
            pose = course.world_from_cam[frame_id]
            known = course.world_at(frame_id).depth(pose, course.K, course.width, course.height)
            self._depths[frame_id] = known
            while len(self._depths) > _KEPT_FRAMES:
                self._depths.popitem(last=False)
        return known

    def _way_m(self, frame_ids: Sequence[int]) -> Float[np.ndarray, ' S']:
        """Return how far each camera is from the first one, along the robot's path."""
        centers = self._course.world_from_cam[:, :3, 3]
        ids = np.array(frame_ids)
        of_robot = centers[ids - ids % self._course.num_cameras] - mistaken_m(
            self._course, frame_ids
        )
        steps_m = np.linalg.norm(np.diff(of_robot, axis=0), axis=1)
        seeming = centers[ids] - mistaken_m(self._course, frame_ids)
        beside_m = np.linalg.norm(seeming - of_robot, axis=1)
        return np.asarray(np.concatenate([[0.0], np.cumsum(steps_m)]) + beside_m)

    def _cameras(
        self,
        true_pose: Float[np.ndarray, 'S 4 4'],
        way_m: Float[np.ndarray, ' S'],
        median_depth: float,
        is_outlier: np.ndarray,
    ) -> Float[np.ndarray, 'S 4 4']:
        """Return cam_from_world about the first camera; errors grow with the distance from it."""
        rng, errors = self._rng, self._errors
        way = way_m / median_depth
        first_from_cam = se3.inverse(true_pose[0]) @ true_pose
        # One error bends the whole window, another one shakes every camera on its own.
        bend, shake = rng.normal(size=6), rng.normal(size=(len(way), 6))
        wrong = way[:, None] * bend + 0.3 * np.sqrt(way)[:, None] * shake
        wrong[is_outlier] += 20.0 * rng.normal(size=(int(is_outlier.sum()), 6))
        wrong[:, :3] *= errors.rotation_rad
        wrong[:, 3:] *= errors.translation * median_depth
        noisy = first_from_cam.copy()
        for pose, twist in zip(noisy, wrong, strict=True):
            pose[:3, :3] = matrix_from_rotation_vector(twist[:3]) @ pose[:3, :3]
            pose[:3, 3] += twist[3:]
        return se3.inverse(noisy)

    def _wrong_depth(
        self, true_depth: Float32[np.ndarray, 'S H W'], is_outlier: np.ndarray
    ) -> Float32[np.ndarray, 'S H W']:
        rng, errors = self._rng, self._errors
        height, width = true_depth.shape[1:]
        depth = true_depth.copy()
        common = rng.normal(size=(_FIELD, _FIELD))
        for i, image in enumerate(depth):
            own = rng.normal(size=(_FIELD, _FIELD))
            field = np.sqrt(0.5) * (common + own)
            smooth = cv2.resize(field, (width, height), interpolation=cv2.INTER_CUBIC)
            if errors.blurs_edges:
                image[:] = cv2.GaussianBlur(image, (3, 3), 0.0)
            image *= np.exp(errors.depth_bias * smooth)
            if is_outlier[i]:
                image *= np.exp(rng.normal(scale=0.3))
        return depth

    def _confidence(
        self, depth: Float32[np.ndarray, 'S H W'], true_depth: Float32[np.ndarray, 'S H W']
    ) -> Float32[np.ndarray, 'S H W']:
        """Return a confidence that knows of half of the error."""
        wrong = np.abs(np.log(depth / true_depth)) / 0.03
        noise = self._rng.normal(size=wrong.shape)
        return (1.0 + 8.0 * np.exp(-0.7 * wrong + 0.5 * noise)).astype(np.float32)

    def _descriptors(self, frame_ids: Sequence[int]) -> Float32[np.ndarray, 'S C']:
        """Return what tells a place by where one stands and looks; a part of it says nothing."""
        true_pose = self._course.world_from_cam[list(frame_ids)]
        if self._course.alias_shift is not None:
            true_pose[:, :3, 3] -= self._course.alias_shift[list(frame_ids)]
        position = true_pose[:, :2, 3] / _PLACE_M
        heading = 1.5 * true_pose[:, :2, 2]
        waves = np.concatenate([position, heading], axis=1) @ self._place_waves
        # All corridors look alike to a degree.
        alike = np.ones((len(waves), 1)) * np.cos(np.arange(_DESCRIPTOR))
        noise = _DESCRIPTOR_NOISE * self._rng.normal(size=waves.shape)
        found = np.cos(waves + self._place_phases) + alike + noise
        return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)

    def _tracks(self, request: Request, frame_ids: Sequence[int]) -> Tracks | None:
        if request.query_points is None:
            return None
        course = self._course
        uv = course.grid.model_from_image(request.query_points.astype(np.float64))
        columns = np.clip(np.rint(uv[:, 0]).astype(int), 0, course.width - 1)
        rows = np.clip(np.rint(uv[:, 1]).astype(int), 0, course.height - 1)
        depth = self._depth(frame_ids[0])[rows, columns].astype(np.float64)
        points = se3.transform(course.world_from_cam[frame_ids[0]], unproject(uv, depth, course.K))
        box = course.moving_seen(frame_ids[0])[rows, columns]
        positions, visibility = [], []
        for i in frame_ids:
            points_now = course.carried(points, box, frame_ids[0], i)
            in_cam = se3.transform(se3.inverse(course.world_from_cam[i]), points_now)
            seen = project(in_cam, course.K)
            limit = np.array([course.width, course.height]) - 0.5
            is_inside = np.asarray(((seen > -0.5) & (seen < limit)).all(axis=1))
            column, row = np.rint(np.where(is_inside[:, None], seen, 0.0)).astype(int).T
            is_hidden = in_cam[:, 2] > 1.1 * self._depth(i)[row, column]
            positions.append(seen + _TRACK_NOISE_PX * self._rng.normal(size=seen.shape))
            visibility.append((is_inside & ~is_hidden).astype(np.float32))
        return Tracks(
            positions=np.nan_to_num(np.stack(positions), nan=-1e4).astype(np.float32),
            visibility=np.stack(visibility),
            confidence=np.stack(visibility),
        )


def _shrunk(image: UInt8[np.ndarray, 'H W 3'], grid: ImageGrid) -> UInt8[np.ndarray, 'h w 3']:
    """Return an image at the size of the grid."""
    size = grid.model_width, grid.model_height
    if image.shape[1::-1] == size:
        return image
    small: UInt8[np.ndarray, 'h w 3'] = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return small


def _points_in_world(
    depth: Float32[np.ndarray, 'S H W'],
    K: Float[np.ndarray, '3 3'],
    cam_from_world: Float[np.ndarray, 'S 4 4'],
) -> Float32[np.ndarray, 'S H W 3']:
    v, u = np.indices(depth.shape[1:])
    uv = np.stack([u, v], axis=-1).astype(np.float64)
    points = [
        se3.transform(pose, unproject(uv, image.astype(np.float64), K))
        for pose, image in zip(se3.inverse(cam_from_world), depth, strict=True)
    ]
    return np.stack(points).astype(np.float32)
