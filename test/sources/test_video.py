import logging

import cv2
import numpy as np
import pytest

from vggt_ros.errors import ConfigError, SourceError
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


def _with_header(monkeypatch, path, field, value):
    open_capture = cv2.VideoCapture

    # Wraps and does not inherit: collecting a Python subclass of this type crashes OpenCV 5.
    class Capture:
        __class__ = property(lambda self: open_capture)  # passes for one where types are checked

        def __init__(self, name):
            self._capture = open_capture(name)

        def __getattr__(self, name):
            return getattr(self._capture, name)

        def get(self, asked):
            return value if asked == field else self._capture.get(asked)

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
