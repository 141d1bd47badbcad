"""What benchmarks.moving counts, on a short course."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.moving import Labels, measure
from vggt_ros.synthetic.busy_course import busy_course
from vggt_ros.synthetic.course import make_course
from vggt_ros.synthetic.moving_things import STATIC


@pytest.fixture(scope='module')
def course():
    short = make_course('turning', 110, 3).with_pictures(width=32, height=24, image_scale=1)
    return busy_course(replace(short, paint_seed=None), 3)


def test_colors_say_what_leaves(course):
    labels = Labels(course)
    gray = np.full((24, 32), 200, np.uint8)
    index = max(range(90), key=lambda i: (course.moving_seen(i) != STATIC).sum())
    colors = labels.colors(gray, index).astype(int)
    moving = course.moving_seen(index) != STATIC
    assert (colors[..., 0] == 200).all()
    assert (colors[~moving, 1] == 200).all()
    assert (colors[moving, 1] == 60).mean() > 0.5, 'most of it leaves'


def test_what_left_goes_and_what_stands_stays(course):
    numbers = measure(course, 3)
    assert numbers['left_percent'] < 95.0
    assert numbers['static_lost_percent'] < 1.0
