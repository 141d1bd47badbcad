from dataclasses import replace
import threading

import numpy as np
import pytest

from vggt_ros.mapping.frontend.counters import Counters
from vggt_ros.mapping.refinement.refined_window import RefinementReport


def test_counts_say_what_happened():
    counters = Counters()
    for _ in range(9):
        counters.frame_in()
    counters.drop('late', 2)
    counters.drop('late')
    counters.drop('paused', 0)
    counters.window_used(3, 0.5)
    counters.window_failed(2)
    counts = counters.counts()
    assert (counts.frames_in, counts.frames_used) == (9, 3)
    assert counts.drops == {'late': 3, 'window_failed': 2}
    assert counts.num_dropped == 5
    assert (counts.windows, counts.windows_failed) == (1, 1)


def test_windows_are_counted_by_what_their_images_made_of_them():
    report = RefinementReport(
        method='adjusted',
        start='network',
        reason='',
        num_tracks=9,
        num_observations=20,
        median_px=0.2,
        median_angle_deg=3.0,
        focal_ratio=1.0,
        duration_s=0.1,
    )
    counters = Counters()
    counters.window_used(3, 0.5)
    assert counters.counts().refinements == {}
    for each in (
        report,
        report,
        replace(report, start='tracks'),
        replace(report, method='rotation', start='tracks'),
    ):
        counters.window_used(3, 0.5, each.refined_from)
    counters.window_not_verified(4)
    counts = counters.counts()
    assert counts.refinements == {'network': 2, 'tracks': 1, 'rotation': 1, 'not_verified': 1}
    assert counts.drops == {'not_verified': 4}
    assert (counts.windows, counts.windows_failed) == (5, 1)


def test_latencies_are_unknown_before_the_first_window():
    counts = Counters().counts()
    assert np.isnan(counts.latency_p50_s)
    assert np.isnan(counts.latency_p95_s)


def test_latencies_are_those_of_the_newest_windows():
    counters = Counters()
    for _ in range(1000):
        counters.window_used(1, 99.0)
    for i in range(256):
        counters.window_used(1, float(i))
    counts = counters.counts()
    assert counts.latency_p50_s == pytest.approx(127.5)
    assert counts.latency_p95_s == pytest.approx(242.25)


def test_later_counts_do_not_change_earlier_ones():
    counters = Counters()
    before = counters.counts()
    counters.drop('late')
    assert before.drops == {}


def test_threads_do_not_lose_counts():
    counters = Counters()

    def work():
        for _ in range(2000):
            counters.frame_in()
            counters.drop('late')

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counts = counters.counts()
    assert (counts.frames_in, counts.drops) == (8000, {'late': 8000})
