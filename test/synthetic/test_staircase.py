import numpy as np
import pytest

from vggt_ros.synthetic.box_painter import BoxPainter
from vggt_ros.synthetic.staircase import Staircase
from vggt_ros.synthetic.walk import look

K = np.array([[145.0, 0, 79.5], [0, 145, 59.5], [0, 0, 1]])


@pytest.fixture
def stairs():
    return Staircase.of_length(60.0)


def test_the_way_is_as_long_as_was_asked(stairs):
    curve = stairs.curve()
    length_m = np.linalg.norm(np.diff(curve, axis=0), axis=1).sum()
    assert 60.0 <= length_m < 66.0
    assert Staircase.of_length(1.0).rise_m >= 5.0, 'a corridor is longer than it is wide'


def test_nothing_stands_in_the_way(stairs, rng):
    world, curve = stairs.world(rng, 2.8), stairs.curve()
    gap = np.maximum(world.boxes[None, :, 0, :2] - curve[::20, None], 0)
    gap = np.maximum(gap, curve[::20, None] - world.boxes[None, :, 1, :2])
    assert np.linalg.norm(gap, axis=-1).min() > 0.4


def test_every_step_looks_exactly_like_the_one_before(stairs, rng):
    world = stairs.world(rng, 2.8)
    painter = BoxPainter(world, 0)
    shift = np.array([stairs.run_m, stairs.rise_m, 0.0])
    places = stairs.curve()[200:3200:600]
    for k, place in enumerate(places):
        yaw = 0.0 if abs(place[1]) < 0.2 else np.pi / 2
        center = np.array([[*place, 1.1], np.array([*place, 1.1]) + shift])
        poses = look(center, np.full(2, yaw + 0.1 * k), np.full(2, -0.1))
        here, there = (painter.paint(pose, K, 160, 120).astype(int) for pose in poses)
        assert here.std() > 10
        assert np.quantile(np.abs(here - there), 0.99) < 12, 'but for the noise of the camera'
        depths = [world.depth(pose, K, 160, 120) for pose in poses]
        assert np.quantile(np.abs(depths[0] - depths[1]), 0.99) < 1e-3


def test_each_frame_is_shifted_by_whole_steps(stairs):
    curve = stairs.curve()
    shift = stairs.shift_of(np.concatenate([curve, np.ones((len(curve), 1))], axis=1))
    steps = shift[:, 0] / stairs.run_m
    assert sorted(set(np.rint(steps).astype(int).tolist())) == [0, 1, 2]
    np.testing.assert_allclose(shift[:, 1], np.rint(steps) * stairs.rise_m)
    assert (np.diff(steps) >= 0).all()
