from dataclasses import replace

import numpy as np
import pytest

from vggt_ros.geometry.rotation import matrix_from_rotation_vector, rotation_angle
from vggt_ros.mapping.refinement.rotation_only import chained_rotations, refine_rotations
from vggt_ros.mapping.refinement.triangulation import rays_in_window
from vggt_ros.mapping.refinement.two_view import TwoView

FIXED = np.arange(7) == 0


def rays_of(window):
    still = np.repeat(np.eye(4)[None], len(window.K), axis=0)
    return rays_in_window(window.tracks.uv, window.K, still)


def errors_deg(window, rotation):
    truth = window.window_from_cam[:, :3, :3]
    return np.degrees(rotation_angle(np.swapaxes(truth, 1, 2) @ rotation))


def disturbed(window, degrees, seed=0):
    rng = np.random.default_rng(seed)
    turns = matrix_from_rotation_vector(np.radians(degrees) * rng.normal(size=(7, 3)))
    turns[0] = np.eye(3)
    return turns @ window.window_from_cam[:, :3, :3]


@pytest.mark.parametrize('outliers', [0.0, 0.2])
def test_rotations_that_are_off_are_restored(tracked, outliers):
    window = tracked(motion='turning', outliers=outliers)
    start = disturbed(window, 3.0)
    found, angle_rad = refine_rotations(window.tracks, rays_of(window), start, FIXED)
    assert errors_deg(window, start).max() > 2.0
    assert errors_deg(window, found).max() < 0.1
    assert np.degrees(np.nanmedian(angle_rad)) < 0.1


def test_what_moves_by_itself_does_not_pull(tracked):
    window = tracked(motion='turning', moving=0.4, outliers=0.2)
    found, _ = refine_rotations(window.tracks, rays_of(window), disturbed(window, 1.0), FIXED)
    assert errors_deg(window, found).max() < 0.1


def test_fixed_cameras_do_not_turn(tracked):
    window = tracked(motion='turning')
    start = disturbed(window, 1.0)
    fixed = np.arange(7) < 3
    found, _ = refine_rotations(window.tracks, rays_of(window), start, fixed)
    np.testing.assert_array_equal(found[:3], start[:3])
    assert (rotation_angle(np.swapaxes(found, 1, 2) @ start)[3:] > 1e-3).all()


def test_what_a_rotation_does_not_explain_is_left_over(tracked):
    window = tracked(motion='sideways')
    start = window.window_from_cam[:, :3, :3]
    _, angle_rad = refine_rotations(window.tracks, rays_of(window), start, FIXED)
    assert np.degrees(np.nanmedian(angle_rad)) > 0.5
    np.testing.assert_array_equal(np.isfinite(angle_rad), window.tracks.is_seen)


def test_a_camera_with_two_tracks_keeps_its_rotation(tracked):
    window = tracked(motion='turning')
    window.tracks.feature[2:, 5], window.tracks.uv[2:, 5] = -1, np.nan
    start = disturbed(window, 3.0)
    found, _ = refine_rotations(window.tracks, rays_of(window), start, FIXED)
    np.testing.assert_array_equal(found[5], start[5])


def pair(j_from_i, num_matches):
    b_from_a = np.eye(4)
    b_from_a[:3, :3] = j_from_i
    matches = np.zeros((num_matches, 2), int)
    return TwoView(matches=matches, b_from_a=b_from_a, parallax_rad=0.0)


def test_rotations_are_chained_in_both_directions():
    rng = np.random.default_rng(4)
    truth = matrix_from_rotation_vector(rng.normal(size=(4, 3)))
    pairs = {(i, i + 1): pair(truth[i + 1].T @ truth[i], 30) for i in range(3)}
    found = chained_rotations(pairs, {2: truth[2]}, 4)
    np.testing.assert_allclose(found, truth, atol=1e-12)


def test_the_pair_with_more_matches_is_believed():
    turn = matrix_from_rotation_vector(np.array([0.0, 0.3, 0.0]))
    pairs = {
        (0, 1): pair(np.eye(3), 20),
        (0, 2): pair(np.eye(3), 90),
        (1, 2): pair(turn, 50),
    }
    found = chained_rotations(pairs, {0: np.eye(3)}, 3)
    np.testing.assert_allclose(found[1], turn)


def test_a_camera_without_pairs_has_no_rotation():
    found = chained_rotations({(0, 1): pair(np.eye(3), 20)}, {0: np.eye(3)}, 3)
    assert np.isfinite(found[:2]).all()
    assert np.isnan(found[2]).all()


def test_coarse_tracks_that_are_off_hardly_pull(tracked):
    window = tracked(motion='turning', num_points=400)
    uv = window.tracks.uv.copy()
    uv[:200, 3, 0] += 1.0
    start = window.window_from_cam[:, :3, :3]
    errors = []
    for sigma in (1.0, 8.0):
        sigma_px = np.where(np.arange(len(uv)) < 200, sigma, 1.0)
        tracks = replace(window.tracks, uv=uv, sigma_px=sigma_px)
        still = np.repeat(np.eye(4)[None], len(window.K), axis=0)
        rays = rays_in_window(uv, window.K, still)
        found, _ = refine_rotations(tracks, rays, start, FIXED)
        errors.append(errors_deg(window, found)[3])
    assert errors[1] < 0.02
    assert errors[1] < 0.5 * errors[0]
