from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from vggt_ros.errors import ConfigError, SourceError
from vggt_ros.offline.open_input import Input, open_input, Selection


def taken(opened, **values):
    some = replace(opened, selection=Selection(**values))
    first_ns = opened.source.frame(0).stamp_ns
    return [(frame.stamp_ns - first_ns) // 50_000_000 for frame in some], some


def test_all_frames_are_taken_unless_asked_otherwise(opened, walk):
    numbers, some = taken(opened)
    assert numbers == list(range(len(walk)))
    assert some.num_frames == len(walk)


@pytest.mark.parametrize(
    ('values', 'wanted', 'count'),
    [
        ({'every': 10}, [0, 10, 20], 3),
        ({'max_frames': 2}, [0, 1], 2),
        ({'every': 5, 'max_frames': 3}, [0, 5, 10], 3),
        ({'start_s': 1.0}, [20, 21, 22, 23, 24], None),
        ({'stop_s': 0.15}, [0, 1, 2], None),
        ({'start_s': 0.1, 'stop_s': 0.25, 'every': 2}, [2, 4], None),
        ({'fps': 5.0}, [0, 4, 8, 12, 16, 20, 24], None),
        ({'fps': 8.0, 'max_frames': 4}, [0, 3, 5, 8], 4),
    ],
)
def test_a_selection_takes_what_it_says(opened, values, wanted, count):
    numbers, some = taken(opened, **values)
    assert numbers == wanted
    assert some.num_frames == count


@pytest.mark.parametrize(
    ('values', 'match'),
    [
        ({'every': 0}, '--every must be at least 1; got 0'),
        ({'fps': 0.0}, '--fps must be above 0'),
        ({'max_frames': 0}, 'at least 1; got 0'),
        ({'start_s': -1.0}, '--start must be at least 0'),
        ({'start_s': 2.0, 'stop_s': 2.0}, '--stop after it; got 2 and 2'),
    ],
)
def test_a_selection_of_nothing_is_refused(values, match):
    with pytest.raises(ConfigError, match=match):
        Selection(**values)


def test_the_files_tell_what_an_input_is(rgbd_folder, tmp_path):
    data_set = open_input(rgbd_folder)
    assert (data_set.layout, data_set.num_frames) == ('rgbd', 10)
    assert next(iter(data_set)).world_from_cam is not None
    images = open_input(rgbd_folder / 'color')
    assert (images.layout, images.name) == ('images', 'color')
    assert isinstance(images, Input)


def test_the_format_overrules_the_files(rgbd_folder):
    cv2.imwrite(str(rgbd_folder / '0.png'), np.zeros((48, 64, 3), np.uint8))
    cv2.imwrite(str(rgbd_folder / '1.png'), np.zeros((48, 64, 3), np.uint8))
    assert open_input(rgbd_folder, layout='images').layout == 'images'
    with pytest.raises(SourceError, match='not of the layout euroc'):
        open_input(rgbd_folder, layout='euroc')
    with pytest.raises(SourceError, match='not of the format video'):
        open_input(rgbd_folder, layout='video')


def test_what_is_not_there_is_refused(tmp_path):
    with pytest.raises(SourceError, match='nothing to read'):
        open_input(tmp_path / 'none')


@pytest.mark.parametrize(
    'given', [{'topic': '/image'}, {'camera': 'left'}, {'calibration': Path('k.yaml')}], ids=str
)
def test_an_option_of_no_use_is_refused(rgbd_folder, given):
    with pytest.raises(ConfigError, match=f'--{next(iter(given))} .* is of no use'):
        open_input(rgbd_folder, **given)
