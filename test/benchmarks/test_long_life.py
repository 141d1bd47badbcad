import numpy as np
import pytest

from benchmarks.long_life import growth, LongWalk, walked_again

LAP = 120


def test_a_building_that_is_walked_again_does_not_grow_with_every_window():
    course = walked_again(LAP, 4 * LAP, seed=0)
    walk = LongWalk(course, LAP)
    walk.walk(4)
    assert len(walk.lines) == 4
    last, num_windows = walk.lines[-1], 4 * LAP / 6
    # The newest 24 stay, and up to 16 wait for the next pruning.
    assert last['submaps'] < 0.85 * num_windows
    assert last['keyframes'] < 0.8 * 2 * num_windows
    assert last['loops'] > 3
    errors = [line['ate_percent_of_lap'] for line in walk.lines]
    assert errors[-1] < 2 * errors[0] + 0.1
    assert set(growth(walk.lines, 1)) == {
        'submaps',
        'edges',
        'session_mb',
        'resident_mb',
        'window_ms',
    }


def test_no_lap_is_like_another_and_every_lap_is_round_the_same_building():
    poses = walked_again(LAP, 3 * LAP, seed=0).world_from_cam
    apart_m = np.linalg.norm(poses[:LAP, :3, 3] - poses[LAP : 2 * LAP, :3, 3], axis=1)
    assert 0.0 < apart_m.max() <= 0.4
    np.testing.assert_array_equal(poses[:LAP, :3, :3], poses[LAP : 2 * LAP, :3, :3])


@pytest.mark.parametrize('lap_frames', [LAP, 600, 2000])
def test_a_lap_ends_where_the_next_one_begins(lap_frames):
    positions = walked_again(lap_frames, 2 * lap_frames, seed=0).world_from_cam[:, :3, 3]
    steps_m = np.linalg.norm(np.diff(positions, axis=0), axis=1)
    assert steps_m[lap_frames - 1] < 2 * np.median(steps_m)
