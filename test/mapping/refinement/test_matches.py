import numpy as np

from vggt_ros.mapping.refinement.features import Features
from vggt_ros.mapping.refinement.matches import match_features


def unit(vectors):
    vectors = np.asarray(vectors, dtype=np.float64)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def features(vectors):
    vectors = unit(vectors).astype(np.float32)
    return Features(uv=np.zeros((len(vectors), 2), np.float32), descriptors=vectors)


def looks(rng, count):
    return rng.random((count, 128)) ** 4


def near(rng, vectors, amount=0.02):
    return np.abs(unit(vectors) + amount * rng.normal(size=vectors.shape) / np.sqrt(128))


def test_the_same_features_in_another_order_are_found(rng):
    vectors, order = looks(rng, 40), rng.permutation(40)
    found = match_features(features(vectors), features(near(rng, vectors)[order]))
    np.testing.assert_array_equal(order[found[:, 1]], found[:, 0])
    assert len(found) == 40


def test_a_feature_that_looks_like_two_others_matches_none(rng):
    vectors = looks(rng, 10)
    twice = np.concatenate([near(rng, vectors), near(rng, vectors[:1])])
    found = match_features(features(vectors), features(twice))
    assert 0 not in found[:, 0]
    np.testing.assert_array_equal(found, np.stack([np.arange(1, 10)] * 2, axis=1))
    back = match_features(features(twice), features(vectors))
    assert 0 not in back[:, 1]


def test_exact_copies_are_ambiguous(rng):
    vectors = looks(rng, 5)
    found = match_features(features(vectors), features(np.concatenate([vectors, vectors[:2]])))
    np.testing.assert_array_equal(found[:, 0], [2, 3, 4])


def test_a_match_is_mutual(rng):
    # Feature 0 is nearest to what belongs to feature 1, clearly, but that is nearer to 1.
    vectors = looks(rng, 6)
    middle = unit(vectors)[0] + 4.0 * unit(vectors)[1]
    found = match_features(features(vectors), features([middle, *looks(rng, 4)]))
    assert [1, 0] in found.tolist()
    assert 0 not in found[:, 0]


def test_one_feature_can_not_be_told_from_others(rng):
    one, many = features(looks(rng, 1)), features(looks(rng, 9))
    for a, b in ((one, many), (many, one), (features(np.ones((0, 128))), many)):
        assert match_features(a, b).shape == (0, 2)
