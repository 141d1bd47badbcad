import json

import numpy as np
import pytest

from benchmarks.archive_scaling import Fleet, measured_s, simulate, table


def run(jobs_s, **fleet):
    return simulate(np.array(jobs_s), Fleet(**fleet), np.random.default_rng(0))


def test_one_worker_does_one_after_the_other():
    done = run([3.0, 2.0, 1.0], num_workers=1, start_s=10.0)
    assert (done.wall_s, done.busy_s, done.tail_s, done.num_lost) == (16.0, 6.0, 0.0, 0)


def test_a_long_job_that_is_begun_last_is_waited_for():
    assert run([1.0, 1.0, 4.0], num_workers=2, start_s=0.0).wall_s == 5.0
    first = run([4.0, 1.0, 1.0], num_workers=2, start_s=0.0)
    assert (first.wall_s, first.tail_s) == (4.0, 2.0)


@pytest.mark.parametrize('kept', [0.0, 0.8])
def test_losses_cost_what_they_are_said_to_cost(kept):
    done = run([50.0] * 40, num_workers=1, start_s=2.0, lifetime_s=100.0, kept=kept)
    assert done.num_lost > 5
    assert done.wall_s == pytest.approx(2.0 + done.busy_s + done.lost_s)


def test_what_is_kept_of_lost_attempts_saves_time():
    jobs_s = [50.0] * 200
    lost = [
        run(jobs_s, num_workers=4, start_s=1.0, lifetime_s=60.0, kept=kept).lost_s
        for kept in (0.0, 0.8)
    ]
    assert lost[1] < 0.5 * lost[0]


def test_a_long_job_that_is_lost_is_waited_for_less_if_it_is_the_next():
    jobs_s = np.sort(np.random.default_rng(0).lognormal(4.0, 1.0, 300))[::-1]
    walls_s = [
        np.mean(
            [
                simulate(
                    jobs_s,
                    Fleet(num_workers=8, start_s=1.0, lifetime_s=2000.0, retries_next=is_next),
                    np.random.default_rng(seed),
                ).wall_s
                for seed in range(5)
            ]
        )
        for is_next in (False, True)
    ]
    assert walls_s[1] < walls_s[0]


def test_times_are_those_of_jobs_that_are_done(tmp_path):
    records = [('a', 'running', 0.0), ('a', 'done', 5.0), ('b', 'failed', 9.0), ('c', 'done', 0.0)]
    lines = [json.dumps({'id': i, 'state': state, 'seconds': s}) for i, state, s in records]
    (tmp_path / 'manifest.jsonl').write_text('\n'.join(lines))
    assert measured_s(tmp_path / 'manifest.jsonl').tolist() == [5.0]


def test_the_table_has_both_orders():
    lines = table(np.full(20, 100.0), 4, 10.0)
    assert len(lines) == 16
    assert lines[1].split()[:3] == ['listed', 'last', 'inf']
