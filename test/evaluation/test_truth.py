from dataclasses import replace

import numpy as np
import pytest

from vggt_ros.errors import AlignmentError
from vggt_ros.evaluation.truth import truth_of_walk
from vggt_ros.synthetic.sequence import SyntheticSequence


@pytest.fixture
def walk() -> SyntheticSequence:
    return SyntheticSequence(seed=1, num_frames=8, width=16, height=12, rate_hz=10.0)


def test_frames_are_found_by_their_stamps(recording, walk):
    recording = replace(
        recording,
        stamps_ns=recording.stamps_ns[[1, 4]],
        map_from_cam=recording.map_from_cam[[1, 4]],
        frames=recording.frames[2:3],
    )
    truth = truth_of_walk(recording, walk)
    np.testing.assert_array_equal(truth.world_from_cam[0], walk.world_from_cam(1))
    np.testing.assert_array_equal(truth.world_from_cam[1], walk.world_from_cam(4))
    expected = walk.depth(2, recording.frames[0].K, 12, 16)
    np.testing.assert_array_equal(truth.depth[0], expected)


def test_stamps_that_belong_to_no_frame_are_refused(recording, walk):
    late = replace(recording, stamps_ns=recording.stamps_ns + 10_000_000_000)
    with pytest.raises(AlignmentError, match='walk of 8'):
        truth_of_walk(late, walk)
