import numpy as np
import pytest

from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.mapping.backend.keyframe_database import KeyframeDatabase
from vggt_ros.mapping.backend.segment_gap import segment_gap
from vggt_ros.mapping.frontend.frame import Frame
from vggt_ros.mapping.registration.submap import Submap
from vggt_ros.settings.world_config import LoopSettings

SECOND_NS = 1_000_000_000
DEPTH = 3.0


def places_along(xs, seconds):
    """Stored keyframes of a robot that is at x at these times."""
    database = KeyframeDatabase(LoopSettings())
    shape = (1, 6, 8)
    for i, (x, second) in enumerate(zip(xs, seconds, strict=True)):
        pose = np.eye(4)
        pose[0, 3] = x
        submap = Submap(
            frame_ids=(i,),
            depth=np.full(shape, DEPTH, np.float32),
            confidence=np.ones(shape, np.float32),
            points_in_cam=np.ones((*shape, 3), np.float32),
            points_confidence=np.ones(shape, np.float32),
            K=np.eye(3)[None],
            ref_from_cam=pose[None],
            focal_ratio=float('nan'),
        )
        frame = Frame(
            id=i,
            stamp_ns=round(second * SECOND_NS),
            camera_frame='camera',
            image=np.zeros((6, 8, 3), np.uint8),
        )
        database.add(i, frame, submap, np.ones(4, np.float32))
    return [database[i] for i in range(len(database))]


def shift(x):
    return Sim3(1.0, np.eye(3), np.array([x, 0.0, 0.0]))


def gap_after(seconds_lost, xs=(0, 1, 2, 3), seconds=(0, 1, 2, 3)):
    places = places_along(xs, seconds)
    begin_ns = round((seconds[-1] + seconds_lost) * SECOND_NS)
    return segment_gap(places, np.zeros(3), begin_ns)


def test_a_segment_may_begin_where_the_last_one_ended():
    assert gap_after(1.0).allows(shift(3.0))


def test_it_may_not_begin_farther_than_the_robot_gets():
    gap = gap_after(1.0)
    assert gap.reach == pytest.approx(2.0 * 1.0 * 1.0 + 2.0 * DEPTH)
    assert gap.allows(shift(3.0 + 7.9))
    assert not gap.allows(shift(3.0 + 8.1))
    assert not gap.allows(shift(3.0 - 8.1))


def test_the_longer_it_was_lost_the_farther():
    assert gap_after(10.0).reach == pytest.approx(20.0 + 2.0 * DEPTH)


def test_a_faster_robot_gets_farther():
    fast = gap_after(4.0, xs=(0, 5, 10, 15))
    assert fast.reach == pytest.approx(2.0 * 5.0 * 4.0 + 2.0 * DEPTH)


def test_what_moves_is_the_beginning_of_the_later_segment():
    places = places_along((0, 1, 2, 3), (0, 1, 2, 3))
    begin = np.array([50.0, 0.0, 0.0])
    gap = segment_gap(places, begin, 4 * SECOND_NS)
    assert gap.allows(shift(-47.0))
    assert not gap.allows(shift(0.0))


def test_of_a_robot_that_was_seen_once_the_speed_is_a_depth_a_second():
    assert gap_after(2.0, xs=(3,), seconds=(3,)).reach == pytest.approx(
        2.0 * DEPTH * 2.0 + 2.0 * DEPTH
    )


def test_what_the_segment_saw_later_does_not_count():
    places = places_along((0, 1, 2, 3, 100), (0, 1, 2, 3, 50))
    gap = segment_gap(places, np.zeros(3), 4 * SECOND_NS)
    np.testing.assert_array_equal(gap.end, [3.0, 0.0, 0.0])
