"""What moves does not stay: points of what has left, and static points that were lost with them.

    .venv/bin/python -m benchmarks.moving [--seeds 900 901 ...] [--frames 800]

People walk through, a door slides, and trolleys are taken away. The network is simulated, with
errors like VGGT's. Colors of the images it answers with say what every pixel shows, so that the
voxels of the map say how much of them is of what. Every course is driven twice, with
`map.dynamic: keep` and `remove`. Prints a JSON line per course and seed, and one of the median and
the worst. Percentages are of the voxels of that kind with `keep`.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
import json
import sys
import time

import cv2
from jaxtyping import Bool, Float, Float32, Int, UInt8
import numpy as np

from vggt_ros.evaluation.course_run import drive, stamp_ns
from vggt_ros.evaluation.trajectory import trajectory_error
from vggt_ros.geometry import se3
from vggt_ros.geometry.pinhole import project, unproject
from vggt_ros.inference.prediction import Prediction, Request
from vggt_ros.mapping.layers.map_layers import MapLayers
from vggt_ros.mapping.mapper import Mapper
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.parameter_tree import with_values
from vggt_ros.synthetic.busy_course import busy_course
from vggt_ros.synthetic.course import Course, make_course
from vggt_ros.synthetic.moving_things import STATIC
from vggt_ros.synthetic.simulated_predictor import SimulatedPredictor

Numbers = dict[str, float]
COURSES = ('figure_eight', 'lawn_mower', 'stop_and_go', 'turning')
_SETTINGS = {
    'keyframe.min_parallax': 0.0,
    'refine.mode': 'off',
    'map.voxel_size': 0.1,
    'map.max_points': 5_000_000,
}
_GRID = {'width': 64, 'height': 48, 'image_scale': 1}
# Share of gray that is left in the channel that marks a pixel.
_MARK = 0.3
_DARKEST = 40.0
# A static point that is so near a true surface, after the best similarity, is right.
_RIGHT_M = 0.2
# What leaves could be known to have left if so many of every few later frames see clearly, by
# this factor of depth in all pixels around, through it.
_EVERY, _MIN_VIEWS, _CLEARLY = 4, 3, 1.25


class Labels:
    """What every pixel of a course shows, as colors: gray what stays, less green what leaves.

    Less blue is in outlines of what stays, where the simulated network smears depth, and in what
    leaves where no later frame sees clearly through.
    """

    def __init__(self, course: Course) -> None:
        """Look at all frames, and through what leaves."""
        assert course.moving is not None
        depths = []
        self._leaves, self._points = [], []
        v, u = np.indices((course.height, course.width))
        uv = np.stack([u, v], axis=-1).astype(np.float64)
        for index, pose in enumerate(course.world_from_cam):
            depth = course.world_at(index).depth(pose, course.K, course.width, course.height)
            box = course.moving_seen(index)
            points = se3.transform(pose, unproject(uv, depth.astype(np.float64), course.K))
            leaves = (box != STATIC) & ~course.moving.stays(points, box)
            depths.append(depth)
            self._leaves.append(leaves)
            self._points.append(points[leaves])
        self.depths = depths
        self._nearest = [cv2.erode(depth, np.ones((3, 3), np.uint8)) for depth in depths]
        self._factors = [self._factor(course, index) for index in range(len(course))]

    def colors(self, gray: UInt8[np.ndarray, 'H W'], index: int) -> UInt8[np.ndarray, 'H W 3']:
        """Return the marked image of a frame."""
        lit = np.maximum(gray.astype(float), _DARKEST)
        return np.rint(lit[..., None] * self._factors[index]).astype(np.uint8)

    def _factor(self, course: Course, index: int) -> Float[np.ndarray, 'H W 3']:
        leaves = self._leaves[index]
        factor = np.ones((*leaves.shape, 3))
        factor[_is_outline(self.depths[index]) & ~leaves, 2] = _MARK
        if leaves.any():
            unseen = np.ones(leaves.shape, dtype=bool)
            unseen[leaves] = self._views_through(course, index) < _MIN_VIEWS
            factor[leaves, 1] = _MARK
            factor[leaves & unseen, 2] = _MARK
        return factor

    def _views_through(self, course: Course, index: int) -> Int[np.ndarray, ' n']:
        """Return how many of every few later frames see clearly through the points of a frame."""
        points = self._points[index]
        views = np.zeros(len(points), dtype=np.int64)
        limit = np.array([course.width, course.height]) - 0.5
        for later in range(index + _EVERY, len(course), _EVERY):
            in_cam = se3.transform(se3.inverse(course.world_from_cam[later]), points)
            z = in_cam[:, 2]
            seen = project(in_cam, course.K)
            inside = (z > 0.1) & ((seen > -0.5) & (seen < limit)).all(axis=1)
            column, row = np.rint(np.where(inside[:, None], seen, 0.0)).astype(int).T
            views += inside & (self._nearest[later][row, column] > _CLEARLY * z)
        return views


class LabelledPredictor(SimulatedPredictor):
    """Answers with images whose colors say what they show; see `Labels`."""

    def __init__(self, course: Course, labels: Labels, seed: int) -> None:
        """Start answering, with errors like VGGT's."""
        super().__init__(course, seed=seed)
        self._labels = labels

    def predict(
        self,
        images: Sequence[UInt8[np.ndarray, 'H W 3']],
        request: Request,
        *,
        frame_ids: Sequence[int] | None = None,
    ) -> Prediction:
        """Answer for frames of the course; see `SimulatedPredictor`."""
        prediction = super().predict(images, request, frame_ids=frame_ids)
        assert frame_ids is not None
        marked = [
            self._labels.colors(image[..., 1], index)
            for image, index in zip(prediction.images, frame_ids, strict=True)
        ]
        return replace(prediction, images=np.stack(marked))

    def _depth(self, frame_id: int) -> Float32[np.ndarray, 'H W']:
        return self._labels.depths[frame_id]


def _is_outline(depth: Float32[np.ndarray, 'H W']) -> Bool[np.ndarray, 'H W']:
    """Return where neighbors within two pixels have another depth by a tenth."""
    padded = np.pad(depth, 2, mode='edge')
    around = np.lib.stride_tricks.sliding_window_view(padded, (5, 5))
    return np.asarray(around.max(axis=(2, 3)) > 1.1 * around.min(axis=(2, 3)))


def count(course: Course, mapper: Mapper) -> dict[str, int]:
    """Return how many voxels are mostly of what, by their color."""
    points = mapper.map.points()[0]
    red, green, blue = np.maximum(points.colors.astype(float), 1.0).T
    has_left = (1.0 - green / red) / (1.0 - _MARK) > 0.5
    no_blue = (1.0 - blue / red) / (1.0 - _MARK) > 0.5
    return {
        'all': len(red),
        'left': int(has_left.sum()),
        'left_in_view': int((has_left & ~no_blue).sum()),
        'outline': int((~has_left & no_blue).sum()),
        'static': int((~has_left & ~no_blue).sum()),
        'right': int((~has_left & ~no_blue & is_right(course, mapper)).sum()),
    }


def is_right(course: Course, mapper: Mapper) -> Bool[np.ndarray, ' n']:
    """Return which points of the map are where a surface of what does not move is."""
    path = mapper.map.path()
    frames = np.rint(path.stamps_ns / stamp_ns(0)).astype(int) - 1
    error = trajectory_error(path.map_from_cam, course.world_from_cam[frames])
    points = error.truth_from_map.apply(mapper.map.points()[0].points_in_map.astype(np.float64))
    distance = np.abs(
        np.concatenate([points - course.world.hall[0], course.world.hall[1] - points], 1)
    )
    distance_m = distance.min(axis=1)
    for low, high in course.world.boxes:
        gap = np.maximum(low - points, points - high)
        outside = np.linalg.norm(np.maximum(gap, 0.0), axis=1)
        distance_m = np.minimum(distance_m, np.abs(outside + np.minimum(gap.max(axis=1), 0.0)))
    return np.asarray(distance_m < _RIGHT_M)


def driven(
    course: Course, labels: Labels, seed: int, **settings: bool | float | str
) -> tuple[dict[str, int], float]:
    """Return what is in the map in the end, and the mean time of layers, ms a window."""
    config = with_values(VggtConfig(), _SETTINGS | settings)
    mapper = Mapper(LabelledPredictor(course, labels, seed), config, offline=True)
    times_s: list[float] = []
    _time_calls(mapper.map.layers, times_s)
    for _ in drive(course, mapper):
        pass
    return count(course, mapper), 1e3 * float(np.mean(times_s))


def _time_calls(layers: MapLayers, times_s: list[float]) -> None:
    add = layers.add

    def timed(*arguments: object) -> None:
        start_s = time.perf_counter()
        add(*arguments)  # type: ignore[arg-type]
        times_s.append(time.perf_counter() - start_s)

    layers.add = timed  # type: ignore[assignment, method-assign]


def measure(course: Course, seed: int, **settings: bool | float | str) -> Numbers:
    """Return shares of what was kept and lost, in percent."""
    labels = Labels(course)
    kept, keep_ms = driven(course, labels, seed, **settings, **{'map.dynamic': 'keep'})
    left, remove_ms = driven(course, labels, seed, **settings, **{'map.dynamic': 'remove'})
    return {
        'left_in_view_percent': 100.0 * left['left_in_view'] / max(kept['left_in_view'], 1),
        'left_percent': 100.0 * left['left'] / max(kept['left'], 1),
        'right_lost_percent': 100.0 * (1.0 - left['right'] / kept['right']),
        'static_lost_percent': 100.0 * (1.0 - left['static'] / kept['static']),
        'outlines_lost_percent': 100.0 * (1.0 - left['outline'] / max(kept['outline'], 1)),
        'left_in_keep_percent': 100.0 * kept['left'] / kept['all'],
        'keep_ms': keep_ms,
        'remove_ms': remove_ms,
        'voxels': kept['all'],
    }


def main() -> int:
    """Run all courses with all seeds."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    parser.add_argument('--seeds', nargs='+', type=int, default=[900, 901, 902])
    parser.add_argument('--courses', nargs='+', choices=COURSES, default=list(COURSES))
    parser.add_argument('--frames', type=int, default=800)
    options = parser.parse_args()
    found = []
    for name in options.courses:
        for seed in options.seeds:
            course = make_course(name, options.frames, seed).with_pictures(**_GRID)
            course = busy_course(replace(course, paint_seed=None), seed)
            numbers = measure(course, seed)
            found.append(numbers)
            rounded = {key: round(value, 2) for key, value in numbers.items()}
            sys.stdout.write(json.dumps({'course': name, 'seed': seed, **rounded}) + '\n')
            sys.stdout.flush()
    for how, reduce in (('median', np.median), ('worst', np.max)):
        line = {key: round(float(reduce([n[key] for n in found])), 2) for key in found[0]}
        sys.stdout.write(json.dumps({'all': how, **line}) + '\n')
    return 0


if __name__ == '__main__':
    sys.exit(main())
