import numpy as np
import pytest

from vggt_ros.inference.prediction import Request
from vggt_ros.mapping.frame_results import frame_results
from vggt_ros.mapping.point_filter import keep_mask
from vggt_ros.mapping.submap import submap_from_prediction
from vggt_ros.mapping.track_book import Queries
from vggt_ros.mapping.window import Window


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
    results = frame_results(window, prediction, submap, make_config().cloud, None)
    assert [result.frame.id for result in results] == [2, 3, 4]
    for i, result in enumerate(results, start=2):
        np.testing.assert_array_equal(result.image, prediction.images[i])
        np.testing.assert_array_equal(result.depth, submap.depth[i])
        np.testing.assert_array_equal(result.map_from_cam, submap.submap_from_cam[i])
        assert result.tracks is None


def test_the_confidence_percentile_is_one_of_the_whole_window(window, predict, make_config):
    settings = make_config(cloud__confidence_percentile=50.0).cloud
    prediction, submap = predict(Request())
    prediction.depth_conf[:2] = 100.0  # two of five frames
    results = frame_results(window, prediction, submap, settings, None)
    kept = np.mean([result.keep for result in results])
    assert kept == pytest.approx(1 / 6, abs=0.02)  # 10 % of the window in 60 % of its frames
    inside = prediction.grid.inside()
    expected = keep_mask(submap.depth, submap.points_confidence, inside, settings)[2:]
    np.testing.assert_array_equal(np.stack([result.keep for result in results]), expected)


def test_tracks_are_those_of_the_same_frame(window, predict, make_config):
    uv_image = np.array([[10, 20], [40, 30]], np.float32)
    prediction, submap = predict(Request(query_points=uv_image))
    queries = Queries(ids=np.array([7, 9], np.uint32), uv_image=uv_image)
    results = frame_results(window, prediction, submap, make_config().cloud, queries)
    for i, result in enumerate(results, start=2):
        assert result.tracks.ids.tolist() == [7, 9]
        np.testing.assert_array_equal(result.tracks.uv, prediction.tracks.positions[i])
