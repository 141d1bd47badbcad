from dataclasses import replace

import numpy as np
import pytest

from benchmarks.seam_baselines import by_camera_centers, by_dense_points, without_points
from benchmarks.seams import ate_percent, OURS
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.inference.prediction import Request
from vggt_ros.mapping.frontend.frame import Frame
from vggt_ros.mapping.frontend.window import Window
from vggt_ros.mapping.registration.submap import submap_from_prediction
from vggt_ros.synthetic.course import make_course
from vggt_ros.synthetic.simulated_predictor import NONE, SimulatedPredictor


def shared(count):
    """The same frames in two windows that differ by a similarity."""
    course = make_course('figure_eight', 60, 0)
    ids = list(range(20, 20 + count))
    image = np.zeros((course.height, course.width, 3), np.uint8)
    frames = tuple(Frame(id=i, stamp_ns=i, camera_frame='c', image=image, K=course.K) for i in ids)
    prediction = SimulatedPredictor(course, NONE).predict(
        [image] * count, Request(), frame_ids=ids
    )
    submap = submap_from_prediction(Window.of_frames(frames), prediction)
    turn = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    return submap, Sim3(2.5, turn, np.array([1.0, 2, 3]))


@pytest.mark.parametrize('join', [by_camera_centers, by_dense_points, without_points])
@pytest.mark.parametrize('count', [2, 5])
def test_a_baseline_finds_the_similarity_of_two_windows_without_errors(join, count):
    submap, expected = shared(count)
    found = join(submap.moved(expected), submap).map_from_submap
    assert found.scale == pytest.approx(expected.scale, rel=1e-3)
    np.testing.assert_allclose(found.rotation, expected.rotation, atol=1e-3)
    np.testing.assert_allclose(found.translation, expected.translation, atol=5e-3)


def test_dense_points_bear_a_few_that_are_wrong():
    submap, expected = shared(3)
    in_map = submap.moved(expected)
    wrong = in_map.points_in_cam.copy()
    wrong[:, :4] *= 3.0
    found = by_dense_points(replace(in_map, points_in_cam=wrong), submap).map_from_submap
    assert found.scale == pytest.approx(expected.scale, rel=0.1)


def test_the_benchmark_really_changes_how_windows_are_joined():
    errors = {way: ate_percent('figure_eight', 80, 3, way) for way in (OURS, 'camera centers')}
    assert errors[OURS] < errors['camera centers']
