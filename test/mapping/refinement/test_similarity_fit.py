import numpy as np
import pytest

from vggt_ros.errors import AlignmentError
from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import matrix_from_rotation_vector, rotation_vector_from_matrix
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.mapping.refinement.pair_verification import _matches
from vggt_ros.mapping.refinement.similarity_fit import (
    errors_px,
    fit_similarity,
    log_depth_ratios,
)


@pytest.fixture
def pair(point_scene, pose_at, drift):
    """Matches of two cameras, where the truth is that stored_from_query undoes the drift."""

    def make(seed=0, **noise):
        rng = np.random.default_rng(seed)
        scene = point_scene.room(1)
        query = scene.seen_from(pose_at(0.3, yaw_deg=4), rng, place_from_world=drift, **noise)
        return _matches(query, scene.seen_from(pose_at(), rng, **noise)), query

    return make


EXACT = {'noise_px': 0.0, 'depth_noise': 0.0}


def test_without_noise_the_similarity_is_found_exactly(pair, drift):
    matches, _ = pair(**EXACT)
    turn = matrix_from_rotation_vector(np.array([0.01, 0.02, -0.01]))
    start = Sim3(1.05, turn, np.array([0.05, 0.0, 0.05])) @ drift.inverse()
    found = fit_similarity(start, [matches]).stored_from_query @ drift
    assert found.scale == pytest.approx(1.0, abs=1e-4)
    np.testing.assert_allclose(found.rotation, np.eye(3), atol=1e-4)
    np.testing.assert_allclose(found.translation, 0.0, atol=1e-3)


def test_the_jacobian_is_that_of_the_residuals(pair, drift):
    from vggt_ros.mapping.refinement.similarity_fit import _linearized, _small

    matches, _ = pair()
    at = drift.inverse()
    residuals, jacobian = _linearized(at, [matches])
    for axis in range(7):
        step = np.zeros(7)
        step[axis] = 1e-6
        moved, _ = _linearized(at @ _small(step), [matches])
        np.testing.assert_allclose((moved - residuals) / 1e-6, jacobian[..., axis], atol=0.1)


def test_a_few_wrong_matches_hardly_pull(pair, drift, rng):
    matches, _ = pair()
    matches.uv_stored[:10] += rng.normal(size=(10, 2)) * 5
    found = fit_similarity(drift.inverse(), [matches]).stored_from_query @ drift
    assert np.linalg.norm(found.translation) < 0.02


def test_the_covariance_is_honest(point_scene, pose_at):
    """Errors over their standard deviations, of independent noise: no larger than they say."""
    scene = point_scene.room(1)
    normalized = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        camera = pose_at(0.3, yaw_deg=4)
        # The query frame is that of its camera.
        to_camera = Sim3(1.0, se3.inverse(camera)[:3, :3], se3.inverse(camera)[:3, 3])
        query = scene.seen_from(camera, rng, place_from_world=to_camera)
        fit = fit_similarity(
            to_camera.inverse(), [_matches(query, scene.seen_from(pose_at(), rng))]
        )
        error = to_camera @ fit.stored_from_query
        twist = np.concatenate(
            [
                rotation_vector_from_matrix(error.rotation),
                error.translation,
                [np.log(error.scale)],
            ]
        )
        normalized.append(twist / np.sqrt(np.diag(fit.covariance)))
    rms = np.sqrt(np.mean(np.square(normalized), axis=0))
    assert rms.max() < 1.2
    assert rms.min() > 0.1, 'not so careful that it says nothing'


def test_points_behind_a_camera_are_infinitely_wrong(pair, drift):
    matches, _ = pair(**EXACT)
    turned = Sim3(1.0, matrix_from_rotation_vector(np.array([0, np.pi, 0])), np.zeros(3))
    forward, backward = errors_px(turned @ drift.inverse(), matches)
    assert np.isinf(forward).all()
    assert np.isinf(backward).all()


def test_depth_ratios_tell_the_scale(pair, drift):
    matches, query = pair(**EXACT)
    center = query.place_from_cam[:3, 3]
    shrink = Sim3(0.5, np.eye(3), 0.5 * center)  # about the query camera
    ratios = log_depth_ratios(drift.inverse() @ shrink, matches)
    assert np.median(ratios) == pytest.approx(np.log(2), abs=0.1)


def test_matches_that_leave_something_open_are_refused(pair, drift):
    matches, _ = pair()
    with pytest.raises(AlignmentError, match='do not determine'):
        fit_similarity(drift.inverse(), [matches.select(np.arange(len(matches)) < 1)])
