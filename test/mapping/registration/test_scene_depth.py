import numpy as np
import pytest

from vggt_ros.mapping.registration.scene_depth import SceneDepth


def depth_of(meters):
    depth = np.full((2, 3, 4), np.nan, np.float32)
    depth[:, 1] = meters
    return depth


def test_before_the_first_window_nothing_is_usual():
    scene = SceneDepth()
    assert np.isnan(scene.usual)
    assert np.isnan(scene.newest_ratio)


def test_one_window_in_front_of_a_wall_does_not_change_what_is_usual():
    scene = SceneDepth()
    for meters in (4.0, 4.2, 3.9, 0.4):
        scene.add(depth_of(meters))
    assert scene.usual == pytest.approx(3.95)
    assert scene.newest_ratio == pytest.approx(0.4 / 3.95)


def test_it_follows_the_map_to_another_unit_and_forgets_with_it():
    scene = SceneDepth()
    scene.add(depth_of(4.0))
    scene.rescale(0.5)
    assert scene.usual == pytest.approx(2.0)
    scene.clear()
    assert np.isnan(scene.usual)
