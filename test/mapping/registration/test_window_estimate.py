from dataclasses import replace

import numpy as np
import pytest

from vggt_ros.errors import PredictionError
from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import matrix_from_rotation_vector
from vggt_ros.inference.prediction import Request
from vggt_ros.mapping.frontend.frame_set import FrameSet
from vggt_ros.mapping.frontend.window import Window
from vggt_ros.mapping.registration import window_estimate as module
from vggt_ros.mapping.registration.submap import submap_from_prediction
from vggt_ros.mapping.registration.window_estimate import window_estimate, with_rig
from vggt_ros.mapping.registration.window_priors import WindowPriors

NOTHING = (None,) * 6
PRIORS = WindowPriors(
    odom_from_cam=NOTHING, base_from_cam=NOTHING, first_from_cam=NOTHING, depth_m=NOTHING
)


@pytest.fixture
def window(make_frame):
    return Window.of_frames(tuple(make_frame(i) for i in range(6)), 2, 0)


@pytest.fixture
def submap(predictor, window):
    prediction = predictor.predict([frame.image for frame in window.frames], Request())
    return submap_from_prediction(window, prediction)


def test_frames_that_agree_are_inliers(window, submap):
    found = window_estimate(window, submap, PRIORS, None)
    assert found.is_inlier.all()
    assert found.submap is submap
    assert found.features is found.refinement is None
    assert (found.inconsistency < 0.1).all()


def test_a_camera_that_did_not_move_as_the_odometry_is_an_outlier(window, submap, true_pose):
    odometry = [true_pose(i) for i in range(6)]
    turn = matrix_from_rotation_vector(np.array([0.5, 0.0, 0.0]))
    odometry[4] = odometry[4] @ se3.rigid(turn, np.zeros(3))
    found = window_estimate(window, submap, replace(PRIORS, odom_from_cam=tuple(odometry)), None)
    np.testing.assert_array_equal(found.is_inlier, np.arange(6) != 4)


def test_a_window_without_a_new_inlier_is_refused(window, submap, monkeypatch):
    only_old = np.arange(6) < 2
    monkeypatch.setattr(module, 'consistent_frames', lambda *_: only_old.copy())
    with pytest.raises(PredictionError, match='none of the 4 new frames agrees'):
        window_estimate(window, submap, PRIORS, None)


@pytest.fixture
def of_rig(make_frame, predictor):
    """A window of two cameras that are, in truth, as far apart as its frames in turn."""
    pairs = [(make_frame(2 * i), make_frame(2 * i + 1, camera=1)) for i in range(3)]
    window = Window(
        sets=tuple(FrameSet(frames=pair) for pair in pairs), num_overlap_sets=0, epoch=0
    )
    prediction = predictor.predict([frame.image for frame in window.frames], Request())
    submap = submap_from_prediction(window, prediction)
    poses = submap.ref_from_cam.copy()
    for first in (0, 2, 4):  # rigid, half a unit apart
        poses[first + 1] = poses[first] @ se3.rigid(np.eye(3), np.array([0.5, 0.0, 0.0]))
    return window, replace(submap, ref_from_cam=poses)


def rig_priors(distance_m):
    place = se3.rigid(np.eye(3), np.array([distance_m, 0.0, 0.0]))
    return replace(PRIORS, first_from_cam=(np.eye(4), place) * 3)


def test_a_rig_gives_the_scale_and_puts_its_cameras_right(of_rig):
    window, submap = of_rig
    estimate = window_estimate(window, submap, rig_priors(1.5), None)
    found = with_rig(replace(estimate, is_inlier=np.ones(6, dtype=bool)), 0.1)
    assert found.priors.rig_scale.meters_per_unit == pytest.approx(3.0, rel=1e-6)
    first_from_second = se3.inverse(found.submap.ref_from_cam[0]) @ found.submap.ref_from_cam[1]
    np.testing.assert_allclose(first_from_second[:3, 3], [0.5, 0.0, 0.0], atol=1e-6)


def test_a_window_that_contradicts_the_rig_stays_as_it_is(of_rig):
    window, submap = of_rig
    beside, above = rig_priors(1.5), se3.rigid(np.eye(3), np.array([0.0, 1.5, 0.0]))
    priors = replace(beside, first_from_cam=(np.eye(4), above) * 3)
    estimate = window_estimate(window, submap, priors, None)
    estimate = replace(estimate, is_inlier=np.ones(6, dtype=bool))
    assert with_rig(estimate, 0.1) is estimate
    assert with_rig(replace(estimate, priors=PRIORS), 0.1).priors.rig_scale is None
