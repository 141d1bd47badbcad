from dataclasses import replace

import numpy as np
import pytest

from vggt_ros.errors import AlignmentError
from vggt_ros.inference.prediction import Request
from vggt_ros.mapping.frame_results import frame_results
from vggt_ros.mapping.map_state import MapState, place
from vggt_ros.mapping.submap import submap_from_prediction
from vggt_ros.mapping.window import Window


@pytest.fixture
def make_window(make_frame):
    def make(indices, num_overlap):
        frames = tuple(make_frame(index) for index in indices)
        return Window(frames=frames, num_overlap=num_overlap, epoch=0)

    return make


@pytest.fixture
def add(predictor, make_config):
    """Predict a window and add it to the map."""

    def add_to(state, window):
        prediction = predictor.predict([frame.image for frame in window.frames], Request())
        submap = submap_from_prediction(window, prediction)
        believed = np.ones(len(window.frames), dtype=bool)
        placement = place(window, submap, state.last, believed)
        in_map = submap.moved(placement.map_from_submap)
        settings = make_config().cloud
        results = frame_results(window, prediction, in_map, believed, settings, None)
        state.add(in_map, placement.map_from_submap.scale, results)
        return placement, in_map

    return add_to


@pytest.fixture
def state(make_config):
    return MapState(make_config())


def test_the_first_window_gives_the_unit_and_starts_at_the_origin(state, add, make_window):
    placement, in_map = add(state, make_window(range(6), 0))
    assert (placement.map_from_submap.scale, placement.scale_residual) == (1.0, 0.0)
    np.testing.assert_allclose(in_map.submap_from_cam[0, :3, 3], 0, atol=1e-12)


def test_the_last_frames_are_kept_for_the_next_seam_in_map_units(state, add, make_window):
    _, in_map = add(state, make_window(range(6), 0))
    assert state.last.in_map.frame_ids == (3, 4, 5)
    np.testing.assert_array_equal(state.last.in_map.depth, in_map.depth[3:])


def test_shared_frames_come_to_the_same_place_again(state, add, make_window):
    _, before = add(state, make_window(range(6), 0))
    _, after = add(state, make_window(range(3, 9), 3))
    np.testing.assert_allclose(after.submap_from_cam[:3], before.submap_from_cam[3:], atol=1e-5)
    np.testing.assert_allclose(after.depth[:3], before.depth[3:], rtol=1e-5)


def test_only_new_frames_enter_path_and_cloud(state, add, make_window):
    add(state, make_window(range(6), 0))
    hits = int(state.voxels.points().hits.sum())
    add(state, make_window(range(3, 9), 3))
    assert len(state.trajectory) == 9
    assert state.voxels.points().hits.sum() == pytest.approx(1.5 * hits, rel=0.1)


def test_a_window_without_shared_frames_says_that_its_seam_is_unknown(state, add, make_window):
    first, in_map = add(state, make_window(range(6), 0))
    second, segment = add(state, make_window(range(20, 26), 0))
    assert np.isnan(second.scale_residual)
    assert second.map_from_submap.scale == first.map_from_submap.scale
    np.testing.assert_allclose(segment.submap_from_cam[0], in_map.submap_from_cam[-1], atol=1e-9)


def test_a_seam_that_can_not_be_registered_is_refused(state, add, make_window, predictor):
    add(state, make_window(range(6), 0))
    predictor.spoil = lambda parts: parts['depth'][:3].fill(np.nan)
    with pytest.raises(AlignmentError):
        add(state, make_window(range(3, 9), 3))


def test_a_cleared_map_starts_again(state, add, make_window):
    add(state, make_window(range(6), 0))
    state.clear()
    assert (len(state.voxels), len(state.trajectory), state.last) == (0, 0, None)
    placement, _ = add(state, make_window(range(10, 16), 0))
    assert placement.map_from_submap.scale == 1.0


def test_new_bounds_hold_at_once(state, add, make_window, make_config):
    add(state, make_window(range(6), 0))
    state.update_config(make_config(map__max_points=1000, path__max_size=2))
    assert len(state.trajectory) == 2
    assert len(state.voxels) <= 1000


def test_a_seam_of_frames_that_nobody_believes_is_refused(
    add, make_window, make_config, predictor
):
    state = MapState(make_config())
    add(state, make_window(range(5), 0))
    window = make_window(range(3, 8), num_overlap=2)
    prediction = predictor.predict([frame.image for frame in window.frames], Request())
    submap = submap_from_prediction(window, prediction)
    believed = np.array([False, False, True, True, True])
    with pytest.raises(AlignmentError, match='none of the 2 frames that the window shares'):
        place(window, submap, state.last, believed)
    believed[1] = True
    wrong = submap.submap_from_cam.copy()
    wrong[0] = np.eye(4)
    bent = replace(submap, submap_from_cam=wrong)
    found = place(window, bent, state.last, believed).map_from_submap
    expected = place(window, submap, state.last, believed).map_from_submap
    np.testing.assert_array_equal(found.translation, expected.translation)
