import numpy as np
import pytest

from vggt_ros.mapping.layers.occupancy_change import OccupancyChanges, OccupancyPatch
from vggt_ros.mapping.layers.occupancy_grid import OccupancyCells


def grid(cells, origin=(0.0, 0.0), resolution=0.05):
    return OccupancyCells(
        cells=np.array(cells, dtype=np.int8),
        origin_xy_m=np.array(origin),
        resolution_m=resolution,
    )


def changed(before, *places, value=100):
    """The grid with other cells at some (row, column)."""
    cells = before.cells.copy()
    for place in places:
        cells[place] = value
    return grid(cells, before.origin_xy_m, before.resolution_m)


EMPTY = grid(np.full((10, 12), -1))


def test_the_first_grid_goes_out_whole_and_the_same_one_not_again():
    changes = OccupancyChanges()
    assert changes.next(EMPTY) is EMPTY
    assert changes.next(changed(EMPTY)) is None


def test_a_patch_is_the_smallest_rectangle_around_what_changed():
    changes = OccupancyChanges()
    changes.next(EMPTY)
    patch = changes.next(changed(EMPTY, (2, 3), (4, 7)))
    assert isinstance(patch, OccupancyPatch)
    assert (patch.row, patch.column, patch.cells.shape) == (2, 3, (3, 5))
    assert patch.cells[0, 0] == patch.cells[2, 4] == 100
    assert (patch.cells == -1).sum() == 13


@pytest.mark.parametrize(
    'other',
    [
        grid(np.full((10, 13), -1)),
        grid(np.full((11, 12), -1)),
        grid(EMPTY.cells, origin=(0.05, 0.0)),
        grid(EMPTY.cells, resolution=0.1),
    ],
    ids=['wider', 'higher', 'elsewhere', 'coarser'],
)
def test_a_grid_that_lies_otherwise_goes_out_whole(other):
    changes = OccupancyChanges()
    changes.next(EMPTY)
    assert changes.next(other) is other


def test_more_than_half_goes_out_whole():
    changes = OccupancyChanges()
    changes.next(EMPTY)
    half = changed(EMPTY, (slice(0, 10), slice(0, 6)))
    assert isinstance(changes.next(half), OccupancyPatch)
    more = changed(half, (0, 6))
    assert changes.next(more) is more


def test_who_needs_all_of_it_gets_it_even_unchanged():
    changes = OccupancyChanges()
    changes.next(EMPTY)
    assert changes.next(EMPTY, whole=True) is EMPTY


def test_a_grid_is_sent_whole_again_after_thirty_patches():
    changes = OccupancyChanges()
    changes.next(EMPTY)
    sent = [changes.next(changed(EMPTY, (1, 1), value=number)) for number in range(31)]
    assert all(isinstance(each, OccupancyPatch) for each in sent[:30])
    assert isinstance(sent[30], OccupancyCells)


@pytest.mark.parametrize('loses', [0.0, 0.5])
def test_patches_on_the_whole_grid_are_the_grid_even_when_some_are_lost(rng, loses):
    changes, held, now = OccupancyChanges(), None, EMPTY
    num_patches = 0
    for _ in range(300):
        if rng.uniform() < 0.05:  # it grows
            wider = np.full((now.cells.shape[0], now.cells.shape[1] + 1), -1, dtype=np.int8)
            wider[:, :-1] = now.cells
            now = grid(wider)
        row, column = rng.integers(0, 9), rng.integers(0, now.cells.shape[1] - 2)
        before_change = now
        now = changed(now, (row, column), value=rng.choice([-1, 0, 100]))
        if rng.uniform() < 0.3:  # and takes it back, so that nothing differs
            now = before_change
        sent = changes.next(now)
        if isinstance(sent, OccupancyPatch):
            num_patches += 1
            if rng.uniform() < loses:
                continue
            sent.put_into(held)
        elif sent is not None:
            held = sent.cells.copy()
        if sent is not None:
            assert np.array_equal(held, now.cells)
    assert num_patches > 50


def test_what_was_taken_back_is_in_the_next_patch():
    changes, held = OccupancyChanges(), EMPTY.cells.copy()
    changes.next(EMPTY)
    changes.next(changed(EMPTY, (1, 1))).put_into(held)
    changes.next(changed(EMPTY, (3, 3))).put_into(held)
    assert np.array_equal(held, changed(EMPTY, (3, 3)).cells)
