from dataclasses import replace

import pytest

from vggt_ros.mapping.frontend.view_quality import ViewQuality, why_blind, why_no_window
from vggt_ros.settings.config import KeyframeSettings

STILL = ViewQuality(
    mean_gray=110.0,
    num_corners=80,
    motion_px=0.26,
)


def reason(waited_s=10.0, **changes):
    return why_no_window(replace(STILL, **changes), waited_s, KeyframeSettings())


def test_before_the_first_image_there_is_nothing_to_say():
    assert why_no_window(None, 10.0, KeyframeSettings()) == ''


def test_a_camera_that_moves_now_and_then_is_told_nothing():
    assert reason(waited_s=2.0) == ''


def test_a_camera_that_stands_still_lacks_parallax():
    assert reason() == (
        'no parallax for 10 s: the image moved by 0.3 px of 518 (keyframe.min_parallax is 8 px): '
        'move the camera sideways'
    )


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        ({'mean_gray': 0.0, 'num_corners': 0}, 'too dark (mean brightness 0 of 255) for 10 s'),
        ({'mean_gray': 255.0, 'num_corners': 0}, 'too bright (mean brightness 255 of 255)'),
        ({'num_corners': 3}, 'no texture (3 corners, 12 are needed, mean brightness 110 of 255)'),
    ],
)
def test_an_image_that_shows_nothing_is_told_by_what_it_lacks(changes, words):
    assert words in reason(**changes)


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        ({'mean_gray': 1.0, 'num_corners': 0, 'blind_s': 20.0}, 'too dark (mean brightness 1'),
        ({'mean_gray': 254.0, 'num_corners': 0, 'blind_s': 20.0}, 'too bright (mean brightness'),
        ({'num_corners': 0, 'blind_s': 20.0}, 'no texture (0 corners'),
        ({'frozen_s': 20.0, 'num_frozen': 200}, 'the same to the last gray value for 20 s'),
    ],
)
def test_a_blind_camera_is_told_why(changes, words):
    assert words in why_blind(replace(STILL, **changes))


@pytest.mark.parametrize(
    'changes',
    [
        {},
        {'mean_gray': 1.0, 'num_corners': 0, 'blind_s': 0.5},
        {'frozen_s': 1.0, 'num_frozen': 10},
        # At one image a minute two that are the same are no hanging camera.
        {'frozen_s': 60.0, 'num_frozen': 1},
    ],
)
def test_a_moment_without_sight_is_told_nothing(changes):
    assert why_blind(None) == why_blind(replace(STILL, **changes)) == ''
