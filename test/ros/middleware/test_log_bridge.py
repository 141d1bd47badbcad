import logging

import pytest

from vggt_ros.errors import PredictionError
from vggt_ros.ros.middleware.log_bridge import LogBridge


class RosLogger:
    def __init__(self):
        self.lines = []

    def __getattr__(self, severity):
        return lambda text: self.lines.append((severity, text))


@pytest.fixture
def ros():
    package = logging.getLogger('vggt_ros')
    before = package.level, package.propagate, list(package.handlers)
    logger = RosLogger()
    LogBridge(logger).install()
    yield logger
    package.level, package.propagate, package.handlers = before


@pytest.mark.parametrize('severity', ['debug', 'info', 'warning', 'error'])
def test_a_record_keeps_its_severity(ros, severity):
    getattr(logging.getLogger('vggt_ros.mapping.mapper'), severity)('%d frames', 3)
    assert ros.lines == [(severity, '3 frames')]


def fail(error):
    log = logging.getLogger('vggt_ros.mapping.worker')

    def work():
        raise error

    try:
        work()
    except Exception:
        log.exception('a window failed')


def test_an_error_on_purpose_comes_with_its_message_only(ros):
    fail(PredictionError('no memory; lower window.size'))
    ((severity, text),) = ros.lines
    assert severity == 'error'
    assert 'a window failed: no memory; lower window.size' in text
    assert 'Traceback' not in text


def test_any_other_error_comes_with_its_traceback(ros):
    fail(ZeroDivisionError('by zero'))
    assert 'Traceback' in ros.lines[0][1]


def test_the_same_error_again_and_again_is_held_back(ros):
    for _ in range(5):
        fail(PredictionError('no memory'))
    assert len(ros.lines) == 1
