from dataclasses import replace
from threading import Thread

import numpy as np
import pytest

from vggt_ros.mapping.refinement import feature_store
from vggt_ros.mapping.refinement.feature_store import FeatureStore

INDICES = (0, 3, 6)


@pytest.fixture
def counted(monkeypatch):
    """Count what is detected, matched and verified."""
    counts = {}
    for name in ('detect_features', 'match_features', 'verify_pair'):
        original = getattr(feature_store, name)

        def call(*arguments, name=name, original=original):
            counts[name] = counts.get(name, 0) + 1
            return original(*arguments)

        monkeypatch.setattr(feature_store, name, call)
    return counts


def window(hall, store, indices=INDICES, is_calibrated=True, factor=1.0):
    frames = [hall.frame(index, is_calibrated=is_calibrated) for index in indices]
    K = np.repeat(hall.course.K_image[None], len(frames), axis=0)
    K[:, (0, 1), (0, 1)] *= factor
    return store.window(frames, K)


def test_a_frame_is_detected_once_and_a_pair_is_matched_once(hall, counted):
    store = FeatureStore(300, 10)
    first, again = window(hall, store), window(hall, store)
    assert counted == {'detect_features': 3, 'match_features': 3, 'verify_pair': 3}
    np.testing.assert_array_equal(first.tracks.feature, again.tracks.feature)


def test_only_what_is_new_in_a_window_is_looked_at(hall, counted):
    store = FeatureStore(300, 10)
    window(hall, store)
    counted.clear()
    window(hall, store, (3, 6, 9))
    assert counted == {'detect_features': 1, 'match_features': 2, 'verify_pair': 2}


def test_a_frame_that_was_prepared_needs_its_image_no_more(hall):
    store = FeatureStore(300, 10)
    frames = [hall.frame(index) for index in INDICES]
    for frame in frames:
        store.features(frame)
    bare = [replace(frame, image=np.zeros((0, 0, 3), np.uint8)) for frame in frames[:2]]
    found = store.window([*bare, frames[2]], np.zeros((3, 3, 3)))
    assert len(found.tracks) > 20
    assert found.image_size == (320, 240)


def test_calibrated_cameras_are_believed_and_others_predicted(hall):
    store = FeatureStore(300, 10)
    calibrated = window(hall, store, factor=1.1)
    assert calibrated.is_calibrated
    np.testing.assert_allclose(calibrated.K[1], hall.course.K_image)
    predicted = window(hall, FeatureStore(300, 10), is_calibrated=False, factor=1.1)
    assert not predicted.is_calibrated
    assert predicted.K[1, 0, 0] == pytest.approx(1.1 * hall.course.K_image[0, 0])


def test_a_prepared_frame_is_matched_before_its_window_comes(hall, counted):
    store = FeatureStore(300, 10)
    window(hall, store)
    counted.clear()
    for index in (9, 12):
        store.prepare(hall.frame(index), 2)
    assert counted == {'detect_features': 2, 'match_features': 5, 'verify_pair': 5}
    counted.clear()
    window(hall, store, (3, 6, 9, 12))
    assert counted == {}


def test_without_calibration_a_prepared_frame_is_matched_and_not_verified(hall, counted):
    store = FeatureStore(300, 10)
    for index in INDICES:
        store.prepare(hall.frame(index, is_calibrated=False), 2)
    assert counted == {'detect_features': 3, 'match_features': 3}
    window(hall, store, is_calibrated=False)
    assert counted == {'detect_features': 3, 'match_features': 3, 'verify_pair': 3}


def test_without_calibration_a_pair_is_verified_anew_from_the_same_matches(hall, counted):
    store = FeatureStore(300, 10)
    for factor in (1.0, 1.1):
        window(hall, store, is_calibrated=False, factor=factor)
    assert counted == {'detect_features': 3, 'match_features': 3, 'verify_pair': 6}


def test_the_tracks_are_those_of_the_scene(hall):
    found = window(hall, FeatureStore(400, 10))
    assert found.tracks.is_seen.sum(axis=0).min() > 30
    assert set(found.pairs) == {(0, 1), (0, 2), (1, 2)}


@pytest.mark.parametrize('is_calibrated', [True, False])
def test_the_store_is_bounded_also_by_a_window_that_is_larger(hall, is_calibrated):
    store = FeatureStore(100, 2)
    for start in (0, 4):
        indices = tuple(range(start, start + 4))
        window(hall, store, indices, is_calibrated=is_calibrated)
    assert len(store._features) == 2
    ids = set(store._features)
    store.prepare(hall.frame(9, is_calibrated=is_calibrated), 3)
    assert len(store._features) == 2
    ids = set(store._features)
    assert set(store._prepared) <= ids
    for pairs in (store._matches, store._verified):
        assert {frame_id for key in pairs for frame_id in key} <= ids


def test_what_was_asked_for_longest_ago_goes_first(hall):
    store = FeatureStore(100, 2)
    for index in (0, 1, 0, 2):
        store.features(hall.frame(index))
    assert 0 in store
    assert 2 in store
    assert 1 not in store


def test_a_cleared_store_knows_nothing(hall):
    store = FeatureStore(100, 5)
    window(hall, store)
    store.clear()
    assert 0 not in store
    assert not store._verified
    assert not store._matches


def test_any_thread_may_ask(hall):
    store, found = FeatureStore(200, 10), {}

    def ask(name):
        found[name] = window(hall, store)

    threads = [Thread(target=ask, args=(name,)) for name in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name in range(3):
        np.testing.assert_array_equal(found[name].tracks.feature, found[0].tracks.feature)


def test_a_closer_look_finds_more_where_there_is_more(hall, counted):
    store = FeatureStore(100, 10)
    frames = [hall.frame(index) for index in INDICES]
    usual = window(hall, store)
    counted.clear()
    assert store.detect_more(frames)
    assert [len(store.features(frame)) for frame in frames] == [300, 300, 300]
    closer = window(hall, store)
    assert counted == {'detect_features': 3, 'match_features': 3, 'verify_pair': 3}
    assert len(closer.tracks) > 1.5 * len(usual.tracks)
    # Once is enough.
    assert not store.detect_more(frames)
    assert counted['detect_features'] == 3


def test_a_closer_look_is_not_taken_where_all_was_seen(hall, counted):
    store = FeatureStore(20_000, 10)
    window(hall, store)
    counted.clear()
    assert not store.detect_more([hall.frame(index) for index in INDICES])
    assert counted == {}
