import numpy as np
import pytest

from vggt_ros.errors import InputError
from vggt_ros.mapping.refinement.features import Features
from vggt_ros.mapping.refinement.keyframe_features import MAX_FEATURES, pack_features


@pytest.fixture
def features(rng):
    histograms = rng.gamma(0.5, size=(900, 128))
    descriptors = np.sqrt(histograms / histograms.sum(axis=1, keepdims=True)).astype(np.float32)
    return Features(uv=rng.uniform(0, 600, (900, 2)).astype(np.float32), descriptors=descriptors)


def packed(features, points, **values):
    return pack_features(features, points, np.eye(3), (640, 480), **values)


def test_features_with_a_point_are_kept_first(features, rng):
    points = rng.uniform(1, 2, (900, 3))
    points[rng.permutation(900)[:600]] = np.nan
    kept = packed(features, points)
    assert len(kept) == MAX_FEATURES
    assert kept.has_point.sum() == 300, 'all that are known'
    assert set(kept.uv[kept.has_point][:, 0]) == set(features.uv[np.isfinite(points[:, 0])][:, 0])


def test_a_point_stays_with_its_feature(features, rng):
    points = np.concatenate([features.uv, np.ones((900, 1))], axis=1)
    points[::2] = np.nan
    kept = packed(features, points, max_features=700)
    np.testing.assert_allclose(kept.points_in_cam[kept.has_point, :2], kept.uv[kept.has_point])


def test_a_point_behind_the_camera_is_not_known(features):
    points = np.ones((900, 3))
    points[:10, 2] = -1.0
    assert packed(features, points, max_features=900).has_point.sum() == 890


def test_bytes_are_as_good_as_floats_to_tell_features_apart(features):
    kept = packed(features, np.ones((900, 3)), max_features=900)
    found = kept.unpacked().descriptors
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1.0, atol=1e-5)
    cosines = (found * features.descriptors).sum(axis=1)
    assert cosines.min() > 0.9995


def test_a_keyframe_needs_75_kilobytes_at_most(features):
    assert packed(features, np.ones((900, 3))).nbytes <= 75_000


def test_what_is_kept_does_not_hold_on_to_what_is_not(features):
    kept = packed(features, np.ones((900, 3)))
    assert kept.uv.base is None
    assert kept.descriptors.base is None


def test_lengths_follow_the_unit_of_the_map(features):
    kept = packed(features, np.full((900, 3), 2.0))
    assert np.unique(kept.scaled(1.5).points_in_cam).tolist() == [3.0]


def test_points_of_other_features_are_refused(features):
    with pytest.raises(InputError, match='900 features came with 3 points'):
        packed(features, np.ones((3, 3)))
