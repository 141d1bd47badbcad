from dataclasses import replace

import numpy as np
import pytest

from vggt_ros.geometry.uncertainty import UNKNOWN_VARIANCE
from vggt_ros.inference.prediction import Request
from vggt_ros.mapping.frame_results import frame_results
from vggt_ros.mapping.frontend.window import Window
from vggt_ros.mapping.layers.track_registry import Queries
from vggt_ros.mapping.map_state import MapState
from vggt_ros.mapping.registration.pose_error_model import PoseErrorModel
from vggt_ros.settings.live_config import LiveConfig

ALL = np.ones(5, dtype=bool)


@pytest.fixture
def window(make_frame):
    frames = tuple(make_frame(index) for index in range(5))
    return Window.of_frames(frames, 2, 0)


@pytest.fixture
def predict(predictor, window, make_view, make_config):
    def answer(request, is_inlier=ALL):
        prediction = predictor.predict([frame.image for frame in window.frames], request)
        first = replace(window, num_overlap_sets=0)
        registered = MapState(LiveConfig(make_config())).enter(
            make_view(first, prediction, is_inlier=is_inlier)
        )
        estimate = replace(registered.estimate, window=window)
        return prediction, replace(registered, estimate=estimate)

    return answer


def test_there_is_one_result_for_each_new_frame_with_its_own_rows(predict, make_config):
    prediction, registered = predict(Request())
    results = frame_results(registered, prediction, PoseErrorModel(), make_config().cloud, None)
    assert [result.frame.id for result in results] == [2, 3, 4]
    for i, result in enumerate(results, start=2):
        np.testing.assert_array_equal(result.image, prediction.images[i])
        np.testing.assert_array_equal(result.depth, registered.in_map.depth[i])
        np.testing.assert_array_equal(result.map_from_cam, registered.in_map.ref_from_cam[i])
        assert result.tracks is None


def test_a_point_stays_if_the_prediction_keeps_it_and_it_is_in_range(predict, make_config):
    prediction, registered = predict(Request(filter=make_config().cloud))
    everything = frame_results(registered, prediction, PoseErrorModel(), make_config().cloud, None)
    for i, result in enumerate(everything, start=2):
        np.testing.assert_array_equal(result.keep, prediction.keep[i])
    low, high = (float(limit) for limit in np.quantile(registered.in_map.depth, [0.2, 0.7]))
    settings = make_config(cloud__min_depth=low, cloud__max_depth=high).cloud
    results = frame_results(registered, prediction, PoseErrorModel(), settings, None)
    for i, result in enumerate(results, start=2):
        depth = registered.in_map.points_in_cam[i, ..., 2]
        expected = prediction.keep[i] & (depth >= low) & (depth <= high)
        np.testing.assert_array_equal(result.keep, expected)
        assert 0 < expected.sum() < prediction.keep[i].sum()


def test_a_pixel_without_a_point_is_not_kept(predict, make_config):
    prediction, registered = predict(Request())
    registered.in_map.points_in_cam[3, 5, 6] = np.nan
    results = frame_results(registered, prediction, PoseErrorModel(), make_config().cloud, None)
    assert prediction.keep[3, 5, 6]
    assert not results[1].keep[5, 6]


def test_tracks_are_those_of_the_same_frame(predict, make_config):
    uv_image = np.array([[10, 20], [40, 30]], np.float32)
    prediction, registered = predict(Request(query_points=uv_image))
    queries = Queries(ids=np.array([7, 9], np.uint32), uv_image=uv_image)
    results = frame_results(registered, prediction, PoseErrorModel(), make_config().cloud, queries)
    for i, result in enumerate(results, start=2):
        assert result.tracks.ids.tolist() == [7, 9]
        np.testing.assert_array_equal(result.tracks.uv, prediction.tracks.positions[i])


def test_frames_that_are_not_believed_have_no_result(predict, make_config):
    is_inlier = np.array([True, False, False, True, True])
    prediction, registered = predict(Request(), is_inlier)
    results = frame_results(registered, prediction, PoseErrorModel(), make_config().cloud, None)
    assert [result.frame.id for result in results] == [3, 4]


def test_poses_are_the_less_sure_the_farther_they_are_from_the_first(predict, make_config):
    prediction, registered = predict(Request())
    noise = PoseErrorModel()
    results = frame_results(registered, prediction, noise, make_config().cloud, None)
    sigmas = [np.sqrt(np.trace(result.covariance[:3, :3]) / 3) for result in results]
    positions = registered.in_map.ref_from_cam[:, :3, 3]
    ways = np.linalg.norm(positions[2:] - positions[0], axis=1)
    depth = float(np.nanmedian(registered.in_map.depth))
    expected = [depth * noise.over(float(way) / depth)[1] for way in ways]
    np.testing.assert_allclose(sigmas, expected, rtol=1e-6)


def test_where_nothing_ties_a_window_to_the_map_its_poses_are_a_guess(predict, make_config):
    prediction, registered = predict(Request())
    lost = replace(registered, placed=replace(registered.placed, segment=1))
    results = frame_results(lost, prediction, PoseErrorModel(), make_config().cloud, None)
    for result in results:
        np.testing.assert_array_equal(result.covariance, UNKNOWN_VARIANCE * np.eye(6))


@pytest.mark.parametrize(('dynamic', 'is_marked'), [('keep', False), ('remove', True)])
def test_what_moves_is_marked_where_the_map_does_not_keep_it(
    predictor, make_config, make_frame, make_view, dynamic, is_marked
):
    config = make_config(map__dynamic=dynamic)
    window = Window.of_frames(tuple(make_frame(index) for index in range(6)), 0, 0)
    prediction = predictor.predict([frame.image for frame in window.frames], Request())
    state = MapState(LiveConfig(config))
    registered = state.enter(make_view(window, prediction))
    results = frame_results(registered, prediction, state.noise, config.cloud, None, config.map)
    for result in results:
        if is_marked:
            assert result.moves.mean() < 0.05, 'nothing moves in the room'
        else:
            assert result.moves is None
            assert result.drawn is result.keep
