from dataclasses import replace

import numpy as np
import pytest

from vggt_ros.geometry.rotation import matrix_from_rotation_vector
from vggt_ros.inference.prediction import Request
from vggt_ros.mapping.frontend.frame import Frame
from vggt_ros.mapping.frontend.window import Window
from vggt_ros.mapping.registration.frame_agreement import consistent_frames, frame_inconsistency
from vggt_ros.mapping.registration.submap import submap_from_prediction
from vggt_ros.synthetic.course import make_course
from vggt_ros.synthetic.simulated_predictor import Errors, NONE, SimulatedPredictor

COURSES = ('figure_eight', 'corridor_loop', 'lawn_mower', 'turning')
LIKE_VGGT = replace(Errors(), outliers=0.0, failures=0.0)


def submap_of(name, errors, first=30, count=8, depth_frames=None, seed=0):
    course = make_course(name, 200, 0)
    ids = list(range(first, first + count))
    image = np.zeros((course.height, course.width, 3), np.uint8)
    prediction = SimulatedPredictor(course, errors, seed).predict(
        [image] * count, Request(depth_frames=depth_frames), frame_ids=ids
    )
    frames = [Frame(id=i, stamp_ns=i, camera_frame='c', image=image, K=course.K) for i in ids]
    window = Window.of_frames(frames)
    return submap_from_prediction(window, prediction)


def believed_in(submap):
    return consistent_frames(frame_inconsistency(submap), submap)


def turned(submap, frame, degrees):
    poses = submap.ref_from_cam.copy()
    turn = matrix_from_rotation_vector(np.array([0.0, np.radians(degrees), 0.0]))
    poses[frame, :3, :3] = poses[frame, :3, :3] @ turn
    return replace(submap, ref_from_cam=poses)


def scaled(submap, frame, factor):
    depth, points = submap.depth.copy(), submap.points_in_cam.copy()
    depth[frame] *= factor
    points[frame] *= factor
    return replace(submap, depth=depth, points_in_cam=points)


@pytest.mark.parametrize('name', COURSES)
def test_the_truth_agrees_but_for_what_is_hidden(name):
    submap = submap_of(name, NONE)
    assert frame_inconsistency(submap).max() < 0.03
    assert believed_in(submap).all()


@pytest.mark.parametrize('name', COURSES)
@pytest.mark.parametrize('first', [0, 40, 80])
def test_errors_like_those_of_a_good_network_are_believed(name, first):
    for seed in range(4):
        assert believed_in(submap_of(name, LIKE_VGGT, first, seed=seed)).all()


@pytest.mark.parametrize('name', COURSES)
@pytest.mark.parametrize('frame', [0, 3, 7])
def test_one_frame_that_is_utterly_wrong_is_found_and_no_other(name, frame):
    submap = submap_of(name, LIKE_VGGT)
    expected = np.arange(8) != frame
    for wrong in (turned(submap, frame, 15.0), scaled(submap, frame, 1.5)):
        np.testing.assert_array_equal(believed_in(wrong), expected)


def test_two_frames_that_are_wrong_in_different_ways_are_found():
    submap = scaled(turned(submap_of('figure_eight', LIKE_VGGT), 2, 20.0), 5, 0.6)
    assert np.flatnonzero(~believed_in(submap)).tolist() == [2, 5]


def test_a_network_that_is_bad_throughout_is_not_thrown_away():
    bad = replace(LIKE_VGGT, depth_bias=0.15, rotation_rad=0.05, translation=0.1)
    for seed in range(6):
        assert believed_in(submap_of('figure_eight', bad, seed=seed)).sum() >= 6


def test_frames_without_depth_are_believed_and_compared_with_nothing():
    submap = submap_of('figure_eight', LIKE_VGGT, depth_frames=(0, 4, 5, 6, 7))
    disagreement = frame_inconsistency(submap)
    assert np.isnan(disagreement[1:4]).all()
    assert np.isfinite(disagreement[[0, 4, 5, 6, 7]]).all()
    assert believed_in(submap).all()
    wrong = scaled(submap, 6, 1.6)
    assert np.flatnonzero(~believed_in(wrong)).tolist() == [6]


def test_of_two_frames_that_disagree_both_are_believed():
    submap = scaled(submap_of('figure_eight', NONE, count=2), 1, 2.0)
    assert believed_in(submap).all()


def test_a_frame_that_sees_nothing_of_what_the_others_see_is_left_out():
    submap = submap_of('figure_eight', NONE)
    poses = submap.ref_from_cam.copy()
    poses[2, :3, 3] += 1e3
    elsewhere = replace(submap, ref_from_cam=poses)
    assert np.isnan(frame_inconsistency(elsewhere)[2])
    assert believed_in(elsewhere).tolist() == [True, True, False, True, True, True, True, True]


def test_a_frame_without_depth_is_believed():
    submap = submap_of('figure_eight', NONE)
    depth = submap.depth.copy()
    depth[2] = np.nan
    assert believed_in(replace(submap, depth=depth)).all()
