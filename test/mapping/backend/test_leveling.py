from dataclasses import replace
import logging

import numpy as np
import pytest

from vggt_ros.geometry.rotation import matrix_from_rotation_vector
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.geometry.uncertainty import isotropic
from vggt_ros.inference.prediction import Request
from vggt_ros.mapping.backend.leveling import Leveling
from vggt_ros.mapping.backend.registered_window import RegisteredWindow
from vggt_ros.mapping.backend.submap_graph import PlacedSubmap
from vggt_ros.mapping.frontend.window import Window
from vggt_ros.mapping.registration.placement import Placement
from vggt_ros.mapping.registration.up_direction import UpDirection

SIGMA_RAD = 0.02
Z = np.array([0.0, 0.0, 1.0])


@pytest.fixture
def window(predictor, make_frame, make_view):
    """Make a registered window that is tilted by so much against what gravity says."""
    frames = Window.of_frames([make_frame(k) for k in range(4)])
    prediction = predictor.predict([frame.image for frame in frames.frames], Request())
    estimate = make_view(frames, prediction)

    def make(tilt_rad, map_sigma_rad=SIGMA_RAD, *, begins=False):
        poses = estimate.submap.ref_from_cam
        true_up = matrix_from_rotation_vector(np.array([0.0, tilt_rad, 0.0])) @ Z
        ups = tuple(
            UpDirection(along_axes=pose[:3, :3].T @ true_up, sigma_rad=SIGMA_RAD) for pose in poses
        )
        first = poses[0]
        covariance = np.zeros((7, 7)) if begins else isotropic(map_sigma_rad, 0.1, 0.01)
        return RegisteredWindow(
            estimate=replace(estimate, priors=replace(estimate.priors, up_in_cam=ups)),
            placed=PlacedSubmap(
                id=3,
                segment=0,
                map_from_submap=Sim3(1.0, first[:3, :3], first[:3, 3]),
                covariance=covariance,
            ),
            placement=Placement(
                map_from_submap=Sim3(1.0, np.eye(3), np.zeros(3)),
                scale_residual=0.0,
                log_scale_sigma=0.0,
                covariance=None if begins else covariance,
            ),
            in_map=estimate.submap,
        )

    return make


def tilt_rad(registered):
    up = registered.estimate.priors.up_in_cam[2].along_axes
    return np.arccos(np.clip((registered.in_map.ref_from_cam[2, :3, :3] @ up) @ Z, -1, 1))


def test_of_an_error_the_share_goes_that_is_the_maps(window):
    leveling = Leveling()
    before = window(0.1)
    half = leveling.level(before, is_first=False)
    assert tilt_rad(before) == pytest.approx(0.1, abs=1e-6)
    assert tilt_rad(half) == pytest.approx(0.05, abs=1e-3), 'both are as sure of it'
    assert tilt_rad(leveling.level(window(0.1, 0.2), is_first=False)) < 0.002
    assert tilt_rad(leveling.level(window(0.1, 0.001), is_first=False)) > 0.095
    assert leveling.report.num_used == 3
    assert leveling.report.error_deg == pytest.approx(np.degrees(0.1), rel=1e-3)


def test_the_first_camera_stays_in_place_and_keeps_its_heading(window):
    before = window(0.1, 0.2)
    after = Leveling().level(before, is_first=False)
    place, old = after.placed.map_from_submap, before.placed.map_from_submap
    np.testing.assert_allclose(place.translation, old.translation, atol=1e-12)
    turn = place.rotation @ old.rotation.T
    assert abs(turn[1, 0] - turn[0, 1]) < 2e-3, 'turned about horizontal axes only'
    assert after.placed.up.along_axes @ (place.rotation.T @ Z) > 0.9999


def test_roll_and_pitch_are_better_known_afterwards_and_heading_is_not(window):
    before = window(0.0)
    after = Leveling().level(before, is_first=False)
    rotation = before.placed.map_from_submap.rotation
    along_map = rotation @ after.placed.covariance[:3, :3] @ rotation.T
    np.testing.assert_allclose(
        np.diag(along_map), [SIGMA_RAD**2 / 2, SIGMA_RAD**2 / 2, SIGMA_RAD**2], rtol=1e-6
    )


def test_where_a_segment_begins_nothing_holds_the_tilt(window):
    assert tilt_rad(Leveling().level(window(1.0, begins=True), is_first=False)) < 1e-6
    assert tilt_rad(Leveling().level(window(0.1, begins=True), is_first=True)) < 1e-6


@pytest.mark.parametrize('begins', [True, False])
def test_gravity_that_points_elsewhere_altogether_is_refused_by_name_once(window, caplog, begins):
    leveling = Leveling()
    wrong = window(np.pi - 0.01, begins=begins)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert leveling.level(wrong, is_first=begins) is wrong
    assert len(caplog.records) == 1
    assert '179 degrees off' in leveling.report.problem
    assert (leveling.report.num_refused, leveling.report.num_used) == (3, 0)
    leveling.level(window(0.01), is_first=False)
    assert leveling.report.problem == ''
    leveling.clear()
    assert leveling.report.num_refused == 0


def test_without_gravity_nothing_happens(window):
    registered = window(0.1)
    priors = replace(registered.estimate.priors, up_in_cam=())
    silent = replace(registered, estimate=replace(registered.estimate, priors=priors))
    assert Leveling().level(silent, is_first=False) is silent
