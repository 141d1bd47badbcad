import logging
import math
import struct

import cv2
import numpy as np
import pytest

from vggt_ros.errors import ConfigError, SourceError
from vggt_ros.sources.frame_picker import FrameChoice
from vggt_ros.sources.recording import Recording
from vggt_ros.sources.video import Video


def test_frames_come_in_order_as_contiguous_rgb(make_video, colors):
    frames = list(Video(make_video(num_frames=3)))
    assert [frame.image.shape for frame in frames] == [(48, 64, 3)] * 3
    for frame, color in zip(frames, colors, strict=True):
        np.testing.assert_allclose(frame.image.mean(axis=(0, 1)), color, atol=6)
        assert frame.image.flags.c_contiguous


def test_the_rate_is_that_of_the_file(make_video):
    source = Video(make_video(num_frames=3, rate_hz=12.5))
    assert source.rate_hz == pytest.approx(12.5)
    assert [frame.stamp_ns for frame in source] == [0, 80_000_000, 160_000_000]


def test_another_rate_can_be_asked_for(make_video):
    source = Video(make_video(num_frames=2, rate_hz=12.5), rate_hz=2.0)
    assert source.rate_hz == 2.0
    assert [frame.stamp_ns for frame in source] == [0, 500_000_000]


def _with_durations(path, units):
    """Give each frame of an mp4 its own duration in the container (box stts; moov is last)."""
    content = bytearray(path.read_bytes())
    at = content.index(b'stts') - 4
    size = int.from_bytes(content[at : at + 4], 'big')
    rows = b''.join(struct.pack('>II', 1, unit) for unit in units)
    content[at : at + size] = struct.pack('>I4sII', 16 + len(rows), b'stts', 0, len(units)) + rows
    for name in (b'stbl', b'minf', b'mdia', b'trak', b'moov'):
        box = content.index(name) - 4
        longer = int.from_bytes(content[box : box + 4], 'big') + 16 + len(rows) - size
        content[box : box + 4] = longer.to_bytes(4, 'big')
    path.write_bytes(content)


@pytest.fixture
def uneven_video(tmp_path):
    """Frames at 0, 100, 150 and 350 ms of a file whose header says 10 a second."""
    path = tmp_path / 'phone.mp4'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'mp4v'), 10.0, (64, 48))
    for value in (0, 80, 160, 240):
        writer.write(np.full((48, 64, 3), value, np.uint8))
    writer.release()
    content = path.read_bytes()
    at = content.index(b'stts') + 4
    unit = int.from_bytes(content[at + 12 : at + 16], 'big')
    assert content.index(b'moov') > content.index(b'mdat')
    _with_durations(path, [unit, unit // 2, 2 * unit, unit // 2])
    return path


def test_stamps_are_those_of_the_container_not_of_the_count(uneven_video):
    frames = list(Video(uneven_video))
    assert [round(frame.stamp_ns / 1e6) for frame in frames] == [0, 100, 150, 350]
    means = [frame.image.mean() for frame in frames]
    np.testing.assert_allclose(means, [0, 80, 160, 240], atol=4)


def test_a_rate_that_is_asked_for_overrules_the_container(uneven_video):
    frames = list(Video(uneven_video, rate_hz=10.0))
    assert [frame.stamp_ns for frame in frames] == [0, 100_000_000, 200_000_000, 300_000_000]


@pytest.mark.parametrize(
    ('times_ms', 'expected_ms'),
    [
        ([0.0] * 6, [0, 80, 160, 240, 320, 400]),
        ([math.nan] * 6, [0, 80, 160, 240, 320, 400]),
        ([40.0, 100.0, 90.0, 300.0, 310.0, 0.0], [0, 60, 140, 260, 270, 350]),
    ],
)
def test_times_that_do_not_increase_are_replaced_by_the_rate(
    make_video, monkeypatch, times_ms, expected_ms
):
    path = make_video(num_frames=6, rate_hz=12.5)
    _with_header(monkeypatch, path, cv2.CAP_PROP_POS_MSEC, None, times=times_ms)
    assert [frame.stamp_ns for frame in Video(path)] == [t * 1_000_000 for t in expected_ms]


def test_frames_that_are_not_wanted_keep_their_place_in_time(uneven_video):
    picker = FrameChoice(every=2, start_s=0.05).picker()
    frames = list(Video(uneven_video).frames(picker))
    assert [round(frame.stamp_ns / 1e6) for frame in frames] == [100, 350]
    assert frames[1].image.mean() == pytest.approx(240, abs=4)


def test_it_is_a_recording_that_knows_no_camera(make_video):
    source = Video(make_video())
    assert isinstance(source, Recording)
    assert (source.name, source.layout, source.size) == ('clip.avi', 'video', (64, 48))
    assert source.has_time
    assert not Video(make_video(), rate_hz=3.0).has_time
    assert source.K is source.stamps_ns is source.world_from_cam is None


def test_the_number_of_frames_is_known(make_video):
    source = Video(make_video(num_frames=6))
    assert source.num_frames == 6
    assert len(list(source)) == 6


def test_only_the_first_frames_are_played_on_request(make_video, caplog):
    source = Video(make_video(num_frames=6), num_frames=4)
    assert source.num_frames == 4
    assert len(list(source)) == 4
    assert not caplog.records


def test_frames_keep_their_pixels_while_later_ones_are_decoded(make_video):
    frames = iter(Video(make_video()))
    first = next(frames).image
    before = first.copy()
    next(frames)
    np.testing.assert_array_equal(first, before)


def test_a_second_iteration_starts_over(make_video):
    source = Video(make_video(num_frames=3))
    first = next(iter(source)).image
    np.testing.assert_array_equal(next(iter(source)).image, first)
    assert len(list(source)) == 3


@pytest.mark.parametrize('header_rate', [0.0, float('nan'), -3.0, 90_000.0])
def test_a_header_without_a_usable_rate_means_thirty(make_video, monkeypatch, header_rate):
    source = Video(_with_header(monkeypatch, make_video(), cv2.CAP_PROP_FPS, header_rate))
    assert source.rate_hz == 30.0


@pytest.mark.parametrize('header_count', [0.0, -9.2e18, float('nan')])
def test_a_header_without_a_count_leaves_it_open(make_video, monkeypatch, header_count):
    path = _with_header(monkeypatch, make_video(), cv2.CAP_PROP_FRAME_COUNT, header_count)
    source = Video(path)
    assert source.num_frames is None
    assert len(list(source)) == 6


def _with_header(monkeypatch, path, field, value, times=()):
    open_capture = cv2.VideoCapture

    # Wraps and does not inherit: collecting a Python subclass of this type crashes OpenCV 5.
    class Capture:
        __class__ = property(lambda self: open_capture)  # passes for one where types are checked

        def __init__(self, name):
            self._capture = open_capture(name)
            self._num_grabbed = 0

        def grab(self):
            self._num_grabbed += 1
            return self._capture.grab()

        def read(self):
            return self.retrieve() if self.grab() else (False, None)

        def __getattr__(self, name):
            return getattr(self._capture, name)

        def get(self, asked):
            if asked == field:
                return value if value is not None else times[self._num_grabbed - 1]
            return self._capture.get(asked)

    monkeypatch.setattr(cv2, 'VideoCapture', Capture)
    return path


def test_a_video_that_ends_before_its_header_says_is_warned_about(make_video, caplog):
    path = make_video(num_frames=40)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * 0.7)])
    with caplog.at_level(logging.WARNING):
        decoded = len(list(Video(path)))
    assert 0 < decoded < 40
    assert f'clip.avi ended after {decoded} of the 40 frames' in caplog.text


@pytest.mark.parametrize('content', [b'', b'RIFF', b'just some text\n' * 100])
def test_a_file_that_is_no_video_is_an_error_that_names_it_and_a_remedy(tmp_path, content):
    path = tmp_path / 'film.mp4'
    path.write_bytes(content)
    with pytest.raises(SourceError, match=r'film\.mp4.*convert it'):
        Video(path)


def test_a_video_cut_before_its_first_frame_is_an_error(make_video):
    path = make_video()
    path.write_bytes(path.read_bytes()[:600])
    with pytest.raises(SourceError, match=r'clip\.avi.*convert it'):
        Video(path)


def test_a_video_without_frames_is_an_error(make_video):
    path = make_video(num_frames=0)
    with pytest.raises(SourceError, match=r'clip\.avi'):
        Video(path)


def test_a_missing_file_and_a_folder_are_errors(tmp_path):
    with pytest.raises(SourceError, match=r'no video file .*gone\.mp4'):
        Video(tmp_path / 'gone.mp4')
    with pytest.raises(SourceError, match='no video file'):
        Video(tmp_path)


def test_a_file_that_vanishes_before_it_is_played_is_an_error(make_video):
    path = make_video()
    source = Video(path)
    path.unlink()
    with pytest.raises(SourceError, match=r'no video file .*clip\.avi'):
        next(iter(source))


def test_a_rate_of_nothing_and_no_frames_are_refused(make_video):
    path = make_video()
    with pytest.raises(ConfigError, match='rate'):
        Video(path, rate_hz=0.0)
    with pytest.raises(ConfigError, match='number of frames'):
        Video(path, num_frames=0)


def test_a_real_video_is_decoded_to_its_end(shared_data):
    path = shared_data / 'room.mp4'
    if not path.is_file():
        pytest.skip('the real video is not on this machine')
    source = Video(path)
    frames = list(source)
    assert (source.num_frames, source.rate_hz) == (8, 1.0)
    assert [frame.stamp_ns for frame in frames] == [index * 10**9 for index in range(8)]
    assert {frame.image.shape for frame in frames} == {(384, 512, 3)}
    assert min(frame.image.std() for frame in frames) > 10
