from dataclasses import replace
import math

import numpy as np
import pytest

from vggt_ros.errors import InputError
from vggt_ros.mapping.frontend.frame import Frame, UndecodedFrame
from vggt_ros.mapping.frontend.rig_clock import RigClock
from vggt_ros.mapping.frontend.synchronizer import Synchronizer
from vggt_ros.settings.input_config import SyncSettings
from vggt_ros.synthetic.rig_timing import RigTiming
from vggt_ros.synthetic.shaken_rig import ShakenRig, uneven_motion

PERIOD_NS = 100_000_000
START_NS = 10**18 + 7
NUM = 260
SHAKEN = uneven_motion(NUM, 0)


class Drive:
    """What the clock and the synchronizer make of a rig; sets by the moments they hold."""

    def __init__(
        self, place_px=SHAKEN, *, slop=0.02, num_cameras=2, period_ns=PERIOD_NS, **timing
    ):
        rig = ShakenRig(place_px, num_cameras=num_cameras)
        arrivals = RigTiming(**({'lag_s': 0.01} | timing)).arrivals(
            len(place_px), num_cameras, start_ns=START_NS, period_ns=period_ns, seed=3
        )
        self.clock = RigClock(num_cameras)
        drops = []
        sync = Synchronizer(num_cameras, SyncSettings(slop=slop), lambda *drop: drops.append(drop))
        moment_of, sets = {}, []
        for number, each in enumerate(arrivals):
            moment_of[each.camera, each.stamp_ns] = each.moment
            frame = Frame(
                id=number,
                stamp_ns=each.stamp_ns,
                camera_frame=f'camera_{each.camera}',
                camera=each.camera,
                image=rig.image(each.camera, each.moment),
            )
            sets += sync.push(self.clock.look(frame))
        self.moments_apart = [
            moment_of[1, found.frames[1].stamp_ns] - moment_of[0, found.frames[0].stamp_ns]
            for found in sets
        ]
        status = sync.status()[1]
        self.status = replace(status, true_offset_s=self.clock.offset_s(1))


def test_a_camera_that_is_nearly_a_period_late_is_found_though_its_stamps_fit():
    found = Drive(late_camera=1, late_s=0.08, jitter_s=0.0)
    assert len(found.moments_apart) >= 0.9 * NUM
    assert set(found.moments_apart) == {-1}, 'every set holds images 100 ms apart'
    assert found.status.offset_s == pytest.approx(-0.02, abs=0.004)
    assert found.status.true_offset_s == pytest.approx(0.08, abs=0.004)
    assert found.status.num_moments_off == 1


def test_it_is_found_without_any_set():
    found = Drive(late_camera=1, late_s=0.08, slop=0.01)
    assert found.moments_apart == []
    assert found.status.num_moments_off == 1


@pytest.mark.parametrize(
    ('late_s', 'period_ns'), [(0.1, PERIOD_NS), (-0.13, PERIOD_NS), (0.08, PERIOD_NS // 3)]
)
def test_offsets_of_a_period_and_more_are_found(late_s, period_ns):
    found = Drive(late_camera=1, late_s=late_s, period_ns=period_ns)
    assert found.status.true_offset_s == pytest.approx(late_s, abs=0.004)
    assert found.status.num_moments_off == round(late_s * 1e9 / period_ns)


def test_a_well_synchronized_rig_is_confirmed_and_not_accused():
    found = Drive(dropped=0.03)
    assert set(found.moments_apart) == {0}
    assert found.status.true_offset_s == pytest.approx(0.0, abs=0.004)
    assert found.status.num_moments_off == 0


def test_a_small_offset_is_confirmed_for_what_it_is():
    found = Drive(late_camera=1, late_s=-0.02, slop=0.015)
    assert found.status.true_offset_s == pytest.approx(-0.02, abs=0.004)
    assert found.status.num_moments_off == 0


@pytest.mark.parametrize('late_s', [0.0, 0.08])
@pytest.mark.parametrize('name', ['still', 'even'])
def test_a_rig_that_stands_or_moves_evenly_tells_nothing(name, late_s):
    steps = np.arange(NUM)[:, None]
    place_px = steps * (np.zeros((1, 2)) if name == 'still' else np.array([[3.0, 0.0]]))
    found = Drive(place_px, late_camera=1, late_s=late_s)
    assert math.isnan(found.status.true_offset_s)
    assert found.status.num_moments_off is None


def test_people_who_pass_one_camera_after_the_other_do_not_accuse_a_standing_rig():
    class Passed(ShakenRig):
        """Somebody walks, now faster and now slower, by camera 0, two moments later by 1."""

        def image(self, camera, moment):
            image = super().image(camera, moment).copy()
            left = int(SHAKEN[max(0, moment - 2 * camera), 0]) % 120
            image[20:, left : left + 40] = 15
            return image

    rig = Passed(np.zeros((NUM, 2)))
    clock = RigClock(2)
    for moment in range(NUM):
        for camera in (0, 1):
            stamp_ns = START_NS + moment * PERIOD_NS
            clock.look(frame_of(camera, stamp_ns, rig.image(camera, moment)))
    assert math.isnan(clock.offset_s(1))


def frame_of(camera, stamp_ns, image):
    return Frame(id=0, stamp_ns=stamp_ns, camera_frame='c', camera=camera, image=image)


def test_all_cameras_are_looked_at_in_turn():
    found = Drive(uneven_motion(4 * 130, 1), num_cameras=3, late_camera=2, late_s=0.1)
    assert found.clock.offset_s(0) == 0.0
    assert found.clock.offset_s(1) == pytest.approx(0.0, abs=0.004)
    assert found.clock.offset_s(2) == pytest.approx(0.1, abs=0.004)


def test_one_verdict_is_not_believed():
    assert math.isnan(Drive(SHAKEN[:130], late_camera=1).clock.offset_s(1))


def test_a_camera_that_is_dead_is_passed_over():
    clock = RigClock(3)
    rig = ShakenRig(uneven_motion(1000, 1), num_cameras=3)
    for moment in range(1000):
        for camera in (0, 2):
            image = rig.image(camera, moment)
            clock.look(frame_of(camera, START_NS + moment * PERIOD_NS, image))
    assert math.isnan(clock.offset_s(1))
    assert clock.offset_s(2) == 0.0


def test_after_a_jump_of_time_it_looks_anew():
    clock = RigClock(2)
    rig = ShakenRig(SHAKEN)
    for moment in range(NUM):
        if moment % 100 == 0:
            clock.restart()
        for camera in (0, 1):
            image = rig.image(camera, moment)
            clock.look(frame_of(camera, START_NS + moment * PERIOD_NS, image))
    assert math.isnan(clock.offset_s(1)), 'no 120 images in a row'


def test_thumbnails_are_made_once_and_pixels_that_can_not_be_read_are_left_to_others():
    rows_read = []

    def read_rows(rows):
        rows_read.append(rows)
        return np.zeros((60, 80, 3), np.uint8)[rows]

    def broken(rows):
        raise InputError('bad_encoding', 'no picture')

    frame = UndecodedFrame(
        id=0, stamp_ns=START_NS, camera_frame='c', size=(80, 60), read_rows=read_rows
    )
    seen = RigClock(2).look(frame)
    num_read = len(rows_read)
    seen.thumbnail()
    assert len(rows_read) == num_read > 0
    unreadable = replace(frame, read_rows=broken)
    assert RigClock(2).look(unreadable) is unreadable
    assert RigClock(1).look(frame) is frame
