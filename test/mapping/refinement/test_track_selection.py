from dataclasses import replace

import numpy as np

from vggt_ros.mapping.refinement.track_selection import select_tracks
from vggt_ros.mapping.refinement.tracks import FeatureTracks

SIZE = (640, 480)


def tracks_of(uv, is_seen):
    feature = np.where(is_seen, np.arange(len(uv))[:, None], -1)
    uv = np.where(is_seen[..., None], uv, np.nan)
    return FeatureTracks(feature=feature, uv=uv, sigma_px=np.ones(len(uv)))


def test_few_tracks_are_all_taken(tracked):
    tracks = tracked(num_points=100).tracks
    assert sorted(select_tracks(tracks, SIZE, 100)) == list(range(100))


def test_no_more_are_taken_than_wanted(tracked):
    tracks = tracked(num_points=400).tracks
    picked = select_tracks(tracks, SIZE, 150)
    assert len(np.unique(picked)) == len(picked) == 150


def test_a_corner_with_few_tracks_keeps_them_though_the_middle_has_long_ones(rng):
    uv = np.concatenate([np.array([320, 240]) + 5 * rng.random((500, 2)), 20 * rng.random((3, 2))])
    is_seen = np.ones((503, 4), bool)
    is_seen[500:, 2:] = False  # short tracks
    picked = select_tracks(tracks_of(np.repeat(uv[:, None], 4, axis=1), is_seen), SIZE, 60)
    assert {500, 501, 502} <= set(picked.tolist())


def test_a_camera_with_few_tracks_keeps_them(rng):
    uv = rng.random((500, 4, 2)) * np.array(SIZE)
    is_seen = np.ones((500, 4), bool)
    is_seen[:, 3] = False
    is_seen[490:] = [True, False, False, True]
    picked = select_tracks(tracks_of(uv, is_seen), SIZE, 300)
    assert set(range(490, 500)) <= set(picked.tolist())


def test_long_tracks_are_taken_first(rng):
    uv = np.repeat(np.array([320, 240]) + rng.random((50, 1, 2)), 4, axis=1)
    is_seen = np.ones((50, 4), bool)
    is_seen[:25, 3] = False
    picked = select_tracks(tracks_of(uv, is_seen), SIZE, 25)
    assert set(picked.tolist()) == set(range(25, 50))


def test_a_coarse_track_counts_as_a_shorter_one(rng):
    uv = np.repeat(np.array([320, 240]) + rng.random((50, 1, 2)), 4, axis=1)
    is_seen = np.ones((50, 4), bool)
    is_seen[:25, 2:] = False
    sigma_px = np.where(np.arange(50) < 25, 1.0, 2.0)
    tracks = replace(tracks_of(uv, is_seen), sigma_px=sigma_px)
    picked = select_tracks(tracks, SIZE, 25)
    # Only where nothing else is seen.
    assert (picked >= 25).sum() == 3
