from dataclasses import replace

import numpy as np
import pytest
import torch

from vggt_ros.inference.prediction import Request
from vggt_ros.mapping.backend.overlap_reference import anchor_poses, overlap_reference
from vggt_ros.mapping.backend.registered_window import unit_of
from vggt_ros.mapping.frontend.window import Window
from vggt_ros.mapping.map_state import MapState
from vggt_ros.mapping.registration.submap import submap_from_prediction
from vggt_ros.mapping.registration.window_refiner import WindowRefiner
from vggt_ros.settings.live_config import LiveConfig
from vggt_ros.settings.refine_config import RefineSettings


@pytest.fixture(scope='module')
def refinement(hall):
    """What the images of a hall say; only unit and anchors count here."""
    window = hall.window(0, 2, 4)
    prediction = hall.predict(window)
    submap = submap_from_prediction(window, prediction)
    settings = RefineSettings(mode='poses', max_features=300, budget_ms=60_000)
    refiner = WindowRefiner(settings, 20, 6, torch.device('cpu'))
    return replace(refiner.refine(window, prediction, submap, None), unit=2.0)


@pytest.fixture
def enter(make_frame, predictor, make_view, make_config, refinement):
    """Enter a window into a map of its own; `refined` says that its images confirm it."""

    def make(indices, *, refined=False, anchors=None, **estimate):
        frames = tuple(make_frame(index) for index in indices)
        window = Window.of_frames(frames, 0, 0)
        prediction = predictor.predict([frame.image for frame in frames], Request())
        registered = MapState(LiveConfig(make_config())).enter(
            make_view(window, prediction, **estimate)
        )
        if not refined:
            return registered
        said = replace(refinement, anchor_poses=anchors or {})
        return replace(registered, estimate=replace(registered.estimate, refinement=said))

    return make


def test_the_newest_frames_are_shared_and_those_before_are_no_anchors_unless_refined(enter):
    registered = enter(range(6))
    found = overlap_reference(registered, None, 2, 8, float('nan'))
    assert found.in_map.frame_ids == (4, 5)
    assert found.anchors == ()
    assert found.unit == unit_of(registered.estimate, registered.placement) == 1.0
    assert found.map_from_odom is None
    assert len(found.inconsistency) == 2


def test_frames_that_are_not_believed_are_neither_shared_nor_anchors(enter):
    is_inlier = np.array([True, False, True, True, False, True])
    found = overlap_reference(enter(range(6), refined=True, is_inlier=is_inlier), None, 2, 8, 1.0)
    assert found.in_map.frame_ids == (3, 5)
    assert [each.frame.id for each in found.anchors] == [0, 2]
    assert found.unit == 2.0


def test_anchors_are_bounded_and_the_newest_stay(enter):
    found = overlap_reference(enter(range(6), refined=True), None, 2, 3, 1.0)
    assert [each.frame.id for each in found.anchors] == [1, 2, 3]


def test_a_window_says_where_its_anchors_are_in_the_map(enter):
    pose = np.eye(4)
    pose[0, 3] = 3.0
    registered = enter(range(6), refined=True, anchors={77: pose})
    (found,) = anchor_poses(registered).items()
    assert found[0] == 77
    np.testing.assert_allclose(
        found[1], registered.placement.map_from_submap.apply_to_pose(pose), atol=1e-12
    )
    assert anchor_poses(enter(range(6))) == {}
