from dataclasses import replace

import numpy as np
import pytest

from vggt_ros.offline.keyframe_store import KeyframeStore, MeasuredDepth


@pytest.fixture
def store():
    made = KeyframeStore()
    yield made
    made.close()


@pytest.fixture
def shown(uniform_keyframe):
    """Two keyframes of random depth and color, one without depth somewhere."""
    rng = np.random.default_rng(0)
    made = []
    for frame_id in (3, 8):
        depth = rng.uniform(0.5, 9.0, (4, 6)).astype(np.float32)
        depth[0, frame_id % 5] = np.nan
        made.append(
            replace(
                uniform_keyframe(frame_id, (0, 0, 1)),
                depth=depth,
                image=rng.integers(0, 256, (4, 6, 3), dtype=np.uint8),
                confidence=rng.uniform(1, 9, (4, 6)).astype(np.float32),
                keep=rng.random((4, 6)) > 0.5,
            )
        )
    return made


def is_same(measured, depth, confidence, keep):
    np.testing.assert_allclose(measured.depth, depth, rtol=6e-4)
    np.testing.assert_allclose(measured.confidence, confidence, rtol=6e-4)
    np.testing.assert_array_equal(measured.keep, keep)


def test_what_was_added_comes_back(store, shown):
    for each in shown:
        store.add(each)
    assert store.frame_ids == [3, 8]
    for each in shown:
        number = each.frame.id
        np.testing.assert_array_equal(store.image(number), each.image)
        is_same(store.measured(number), each.depth, each.confidence, each.keep)
        assert store.proposed(number) is None
        assert store.shape(number) == (4, 6)


def test_intrinsics_follow_the_focal_length(store, shown):
    store.add(shown[0])
    np.testing.assert_allclose(store.K(3, 150.0), np.diag([150.0, 150.0, 1.0]))


def test_another_depth_is_used_once_it_is_accepted(store, shown):
    first, second = shown
    store.add(first)
    store.add(second)
    for depth in (2 * first.depth, 3 * first.depth):
        store.propose(3, MeasuredDepth(depth=depth, confidence=depth, keep=~first.keep))
        is_same(store.measured(3), first.depth, first.confidence, first.keep)
        is_same(store.proposed(3), depth, depth, ~first.keep)
    store.accept(3)
    is_same(store.measured(3), 3 * first.depth, 3 * first.depth, ~first.keep)
    assert store.proposed(3) is None
    is_same(store.measured(8), second.depth, second.confidence, second.keep)


def test_confidence_beyond_half_precision_is_finite(store, shown):
    store.add(replace(shown[0], confidence=np.full((4, 6), 1e9, np.float32)))
    assert np.isfinite(store.measured(3).confidence).all()
