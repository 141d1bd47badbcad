import threading
import time

import numpy as np
import pytest

from vggt_ros.mapping.frontend.counters import Counters
from vggt_ros.mapping.frontend.frame import Frame
from vggt_ros.mapping.frontend.frame_set import FrameSet
from vggt_ros.mapping.frontend.window_buffer import WindowBuffer
from vggt_ros.settings.config import WindowSettings

SETTINGS = WindowSettings(size=6, overlap=2, max_wait=2.0)


def register(buffer, window):
    """Say that the map has all frames of a window."""
    buffer.finish(window, registered=[frame.id for frame in window.frames])


@pytest.fixture
def counters():
    return Counters()


@pytest.fixture
def buffer(counters, clock):
    return WindowBuffer(SETTINGS, counters, clock=clock)


@pytest.fixture
def offline(counters, clock):
    return WindowBuffer(SETTINGS, counters, offline=True, clock=clock)


@pytest.fixture
def push(make_frame):
    def push_all(buffer, indices, **kwargs):
        for index in indices:
            buffer.push(FrameSet(frames=(make_frame(index, **kwargs),)))

    return push_all


def ids(window):
    return [frame.id for frame in window.frames]


def test_the_first_window_comes_when_it_is_full(buffer, push):
    push(buffer, range(5))
    assert buffer.take() is None
    push(buffer, [5])
    window = buffer.take()
    assert ids(window) == [0, 1, 2, 3, 4, 5]
    assert (window.num_overlap, window.epoch) == (0, 0)


def test_later_windows_begin_with_the_last_frames_of_the_last_one(buffer, push):
    push(buffer, range(6))
    register(buffer, buffer.take())
    push(buffer, range(6, 9))
    assert buffer.take() is None
    push(buffer, [9])
    window = buffer.take()
    assert ids(window) == [4, 5, 6, 7, 8, 9]
    assert window.num_overlap == 2


def test_the_overlap_is_that_of_the_last_window_that_entered_the_map(buffer, push):
    push(buffer, range(6))
    register(buffer, buffer.take())
    push(buffer, range(6, 10))
    buffer.finish(buffer.take())
    push(buffer, range(10, 14))
    assert ids(buffer.take()) == [4, 5, 10, 11, 12, 13]


def test_too_many_new_frames_are_thinned_evenly_up_to_the_newest(buffer, push, counters):
    push(buffer, range(6))
    register(buffer, buffer.take())
    push(buffer, range(6, 14))
    assert ids(buffer.take()) == [4, 5, 7, 9, 11, 13]
    assert counters.counts().drops == {'late': 4}


@pytest.mark.parametrize('num_new', [5, 7, 9, 23])
def test_however_many_frames_wait_the_newest_is_in_the_window(buffer, push, num_new):
    push(buffer, range(6))
    register(buffer, buffer.take())
    push(buffer, range(6, 6 + num_new))
    window = buffer.take()
    assert ids(window)[:2] == [4, 5]
    assert ids(window)[-1] == 5 + num_new
    assert len(set(ids(window))) == 6


def test_an_incomplete_window_runs_when_its_newest_frame_has_waited(buffer, push, clock):
    push(buffer, range(2))
    clock.now_s += 1.9
    push(buffer, [2])
    clock.now_s += 1.9
    assert buffer.take() is None
    clock.now_s += 0.2
    assert ids(buffer.take()) == [0, 1, 2]


def test_one_frame_alone_waits_for_a_second_but_one_new_frame_does_not(buffer, push, clock):
    push(buffer, [0])
    clock.now_s += 10
    assert buffer.take() is None
    push(buffer, [1])
    clock.now_s += 10
    register(buffer, buffer.take())
    push(buffer, [2])
    clock.now_s += 10
    assert ids(buffer.take()) == [0, 1, 2]


def test_pending_frames_are_bounded_and_stay_spread_in_time(buffer, push, counters):
    push(buffer, range(200))
    assert buffer.num_pending == 4 * SETTINGS.size
    assert counters.counts().drops == {'late': 200 - 24}
    picked = ids(buffer.take())
    assert picked[-1] == 199
    assert picked[0] < 70


def test_offline_drops_nothing_and_does_not_look_at_the_clock(offline, push, clock, counters):
    push(offline, range(50))
    windows = []
    while (window := offline.take()) is not None:
        windows.append(ids(window))
        register(offline, window)
    assert windows[:2] == [[0, 1, 2, 3, 4, 5], [4, 5, 6, 7, 8, 9]]
    assert len(windows) == 12
    push(offline, [50])
    clock.now_s += 1000
    assert offline.take() is None
    assert counters.counts().drops == {}


def test_flush_makes_a_window_of_what_is_left(offline, push):
    push(offline, range(7))
    register(offline, offline.take())
    offline.flush()
    window = offline.take()
    assert ids(window) == [4, 5, 6]
    register(offline, window)
    assert offline.take() is None


def test_flush_makes_a_window_even_of_one_frame(offline, push):
    push(offline, [0])
    offline.flush()
    assert ids(offline.take()) == [0]


def test_frames_after_a_flush_fill_windows_again(offline, push):
    offline.flush()
    push(offline, [0, 1])
    assert offline.take() is None


def test_frames_of_another_size_do_not_share_a_window(buffer, push):
    push(buffer, range(6))
    register(buffer, buffer.take())
    push(buffer, range(6, 12), size=(100, 60))
    window = buffer.take()
    assert ids(window) == [6, 7, 8, 9, 10, 11]
    assert window.num_overlap == 0


def test_a_window_at_work_is_pending_until_it_is_finished(buffer, push):
    push(buffer, range(7))
    assert buffer.num_pending == 7
    window = buffer.take()  # drops one as late
    assert buffer.num_pending == 6
    register(buffer, window)
    assert buffer.num_pending == 0


def test_reset_forgets_all_and_starts_an_epoch(buffer, push, counters):
    push(buffer, range(6))
    register(buffer, buffer.take())
    push(buffer, range(6, 9))
    buffer.reset()
    assert counters.counts().drops == {'reset': 3}
    push(buffer, range(9, 15))
    window = buffer.take()
    assert ids(window) == [9, 10, 11, 12, 13, 14]
    assert (window.num_overlap, window.epoch) == (0, 1)


def next_window(buffer, timeout_s):
    """The next window; the frames that could be encoded until then are let pass."""
    while isinstance(work := buffer.wait(timeout_s), Frame):
        pass
    return work


def test_a_frame_that_waits_can_be_encoded_once(buffer, push):
    push(buffer, range(2))
    assert [buffer.wait(1.0).id for _ in range(2)] == [0, 1]
    assert buffer.wait(0.01) is None


def test_a_complete_window_comes_before_frames_to_encode(buffer, push):
    push(buffer, range(6))
    window = buffer.wait(1.0)
    assert ids(window) == [0, 1, 2, 3, 4, 5]
    assert buffer.wait(0.01) is None, 'its frames are encoded with it'


def test_dropped_frames_are_not_encoded(buffer, push):
    push(buffer, range(3))
    buffer.drop_pending('paused')
    assert buffer.wait(0.01) is None


def test_offline_what_waits_for_the_next_window_can_still_be_encoded(counters, push):
    buffer = WindowBuffer(SETTINGS, counters, offline=True)
    push(buffer, range(8))
    assert ids(buffer.wait(1.0)) == [0, 1, 2, 3, 4, 5]
    assert [buffer.wait(1.0).id for _ in range(2)] == [6, 7]


def test_wait_gives_up_after_its_timeout(buffer):
    start_s = time.monotonic()
    assert buffer.wait(0.05) is None
    assert 0.05 <= time.monotonic() - start_s < 1.0


def test_wait_returns_as_soon_as_the_window_is_full(buffer, push):
    threading.Timer(0.05, push, (buffer, range(6))).start()
    start_s = time.monotonic()
    assert ids(next_window(buffer, 10.0)) == [0, 1, 2, 3, 4, 5]
    assert time.monotonic() - start_s < 5.0


def test_wait_notices_that_an_incomplete_window_is_due(counters, push):
    buffer = WindowBuffer(WindowSettings(size=6, overlap=2, max_wait=0.1), counters)
    push(buffer, range(2))
    start_s = time.monotonic()
    assert ids(next_window(buffer, 10.0)) == [0, 1]
    assert time.monotonic() - start_s < 5.0


def test_wait_does_not_spin_while_a_single_frame_waits(counters, push):
    calls = 0

    def clock():
        nonlocal calls
        calls += 1
        return 100.0 + calls * 10

    buffer = WindowBuffer(SETTINGS, counters, clock=clock)
    push(buffer, [0])
    assert next_window(buffer, 0.1) is None
    assert calls < 20


def test_frames_that_the_map_did_not_take_are_in_no_overlap(make_frame):
    offline = WindowBuffer(WindowSettings(size=4, overlap=2), Counters(), offline=True)
    for index in range(6):
        offline.push(FrameSet(frames=(make_frame(index),)))
    offline.finish(offline.take(), registered=[0, 1, 3])
    assert [frame.id for frame in offline.take().frames] == [1, 3, 4, 5]


@pytest.fixture
def make_set(make_frame):
    """Make the i-th set of some cameras; frame ids count through sets and cameras."""

    def make(index, cameras=(0, 1)):
        return FrameSet(
            frames=tuple(
                make_frame(2 * index + camera, stamp_ns=(index + 1) * 10**8, camera=camera)
                for camera in cameras
            )
        )

    return make


def test_a_window_of_sets_has_all_their_frames_in_the_order_of_time(buffer, make_set):
    for index in range(6):
        buffer.push(make_set(index))
    assert buffer.num_pending == 12
    window = buffer.take()
    assert ids(window) == list(range(12))
    assert len(window.sets) == SETTINGS.size
    assert buffer.num_pending == 12, 'at work'


def test_the_overlap_is_counted_in_sets_and_holds_only_frames_of_the_map(buffer, make_set):
    for index in range(6):
        buffer.push(make_set(index))
    buffer.finish(buffer.take(), registered=[*range(9), 11])
    for index in range(6, 10):
        buffer.push(make_set(index))
    window = buffer.take()
    assert ids(window) == [8, 11, *range(12, 20)]
    assert (window.num_overlap_sets, window.num_overlap) == (2, 2)
    assert window.set_rows[:3] == ((0,), (1,), (2, 3))


def test_sets_that_are_late_are_counted_by_their_frames(buffer, counters, make_set):
    for index in range(8):
        buffer.push(make_set(index, cameras=(0, 1) if index % 2 else (0,)))
    window = buffer.take()
    in_window = len(window.frames)
    assert counters.counts().drops == {'late': 12 - in_window}
    assert len(window.sets) == 6


def test_a_set_is_halved_as_a_whole_when_the_memory_does_not_suffice(buffer, counters, make_set):
    for index in range(6):
        buffer.push(make_set(index))
    smaller = buffer.shrink(buffer.take())
    assert [len(each.frames) for each in smaller.sets] == [2, 2, 2]
    assert counters.counts().drops == {'out_of_memory': 6}
    assert buffer.limit == 3


def test_a_window_taken_while_another_is_at_work_shares_its_frames(offline, push):
    push(offline, range(10))
    first, second = offline.take(), offline.take()
    assert ids(second) == [4, 5, 6, 7, 8, 9]
    assert second.num_overlap == 2
    assert offline.num_pending == 10
    register(offline, first)
    register(offline, second)
    assert offline.num_pending == 0


@pytest.mark.parametrize('registered', [(), (0, 1, 2, 3, 4)])
def test_frames_wait_again_whose_window_builds_on_frames_that_the_map_lacks(
    offline, push, registered
):
    push(offline, range(16))
    register(offline, offline.take())
    second, third = offline.take(), offline.take()
    push(offline, range(16, 20))
    offline.finish(second, registered=registered and [4, 5, 6, 7, 8])
    assert not offline.is_at_work(third)
    again = offline.take()
    assert ids(again) == [*([7, 8] if registered else [4, 5]), 10, 11, 12, 13]
    register(offline, again)
    assert ids(offline.take()) == [12, 13, 14, 15, 16, 17]


def test_all_that_builds_on_a_failed_window_waits_again_in_its_order(offline, push):
    push(offline, range(14))
    windows = [offline.take(), offline.take(), offline.take()]
    offline.finish(windows[0])
    assert [offline.is_at_work(window) for window in windows] == [False] * 3
    assert offline.num_pending == 8
    assert ids(offline.take()) == [6, 7, 8, 9, 10, 11]


def test_a_seam_that_is_given_up_does_not_build_on_the_window_at_work(offline, push):
    push(offline, range(12))
    first = offline.take()
    offline.forget_overlap()
    second = offline.take()
    assert second.num_overlap == 0
    register(offline, first)
    assert offline.is_at_work(second)


def test_a_reset_lets_the_next_window_build_on_nothing(offline, push):
    push(offline, range(6))
    first = offline.take()
    offline.reset()
    push(offline, range(6, 12))
    second = offline.take()
    assert second.num_overlap == 0
    offline.finish(first)
    assert offline.is_at_work(second)


def test_a_window_that_was_taken_back_can_shrink_without_counting(offline, push, counters):
    push(offline, range(10))
    first, second = offline.take(), offline.take()
    offline.finish(first)
    assert len(offline.shrink(second).sets) == 3
    assert counters.counts().drops == {}
    assert offline.num_pending == 4


def test_without_leave_to_take_windows_frames_still_come_for_encoding(offline, push):
    push(offline, range(6))
    assert [offline.wait(0.0, may_take=False).id for _ in range(6)] == list(range(6))
    assert offline.wait(0.0, may_take=False) is None
    assert ids(offline.wait(0.0)) == list(range(6))


def test_frames_are_not_encoded_while_more_wait_than_a_window_takes(buffer, push):
    push(buffer, range(6))
    register(buffer, buffer.wait(0.0))
    push(buffer, range(6, 10))
    assert buffer.wait(0.0, may_take=False).id == 6
    push(buffer, [10])
    assert buffer.wait(0.0, may_take=False) is None
    assert ids(buffer.wait(0.0))[-1] == 10


def test_pending_frames_are_bounded_in_bytes_as_long_as_a_window_is_complete(
    buffer, counters, make_frame
):
    image = np.zeros((1254, 1673, 3), np.uint8)  # 6.3 MB
    for index in range(60):
        buffer.push(
            FrameSet(
                frames=tuple(
                    make_frame(8 * index + camera, image=image, camera=camera)
                    for camera in range(8)
                )
            )
        )
    assert buffer.num_pending == 8 * SETTINGS.size
    assert set(counters.counts().drops) == {'late'}
    assert len(buffer.take().frames) == 8 * SETTINGS.size
