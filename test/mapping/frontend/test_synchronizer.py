from dataclasses import replace

import numpy as np
import pytest

from vggt_ros.mapping.frontend.frame import UndecodedFrame
from vggt_ros.mapping.frontend.synchronizer import Synchronizer
from vggt_ros.settings.input_config import SyncSettings
from vggt_ros.synthetic.rig_timing import possible_sets, RigTiming

MS = 1_000_000
PERIOD_NS = 33 * MS
START_NS = 10**18 + 7


def frame_of(camera, stamp_ns):
    return UndecodedFrame(
        id=stamp_ns % 10**9,
        stamp_ns=stamp_ns,
        camera_frame=f'camera_{camera}',
        size=(4, 3),
        read_rows=lambda rows: np.zeros((3, 4, 3), np.uint8)[rows],
        camera=camera,
    )


class Stream:
    """Frames as they come, and which moment each is of."""

    def __init__(self, num_cameras, num_moments, **timing):
        arrivals = RigTiming(**timing).arrivals(
            num_moments, num_cameras, start_ns=START_NS, period_ns=PERIOD_NS, seed=0
        )
        self.arrivals = arrivals
        self.frames = [frame_of(each.camera, each.stamp_ns) for each in arrivals]
        self.moment_of = {(each.camera, each.stamp_ns): each.moment for each in arrivals}

    def moments(self, frame_set):
        return {self.moment_of[frame.camera, frame.stamp_ns] for frame in frame_set.frames}

    def found(self, frame_sets):
        """The moments that sets were made of; no set may mix two."""
        moments = [self.moments(each) for each in frame_sets]
        assert all(len(each) == 1 for each in moments)
        return {next(iter(each)) for each in moments}


def run(stream, num_cameras, settings=None):
    drops = []
    sync = Synchronizer(
        num_cameras, settings or SyncSettings(), lambda reason, frame: drops.append(reason)
    )
    sets = [each for frame in stream.frames for each in sync.push(frame)] + sync.flush()
    num_in_sets = sum(len(each.frames) for each in sets)
    assert num_in_sets + len(drops) == len(stream.frames), 'each frame is used or dropped'
    return sets, drops, sync


def test_one_camera_is_passed_on(make_frame):
    sync = Synchronizer(1, SyncSettings(), lambda reason, frame: None)
    frames = [make_frame(i) for i in range(3)]
    assert [sync.push(frame)[0].frames for frame in frames] == [(frame,) for frame in frames]
    assert sync.num_waiting == 0


@pytest.mark.parametrize('num_cameras', [2, 4, 8])
@pytest.mark.parametrize('dropped', [0.0, 0.1])
def test_all_possible_sets_are_made_under_jitter_and_drops(num_cameras, dropped):
    stream = Stream(num_cameras, 400, dropped=dropped)
    found = stream.found(run(stream, num_cameras)[0])
    wanted = possible_sets(stream.arrivals, num_cameras)
    assert len(found & wanted) >= 0.99 * len(wanted)
    assert found <= wanted


@pytest.mark.parametrize('num_cameras', [2, 4])
def test_with_a_dead_camera_the_others_go_on_if_they_may(num_cameras):
    stream = Stream(num_cameras, 400, dropped=0.02, dead_camera=1)
    least = num_cameras - 1
    sets, _, _ = run(stream, num_cameras, SyncSettings(min_cameras=least))
    wanted = possible_sets(stream.arrivals, least)
    assert len(stream.found(sets) & wanted) >= 0.99 * len(wanted)
    complete = stream.found([each for each in sets if len(each.frames) == num_cameras])
    all_of_them = possible_sets(stream.arrivals, num_cameras)
    assert len(complete & all_of_them) >= 0.99 * len(all_of_them), 'its frames are used again'


def test_without_enough_cameras_there_is_no_set():
    stream = Stream(2, 200, dead_camera=1, dead_from=0.25, dead_until=1.0)
    sets, drops, sync = run(stream, 2)
    assert len(sets) == 50
    assert set(drops) == {'unsynchronized'}
    assert sync.status()[1].is_missing
    assert not sync.status()[0].is_missing


def test_a_set_is_made_with_its_last_frame_and_no_later():
    sync = Synchronizer(2, SyncSettings(), lambda reason, frame: None)
    assert not sync.push(frame_of(1, START_NS + MS))
    (only,) = sync.push(frame_of(0, START_NS))
    assert [frame.camera for frame in only.frames] == [0, 1]


def test_a_partial_set_waits_for_a_camera_that_lags_but_not_longer():
    settings = SyncSettings(min_cameras=1, max_lag=0.1)
    sync = Synchronizer(2, settings, lambda reason, frame: None)
    sync.push(frame_of(1, START_NS - PERIOD_NS))
    sync.push(frame_of(0, START_NS - PERIOD_NS))
    waited = []
    for index in range(5):
        waited += sync.push(frame_of(0, START_NS + index * PERIOD_NS))
    assert [len(each.frames) for each in waited] == [1], (
        '132 ms after the first, 99 after the next'
    )
    (late,) = sync.push(frame_of(1, START_NS + PERIOD_NS))
    assert [frame.stamp_ns - START_NS for frame in late.frames] == [PERIOD_NS, PERIOD_NS]


def test_the_limit_of_the_slop_is_exact():
    for step_ns, num_sets in ((15 * MS, 1), (15 * MS + 1, 0)):
        sync = Synchronizer(2, SyncSettings(slop=0.015), lambda reason, frame: None)
        sync.push(frame_of(0, START_NS))
        assert len(sync.push(frame_of(1, START_NS + step_ns))) == num_sets


def test_a_skew_of_clocks_is_told_and_cured_by_the_slop():
    stream = Stream(2, 100, jitter_s=0.001)
    stream.frames = [frame_of(f.camera, f.stamp_ns + f.camera * 12 * MS) for f in stream.frames]
    stream.frames.sort(key=lambda frame: frame.stamp_ns)
    sets, drops, sync = run(stream, 2, SyncSettings(slop=0.005))
    assert (len(sets), set(drops)) == (0, {'unsynchronized'})
    assert sync.status()[1].offset_s == pytest.approx(0.012, abs=0.001)
    sets, drops, _ = run(stream, 2, SyncSettings(slop=0.014))
    assert (len(sets), drops) == (100, [])


def test_the_offset_is_that_of_the_nearest_stamps_beside_the_period_it_is_known_modulo():
    stream = Stream(2, 100, jitter_s=0.001, late_camera=1, late_s=0.027)
    _, _, sync = run(stream, 2, SyncSettings(slop=0.005))
    status = sync.status()[1]
    assert status.offset_s == pytest.approx(-0.006, abs=0.001)
    assert status.period_s == pytest.approx(0.033, abs=0.0005)
    assert status.num_moments_off is None, 'stamps alone do not tell'
    assert replace(status, true_offset_s=-0.006).num_moments_off == 0
    assert replace(status, true_offset_s=0.027).num_moments_off == 1
    assert replace(status, true_offset_s=-0.072).num_moments_off == -2
    assert replace(status, true_offset_s=0.01).num_moments_off is None, 'the clocks have changed'


def test_a_flood_of_one_camera_is_bounded():
    drops = []
    sync = Synchronizer(
        2, SyncSettings(max_lag=5.0), lambda reason, frame: drops.append((reason, frame.camera))
    )
    for index in range(200):
        sync.push(frame_of(0, START_NS + index * MS))
    assert sync.num_waiting <= 32
    assert set(drops) == {('sync_overflow', 0)}
    assert len(drops) + sync.num_waiting == 200


def test_after_a_jump_of_time_sets_are_made_of_the_new_stamps():
    drops = []
    sync = Synchronizer(2, SyncSettings(), lambda reason, frame: drops.append(reason))
    sync.push(frame_of(0, START_NS + 10**12))
    sync.clear('time_jump')
    assert drops == ['time_jump']
    stream = Stream(2, 50)
    sets = [each for frame in stream.frames for each in sync.push(frame)] + sync.flush()
    assert len(sets) == 50


def test_what_waits_is_bounded_in_bytes_and_one_frame_may_always_wait():
    def large(camera, index, num_bytes):
        return UndecodedFrame(
            id=index,
            stamp_ns=START_NS + index * MS,
            camera_frame='cam',
            size=(8000, 6000),
            read_rows=lambda rows: None,
            camera=camera,
            num_bytes=num_bytes,
        )

    drops = []
    sync = Synchronizer(2, SyncSettings(max_lag=5.0), lambda reason, frame: drops.append(reason))
    for index in range(20):
        sync.push(large(0, index, 30_000_000))
    assert sync.num_waiting == 3, '90 of 100 MB'
    for index in range(20, 30):
        sync.push(large(0, index, 144_000_000))
    assert sync.num_waiting == 1
    assert set(drops) == {'sync_overflow'}
