import numpy as np
import pytest

from vggt_ros.synthetic.busy_course import busy_course
from vggt_ros.synthetic.course import make_course


@pytest.fixture(scope='module')
def busy():
    return busy_course(make_course('figure_eight', 600, 0), 0)


def test_people_a_door_and_a_trolley_are_seen_and_leave(busy):
    names = busy.moving.names
    assert set(names) == {'person', 'door', 'trolley'}
    seen = [busy.moving_seen(i) for i in range(0, 600, 10)]
    of_thing = [names[busy.moving.thing[box]] for box in np.unique(seen) if box >= 0]
    assert set(of_thing) == set(names)
    is_there = np.isfinite(busy.moving.boxes[..., 0, 0])
    for box, thing in enumerate(busy.moving.thing):
        if names[thing] != 'door':
            assert not is_there[540:, box].any()


def test_path_and_what_stands_beside_it_are_those_of_the_course(busy):
    course = make_course('figure_eight', 600, 0)
    np.testing.assert_array_equal(busy.world_from_cam, course.world_from_cam)
    num_boxes = len(course.world.boxes)
    np.testing.assert_array_equal(busy.world.boxes[:num_boxes], course.world.boxes)
    np.testing.assert_array_equal(busy.world.styles[:num_boxes], course.world.styles)


def test_nothing_runs_into_the_robot(busy):
    xy = busy.world_from_cam[:, None, :2, 3]
    for boxes in (busy.moving.boxes, busy.world.boxes[None]):
        gap = np.maximum(boxes[..., 0, :2] - xy, xy - boxes[..., 1, :2])
        assert np.nanmin(np.linalg.norm(np.maximum(gap, 0.0), axis=-1)) > 0.4


def test_a_door_slides_in_a_gap_and_never_jumps(busy):
    door = busy.moving.boxes[:, busy.moving.thing == busy.moving.names.index('door')]
    steps = np.abs(np.diff(door[:, 0, 0], axis=0)).max(axis=1)
    assert 0.0 < steps.max() < 0.12
    assert np.ptp(door[:, 0, 0], axis=0).max() == pytest.approx(0.9)


def test_the_same_seed_gives_the_same_things(busy):
    again, other = (busy_course(make_course('figure_eight', 600, 0), seed) for seed in (0, 1))
    np.testing.assert_array_equal(again.moving.boxes, busy.moving.boxes)
    assert again.moving.boxes.shape != other.moving.boxes.shape or not np.array_equal(
        again.moving.boxes, other.moving.boxes
    )
