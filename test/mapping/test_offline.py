import pytest

from vggt_ros.errors import InputError, PredictionError
from vggt_ros.mapping.mapper import Mapper
from vggt_ros.mapping.offline import finish_windows, map_frames
from vggt_ros.mapping.predicted_window import Wanted


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


def test_a_window_is_finished_with_what_it_brought_or_why_it_failed(mapper, make_frame, predictor):
    predictor.failures.append(PredictionError('the network failed'))
    for index in range(20):
        mapper.add_frame(make_frame(index))
    first, *others = finish_windows(mapper, Wanted(tracks=False))
    assert (first.update, str(first.error)) == (None, 'the network failed')
    assert others
    for each in others:
        assert each.error is None
        new = [result.frame.id for result in each.update.new_frames]
        assert new == [frame.id for frame in each.window.frames[-len(new) :]]


def test_a_frame_that_can_not_be_used_is_an_error(mapper, make_frame):
    with pytest.raises(InputError):
        list(map_frames(mapper, [make_frame(1), make_frame(0)]))
