import threading

import pytest

from vggt_ros.errors import CheckpointError, CheckpointNotFoundError
from vggt_ros.ros import predictor_loader
from vggt_ros.ros.predictor_loader import PredictorLoader
from vggt_ros.settings.config import ModelSettings

SETTINGS = ModelSettings(checkpoint='nano')


@pytest.fixture
def slow_load(monkeypatch):
    """Replace loading by waiting for an event, then returning None."""
    go = threading.Event()
    monkeypatch.setattr(predictor_loader, 'load_backbone', lambda settings: go.wait(10) and None)
    yield go
    go.set()


def test_the_predictor_comes_out():
    loader = PredictorLoader(SETTINGS, print)
    predictor = loader.result(lambda: True)
    assert predictor.description.checkpoint == 'nano'
    assert loader.is_done


def test_a_failure_is_raised_where_the_result_is_asked_for():
    loader = PredictorLoader(ModelSettings(checkpoint='/nowhere.pt'), print)
    with pytest.raises(CheckpointNotFoundError, match='nowhere'):
        loader.result(lambda: True)


def test_waiting_can_be_ended(slow_load):
    loader = PredictorLoader(SETTINGS, print)
    answers = iter([True, False])
    assert loader.result(lambda: next(answers)) is None
    assert not loader.is_done


def test_progress_is_logged_now_and_then(slow_load, monkeypatch):
    lines, now_s = [], [100.0]
    monkeypatch.setattr(predictor_loader.time, 'monotonic', lambda: now_s[0])
    loader = PredictorLoader(SETTINGS, lines.append)
    loader.report()
    assert not lines
    now_s[0] = 107.0
    loader.report()
    loader.report()
    assert lines == ['still loading nano after 7 s']


def test_a_long_wait_is_said_with_its_end(slow_load, monkeypatch):
    now_s = [100.0]
    monkeypatch.setattr(predictor_loader.time, 'monotonic', lambda: now_s[0])
    loader = PredictorLoader(SETTINGS, print)
    assert loader.delay == ''
    now_s[0] = 120.0
    assert 'still loading nano after 20 s' in loader.delay
    assert 'model.hub_timeout' in loader.delay


def test_every_failure_of_a_checkpoint_is_one_of_ours():
    assert issubclass(CheckpointNotFoundError, CheckpointError)
