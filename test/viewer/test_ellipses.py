import numpy as np

from vggt_ros.viewer.ellipses import ellipse_segments, RADIUS_95


def test_lines_are_on_the_ellipsoid_that_holds_95_of_100():
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    covariance = turn @ np.diag([0.04, 0.01, 0.0025]) @ turn.T
    center = np.array([1.0, 2.0, 3.0])
    lines = ellipse_segments(center[None], covariance[None])
    gaps = (lines - center).reshape(-1, 3)
    distances = np.einsum('ni,ij,nj->n', gaps, np.linalg.inv(covariance), gaps)
    np.testing.assert_allclose(distances, RADIUS_95**2, rtol=1e-6)
    samples = np.random.default_rng(2).multivariate_normal(np.zeros(3), covariance, 20_000)
    inside = np.einsum('ni,ij,nj->n', samples, np.linalg.inv(covariance), samples)
    assert abs((inside < RADIUS_95**2).mean() - 0.95) < 0.01


def test_what_is_not_known_at_all_has_no_ellipse():
    covariances = np.array([np.eye(3) * 9999, np.full((3, 3), np.nan), np.zeros((3, 3))])
    assert ellipse_segments(np.zeros((3, 3)), covariances).shape == (0, 2, 3)
