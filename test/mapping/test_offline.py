import pytest

from vggt_ros.errors import InputError, PredictionError
from vggt_ros.mapping.mapper import Mapper
from vggt_ros.mapping.offline import map_frames


@pytest.fixture
def mapper(predictor, make_config):
    return Mapper(predictor, make_config(), offline=True)


def test_every_frame_is_in_an_update_once_and_the_rest_at_the_end(mapper, make_frame):
    updates = list(map_frames(mapper, map(make_frame, range(17))))
    found = [result.frame.id for update in updates for result in update.new_frames]
    assert found == list(range(17))


def test_updates_come_as_soon_as_there_are_some(mapper, make_frame):
    taken = []

    def frames():
        for index in range(40):
            taken.append(index)
            yield make_frame(index)

    next(map_frames(mapper, frames()))
    assert len(taken) < 20


def test_a_window_that_fails_is_said_and_the_next_ones_go_on(
    mapper, make_frame, predictor, caplog
):
    predictor.failures.append(PredictionError('the network failed'))
    updates = list(map_frames(mapper, map(make_frame, range(20))))
    assert updates
    assert mapper.snapshot().counts.windows_failed == 1
    assert 'a window did not enter the map: the network failed' in caplog.text


def test_a_frame_that_can_not_be_used_is_an_error(mapper, make_frame):
    with pytest.raises(InputError):
        list(map_frames(mapper, [make_frame(1), make_frame(0)]))
