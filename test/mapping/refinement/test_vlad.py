import time

import numpy as np
import pytest

from vggt_ros.mapping.refinement.features import Features
from vggt_ros.mapping.refinement.keyframe_features import pack_features, unpack_descriptors
from vggt_ros.mapping.refinement.vlad import learn_vocabulary, MIN_KEYFRAMES, VladIndex


def looks_of(place, noise=0.0, count=150):
    """Packed features of one of many places, whose things differ a little each time."""
    rng = np.random.default_rng([3, place])
    histograms = rng.gamma(0.3, size=(count, 128)) + 0.01
    again = np.random.default_rng([4, place, int(1000 * noise)])
    histograms *= np.exp(noise * again.normal(size=histograms.shape))
    descriptors = np.sqrt(histograms / histograms.sum(axis=1, keepdims=True))
    features = Features(
        uv=np.zeros((count, 2), np.float32), descriptors=descriptors.astype(np.float32)
    )
    points = np.full((count, 3), np.nan)
    return pack_features(features, points, np.eye(3), (640, 480)).descriptors


NOTHING = np.zeros((0, 128), np.uint8)


@pytest.fixture
def index():
    index = VladIndex()
    for place in range(30):
        index.add(looks_of(place))
    return index


def test_a_place_that_is_seen_again_looks_most_alike(index):
    for place in (0, 7, 19, 29):
        similarity = index.similarities(looks_of(place, 0.3))
        assert int(np.argmax(similarity)) == place
        assert similarity[place] > 0.5
        assert np.sort(similarity)[-2] < 0.3


def test_a_new_place_looks_like_none(index):
    assert index.similarities(looks_of(1000)).max() < 0.3


def test_there_are_no_words_before_there_are_some_keyframes():
    index = VladIndex()
    for place in range(MIN_KEYFRAMES - 1):
        index.add(looks_of(place))
        assert index.similarities(looks_of(place)) is None
    index.add(looks_of(100))
    assert len(index.similarities(looks_of(0))) == MIN_KEYFRAMES


def test_words_are_learned_again_when_the_map_has_grown(index):
    before = index.vocabulary
    for place in range(30, 8 * MIN_KEYFRAMES):
        index.add(looks_of(place))
    assert index.vocabulary is not before
    assert int(np.argmax(index.similarities(looks_of(3, 0.3)))) == 3


def test_what_is_forgotten_is_not_found(index):
    index.keep(range(0, 30, 2))
    assert len(index) == 15
    similarity = index.similarities(looks_of(8, 0.3))
    assert int(np.argmax(similarity)) == 4
    assert index.similarities(looks_of(9, 0.3)).max() < 0.3


def test_keyframes_forgotten_before_there_are_words_do_not_come_back():
    index = VladIndex()
    for place in range(MIN_KEYFRAMES - 2):
        index.add(looks_of(place))
    index.keep([1, 3])
    for place in range(10, 10 + MIN_KEYFRAMES):
        index.add(looks_of(place))
    assert len(index.similarities(looks_of(0))) == len(index) == MIN_KEYFRAMES + 2


def test_an_index_that_was_cleared_is_empty(index):
    index.clear()
    assert len(index) == 0
    assert index.similarities(looks_of(0)) is None


def test_the_same_descriptors_give_the_same_words():
    descriptors = unpack_descriptors(looks_of(0, count=500))
    first, second = learn_vocabulary(descriptors), learn_vocabulary(descriptors)
    np.testing.assert_array_equal(first.words, second.words)


def test_an_image_without_features_looks_like_nothing(index):
    assert np.isfinite(index.similarities(NOTHING)).all()
    assert not index.vocabulary.describe(unpack_descriptors(NOTHING)).any()


def test_words_are_learned_once_there_are_features():
    index = VladIndex()
    for _ in range(2 * MIN_KEYFRAMES):
        index.add(NOTHING)
    assert index.similarities(looks_of(0)) is None
    for place in range(MIN_KEYFRAMES):
        index.add(looks_of(place))
    similarity = index.similarities(looks_of(3, 0.3))
    assert int(np.argmax(similarity)) == 2 * MIN_KEYFRAMES + 3


def test_a_thousand_keyframes_are_searched_in_milliseconds(index):
    for place in range(30, 1000):
        index.add(looks_of(place % 60))
    looks = looks_of(5, 0.3)
    durations_s = []
    for _ in range(5):
        start_s = time.perf_counter()
        index.similarities(looks)
        durations_s.append(time.perf_counter() - start_s)
    assert min(durations_s) < 0.1, 'typically 0.01 s'
