from dataclasses import replace

import numpy as np
import pytest

from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import matrix_from_rotation_vector
from vggt_ros.mapping.refinement.bundle_adjustment import adjust, Geometry, Problem
from vggt_ros.mapping.refinement.network_pose_prior import (
    camera_information,
    network_pose_priors,
)

NOISE_PX = 0.3


@pytest.fixture(scope='module')
def window(tracked):
    return tracked(noise_px=NOISE_PX, num_points=200, num_cameras=8)


@pytest.fixture(scope='module')
def adjusted(window):
    """Cameras and points that fit the tracks best."""
    truth = Geometry(window_from_cam=window.window_from_cam, K=window.K, points=window.points)
    problem = Problem(uv=window.tracks.uv, poses=(), distance=(0, 7))
    return adjust(truth, problem, loss_px=2.0, max_iterations=10)


def priors(window, geometry, network, is_inlier=None):
    is_inlier = window.tracks.is_seen if is_inlier is None else is_inlier
    return network_pose_priors(geometry, network, is_inlier, NOISE_PX)


def network(window, turn_deg, shift, seed=0):
    return window.estimate(
        window.tracks, turn_deg=turn_deg, shift=shift, seed=seed
    ).window_from_cam


@pytest.mark.parametrize(('turn_deg', 'shift'), [(3.0, 0.05), (3.0, 0.003), (0.1, 0.05)])
def test_the_tracks_tell_how_far_off_the_network_is(window, adjusted, turn_deg, shift):
    found = priors(window, adjusted, network(window, turn_deg, shift))
    turn = np.degrees(found[0].rotation_sigma_rad) * NOISE_PX
    part = found[0].translation_sigma * NOISE_PX / window.median_depth
    assert 0.4 * turn_deg < turn < 2.0 * turn_deg
    assert 0.3 * shift < part < 2.5 * shift
    assert [prior.row for prior in found] == list(range(8))


def test_a_network_that_is_right_is_sure(window, adjusted):
    found = priors(window, adjusted, window.window_from_cam)
    assert np.degrees(found[0].rotation_sigma_rad) * NOISE_PX < 0.05
    assert found[0].translation_sigma * NOISE_PX < 0.002 * window.median_depth


def test_the_frame_of_the_network_does_not_matter(window, adjusted):
    turn = matrix_from_rotation_vector(np.array([0.3, -2.0, 0.8]))
    moved = se3.rigid(turn, np.array([1.0, 2.0, 3.0])) @ network(window, 1.0, 0.02)
    for one, other in zip(
        priors(window, adjusted, network(window, 1.0, 0.02)),
        priors(window, adjusted, moved),
        strict=True,
    ):
        np.testing.assert_allclose(one.window_from_cam, other.window_from_cam, atol=1e-9)
        assert one.rotation_sigma_rad == other.rotation_sigma_rad


def test_cameras_without_inliers_get_no_prior(window, adjusted):
    is_inlier = window.tracks.is_seen.copy()
    is_inlier[:, 3] = False
    found = priors(window, adjusted, window.window_from_cam, is_inlier)
    assert [prior.row for prior in found] == [0, 1, 2, 4, 5, 6, 7]


def test_one_camera_or_no_points_tell_nothing_of_the_network(window, adjusted):
    is_inlier = window.tracks.is_seen.copy()
    is_inlier[:, 2:] = False
    assert len(priors(window, adjusted, window.window_from_cam, is_inlier)) == 2
    is_inlier[:, 1:] = False
    assert priors(window, adjusted, window.window_from_cam, is_inlier) == []
    nowhere = replace(adjusted, points=np.full_like(adjusted.points, np.nan))
    assert priors(window, nowhere, window.window_from_cam) == []


def test_a_whole_window_may_be_anywhere_and_of_any_size(tracked):
    window = tracked(noise_px=0.0, num_cameras=4, num_points=100)
    in_cam = np.stack(
        [se3.transform(pose, window.points) for pose in se3.inverse(window.window_from_cam)],
        axis=1,
    )
    found = camera_information(window.window_from_cam, window.K, in_cam, window.tracks.is_seen)
    np.testing.assert_allclose(found, found.T, atol=1e-6 * np.abs(found).max())
    value = np.linalg.eigvalsh(found)
    assert np.abs(value[:7]).max() < 1e-3 * value[7]
    # A larger world is as good: all cameras farther from the first along their own axes.
    along = window.window_from_cam[:, :3, 3] - window.window_from_cam[0, :3, 3]
    own = np.einsum('sji,sj->si', window.window_from_cam[:, :3, :3], along)
    grown = np.concatenate([np.zeros_like(own), own], axis=1).ravel()
    assert grown @ found @ grown < 1e-4 * value[7] * (grown @ grown)


def test_coarse_observations_say_less_of_the_cameras(tracked):
    window = tracked(noise_px=0.0, num_cameras=4, num_points=100)
    in_cam = np.stack(
        [se3.transform(pose, window.points) for pose in se3.inverse(window.window_from_cam)],
        axis=1,
    )
    known = window.window_from_cam, window.K, in_cam, window.tracks.is_seen
    fine = camera_information(*known)
    coarse = camera_information(*known, np.full(len(window.points), 2.0))
    np.testing.assert_allclose(coarse, fine / 4.0, atol=1e-6 * np.abs(fine).max())
