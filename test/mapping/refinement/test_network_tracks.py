from dataclasses import replace

import numpy as np
import pytest

from vggt_ros.inference.image_grid import ImageGrid
from vggt_ros.inference.prediction import Prediction, Tracks
from vggt_ros.mapping.refinement.bundle_adjustment import adjust, Geometry, Problem
from vggt_ros.mapping.refinement.network_tracks import (
    feature_queries,
    FeatureQueries,
    NetworkTracks,
    take_network_tracks,
    with_network_tracks,
)
from vggt_ros.mapping.refinement.track_score import score_tracks

# A network that sees the middle 640 x 480 of an image 800 pixels wide at half its size.
GRID = ImageGrid(
    image_width=800,
    image_height=480,
    model_width=320,
    model_height=240,
    scale_u=0.5,
    scale_v=0.5,
    offset_u=-40,
    offset_v=0,
)
S = 3


def answer(positions, visibility, grid=GRID):
    images = np.zeros((S, grid.model_height, grid.model_width, 3), np.uint8)
    depth = np.ones(images.shape[:3], np.float32)
    K = np.repeat(np.eye(3)[None], S, axis=0)
    return Prediction(
        grid=grid,
        images=images,
        depth=depth,
        depth_conf=depth,
        keep=depth > 0,
        cam_from_world=np.repeat(np.eye(4)[None], S, axis=0),
        K_model=K,
        K_image=K,
        tracks=Tracks(
            positions=positions.astype(np.float32),
            visibility=visibility.astype(np.float32),
            confidence=visibility.astype(np.float32),
        ),
    )


def queries_of(uv):
    return FeatureQueries(feature=10 + np.arange(len(uv)), uv_image=uv.astype(np.float32))


def test_no_more_are_followed_than_the_network_can(rng):
    uv = (rng.random((900, 2)) * [600, 460] + 90).astype(np.float32)
    found = feature_queries(uv, GRID)
    assert len(np.unique(found.feature)) == 200
    np.testing.assert_array_equal(found.uv_image, uv[found.feature])


def test_a_corner_with_few_features_gives_all_of_them(rng):
    crowd = np.array([400, 240]) + 20 * rng.random((500, 2))
    corner = np.array([85, 5]) + 20 * rng.random((6, 2))
    found = feature_queries(np.concatenate([crowd, corner]).astype(np.float32), GRID)
    assert set(range(500, 506)) <= set(found.feature.tolist())


def test_what_the_network_does_not_see_is_not_asked_for():
    uv = np.array([[20.0, 100.0], [400.0, 100.0], [790.0, 100.0]], np.float32)
    np.testing.assert_array_equal(feature_queries(uv, GRID).feature, [1])
    assert feature_queries(uv[[0, 2]], GRID) is None
    assert feature_queries(uv[:0], GRID) is None


@pytest.mark.parametrize('num_others', [0, 2])
def test_features_are_where_the_network_sees_them_and_others_stay(rng, num_others):
    uv = rng.random((num_others + 4, 2)) * 200 + 200
    positions = GRID.model_from_image(np.stack([uv, uv + 8, uv + 16]))
    whole = answer(positions, np.ones(positions.shape[:2]))
    others, found = take_network_tracks(whole, queries_of(uv[num_others:]), 0.5)
    np.testing.assert_array_equal(found.feature, [10, 11, 12, 13])
    for image, shift in enumerate((0, 8, 16)):
        np.testing.assert_allclose(found.uv[:, image], uv[num_others:] + shift, atol=1e-3)
    if num_others:
        np.testing.assert_array_equal(others.tracks.positions, whole.tracks.positions[:, :2])
        np.testing.assert_array_equal(others.tracks.visibility, whole.tracks.visibility[:, :2])
        np.testing.assert_array_equal(others.tracks.confidence, whole.tracks.confidence[:, :2])
    else:
        assert others.tracks is None


def test_what_is_hidden_or_left_the_image_of_the_network_is_not_seen():
    uv = np.full((4, 2), 300.0)
    positions = GRID.model_from_image(np.stack([uv] * S))
    visibility = np.ones((S, 4))
    visibility[1, 0] = 0.49
    positions[2, 1] = [-1.0, 50.0]  # the camera would see it
    positions[2, 2] = [50.0, 240.0]
    _, found = take_network_tracks(answer(positions, visibility), queries_of(uv), 0.5)
    expected = np.ones((4, S), bool)
    expected[0, 1] = expected[1, 2] = expected[2, 2] = False
    np.testing.assert_array_equal(np.isfinite(found.uv[..., 0]), expected)


@pytest.mark.parametrize(('scale', 'sigma_px'), [(0.25, 2.0), (0.4, 1.25), (0.5, 1.0), (1.0, 1.0)])
def test_a_track_is_as_sure_as_half_a_pixel_of_the_network_and_no_feature(scale, sigma_px):
    grid = replace(GRID, scale_u=scale, scale_v=1.0, offset_u=0)
    uv = np.full((1, 2), 100.0)
    positions = grid.model_from_image(np.stack([uv] * S))
    _, found = take_network_tracks(answer(positions, np.ones((S, 1)), grid), queries_of(uv), 0.5)
    assert found.sigma_px == sigma_px


def test_new_tracks_stand_behind_those_of_features(tracked):
    window = tracked()
    seen = window.seen()
    uv = np.full((2, 5, 2), 7.0)
    found = NetworkTracks(feature=np.array([900, 901]), uv=uv, sigma_px=1.5)
    joined = with_network_tracks(seen, found, 2).tracks
    count = len(seen.tracks)
    assert len(joined) == count + 2
    np.testing.assert_array_equal(joined.uv[:count], seen.tracks.uv)
    np.testing.assert_array_equal(joined.feature[count:], -1)
    np.testing.assert_array_equal(joined.is_seen[count:], [np.arange(7) >= 2] * 2)
    np.testing.assert_array_equal(joined.sigma_px, [1.0] * count + [1.5] * 2)


def test_a_feature_that_has_a_track_gets_no_second_one(tracked):
    window = tracked()
    seen = window.seen()
    in_first = np.flatnonzero(seen.tracks.feature[:, 0] >= 0)
    known = seen.tracks.feature[in_first, 0]
    found = NetworkTracks(
        feature=np.append(known, 900), uv=np.ones((len(known) + 1, 7, 2)), sigma_px=2.0
    )
    assert len(with_network_tracks(seen, found, 0).tracks) == len(seen.tracks) + 1


def test_what_only_the_first_frame_sees_is_no_track(tracked):
    seen = tracked().seen()
    uv = np.full((1, 7, 2), np.nan)
    uv[:, 0] = 5.0
    found = NetworkTracks(feature=np.array([900]), uv=uv, sigma_px=2.0)
    assert len(with_network_tracks(seen, found, 0).tracks) == len(seen.tracks)


def test_coarse_tracks_within_their_noise_fit_and_do_not_bend_a_window(tracked, pose_error):
    window = tracked(num_points=400)
    rows = np.flatnonzero(window.tracks.is_seen.any(axis=1))
    fine, coarse = rows[:200], rows[200:]
    seen = replace(window.seen(), tracks=window.tracks.select(fine))
    uv = window.tracks.uv[coarse]
    # All of them are off in the same way in one image, and each in its own everywhere.
    uv += np.random.default_rng(0).normal(scale=2.0, size=uv.shape)
    uv[:, 3] += [3.0, 0.0]
    found = NetworkTracks(feature=900 + np.arange(len(coarse)), uv=uv, sigma_px=4.0)
    joined = with_network_tracks(seen, found, 0).tracks
    as_if_fine = replace(joined, sigma_px=np.ones(len(joined)))
    truth = Geometry(
        window_from_cam=window.window_from_cam, K=window.K, points=window.points[rows]
    )

    def fits(tracks):
        return score_tracks(truth, tracks).is_inlier[200:][joined.is_seen[200:]].mean()

    assert fits(joined) > 0.95
    assert fits(as_if_fine) < 0.5

    def error_deg(tracks):
        problem = Problem(uv=tracks.uv, poses=(), distance=(0, 6), sigma_px=tracks.sigma_px)
        start = replace(truth, points=truth.points[: len(tracks)])
        found = adjust(start, problem, loss_px=3.0, max_iterations=20)
        return pose_error(window, found.window_from_cam)[0]

    alone_deg = error_deg(seen.tracks)
    assert error_deg(joined) < 1.3 * alone_deg
    assert error_deg(as_if_fine) > 1.3 * error_deg(joined)
