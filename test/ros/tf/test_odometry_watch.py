import math

import pytest

from vggt_ros.ros.tf.odometry_watch import OdometryWatch

EDGE = ('odom', 'base_link')
START_NS = 1_700_000_000_000_000_000
SECOND_NS = 1_000_000_000


@pytest.fixture
def watch(clock):
    return OdometryWatch(clock=clock)


def turned(yaw_rad):
    return (0.0, 0.0, math.sin(yaw_rad / 2), math.cos(yaw_rad / 2))


class Drive:
    """A robot that sends where it is, at a rate and a speed."""

    def __init__(self, watch, clock, rate_hz=20.0, speed=1.0):
        self.watch, self.clock = watch, clock
        self.period_s, self.speed = 1.0 / rate_hz, speed
        self.x, self.yaw_rad, self.elapsed_s = 0.0, 0.0, 0.0

    def step(self, number=1, ahead_s=0.0):
        for _ in range(number):
            self.elapsed_s += self.period_s
            self.clock.now_s += self.period_s
            self.x += self.speed * self.period_s
            now_ns = START_NS + round(self.elapsed_s * SECOND_NS)
            stamp_ns = now_ns + round(ahead_s * SECOND_NS)
            pose = (self.x, 0.0, 0.0), turned(self.yaw_rad)
            self.watch.note(EDGE, stamp_ns, *pose, now_ns)

    def told(self):
        return [each.text for each in self.watch.problems([EDGE], 'odometry')]


def test_of_what_drives_steadily_there_is_nothing_to_tell(watch, clock):
    for speed in (0.0, 1.0, 30.0):
        drive = Drive(watch, clock, speed=speed)
        watch.clear()
        drive.step(50)
        assert drive.told() == []


@pytest.mark.parametrize('rate_hz', [5.0, 20.0, 100.0])
def test_a_robot_that_brakes_accelerates_and_turns_does_not_jump(watch, clock, rate_hz):
    drive = Drive(watch, clock, rate_hz)
    for step in range(200):
        drive.speed += (10.0 if step // 20 % 2 else -10.0) * drive.period_s
        drive.yaw_rad += 6.0 * drive.period_s
        drive.step()
        assert drive.told() == []


def test_a_sender_that_ceased_is_told_since_when(watch, clock):
    drive = Drive(watch, clock)
    drive.step(5)
    clock.now_s += 2.9
    assert drive.told() == []
    clock.now_s += 1.1
    (line,) = drive.told()
    assert line.startswith('odometry silent since 4 s: odom -> base_link is not sent any more')
    drive.step()
    assert drive.told() == []


def test_the_same_transform_again_and_again_is_silence(watch, clock):
    for _ in range(50):
        clock.now_s += 0.1
        watch.note(EDGE, START_NS, (0.0, 0.0, 0.0), turned(0.0), START_NS)
    assert 'silent since 5 s' in watch.problems([EDGE], 'odometry')[0].text


def test_a_sender_that_is_refused_is_not_silent(watch, clock):
    drive = Drive(watch, clock)
    drive.step(5)
    for _ in range(100):
        clock.now_s += 0.1
        watch.note_refused(EDGE)
    watch.note_refused(('odom', 'never_used'))
    assert drive.told() == []


def test_stamps_in_the_future_are_told_by_how_much(watch, clock):
    drive = Drive(watch, clock)
    drive.step(5, ahead_s=0.9)
    assert drive.told() == []
    drive.step(5, ahead_s=1.3)
    (line,) = drive.told()
    assert line.startswith('odometry in the future: odom -> base_link is stamped 1.3 s after')
    drive.step(30)  # until its stamps go on
    assert drive.told() == []
    watch.note(EDGE, START_NS + 10**15, (0.0, 0.0, 0.0), turned(0.0), 0)
    assert drive.told() == [], 'simulated time has not begun'


def test_a_jump_is_told_once_with_how_far(watch, clock):
    drive = Drive(watch, clock)
    drive.step(20)
    drive.x += 3.0
    drive.step()
    (line,) = drive.told()
    assert line.startswith('odometry jumped: odom -> base_link moved by 3.05 m and 0 degrees')
    assert 'within 0.05 s, where 0.05 m were to be expected' in line
    drive.step(190)
    assert len(drive.told()) == 1
    drive.step(20)
    assert drive.told() == [], 'it is over'


def test_a_jump_of_the_heading_is_told(watch, clock):
    drive = Drive(watch, clock)
    drive.step(20)
    drive.yaw_rad += math.pi
    drive.step()
    assert '180 degrees' in drive.told()[0]


def test_after_a_jump_that_was_none_another_speed_is_the_usual_one(watch, clock):
    drive = Drive(watch, clock, speed=0.0)
    drive.step(5)
    drive.x += 100.0  # the first two of a drive tell a speed that is none
    drive.step(2)
    drive.speed = 25.0
    drive.step(3)
    clock.now_s += 10.1
    drive.elapsed_s += 0.0
    drive.step(20)
    assert drive.told() == []


def test_time_that_begins_again_is_no_jump(watch, clock):
    drive = Drive(watch, clock)
    drive.step(20)
    watch.note(EDGE, START_NS - 50 * SECOND_NS, (70.0, 0.0, 0.0), turned(2.0), 0)
    assert drive.told() == []


def test_edges_that_were_not_asked_about_are_not_told_and_bounded(watch):
    for number in range(1000):
        for stamp in (1, 2, 3):
            position = (1e6 * (stamp == 3), 0.0, 0.0)
            watch.note(('a', f'frame_{number}'), stamp, position, turned(0.0), 0)
    assert watch.problems([EDGE, ('a', 'frame_1')], 'odometry') == []
    assert len(watch.problems([('a', 'frame_999')], 'odometry')) == 1
