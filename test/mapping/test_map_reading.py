import threading

import numpy as np
import pytest

from vggt_ros.mapping.mapper import Mapper
from vggt_ros.mapping.predicted_window import Wanted


@pytest.fixture
def reading(predictor, make_config, make_frame):
    mapper = Mapper(predictor, make_config(occupancy__enable=True), offline=True)
    for index in range(9):
        mapper.add_frame(make_frame(index))
        while (window := mapper.wait_for_window(0.0)) is not None:
            mapper.process(window, Wanted(tracks=False))
    return mapper.map


def test_what_is_read_is_a_copy(reading):
    points, tick = reading.points()
    points.points_in_map[:] = 0.0
    assert np.abs(reading.points()[0].points_in_map).max() > 1.0
    assert len(reading.points(tick)[0].hits) == 0, 'nothing has changed since'


def test_path_views_and_segments_tell_of_the_same_frames(reading):
    assert len(reading.path().stamps_ns) == len(reading.views()) == len(reading.segments()) == 9
    assert set(reading.segments()) == {0}
    assert reading.occupancy() is not None
    assert reading.loops() == ()


def test_coverage_is_that_of_the_grid(reading):
    found = reading.coverage(0.5)
    grid = reading.occupancy()
    known = np.count_nonzero(grid.cells != -1)
    assert found.observed_m2 == pytest.approx(known * grid.resolution_m**2)
    assert known > 100
    reading.layers.occupancy.clear()
    assert reading.coverage(0.5) is None


def test_who_reads_waits_for_who_writes(reading):
    done = threading.Event()
    with reading.lock:
        thread = threading.Thread(target=lambda: (reading.path(), done.set()))
        thread.start()
        assert not done.wait(0.1)
    assert done.wait(10.0)
    thread.join()


def test_tiles_are_those_that_changed_with_the_places_of_all(reading):
    whole = reading.tiled()
    assert set(whole.places) == {each.id for each in reading.graph.submaps}
    assert sum(len(each.confidence) for each in whole.tiles) == len(reading.points()[0].hits)
    assert len(whole.links) == len(reading.graph.edges) and not whole.loops
    again = reading.tiled(whole.tick)
    assert again.tiles == () and set(again.places) == set(whole.places)
    assert [each.submap_id for each in reading.tiled(whole.tick, and_forgotten=True).tiles] == [-1]
