import os
from pathlib import Path
import subprocess
import sys

import cv2
import numpy as np
import pytest

from vggt_ros.errors import ConfigError, SourceError
from vggt_ros.sources.image_folder import ImageFolder
from vggt_ros.sources.open import open_source
from vggt_ros.sources.synthetic_walk import SyntheticWalk
from vggt_ros.sources.video import Video


def test_a_folder_plays_at_ten_a_second_unless_told(make_folder):
    folder = str(make_folder(['1.png', '2.png']))
    source = open_source(folder)
    assert isinstance(source, ImageFolder)
    assert source.rate_hz == 10.0
    assert open_source(folder, rate_hz=3.0).rate_hz == 3.0
    assert open_source(folder, num_frames=1).num_frames == 1


def test_a_video_plays_at_its_own_rate_unless_told(make_video):
    path = str(make_video(rate_hz=12.0))
    source = open_source(path)
    assert isinstance(source, Video)
    assert source.rate_hz == pytest.approx(12.0)
    assert open_source(path, rate_hz=3.0).rate_hz == 3.0
    assert open_source(path, num_frames=2).num_frames == 2


@pytest.mark.parametrize('text', ['', 'synthetic'])
def test_nothing_and_the_word_are_the_walk(text):
    source = open_source(text, num_frames=2, width=64, height=48, seed=5, rate_hz=4.0)
    assert isinstance(source, SyntheticWalk)
    expected = list(SyntheticWalk(seed=5, num_frames=2, width=64, height=48, rate_hz=4.0))
    for frame, other in zip(source, expected, strict=True):
        np.testing.assert_array_equal(frame.image, other.image)
        assert frame.stamp_ns == other.stamp_ns


def test_the_walk_has_two_hundred_frames_at_ten_a_second_unless_told():
    source = open_source('')
    assert (source.num_frames, source.rate_hz) == (200, 10.0)


def test_a_folder_called_like_the_walk_is_reached_by_its_path(make_folder, monkeypatch):
    folder = make_folder(['1.png'])
    folder.rename(folder.parent / 'synthetic')
    monkeypatch.chdir(folder.parent)
    assert isinstance(open_source(f'.{os.sep}synthetic'), ImageFolder)


def test_the_home_folder_is_expanded(make_folder, monkeypatch):
    monkeypatch.setenv('HOME', str(make_folder(['1.png']).parent))
    assert isinstance(open_source('~/images'), ImageFolder)


@pytest.mark.parametrize('text', ['no/such/place', 'a\0b', '~nobody-of-that-name/x', 'x' * 5000])
def test_a_name_of_nothing_is_an_error_that_says_what_to_give(text):
    with pytest.raises(
        SourceError, match='folder of images, a video file, or "synthetic"'
    ) as info:
        open_source(text)
    assert repr(text) in str(info.value)


def test_a_single_image_is_an_error_that_asks_for_a_folder_or_video(make_folder):
    path = make_folder(['1.png']) / '1.png'
    with pytest.raises(SourceError, match=r'1\.png is a single image.*folder.*video'):
        open_source(str(path))


@pytest.mark.parametrize('suffix', ['.webp', '.tiff'])
def test_a_single_image_of_another_format_is_not_taken_for_a_video(tmp_path, suffix):
    path = tmp_path / f'picture_1{suffix}'
    cv2.imwrite(str(path), np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(SourceError, match=r'picture_1.* is a single image'):
        open_source(str(path))


def test_a_text_file_is_an_error(tmp_path):
    path = tmp_path / 'notes.txt'
    path.write_text('hello')
    with pytest.raises(SourceError, match=r'notes\.txt'):
        open_source(str(path))


def test_a_rate_of_nothing_is_refused_for_every_source(make_folder, make_video):
    for text in ('', str(make_folder(['1.png'])), str(make_video())):
        with pytest.raises(ConfigError, match='rate'):
            open_source(text, rate_hz=0.0)


def test_a_file_is_opened_without_loading_torch(make_folder):
    folder = make_folder(['1.png'])
    script = (
        'import sys; from vggt_ros.sources.open import open_source; '
        f"open_source({str(folder)!r}); sys.exit('torch' in sys.modules)"
    )
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, '-c', script], cwd=root, check=False).returncode == 0
