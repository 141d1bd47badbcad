import numpy as np
import pytest

from vggt_ros.mapping.frontend.sight import Sight
from vggt_ros.mapping.frontend.view_quality import why_blind

SECOND_NS = 1_000_000_000


@pytest.fixture
def look(make_frame):
    """Show an image of the walk to a sight, as the selector does; `gray` for an empty one."""

    def show(sight, at_s, index, *, gray=None, motion_px=0.0):
        image = None if gray is None else np.full((60, 80, 3), gray, np.uint8)
        frame = make_frame(index, image=image)
        small = {0: frame.thumbnail()}
        sight.note_change(at_s * SECOND_NS, small)
        if gray is None:
            sight.note_seen(at_s * SECOND_NS, small, 50, motion_px)
        else:
            sight.note_blind(at_s * SECOND_NS, small)

    return show


def test_before_anything_was_shown_nothing_is_said():
    assert Sight().quality is None
    assert not Sight().was_blind


def test_the_time_without_anything_to_see_is_counted_and_ends_with_a_followed_image(look):
    sight = Sight()
    look(sight, 1, 0)
    for at_s in range(2, 12):
        look(sight, at_s, at_s, gray=at_s)
    assert sight.quality.blind_s == 10.0
    assert sight.quality.num_corners == 0
    assert sight.was_blind
    look(sight, 12, 12, motion_px=float('inf'))
    assert sight.was_blind, 'another place may be seen'
    look(sight, 13, 13)
    assert not sight.was_blind
    assert sight.quality.blind_s == 0.0


def test_images_that_do_not_change_at_all_are_counted(look):
    sight = Sight()
    for at_s in range(1, 13):
        look(sight, at_s, 0)
    assert sight.quality.num_frozen == 11
    assert sight.quality.frozen_s == 11.0
    assert why_blind(sight.quality)
    look(sight, 13, 500)
    assert sight.quality.num_frozen == 0


def test_a_lens_that_is_covered_does_not_speak_for_the_others(make_frame):
    sight = Sight()
    dark = make_frame(0, image=np.full((60, 80, 3), 5, np.uint8)).thumbnail()
    lit = make_frame(0, image=np.full((60, 80, 3), 120, np.uint8)).thumbnail()
    sight.note_change(1, {0: dark, 1: lit})
    sight.note_blind(1, {0: dark, 1: lit})
    assert sight.quality.mean_gray == pytest.approx(120, abs=1)


def test_a_reset_forgets_all_of_it(look):
    sight = Sight()
    for at_s in range(1, 12):
        look(sight, at_s, 0, gray=5)
    sight.reset()
    assert sight.quality is None
    assert not sight.was_blind
    look(sight, 20, 0)
    assert sight.quality.blind_s == sight.quality.num_frozen == 0
