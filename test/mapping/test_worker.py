import logging
import threading
import time

import pytest

from vggt_ros.errors import AlignmentError, PredictionError
from vggt_ros.mapping.mapper import Mapper
from vggt_ros.mapping.predicted_window import Wanted
from vggt_ros.mapping.registration.pose_priors import NoPriors
from vggt_ros.mapping.worker import Worker


class SlowRobot(NoPriors):
    """Lets a window wait on its way into the map until it is released."""

    def __init__(self):
        self.entered, self.release = threading.Event(), threading.Event()

    def base_from_cam(self, stamp_ns, camera_frame):
        self.entered.set()
        assert self.release.wait(10)
        return


class Listener:
    """Remembers what the worker said and lets a test wait for it."""

    def __init__(self):
        self.updates, self.errors, self.threads = [], [], set()
        self._changed = threading.Condition()

    def on_update(self, update):
        with self._changed:
            self.threads.add(threading.current_thread())
            self.updates.append(update)
            self._changed.notify_all()

    def on_error(self, error):
        with self._changed:
            self.errors.append(error)
            self._changed.notify_all()

    def wait(self, *, updates=0, errors=0):
        def is_done():
            return len(self.updates) >= updates and len(self.errors) >= errors

        with self._changed:
            assert self._changed.wait_for(is_done, 10)


@pytest.fixture
def listener():
    return Listener()


@pytest.fixture
def mapper(predictor, make_config):
    return Mapper(predictor, make_config(), offline=True)


@pytest.fixture
def make_worker(mapper, listener):
    workers = []

    def make(**callbacks):
        usual = {
            'wanted': lambda: Wanted(tracks=False),
            'on_update': listener.on_update,
            'on_error': listener.on_error,
        }
        workers.append(Worker(mapper, **(usual | callbacks)))
        return workers[-1]

    yield make
    for worker in workers:
        worker.stop()


@pytest.fixture
def feed(mapper, make_frame):
    def feed_all(indices):
        for index in indices:
            mapper.add_frame(make_frame(index))

    return feed_all


def test_windows_become_updates_in_another_thread(make_worker, listener, feed):
    make_worker().start()
    feed(range(12))
    listener.wait(updates=3)
    ids = [result.frame.id for update in listener.updates for result in update.new_frames]
    assert ids == list(range(12))
    assert threading.current_thread() not in listener.threads


def test_a_failed_window_is_reported_and_the_next_one_is_processed(
    make_worker, listener, feed, predictor, caplog
):
    predictor.failures = [PredictionError('broken'), RuntimeError('worse')]
    make_worker().start()
    with caplog.at_level(logging.ERROR):
        for number in (1, 2):  # one after the other: what builds on a failed one is not asked for
            feed(range(6 * number - 6, 6 * number))
            listener.wait(errors=number)
        feed(range(12, 18))
        listener.wait(updates=1)
    assert [str(error) for error in listener.errors] == ['broken', 'worse']
    assert all(record.exc_info for record in caplog.records)


def test_a_listener_that_fails_does_not_end_the_thread(make_worker, listener, feed):
    def fail_once(update):
        if not listener.errors:
            raise ValueError('cannot publish')
        listener.on_update(update)

    make_worker(on_update=fail_once).start()
    feed(range(9))
    listener.wait(updates=1, errors=1)


def test_an_error_listener_that_fails_does_not_end_the_thread(
    make_worker, listener, feed, predictor
):
    def fail(error):
        raise ValueError('cannot report')

    predictor.failures = [PredictionError('broken')]
    make_worker(on_error=fail).start()
    feed(range(12))
    listener.wait(updates=1)


def test_a_question_that_fails_loses_no_window(make_worker, listener, feed, mapper):
    answers = [ValueError('no answer')]

    def wanted():
        if answers:
            raise answers.pop()
        return Wanted(tracks=False)

    feed(range(6))
    make_worker(wanted=wanted).start()
    listener.wait(updates=1, errors=1)
    assert mapper.snapshot().counts.frames_used == 6


def test_stop_finishes_the_window_in_hand(make_worker, listener, feed, predictor):
    predictor.release = threading.Event()
    worker = make_worker()
    worker.start()
    feed(range(6))
    assert predictor.entered.wait(10)
    threading.Timer(0.05, predictor.release.set).start()
    worker.stop()
    assert len(listener.updates) == 1
    assert not worker.is_running


def test_a_window_that_does_not_end_is_timed_and_not_waited_for_for_ever(
    make_worker, feed, predictor
):
    worker = make_worker()
    predictor.release = threading.Event()
    worker.start()
    assert worker.busy_s == 0.0
    feed(range(6))
    assert predictor.entered.wait(5)
    time.sleep(0.1)
    assert 0.1 <= worker.busy_s < 5.0
    assert not worker.stop(0.1)
    assert worker.is_running
    predictor.release.set()
    assert worker.stop(5.0)
    assert worker.busy_s == 0.0


def test_an_idle_worker_stops_at_once(make_worker):
    worker = make_worker()
    worker.start()
    start_s = time.monotonic()
    worker.stop()
    assert time.monotonic() - start_s < 2.0


def test_a_stopped_worker_processes_nothing_until_it_is_started_again(make_worker, listener, feed):
    worker = make_worker()
    worker.start()
    worker.stop()
    feed(range(6))
    time.sleep(0.15)
    assert listener.updates == []
    worker.start()
    worker.start()
    listener.wait(updates=1)


def test_stopping_twice_or_before_the_start_is_no_error(make_worker):
    worker = make_worker()
    worker.stop()
    worker.start()
    worker.stop()
    worker.stop()


@pytest.fixture
def slow(predictor, make_config, make_frame, listener):
    """A worker whose map waits in its first window; and its mapper, robot and predictor."""
    priors = SlowRobot()
    mapper = Mapper(predictor, make_config(), priors=priors, offline=True)
    worker = Worker(
        mapper,
        wanted=lambda: Wanted(tracks=False),
        on_update=listener.on_update,
        on_error=listener.on_error,
    )
    worker.start()
    for index in range(6):
        mapper.add_frame(make_frame(index))
    assert priors.entered.wait(10)
    yield worker, mapper, priors
    priors.release.set()
    assert worker.stop(10.0)


def wait_for(condition, timeout_s=10):
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.005)


def test_the_network_works_on_the_next_window_while_one_enters_the_map(
    slow, listener, predictor, make_frame
):
    _, mapper, priors = slow
    for index in range(6, 12):
        mapper.add_frame(make_frame(index))
    wait_for(lambda: len(predictor.windows) == 2)
    assert not listener.updates
    assert predictor.windows[1][0] < 6 <= predictor.windows[1][-1]
    time.sleep(0.05)
    assert len(predictor.windows) == 2, 'a window that would only wait is not taken'
    priors.release.set()
    listener.wait(updates=3)
    ids = [result.frame.id for update in listener.updates for result in update.new_frames]
    assert ids == list(range(12))
    assert not listener.errors


def test_frames_are_encoded_while_two_windows_are_at_work(slow, predictor, make_frame):
    _, mapper, _ = slow
    for index in range(6, 18):
        mapper.add_frame(make_frame(index))
    wait_for(lambda: 17 in predictor.encoded)
    assert len(predictor.windows) == 2


def test_a_window_that_builds_on_a_failed_one_is_predicted_again(
    slow, listener, predictor, make_frame, monkeypatch
):
    _, mapper, priors = slow
    for index in range(6, 12):
        mapper.add_frame(make_frame(index))
    wait_for(lambda: len(predictor.windows) == 2)
    monkeypatch.setattr(mapper.map, 'enter', failing_once(mapper.map.enter))
    priors.release.set()
    listener.wait(updates=1, errors=1)
    assert predictor.windows[1][:3] == [3, 4, 5]
    assert predictor.windows[2] == [6, 7, 8, 9, 10, 11]
    counts = mapper.snapshot().counts
    assert counts.drops == {'window_failed': 6}
    assert counts.frames_used == 6


def failing_once(call):
    errors = [AlignmentError('no place')]

    def first(*args):
        if errors:
            raise errors.pop()
        return call(*args)

    return first


def test_errors_come_in_the_order_of_their_windows(slow, listener, predictor, make_frame):
    _, mapper, priors = slow
    predictor.failures = [PredictionError('second')]
    for index in range(6, 9):
        mapper.add_frame(make_frame(index))
    wait_for(lambda: not predictor.failures)
    assert not listener.errors
    priors.release.set()
    listener.wait(updates=1, errors=1)
    assert [str(error) for error in listener.errors] == ['second']
    assert mapper.snapshot().state == 'lost'


def test_a_reset_voids_what_both_stages_have_in_hand(slow, listener, predictor, make_frame):
    _, mapper, priors = slow
    for index in range(6, 9):
        mapper.add_frame(make_frame(index))
    wait_for(lambda: len(predictor.windows) == 2)
    mapper.reset()
    priors.release.set()
    wait_for(lambda: mapper.snapshot().frames_pending == 0)
    assert not listener.updates
    assert mapper.snapshot().counts.drops == {'reset': 9}


def test_what_the_network_has_answered_is_added_before_the_end(
    slow, listener, predictor, make_frame
):
    worker, mapper, priors = slow
    for index in range(6, 9):
        mapper.add_frame(make_frame(index))
    wait_for(lambda: len(predictor.windows) == 2)
    threading.Timer(0.05, priors.release.set).start()
    assert worker.stop(10.0)
    assert len(listener.updates) == 2
