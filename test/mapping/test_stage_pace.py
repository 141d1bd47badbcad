import pytest

from vggt_ros.mapping.stage_pace import StagePace


@pytest.fixture
def pace(clock):
    """A pace that has seen windows which the network took 1 s for and the map 4 s."""
    pace = StagePace(clock)
    for _ in range(60):
        with pace.predicting():
            clock.now_s += 1.0
        with pace.adding():
            clock.now_s += 4.0
    return pace


def test_an_idle_map_wants_a_window_at_once(pace):
    assert pace.is_due()
    assert StagePace().is_due()


def test_the_network_begins_when_the_map_needs_about_as_long_as_it(pace, clock):
    with pace.predicting():
        clock.now_s += 1.0
    with pace.adding():
        clock.now_s += 2.7
        assert not pace.is_due()
        clock.now_s += 0.2
        assert pace.is_due()


def test_a_window_that_waits_for_the_map_keeps_the_next_one_away(pace, clock):
    with pace.predicting():
        pass
    assert not pace.is_due()
    with pace.adding():
        clock.now_s += 3.9
        with pace.predicting():
            clock.now_s += 1.0
        assert not pace.is_due()


def test_a_fast_map_lets_the_network_begin_at_once(clock):
    pace = StagePace(clock)
    for _ in range(60):
        with pace.predicting():
            clock.now_s += 1.0
        with pace.adding():
            clock.now_s += 0.1
    with pace.predicting():
        pass
    with pace.adding():
        assert pace.is_due()


def test_a_window_that_fails_ends_its_stage(pace, clock):
    with pace.predicting():
        pass
    with pytest.raises(ValueError, match='failed'), pace.adding():
        raise ValueError('failed')
    assert pace.is_due()
