import threading
import time

import pytest

from vggt_ros.inference.silence import SilenceError, unless_silent


def test_work_that_ends_is_returned_or_raised():
    assert unless_silent(lambda: 7, lambda: 0, 5.0) == 7
    assert unless_silent(lambda: 7, lambda: 0, 0.0) == 7

    def fail():
        raise KeyError('x')

    with pytest.raises(KeyError):
        unless_silent(fail, lambda: 0, 5.0)


def test_silence_is_given_up_and_progress_is_not():
    release = threading.Event()
    start_s = time.monotonic()
    with pytest.raises(SilenceError, match='nothing was heard for'):
        unless_silent(release.wait, lambda: 0, 0.5)
    assert 0.5 <= time.monotonic() - start_s < 5.0
    release.set()

    def work():
        time.sleep(1.5)
        return 'done'

    assert unless_silent(work, time.monotonic, 0.5) == 'done'
