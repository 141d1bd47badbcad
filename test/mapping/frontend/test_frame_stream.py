import pytest

from vggt_ros.errors import AlignmentError, InputError, VerificationError
from vggt_ros.mapping.frontend.frame_stream import FrameStream
from vggt_ros.settings.live_config import LiveConfig


@pytest.fixture
def stream(make_config):
    return FrameStream(LiveConfig(make_config()), offline=True)


@pytest.fixture
def take(stream, make_frame):
    """Add frames until there is a window, and take it."""
    numbers = iter(range(1000))

    def next_window():
        while True:
            stream.add(make_frame(next(numbers)))
            work = stream.wait(0.0)
            while work is not None and not hasattr(work, 'sets'):
                work = stream.wait(0.0)
            if work is not None:
                return work

    return next_window


def end(stream, window, *, num_used=None, is_connected=True):
    ids = [frame.id for frame in window.frames]
    num_used = len(window.new_frames) if num_used is None else num_used
    return stream.end_used(
        window,
        ids,
        num_used=num_used,
        latency_s=0.1,
        refined_from=None,
        is_connected=is_connected,
    )


def assert_accounted_for(stream):
    counts = stream.counts()
    assert counts.frames_in == counts.frames_used + counts.num_dropped + stream.num_pending


def test_a_window_that_entered_the_map_is_shared_with_the_next_one(stream, take):
    first = take()
    assert stream.state(has_map=False) == 'buffering'
    assert end(stream, first, num_used=5)
    assert stream.counts().frames_used == 5
    assert stream.counts().drops == {'inconsistent': 1}
    assert stream.state(has_map=True) == 'tracking'
    second = take()
    assert [frame.id for frame in second.frames] == list(range(3, 9))
    assert_accounted_for(stream)


@pytest.mark.parametrize(
    ('error', 'reason'),
    [(AlignmentError('no place'), 'window_failed'), (VerificationError('noise'), 'not_verified')],
)
def test_a_window_that_failed_is_counted_by_its_reason_and_forgiven_after_the_next(
    stream, take, error, reason
):
    end(stream, take())
    assert stream.end_failed(take(), error)
    assert stream.counts().drops == {reason: 3}
    assert stream.state(has_map=True) == 'lost'
    third = take()
    assert third.num_overlap == 3
    assert end(stream, third)
    assert stream.state(has_map=True) == 'tracking'
    assert_accounted_for(stream)


def test_after_three_failures_in_a_row_the_next_window_shares_nothing(stream, take):
    end(stream, take())
    for expected in (3, 3, 3, 0):
        window = take()
        assert window.num_overlap == expected
        stream.end_failed(window, AlignmentError('no place'))
    assert_accounted_for(stream)


def test_a_window_from_before_a_reset_is_void_however_it_ends(stream, take):
    windows = []
    for _ in range(3):
        windows.append(take())
        stream.reset()
    assert stream.epoch == 3
    assert not end(stream, windows[0])
    stream.end_void(windows[0])
    assert not stream.end_failed(windows[1], AlignmentError('no place'))
    stream.end_void(windows[2])
    assert stream.counts().drops == {'reset': 18}
    assert stream.state(has_map=False) == 'waiting'
    assert not stream.is_at_work(windows[0])
    assert_accounted_for(stream)


def test_a_pause_drops_what_waits_and_what_comes(stream, make_frame):
    stream.add(make_frame(0))
    stream.set_enabled(False)
    stream.add(make_frame(1))
    assert stream.counts().drops == {'paused': 2}
    assert stream.state(has_map=True) == 'paused'
    stream.set_enabled(True)
    assert stream.state(has_map=True) == 'tracking'


def test_where_stamps_begin_again_the_policy_says_whether_the_epoch_does(make_config, make_frame):
    for policy, epoch in (('reset', 1), ('clear', 0), ('ignore', 0)):
        stream = FrameStream(LiveConfig(make_config(input__on_time_jump=policy)))
        stream.add(make_frame(900))
        with pytest.raises(InputError, match='stamp'):
            stream.add(make_frame(1))
        stream.add(make_frame(2))
        assert stream.epoch == epoch, policy
        assert stream.counts().drops['stamp_outlier'] == 1
        assert_accounted_for(stream)


def test_what_could_not_be_made_a_frame_is_counted(stream):
    stream.count_refused('bad_encoding')
    assert stream.counts().frames_in == 1
    assert stream.counts().drops == {'bad_encoding': 1}


def test_a_live_stream_gives_up_waiting_for_a_camera_that_fell_silent(
    make_config, make_frame, monkeypatch
):
    now_s = 0.0
    config = LiveConfig(make_config(input__num_cameras=2, input__sync__min_cameras=1))
    live, offline = FrameStream(config), FrameStream(config, offline=True)
    for stream in (live, offline):
        monkeypatch.setattr(stream._intake, '_now_s', lambda: now_s)
        stream.add(make_frame(0, camera=0))
        stream.wait(0.0)
        assert stream._intake.num_waiting == 1
    now_s = 100.0
    live.wait(0.0)
    offline.wait(0.0)
    assert live._intake.num_waiting == 0
    assert offline._intake.num_waiting == 1, 'its caller says when the stream has ended'


def test_settings_that_change_hold_from_the_next_window_on(make_config, take, stream):
    end(stream, take())
    config = make_config(window__overlap=2)
    stream._config.value = config
    stream.follow_config()
    end(stream, take())
    assert take().num_overlap == 2


def test_a_trigger_makes_a_window_of_the_next_frame_though_nothing_moved(make_config, make_frame):
    stream = FrameStream(LiveConfig(make_config(keyframe__min_parallax=8.0)), offline=True)
    stream.add(make_frame(0))
    image = make_frame(0).image
    for index in range(1, 4):
        stream.add(make_frame(index, image=image))
    assert stream.counts().drops == {'not_keyframe': 3}
    stream.trigger()
    stream.add(make_frame(4, image=image))
    stream.add(make_frame(5, image=image))
    work = stream.wait(0.0)
    while not hasattr(work, 'sets'):
        work = stream.wait(0.0)
    assert [frame.id for frame in work.frames] == [0, 4]
    assert stream.counts().drops == {'not_keyframe': 4}
    assert end(stream, work)
    assert_accounted_for(stream)


def test_while_paused_a_trigger_takes_one_frame(stream, make_frame):
    stream.set_enabled(False)
    stream.add(make_frame(0))
    stream.trigger()
    for index in range(1, 5):
        stream.add(make_frame(index))
    work = stream.wait(0.0)
    while not hasattr(work, 'sets'):
        work = stream.wait(0.0)
    assert [frame.id for frame in work.frames] == [1]
    assert stream.counts().drops == {'paused': 4}
    assert stream.state(has_map=False) == 'paused'
