import pytest

from vggt_ros.errors import ConfigError
from vggt_ros.sources.frame_picker import FrameChoice

START_NS = 1_700_000_000_000_000_000


def taken(choice, rate_hz=30.0, num_frames=90):
    picker = choice.picker()
    found = []
    for index in range(num_frames):
        if picker.is_done:
            break
        if picker.takes(START_NS + round(index * 1e9 / rate_hz)):
            found.append(index)
    return found


def test_all_are_taken_unless_told():
    assert taken(FrameChoice(), num_frames=7) == list(range(7))


def test_every_nth_is_counted_from_the_start():
    assert taken(FrameChoice(start_s=0.1, every=4), num_frames=14) == [3, 7, 11]


def test_seconds_are_counted_from_the_first_frame():
    assert taken(FrameChoice(start_s=1.0, stop_s=1.2)) == [30, 31, 32, 33, 34, 35]


def test_frames_that_are_left_out_are_of_those_that_would_be_taken():
    every = taken(FrameChoice(start_s=0.1, every=4), num_frames=40)
    found = taken(FrameChoice(start_s=0.1, every=4, skip_frames=3, max_frames=4), num_frames=40)
    assert found == every[3:7]
    with pytest.raises(ConfigError, match='to leave out must be at least 0; got -1'):
        FrameChoice(skip_frames=-1)


def test_frames_a_second_are_even_at_a_rate_that_is_no_multiple():
    found = taken(FrameChoice(fps=4.0))
    assert found == [0, 8, 15, 23, 30, 38, 45, 53, 60, 68, 75, 83]


def test_frames_a_second_above_the_rate_take_all():
    assert taken(FrameChoice(fps=30.0)) == list(range(90))


def test_a_late_frame_does_not_delay_those_after_it():
    picker = FrameChoice(fps=1.0).picker()
    assert [picker.takes(round(t * 1e9)) for t in (0, 1.6, 2.1, 2.9)] == [True, True, True, False]


def test_reading_ends_with_the_last_that_is_wanted():
    picker = FrameChoice(max_frames=2).picker()
    assert [picker.takes(t) for t in (5, 6)] == [True, True]
    assert picker.is_done
    assert not picker.takes(7)


def test_each_camera_has_its_count():
    picker = FrameChoice(every=2, max_frames=1).picker(2)
    assert [picker.takes(0, 0), picker.takes(0, 1)] == [True, True]
    assert picker.is_done
    picker = FrameChoice(every=2).picker(2)
    assert [picker.takes(t, c) for t in range(3) for c in (0, 1)] == [True] * 2 + [False] * 2 + (
        [True] * 2
    )


def test_it_ends_a_second_after_the_stop_in_case_another_camera_is_late():
    picker = FrameChoice(stop_s=1.0).picker(2)
    assert picker.takes(0, 0)
    assert not picker.takes(1_000_000_000, 0)
    assert not picker.is_done
    assert picker.takes(999_000_000, 1)
    assert not picker.takes(2_000_000_000, 0)
    assert picker.is_done


def test_of_one_camera_it_ends_at_the_stop():
    picker = FrameChoice(stop_s=1.0).picker()
    assert picker.takes(0)
    assert not picker.takes(1_000_000_000)
    assert picker.is_done


@pytest.mark.parametrize(
    ('values', 'match'),
    [
        ({'start_s': -1.0}, 'start must be 0 s or later; got -1'),
        ({'start_s': 3.0, 'stop_s': 3.0}, 'after the start, 3.0 s; got 3.0'),
        ({'every': 0}, 'at least 1, which takes all; got 0'),
        ({'fps': 0.0}, 'above 0; got 0'),
        ({'fps': 2.0, 'every': 2}, 'give one of them'),
        ({'max_frames': 0}, 'at least 1; got 0'),
    ],
)
def test_a_choice_of_nothing_is_refused(values, match):
    with pytest.raises(ConfigError, match=match):
        FrameChoice(**values)
