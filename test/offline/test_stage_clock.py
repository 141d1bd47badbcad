import time

import pytest

from vggt_ros.inference.prediction import Request
from vggt_ros.offline.stage_clock import StageClock, TimedPredictor


def test_a_stage_within_a_stage_counts_once():
    clock = StageClock()
    with clock.stage('outer'):
        time.sleep(0.02)
        with clock.stage('inner'):
            time.sleep(0.05)
    assert 0.05 <= clock.seconds['inner'] < 0.12
    assert 0.02 <= clock.seconds['outer'] < 0.05
    assert clock.total_s() >= sum(clock.seconds.values())


def test_a_stage_that_fails_is_counted():
    clock = StageClock()
    with pytest.raises(ValueError, match='no'), clock.stage('a'):
        raise ValueError('no')
    assert clock.seconds['a'] > 0


def test_the_network_is_timed_and_not_asked_for_single_images(walk, source_of, truthful):
    clock, network = StageClock(), truthful(walk)
    timed = TimedPredictor(network, clock)
    assert network.capabilities.encodes_on_arrival
    assert not timed.capabilities.encodes_on_arrival
    assert timed.capabilities.follows_points
    images = [source_of(walk).frame(i).image for i in (0, 1)]
    timed.encode(0, images[0])
    assert network.encoded == []
    said = timed.predict(images, Request(), frame_ids=[0, 1])
    assert len(said.depth) == 2
    assert clock.seconds['network'] > 0
