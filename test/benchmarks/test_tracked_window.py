import numpy as np
import pytest

from benchmarks.tracked_window import make_window, MOTIONS, WindowPlan
from vggt_ros.geometry import se3
from vggt_ros.geometry.pinhole import project


@pytest.mark.parametrize('motion', MOTIONS)
def test_without_noise_tracks_are_where_the_points_are_seen(motion):
    window = make_window(WindowPlan(motion=motion, noise_px=0.0))
    for i, pose in enumerate(window.window_from_cam):
        seen = window.tracks.is_seen[:, i]
        uv = project(se3.transform(se3.inverse(pose), window.points[seen]), window.K[i])
        np.testing.assert_allclose(window.tracks.uv[seen, i], uv, atol=1e-8)
    assert window.tracks.is_seen.sum(axis=0).min() > 100


def test_joined_tracks_know_their_points():
    window = make_window(WindowPlan(noise_px=0.0))
    seen = window.seen()
    points = window.point_of(seen.tracks)
    np.testing.assert_array_equal(
        window.tracks.uv[points][seen.tracks.is_seen], seen.tracks.uv[seen.tracks.is_seen]
    )


def test_an_estimate_without_errors_is_the_truth_in_another_unit():
    window = make_window(WindowPlan())
    estimate = window.estimate(window.tracks, unit=2.0)
    np.testing.assert_allclose(
        2.0 * estimate.window_from_cam[:, :3, 3], window.window_from_cam[:, :3, 3]
    )
    is_seen = window.tracks.is_seen
    np.testing.assert_allclose(2.0 * estimate.track_depth[is_seen], window.depth[is_seen])
    assert np.isnan(estimate.track_depth[~is_seen]).all()


def test_a_stranger_shares_no_verified_pair():
    seen = make_window(WindowPlan(strangers=(2,))).seen()
    assert not any(2 in key for key in seen.pairs)


@pytest.mark.parametrize(
    'plan',
    [{'outliers': 0.3}, {'moving': 0.3}, {'repeated': 0.3}],
    ids=lambda plan: next(iter(plan)),
)
def test_a_share_of_the_observations_is_wrong(plan):
    right, wrong = (
        make_window(WindowPlan(noise_px=0.0, num_points=1000, **more)) for more in ({}, plan)
    )
    last = right.window_from_cam[-1]
    in_cam = se3.transform(se3.inverse(last), wrong.points)
    with np.errstate(invalid='ignore'):
        away = np.linalg.norm(wrong.tracks.uv[:, -1] - project(in_cam, wrong.K[-1]), axis=1)
    seen = np.isfinite(away)
    assert (away[seen] > 2.0).mean() == pytest.approx(0.3, abs=0.08)
