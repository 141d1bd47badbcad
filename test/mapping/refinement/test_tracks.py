from hypothesis import given
from hypothesis import strategies as st
import numpy as np

from vggt_ros.mapping.refinement.tracks import FeatureTracks, join_matches


def pixels(*counts):
    """Features whose pixels say which one of which image they are."""
    return [
        np.stack([np.arange(count, dtype=float), np.full(count, 100.0 * image)], axis=1)
        for image, count in enumerate(counts)
    ]


def rows(*pairs):
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


def test_matches_that_share_a_feature_make_one_track():
    found = join_matches(pixels(3, 3, 3), {(0, 1): rows((0, 1)), (1, 2): rows((1, 2))})
    np.testing.assert_array_equal(found.feature, [[0, 1, 2]])
    np.testing.assert_array_equal(found.uv, [[[0, 0], [1, 100], [2, 200]]])
    assert found.is_seen.all()


def test_a_track_is_not_seen_where_no_feature_of_it_is():
    found = join_matches(pixels(2, 2, 2), {(0, 2): rows((1, 0))})
    np.testing.assert_array_equal(found.feature, [[1, -1, 0]])
    assert np.isnan(found.uv[0, 1]).all()


def test_an_image_with_two_features_of_a_track_has_none():
    matches = {
        (0, 1): rows((0, 0)),
        (1, 2): rows((0, 0)),
        (0, 2): rows((1, 0)),  # says that features 0 and 1 of image 0 are the same
    }
    found = join_matches(pixels(2, 1, 1), matches)
    np.testing.assert_array_equal(found.feature, [[-1, 0, 0]])


def test_a_track_that_is_left_with_one_image_is_none():
    found = join_matches(pixels(2, 1), {(0, 1): rows((0, 0), (1, 0))})
    assert len(found) == 0


def test_unmatched_features_make_no_tracks():
    assert len(join_matches(pixels(4, 4), {(0, 1): rows()})) == 0
    assert len(join_matches(pixels(4, 4), {})) == 0


def test_images_without_features_make_no_tracks():
    found = join_matches(pixels(0, 0, 0), {})
    assert found.feature.shape == (0, 3)
    assert found.uv.shape == (0, 3, 2)


def test_tracks_are_selected_by_number_and_by_mask():
    found = join_matches(pixels(3, 3), {(0, 1): rows((0, 0), (1, 1), (2, 2))})
    np.testing.assert_array_equal(found.select(np.array([2])).feature, [[2, 2]])
    mask = found.feature[:, 0] != 1
    np.testing.assert_array_equal(found.select(mask).uv, found.uv[mask])


@given(seed=st.integers(0, 2**32 - 1))
def test_no_feature_is_in_two_tracks_and_every_match_within_a_track_is_kept(seed):
    rng = np.random.default_rng(seed)
    counts = rng.integers(1, 8, 4)
    matches = {
        (i, j): np.stack([rng.integers(0, counts[i], 3), rng.integers(0, counts[j], 3)], axis=1)
        for j in range(4)
        for i in range(j)
    }
    found = join_matches(pixels(*counts), matches)
    for image in range(4):
        used = found.feature[found.is_seen[:, image], image]
        assert len(np.unique(used)) == len(used)
        np.testing.assert_array_equal(found.uv[found.is_seen[:, image], image, 0], used)
    of_feature = {
        (image, feature): track
        for track, features in enumerate(found.feature)
        for image, feature in enumerate(features.tolist())
        if feature >= 0
    }
    for (i, j), pairs in matches.items():
        for a, b in pairs.tolist():
            if (i, a) in of_feature and (j, b) in of_feature:
                assert of_feature[i, a] == of_feature[j, b]


def test_what_is_no_feature_may_be_seen_and_parts_keep_how_sure_it_is():
    uv = np.array([[[1.0, 2], [3, 4], [np.nan, np.nan]], [[np.nan, np.nan], [5, 6], [7, 8]]])
    tracks = FeatureTracks(
        feature=np.array([[0, 1, -1], [-1, -1, -1]]), uv=uv, sigma_px=np.array([1.0, 2.0])
    )
    np.testing.assert_array_equal(tracks.is_seen, [[True, True, False], [False, True, True]])
    assert tracks.select(np.array([False, True])).sigma_px == [2.0]
    later = tracks.of_images(slice(1, None))
    np.testing.assert_array_equal(later.is_seen, [[True, False], [True, True]])
    np.testing.assert_array_equal(later.feature, [[1, -1], [-1, -1]])
    np.testing.assert_array_equal(later.sigma_px, tracks.sigma_px)
