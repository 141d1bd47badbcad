import numpy as np

from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import angle_between
from vggt_ros.mapping.refinement.track_start import start_from_tracks


def start_of(window, known=None):
    seen = window.seen()
    return start_from_tracks(seen.tracks, seen.pairs, seen.K, known or {}), seen


def test_all_cameras_are_found_without_a_network(tracked, pose_error):
    window = tracked()
    found, _ = start_of(window)
    turn_deg, shift = pose_error(window, found.window_from_cam)
    assert turn_deg < 0.5
    assert shift < 0.02
    assert np.isfinite(found.points[:, 0]).mean() > 0.9


def test_outliers_do_not_keep_it_from_that(tracked, pose_error):
    window = tracked(outliers=0.2)
    found, _ = start_of(window)
    assert pose_error(window, found.window_from_cam)[0] < 1.0


def test_a_camera_that_sees_another_scene_has_no_place(tracked, pose_error):
    window = tracked(strangers=(3,))
    found, _ = start_of(window)
    is_placed = np.isfinite(found.window_from_cam[:, 0, 0])
    np.testing.assert_array_equal(is_placed, np.arange(7) != 3)
    assert pose_error(window, found.window_from_cam, is_placed)[0] < 0.5


def test_two_known_cameras_hold_frame_and_unit(tracked, pose_error):
    window = tracked()
    place = se3.rigid(np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]), np.array([3.0, 1, -2]))
    truth = place @ window.window_from_cam
    found, _ = start_of(window, {0: truth[0], 4: truth[4]})
    np.testing.assert_array_equal(found.window_from_cam[[0, 4]], truth[[0, 4]])
    turn_deg, shift = pose_error(window, found.window_from_cam, unit=1.0)
    assert turn_deg < 0.5
    assert shift < 0.02


def test_one_known_camera_that_begins_stays(tracked):
    window = tracked()
    seen = window.seen()
    only = {key: pair for key, pair in seen.pairs.items() if 0 in key}
    pose = se3.rigid(np.eye(3), np.array([3.0, 1, -2]))
    found = start_from_tracks(seen.tracks, only, seen.K, {0: pose})
    np.testing.assert_array_equal(found.window_from_cam[0], pose)


def test_the_first_two_cameras_are_one_apart(tracked):
    found, _ = start_of(tracked())
    positions = found.window_from_cam[:, :3, 3]
    distances = np.linalg.norm(positions[:, None] - positions[None], axis=-1)
    assert np.abs(distances[distances > 0] - 1.0).min() < 1e-9


def test_without_any_pair_there_is_no_start(tracked):
    seen = tracked().seen()
    assert start_from_tracks(seen.tracks, {}, seen.K, {}) is None


def test_points_that_do_not_fit_are_left_out(tracked):
    window = tracked(outliers=0.1)
    seen = window.seen()
    truth = dict(enumerate(window.window_from_cam))
    found = start_from_tracks(window.tracks, seen.pairs, seen.K, truth)
    clean = np.isfinite(found.points[:, 0])
    far = np.linalg.norm(found.points - window.points, axis=1) > 0.1 * window.depth.min(axis=1)
    assert clean.sum() > 100
    assert far[clean].mean() < 0.05


def test_the_given_tracks_are_not_changed_where_a_camera_fails(tracked):
    window = tracked()
    seen = window.seen()
    rng = np.random.default_rng(0)
    seen.tracks.uv[seen.tracks.is_seen[:, 6], 6] = 640 * rng.random(
        (seen.tracks.is_seen[:, 6].sum(), 2)
    )
    before = seen.tracks.uv.copy()
    known = {i: window.window_from_cam[i] for i in range(3)}
    found = start_from_tracks(seen.tracks, seen.pairs, seen.K, known)
    assert np.isnan(found.window_from_cam[6]).all()
    assert (
        angle_between(found.window_from_cam[5, :3, :3], window.window_from_cam[5, :3, :3]) < 0.02
    )
    np.testing.assert_array_equal(seen.tracks.uv, before)
