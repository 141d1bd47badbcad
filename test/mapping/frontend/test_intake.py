import time

import numpy as np
import pytest

from vggt_ros.errors import InputError
from vggt_ros.mapping.frontend.counters import Counters
from vggt_ros.mapping.frontend.frame import Frame, UndecodedFrame
from vggt_ros.mapping.frontend.intake import Intake
from vggt_ros.mapping.frontend.window_buffer import WindowBuffer
from vggt_ros.settings.config import WindowSettings
from vggt_ros.settings.live_config import LiveConfig
from vggt_ros.synthetic.rig_timing import RigTiming
from vggt_ros.synthetic.shaken_rig import ShakenRig, uneven_motion

STEP_NS = 100_000_000


@pytest.fixture
def make_intake(make_config):
    """Make an intake of some cameras, its counters and the buffer behind it."""

    def make(num_cameras=2, clock=time.monotonic, **settings):
        counters = Counters()
        buffer = WindowBuffer(WindowSettings(size=60, overlap=1), counters)
        config = make_config(input__num_cameras=num_cameras, **settings)
        return Intake(LiveConfig(config), counters, buffer, clock=clock), counters, buffer

    return make


def add(intake, frame):
    """Add a frame as the mapper does; return the reason why not, None if it was taken."""
    try:
        intake.check(frame)
        intake.add(frame)
    except InputError as error:
        return error.reason
    return None


def assert_accounted_for(intake, counters, buffer, num_frames):
    known = counters.counts().num_dropped + buffer.num_pending + intake.num_waiting
    assert known == num_frames


def test_frames_of_two_cameras_arrive_as_sets(make_intake, make_frame):
    intake, counters, buffer = make_intake()
    for index in range(8):
        for camera in (0, 1):
            frame = make_frame(2 * index, stamp_ns=(index + 1) * STEP_NS + camera, camera=camera)
            assert add(intake, frame) is None
    assert buffer.num_pending + counters.counts().drops.get('not_keyframe', 0) == 16
    assert buffer.num_pending >= 4
    assert_accounted_for(intake, counters, buffer, 16)


def test_a_frame_does_not_wait_for_ever_for_a_camera_that_fell_silent(make_intake, make_frame):
    now_s = 0.0
    intake, counters, buffer = make_intake(
        2, clock=lambda: now_s, input__sync__min_cameras=1, keyframe__min_parallax=0.0
    )
    add(intake, make_frame(0, camera=1))
    add(intake, make_frame(0, camera=0))
    add(intake, make_frame(2, stamp_ns=2 * STEP_NS, camera=0))
    now_s = 4.0
    intake.end_silence()
    assert intake.num_waiting == 1
    now_s = 6.0
    intake.end_silence()
    assert intake.num_waiting == 0
    assert buffer.num_pending == 3
    assert_accounted_for(intake, counters, buffer, 3)


def test_without_the_others_it_is_dropped_where_a_set_needs_all_cameras(make_intake, make_frame):
    now_s = 0.0
    intake, counters, buffer = make_intake(2, clock=lambda: now_s)
    add(intake, make_frame(0, camera=0))
    now_s = 6.0
    intake.end_silence()
    assert counters.counts().drops == {'unsynchronized': 1}
    assert buffer.num_pending == intake.num_waiting == 0


def test_a_camera_of_another_size_is_left_out_of_the_set(make_intake, make_frame):
    intake, counters, buffer = make_intake(2, input__sync__min_cameras=1)
    add(intake, make_frame(0, camera=0))
    assert add(intake, make_frame(0, camera=1, size=(100, 60))) == 'size_differs'
    assert buffer.num_pending == 1
    assert_accounted_for(intake, counters, buffer, 2)


def test_a_set_that_lacks_a_camera_is_no_set(make_intake, make_frame):
    intake, counters, buffer = make_intake(2)
    add(intake, make_frame(0, camera=0))
    assert add(intake, make_frame(0, camera=1, size=(100, 60))) == 'size_differs'
    assert counters.counts().drops == {'size_differs': 1, 'incomplete_set': 1}
    assert_accounted_for(intake, counters, buffer, 2)


def test_a_picture_that_can_not_be_read_costs_no_other_camera(make_intake, make_frame):
    def read_rows(rows):
        reads.append(rows)
        if len(reads) > 2:  # enough for the thumbnail
            raise InputError('bad_encoding', 'no picture')
        return np.zeros((60, 80, 3), np.uint8)[rows]

    reads = []

    intake, counters, buffer = make_intake(2, input__sync__min_cameras=1)
    add(intake, make_frame(0, camera=0))
    broken = UndecodedFrame(
        id=1, stamp_ns=STEP_NS, camera_frame='c', size=(80, 60), read_rows=read_rows, camera=1
    )
    assert add(intake, broken) == 'bad_encoding'
    assert buffer.num_pending == 1
    assert_accounted_for(intake, counters, buffer, 2)


def test_a_jump_of_one_camera_is_one_of_all(make_intake, make_frame):
    intake, _, buffer = make_intake(2)
    for camera in (0, 1):
        add(intake, make_frame(0, stamp_ns=50 * STEP_NS, camera=camera))
    assert add(intake, make_frame(7, stamp_ns=STEP_NS, camera=0)) == 'stamp_outlier'
    assert intake.check(make_frame(14, stamp_ns=2 * STEP_NS, camera=0)) is not None
    intake.add(make_frame(14, stamp_ns=2 * STEP_NS, camera=0))
    assert add(intake, make_frame(14, stamp_ns=2 * STEP_NS, camera=1)) is None
    assert buffer.num_pending == 4


def test_a_change_of_size_starts_again(make_intake, make_frame):
    intake, counters, buffer = make_intake(1)
    add(intake, make_frame(0))
    assert add(intake, make_frame(1, size=(100, 60))) == 'size_changed'
    assert buffer.num_pending == 0
    assert counters.counts().drops == {'size_changed': 2}


def test_flushing_makes_sets_of_what_waits(make_intake, make_frame):
    intake, counters, buffer = make_intake(2, input__sync__min_cameras=1)
    add(intake, make_frame(0, camera=1))
    assert (intake.num_waiting, buffer.num_pending) == (1, 0)
    intake.flush()
    assert (intake.num_waiting, buffer.num_pending) == (0, 1)
    assert_accounted_for(intake, counters, buffer, 1)


def test_the_offset_that_the_images_tell_is_beside_that_of_the_stamps(make_intake):
    intake, _, _ = make_intake()
    rig = ShakenRig(uneven_motion(260, 0))
    arrivals = RigTiming(jitter_s=0.0, late_camera=1, late_s=0.09).arrivals(
        260, 2, start_ns=10**18, period_ns=STEP_NS, seed=0
    )
    for number, each in enumerate(arrivals):
        image = rig.image(each.camera, each.moment)
        frame = Frame(
            id=number,
            stamp_ns=each.stamp_ns,
            camera_frame='cam',
            camera=each.camera,
            image=image,
        )
        assert add(intake, frame) is None
    first, other = intake.cameras()
    assert (first.true_offset_s, first.num_moments_off) == (0.0, 0)
    assert other.offset_s == pytest.approx(-0.01)
    assert other.true_offset_s == pytest.approx(0.09)
    assert other.num_moments_off == 1
