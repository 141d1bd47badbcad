from dataclasses import replace

import numpy as np
import pytest

from vggt_ros.offline import true_depths
from vggt_ros.offline.true_depths import TrueDepths

SLOPE = np.linspace(1, 3, 24).reshape(4, 6).astype(np.float32)


@pytest.fixture
def keyframe(uniform_keyframe):
    """A keyframe whose pixels are those of an image of the same size, with a depth of 1."""

    def make(frame_id):
        made = uniform_keyframe(frame_id, (0, 0, 1))
        frame = replace(made.frame, image=np.zeros((4, 6, 3), np.uint8))
        return replace(made, frame=frame)

    return make


@pytest.fixture
def truth():
    made = TrueDepths()
    yield made
    made.close()


def test_depth_is_compared_as_it_comes_and_once_more(truth, keyframe):
    truth.add(5, SLOPE)
    truth.compare(keyframe(5))
    before = truth.errors[0]
    assert before.frame_id == 5
    assert before.published.abs_rel == before.constant.abs_rel > 0.1
    truth.compare_again(5, 7 * SLOPE)
    after = truth.errors[0]
    assert after.published.abs_rel < 1e-3, 'one scale for each frame, as before'
    assert after.constant == before.constant


def test_a_frame_without_truth_has_no_error(truth, keyframe):
    truth.add(5, np.full((4, 6), np.nan, np.float32))
    truth.compare(keyframe(5))
    truth.compare(keyframe(6))
    truth.compare_again(6, SLOPE)
    assert truth.errors == ()


def test_depth_that_is_gone_where_truth_is_changes_nothing(truth, keyframe):
    truth.add(5, SLOPE)
    truth.compare(keyframe(5))
    before = truth.errors
    truth.compare_again(5, np.full((4, 6), np.nan, np.float32))
    assert truth.errors == before


def test_what_waits_is_bounded_and_let_go(truth, keyframe, monkeypatch):
    monkeypatch.setattr(true_depths, '_MAX_WAITING', 2)
    for frame_id in range(4):
        truth.add(frame_id, SLOPE)
    for frame_id in range(3):
        truth.compare(keyframe(frame_id))
    assert [each.frame_id for each in truth.errors] == [2]
