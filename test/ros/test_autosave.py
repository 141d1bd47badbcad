import threading
import time

import pytest

from vggt_ros.errors import SaveError
from vggt_ros.mapping.map_store import MapStore
from vggt_ros.ros.autosave import Autosave
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.live_config import LiveConfig
from vggt_ros.settings.parameter_tree import with_values


class CountingStore(MapStore):
    def __init__(self):
        self.count = 0
        self.go_on = threading.Event()
        self.go_on.set()
        self.error = None

    def autosave(self):
        self.go_on.wait(10.0)
        self.count += 1
        if self.error is not None:
            raise self.error


@pytest.fixture
def store():
    return CountingStore()


@pytest.fixture
def told():
    return []


def make(store, told, period_s):
    config = with_values(VggtConfig(), {'map.autosave_period': period_s})
    return Autosave(store, LiveConfig(config), told.append)


def wait_until(condition):
    deadline_s = time.monotonic() + 10.0
    while not condition() and time.monotonic() < deadline_s:
        time.sleep(0.01)
    assert condition()


def test_it_saves_once_a_period(store, told):
    autosave = make(store, told, 0.2)
    autosave.check()
    assert store.count == 0, 'not at once'
    time.sleep(0.25)
    autosave.check()
    autosave.check()
    wait_until(lambda: store.count == 1)
    autosave.check()
    time.sleep(0.05)
    assert store.count == 1


def test_a_slow_disk_is_not_asked_twice_at_a_time(store, told):
    autosave = make(store, told, 0.01)
    store.go_on.clear()
    for _ in range(5):
        time.sleep(0.02)
        autosave.check()
    store.go_on.set()
    wait_until(lambda: store.count == 1)
    time.sleep(0.05)
    assert store.count == 1


def test_off_it_never_saves_not_in_the_end_either(store, told):
    autosave = make(store, told, 0.0)
    autosave.check()
    autosave.finish(1.0)
    assert store.count == 0


def test_in_the_end_the_newest_state_is_saved_within_the_time(store, told):
    autosave = make(store, told, 100.0)
    autosave.finish(5.0)
    assert store.count == 1
    store.go_on.clear()
    began_s = time.monotonic()
    autosave.finish(0.1)
    assert time.monotonic() - began_s < 2.0
    store.go_on.set()


def test_a_failure_is_told(store, told):
    store.error = SaveError('the disk is full')
    make(store, told, 100.0).finish(5.0)
    assert told == ['the disk is full']
