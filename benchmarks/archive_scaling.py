"""Scaling of an archive by simulation: utilization, stragglers and cost of restarts on many GPUs.

    .venv/bin/python -m benchmarks.archive_scaling [--manifest maps/manifest.jsonl]
        [--recordings 1000] [--workers 64] [--median-s 600] [--spread 1.0] [--start-s 30]

Nothing is computed but events: workers take jobs as `vggt_ros archive` gives them. The times of
jobs are those of a manifest's finished jobs, drawn with replacement, or log-normal.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
import heapq
import json
from pathlib import Path
import sys

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """What works.

    Attributes:
        num_workers: GPUs, one worker each.
        start_s: From the start of a worker to its first job: imports and weights.
        lifetime_s: Mean time until a worker is lost; infinite if none is.
        kept: Share of a lost attempt that its `.part` folder spares the next one.
        retries_next: Whether a lost job is the next one to be begun, and not the last.
    """

    num_workers: int
    start_s: float
    lifetime_s: float = float('inf')
    kept: float = 0.0
    retries_next: bool = False


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a simulated run came to.

    Attributes:
        wall_s: Until the last job was done.
        busy_s: Work that led to a result, of all workers.
        tail_s: From the first worker that found nothing to do to the end.
        lost_s: Work that was done in vain, of all workers.
        num_lost: Attempts that were lost.
    """

    wall_s: float
    busy_s: float
    tail_s: float
    lost_s: float
    num_lost: int


def simulate(jobs_s: np.ndarray, fleet: Fleet, rng: np.random.Generator) -> Run:
    """Return how jobs go through a fleet; what is lost is tried again.

    Args:
        jobs_s: (n,) seconds of work of each, in the order in which they are begun.
        fleet: What works.
        rng: Draws when workers are lost.
    """
    waiting = list(map(float, jobs_s[::-1]))
    free_s = [fleet.start_s] * fleet.num_workers
    heapq.heapify(free_s)
    # Attempts that are lost come back at the time of the loss.
    back: list[tuple[float, float]] = []
    idle_since_s, wall_s, lost_s, num_lost = float('inf'), 0.0, 0.0, 0
    while waiting or back:
        now_s = heapq.heappop(free_s)
        is_back = bool(back) and back[0][0] <= now_s
        if waiting and not (fleet.retries_next and is_back):
            left_s = waiting.pop()
        else:
            back_s, left_s = heapq.heappop(back)
            idle_since_s = min(idle_since_s, now_s) if back_s > now_s else idle_since_s
            now_s = max(now_s, back_s)
        lives_s = rng.exponential(fleet.lifetime_s) if np.isfinite(fleet.lifetime_s) else np.inf
        if lives_s < left_s:
            num_lost += 1
            lost_s += lives_s * (1.0 - fleet.kept) + fleet.start_s
            heapq.heappush(back, (now_s + lives_s, left_s - fleet.kept * lives_s))
            heapq.heappush(free_s, now_s + lives_s + fleet.start_s)
        else:
            wall_s = max(wall_s, now_s + left_s)
            heapq.heappush(free_s, now_s + left_s)
    return Run(
        wall_s=wall_s,
        busy_s=float(np.sum(jobs_s)),
        tail_s=wall_s - min(free_s[0], idle_since_s, wall_s),
        lost_s=lost_s,
        num_lost=num_lost,
    )


def measured_s(manifest: Path) -> np.ndarray:
    """Return the seconds of the jobs that a manifest calls done."""
    records = map(json.loads, manifest.read_text().splitlines())
    done = {each['id']: each['seconds'] for each in records if each['state'] == 'done'}
    return np.array([seconds for seconds in done.values() if seconds > 0.0])


def table(jobs_s: np.ndarray, num_workers: int, start_s: float) -> list[str]:
    """Return lines for orders, losses and what is kept of lost attempts."""
    hour_s = 3600.0
    lines = [
        'order      retry  MTBF/h  kept  wall/h  ideal/h  used/%  tail/h  lost/h  attempts lost'
    ]
    long_first_s = np.sort(jobs_s)[::-1]
    for order, times_s, retry in (
        ('listed', jobs_s, 'last'),
        ('long first', long_first_s, 'last'),
        ('long first', long_first_s, 'next'),
    ):
        for lifetime_h, kept in ((np.inf, 0.0), (24.0, 0.0), (24.0, 0.8), (4.0, 0.0), (4.0, 0.8)):
            fleet = Fleet(
                num_workers=num_workers,
                start_s=start_s,
                lifetime_s=lifetime_h * hour_s,
                kept=kept,
                retries_next=retry == 'next',
            )
            run = simulate(times_s, fleet, np.random.default_rng(0))
            ideal_s = run.busy_s / num_workers
            lines.append(
                f'{order:<10} {retry:<5} {lifetime_h:>6g} {kept:>5.1f} '
                f'{run.wall_s / hour_s:>7.2f} {ideal_s / hour_s:>8.2f} '
                f'{100 * ideal_s / run.wall_s:>7.1f} {run.tail_s / hour_s:>7.2f} '
                f'{run.lost_s / hour_s:>7.2f} {run.num_lost:>14}'
            )
    return lines


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--manifest', type=Path, help='of an archive, for the times of jobs')
    parser.add_argument('--recordings', type=int, default=1000)
    parser.add_argument('--workers', type=int, default=64)
    parser.add_argument('--median-s', type=float, default=600.0, help='of a job')
    parser.add_argument('--spread', type=float, default=1.0, help='of the logarithm of its time')
    parser.add_argument('--start-s', type=float, default=30.0, help='of a worker')
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    if options.manifest is None:
        jobs_s = options.median_s * np.exp(options.spread * rng.normal(size=options.recordings))
    else:
        # Scaled to the median that is asked for: the spread is what was measured.
        known_s = measured_s(options.manifest)
        jobs_s = rng.choice(known_s, options.recordings) * options.median_s / np.median(known_s)
    sys.stdout.write('\n'.join(table(jobs_s, options.workers, options.start_s)) + '\n')


if __name__ == '__main__':
    main()
