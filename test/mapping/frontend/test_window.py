import pytest

from vggt_ros.mapping.frontend.frame_set import FrameSet
from vggt_ros.mapping.frontend.window import Window


def test_new_frames_are_those_after_the_overlap(make_frame):
    frames = tuple(make_frame(index) for index in range(5))
    window = Window.of_frames(frames, 2, 0)
    assert window.new_frames == frames[2:]
    assert Window.of_frames(frames).new_frames == frames


@pytest.mark.parametrize(
    ('num_overlap', 'size', 'expected'),
    [
        (0, 4, [1, 3, 5, 7]),
        (4, 4, [2, 3, 5, 7]),
        (2, 5, [0, 1, 3, 5, 7]),
        (7, 4, [5, 6, 7]),
        (0, 2, [3, 7]),
    ],
)
def test_a_thinned_window_keeps_the_newest_frame_and_the_end_of_the_overlap(
    make_frame, num_overlap, size, expected
):
    frames = tuple(make_frame(index) for index in range(8))
    thin = Window.of_frames(frames, num_overlap, 3).subsampled(size)
    assert [frame.id for frame in thin.frames] == expected
    assert all(frame.id < num_overlap for frame in thin.frames[: thin.num_overlap])
    assert all(frame.id >= num_overlap for frame in thin.new_frames)
    assert thin.epoch == 3


def test_rows_tell_which_frames_are_of_one_set(make_frame):
    frames = [make_frame(index) for index in range(5)]
    sets = (FrameSet(frames=tuple(frames[:2])), FrameSet(frames=tuple(frames[2:])))
    window = Window(sets=sets, num_overlap_sets=1, epoch=0)
    assert window.set_rows == ((0, 1), (2, 3, 4))
    assert window.num_overlap == 2
    assert window.new_frames == tuple(frames[2:])
