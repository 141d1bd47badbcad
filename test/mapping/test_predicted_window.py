import pytest

from vggt_ros.errors import PredictionError
from vggt_ros.mapping.mapper import Mapper
from vggt_ros.mapping.predicted_window import Wanted


@pytest.fixture
def mapper(predictor, make_config, make_frame):
    mapper = Mapper(predictor, make_config(), offline=True)
    for index in range(6):
        mapper.add_frame(make_frame(index))
    return mapper


def test_what_the_network_answers_is_of_no_effect_until_it_is_added(mapper):
    predicted = mapper.predict(mapper.wait_for_window(0.0), Wanted(tracks=False))
    assert predicted.answer.depth.shape[0] == 6
    assert mapper.snapshot().frames_pending == 6
    assert mapper.snapshot().num_submaps == 0
    assert len(mapper.add(predicted).new_frames) == 6
    assert mapper.snapshot().num_submaps == 1


def test_an_error_of_the_network_comes_when_its_window_is_added(mapper, predictor):
    predictor.failures = [PredictionError('broken')]
    predicted = mapper.predict(mapper.wait_for_window(0.0), Wanted(tracks=False))
    assert mapper.snapshot().state == 'buffering'
    with pytest.raises(PredictionError, match='broken'):
        mapper.add(predicted)
    assert mapper.snapshot().state == 'lost'


def test_a_window_from_before_a_reset_is_not_shown_to_the_network(mapper, predictor):
    window = mapper.wait_for_window(0.0)
    mapper.reset()
    predicted = mapper.predict(window, Wanted(tracks=False))
    assert predicted.answer is None
    assert not predictor.windows
    assert mapper.add(predicted) is None
