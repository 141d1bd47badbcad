from dataclasses import replace

import numpy as np
import pytest

from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import matrix_from_rotation_vector
from vggt_ros.mapping.refinement.bundle_adjustment import PosePrior
from vggt_ros.mapping.refinement.relative_pose import RelativePose
from vggt_ros.mapping.refinement.turning_window import refine_rotations_only
from vggt_ros.mapping.refinement.window_candidate import AdjustmentPriors


def known(window, rows, shift=0.0):
    poses = window.window_from_cam.copy()
    poses[:, 0, 3] += shift * np.arange(7)
    return AdjustmentPriors(
        poses=[
            PosePrior(
                row=row,
                window_from_cam=poses[row],
                rotation_sigma_rad=1e-4,
                translation_sigma=1e-4,
            )
            for row in rows
        ]
    )


def refined(window, priors=None, *, is_calibrated=True, **errors):
    seen = window.seen(is_calibrated=is_calibrated)
    estimate = window.estimate(seen.tracks, **({'turn_deg': 2.0, 'shift': 0.1} | errors))
    return *refine_rotations_only(seen, estimate, priors or AdjustmentPriors()), seen, estimate


def test_rotations_are_found_and_positions_are_one(tracked, pose_error):
    window = tracked(motion='turning')
    found, error_px, seen, _ = refined(window)
    assert found.is_verified.all()
    assert found.report.method == 'rotation'
    assert found.report.reason == 'no parallax: only rotations are refined'
    assert pose_error(window, found.geometry.window_from_cam, unit=1.0)[0] < 0.05
    np.testing.assert_allclose(
        found.geometry.window_from_cam[:, :3, 3], window.window_from_cam[:, :3, 3], atol=1e-9
    )
    np.testing.assert_array_equal(np.isfinite(error_px), seen.tracks.is_seen)
    assert np.nanquantile(error_px, 0.99) < 1.0


def test_no_point_has_a_place(tracked):
    found, *_ = refined(tracked(motion='turning'))
    assert np.isnan(found.geometry.points).all()
    assert not found.point_angle_rad.any()
    assert found.report.num_observations == found.is_inlier.sum() > 500


def test_cameras_of_the_map_stay_and_the_others_are_where_the_last_of_them_is(tracked):
    window = tracked(motion='turning')
    priors = known(window, (0, 1), shift=0.01)
    found, *_ = refined(window, priors)
    poses = found.geometry.window_from_cam
    for row in (0, 1):
        np.testing.assert_allclose(poses[row], priors.poses[row].window_from_cam, atol=1e-12)
    expected = np.tile(priors.poses[1].window_from_cam[:3, 3], (5, 1))
    np.testing.assert_allclose(poses[2:, :3, 3], expected, atol=1e-12)


def test_cameras_that_no_pair_reaches_keep_the_pose_of_the_network(tracked):
    window = tracked(motion='turning', strangers=(3,))
    found, _, _, estimate = refined(window)
    np.testing.assert_array_equal(found.is_verified, np.arange(7) != 3)
    np.testing.assert_array_equal(found.geometry.window_from_cam[3], estimate.window_from_cam[3])
    assert not found.is_inlier[:, 3].any()


def test_what_moved_does_not_pass_for_turning(tracked):
    found, error_px, seen, _ = refined(tracked(motion='sideways'))
    assert (error_px < 2.0).sum() < 0.6 * seen.tracks.is_seen.sum()
    assert not found.is_verified.all()


def test_pairs_that_mislead_do_no_harm_if_the_network_is_near(tracked, pose_error):
    window = tracked(motion='turning', moving=0.4, outliers=0.2)
    seen = window.seen()
    turn = matrix_from_rotation_vector(np.array([0.0, 0.2, 0.0]))
    wrong = {}
    for key, pair in seen.pairs.items():
        b_from_a = pair.b_from_a.copy()
        b_from_a[:3, :3] = turn @ b_from_a[:3, :3]
        wrong[key] = replace(pair, b_from_a=b_from_a)
    estimate = window.estimate(seen.tracks, turn_deg=0.5)
    found, _ = refine_rotations_only(replace(seen, pairs=wrong), estimate, AdjustmentPriors())
    rows = found.is_verified
    assert rows.sum() > 3
    assert pose_error(window, found.geometry.window_from_cam, rows, unit=1.0)[0] < 0.1


@pytest.mark.parametrize('factor', [0.93, 1.07])
def test_the_focal_length_of_a_camera_that_only_turns_is_found(tracked, pose_error, factor):
    window = tracked(motion='turning', focal_factor=factor, moving=0.2)
    found, *_ = refined(window, is_calibrated=False)
    assert found.report.focal_ratio == pytest.approx(1.0 / factor, rel=0.01)
    np.testing.assert_allclose(found.geometry.K[:, 0, 0], window.K[:, 0, 0], rtol=0.01)
    assert pose_error(window, found.geometry.window_from_cam, unit=1.0)[0] < 0.2


def test_a_focal_length_that_is_known_or_right_stays(tracked):
    for is_calibrated, factor in ((True, 1.07), (False, 1.0)):
        window = tracked(motion='turning', focal_factor=factor)
        found, *_ = refined(window, is_calibrated=is_calibrated)
        assert found.report.focal_ratio == 1.0
        np.testing.assert_array_equal(found.geometry.K[:, 0, 0], factor * window.K[:, 0, 0])


def test_if_nothing_fits_nothing_is_verified_and_the_reason_is_said(tracked):
    found, *_ = refined(tracked(motion='turning', outliers=1.0))
    assert not found.is_verified.any()
    assert found.report.method == 'none'
    assert found.report.start == ''
    assert found.report.reason == 'no parallax, and too few tracks fit one rotation'


def wheels(steps_x):
    """Steps along x, as wheels have them."""
    return [
        RelativePose(
            row_a=row,
            row_b=row + 1,
            a_from_b=se3.rigid(np.eye(3), np.array([step, 0.0, 0.0])),
            rotation_sigma_rad=0.01,
            translation_sigma=0.005,
        )
        for row, step in enumerate(steps_x)
    ]


def test_ways_that_images_do_not_show_are_those_of_the_wheels(tracked):
    window = tracked(motion='turning')
    priors = replace(known(window, (0, 1)), relative=wheels([0.0] + 5 * [0.01]))
    found, *_ = refined(window, priors, turn_deg=0.5)
    poses = found.geometry.window_from_cam
    assert found.is_verified.all()
    length = np.linalg.norm(np.diff(poses[1:, :3, 3], axis=0), axis=1)
    np.testing.assert_allclose(length, 0.01, atol=1e-6)
    # Each step is along the axis of the camera that begins it, as the images turned it.
    np.testing.assert_allclose(poses[3, :3, 3] - poses[2, :3, 3], 0.01 * poses[2, :3, 0])


def test_wheels_that_go_where_images_would_show_it_are_not_believed(tracked):
    window = tracked(motion='turning')
    priors = replace(known(window, (0, 1)), relative=wheels([0.0] + 5 * [1.0]))
    found, *_ = refined(window, priors, turn_deg=0.5)
    positions = found.geometry.window_from_cam[:, :3, 3]
    np.testing.assert_allclose(positions[2:], np.repeat(positions[1:2], 5, axis=0))
