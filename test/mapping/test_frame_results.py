import numpy as np
import pytest

from vggt_ros.errors import PredictionError
from vggt_ros.inference.prediction import Request
from vggt_ros.mapping.frame_results import frame_results
from vggt_ros.mapping.submap import submap_from_prediction
from vggt_ros.mapping.track_book import Queries
from vggt_ros.mapping.window import Window

ALL = np.ones(5, dtype=bool)


@pytest.fixture
def window(make_frame):
    frames = tuple(make_frame(index) for index in range(5))
    return Window(frames=frames, num_overlap=2, epoch=0)


@pytest.fixture
def predict(predictor, window):
    def answer(request):
        prediction = predictor.predict([frame.image for frame in window.frames], request)
        return prediction, submap_from_prediction(window, prediction)

    return answer


def test_there_is_one_result_for_each_new_frame_with_its_own_rows(window, predict, make_config):
    prediction, submap = predict(Request())
    results = frame_results(window, prediction, submap, ALL, make_config().cloud, None)
    assert [result.frame.id for result in results] == [2, 3, 4]
    for i, result in enumerate(results, start=2):
        np.testing.assert_array_equal(result.image, prediction.images[i])
        np.testing.assert_array_equal(result.depth, submap.depth[i])
        np.testing.assert_array_equal(result.map_from_cam, submap.submap_from_cam[i])
        assert result.tracks is None


def test_a_point_stays_if_the_prediction_keeps_it_and_it_is_in_range(window, predict, make_config):
    prediction, submap = predict(Request(filter=make_config().cloud))
    everything = frame_results(window, prediction, submap, ALL, make_config().cloud, None)
    for i, result in enumerate(everything, start=2):
        np.testing.assert_array_equal(result.keep, prediction.keep[i])
    low, high = (float(limit) for limit in np.quantile(submap.depth, [0.2, 0.7]))
    settings = make_config(cloud__min_depth=low, cloud__max_depth=high).cloud
    results = frame_results(window, prediction, submap, ALL, settings, None)
    for i, result in enumerate(results, start=2):
        depth = submap.points_in_cam[i, ..., 2]
        expected = prediction.keep[i] & (depth >= low) & (depth <= high)
        np.testing.assert_array_equal(result.keep, expected)
        assert 0 < expected.sum() < prediction.keep[i].sum()


def test_a_pixel_without_a_point_is_not_kept(window, predict, make_config):
    prediction, submap = predict(Request())
    submap.points_in_cam[3, 5, 6] = np.nan
    results = frame_results(window, prediction, submap, ALL, make_config().cloud, None)
    assert prediction.keep[3, 5, 6]
    assert not results[1].keep[5, 6]


def test_tracks_are_those_of_the_same_frame(window, predict, make_config):
    uv_image = np.array([[10, 20], [40, 30]], np.float32)
    prediction, submap = predict(Request(query_points=uv_image))
    queries = Queries(ids=np.array([7, 9], np.uint32), uv_image=uv_image)
    results = frame_results(window, prediction, submap, ALL, make_config().cloud, queries)
    for i, result in enumerate(results, start=2):
        assert result.tracks.ids.tolist() == [7, 9]
        np.testing.assert_array_equal(result.tracks.uv, prediction.tracks.positions[i])


def test_frames_that_are_not_believed_have_no_result(window, predict, make_config):
    prediction, submap = predict(Request())
    believed = np.array([True, False, False, True, True])
    results = frame_results(window, prediction, submap, believed, make_config().cloud, None)
    assert [result.frame.id for result in results] == [3, 4]
    with pytest.raises(PredictionError, match='none of the 3 new frames agrees'):
        frame_results(window, prediction, submap, ~ALL, make_config().cloud, None)
