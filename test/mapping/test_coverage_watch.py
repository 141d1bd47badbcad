import pytest

from vggt_ros.mapping import coverage_watch
from vggt_ros.mapping.coverage_watch import CoverageWatch
from vggt_ros.mapping.layers.coverage import Coverage
from vggt_ros.mapping.map_state import MapState
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.live_config import LiveConfig
from vggt_ros.settings.parameter_tree import with_values


@pytest.fixture
def watched(clock, monkeypatch):
    """A watch over a map whose measurement takes 0.1 s, as in `takes_s`."""
    monkeypatch.setattr(coverage_watch.time, 'monotonic', lambda: clock.now_s)

    def make(*, enable=True):
        widths = []

        def coverage(robot_width):
            widths.append(robot_width)
            clock.now_s += made.takes_s
            return Coverage(
                observed_m2=float(len(widths)),
                free_m2=0.0,
                frontier_m=0.0,
                num_frontiers=0,
                closed=1.0,
            )

        config = with_values(
            VggtConfig(), {'occupancy.enable': enable, 'occupancy.robot_width': 0.7}
        )
        current = MapState(LiveConfig(config))
        monkeypatch.setattr(current, 'coverage', coverage)
        made = CoverageWatch(current, LiveConfig(config))
        made.takes_s, made.widths = 0.1, widths
        return made

    return make


def test_it_is_measured_with_the_first_window_and_not_again_at_once(watched, clock):
    watch = watched()
    assert watch.newest is None
    watch.update()
    assert watch.newest.observed_m2 == 1
    assert watch.widths == [0.7]
    clock.now_s += 4.9
    watch.update()
    assert watch.newest.observed_m2 == 1
    clock.now_s += 0.2
    watch.update()
    assert watch.newest.observed_m2 == 2


def test_what_takes_long_is_done_seldom(watched, clock):
    watch = watched()
    watch.takes_s = 2.0
    watch.update()
    clock.now_s += 39.0
    watch.update()
    assert len(watch.widths) == 1
    clock.now_s += 2.0
    watch.update()
    assert len(watch.widths) == 2


def test_without_a_grid_nothing_is_measured(watched):
    watch = watched(enable=False)
    watch.update()
    assert watch.newest is None
    assert watch.widths == []


def test_after_a_reset_it_is_measured_anew(watched):
    watch = watched()
    watch.update()
    watch.clear()
    assert watch.newest is None
    watch.update()
    assert watch.newest.observed_m2 == 2
