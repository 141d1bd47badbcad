import numpy as np
import pytest

from vggt_ros.errors import ConfigError
from vggt_ros.geometry.se3 import is_rigid
from vggt_ros.sources.synthetic_walk import SyntheticWalk
from vggt_ros.synthetic.sequence import SyntheticSequence

_SIZE = {'width': 64, 'height': 48}


def test_frames_carry_the_truth_of_the_sequence_across_batches():
    walk = SyntheticWalk(seed=3, num_frames=10, **_SIZE)
    sequence = SyntheticSequence(seed=3, num_frames=10, **_SIZE)
    rgb = np.asarray(sequence.render(range(10)).rgb)
    frames = list(walk)
    assert len(frames) == walk.num_frames == 10
    for index, frame in enumerate(frames):
        np.testing.assert_allclose(frame.image.astype(float), rgb[index], atol=1)
        np.testing.assert_array_equal(frame.K, sequence.K)
        np.testing.assert_array_equal(frame.world_from_cam, sequence.world_from_cam(index))
        assert is_rigid(frame.world_from_cam)


def test_images_have_the_size_and_layout_asked_for_and_show_something():
    frame = next(iter(SyntheticWalk(num_frames=2, **_SIZE)))
    assert frame.image.shape == (48, 64, 3)
    assert frame.image.flags.c_contiguous
    assert frame.image.std() > 5


def test_stamps_start_at_zero_and_follow_the_rate():
    walk = SyntheticWalk(num_frames=3, rate_hz=20.0, **_SIZE)
    assert walk.rate_hz == 20.0
    assert [frame.stamp_ns for frame in walk] == [0, 50_000_000, 100_000_000]


def test_the_seed_decides_what_is_seen():
    first, same, other = (
        next(iter(SyntheticWalk(seed=seed, num_frames=2, **_SIZE))).image for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, same)
    assert (first != other).any()


def test_frames_are_rendered_only_as_they_are_asked_for(monkeypatch):
    rendered = []
    render = SyntheticSequence.render

    def counting(self, indices):
        rendered.extend(indices)
        return render(self, indices)

    monkeypatch.setattr(SyntheticSequence, 'render', counting)
    next(iter(SyntheticWalk(num_frames=100, **_SIZE)))
    assert 1 <= len(rendered) <= 16


def test_a_frame_does_not_share_memory_with_the_next():
    frames = iter(SyntheticWalk(num_frames=2, **_SIZE))
    first, second = next(frames), next(frames)
    assert not np.shares_memory(first.image, second.image)
    assert not np.shares_memory(first.K, second.K)


def test_a_rate_of_nothing_and_no_frames_are_refused():
    with pytest.raises(ConfigError, match='rate'):
        SyntheticWalk(rate_hz=0.0)
    with pytest.raises(ConfigError, match='number of frames'):
        SyntheticWalk(num_frames=0)
