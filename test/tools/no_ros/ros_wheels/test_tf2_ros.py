"""What this project relies on in tf2_ros' buffer; the real package passes it, too."""

import math
import threading

import numpy as np
import pytest

tf2_ros = pytest.importorskip('tf2_ros')

from geometry_msgs.msg import TransformStamped  # noqa: E402
from rclpy.duration import Duration  # noqa: E402
from rclpy.time import Time  # noqa: E402

pytestmark = pytest.mark.ros


def at(seconds):
    return Time(nanoseconds=round(seconds * 1e9))


NEWEST = Time()


def link(parent, child, seconds=0.0, xyz=(0.0, 0.0, 0.0), yaw=0.0):
    """Where `child` is in `parent`."""
    message = TransformStamped()
    message.header.frame_id = parent
    message.header.stamp = at(seconds).to_msg()
    message.child_frame_id = child
    translation, rotation = message.transform.translation, message.transform.rotation
    translation.x, translation.y, translation.z = xyz
    rotation.z, rotation.w = math.sin(yaw / 2), math.cos(yaw / 2)
    return message


def position(message):
    translation = message.transform.translation
    return [translation.x, translation.y, translation.z]


def yaw_of(message):
    rotation = message.transform.rotation
    assert math.isclose(rotation.x, 0.0, abs_tol=1e-12)
    assert math.isclose(rotation.y, 0.0, abs_tol=1e-12)
    return math.remainder(2 * math.atan2(rotation.z, rotation.w), 2 * math.pi)


@pytest.fixture
def buffer():
    return tf2_ros.Buffer()


@pytest.fixture
def fill(buffer):
    def add(*args, **kwargs):
        buffer.set_transform(link(*args, **kwargs), 'test')

    return add


@pytest.fixture
def fill_static(buffer):
    def add(*args, **kwargs):
        buffer.set_transform_static(link(*args, **kwargs), 'test')

    return add


def test_a_lookup_at_a_known_stamp_returns_what_was_put_in(buffer, fill):
    fill('map', 'robot', 1.0, (1.0, 2.0, 3.0), yaw=0.5)
    found = buffer.lookup_transform('map', 'robot', at(1.0))
    assert found.header.frame_id == 'map'
    assert found.child_frame_id == 'robot'
    assert found.header.stamp == at(1.0).to_msg()
    assert np.allclose(position(found), [1, 2, 3])
    assert math.isclose(yaw_of(found), 0.5)


def test_the_other_direction_is_the_inverse(buffer, fill):
    fill('map', 'robot', 1.0, (1.0, 2.0, 3.0), yaw=math.pi / 2)
    found = buffer.lookup_transform('robot', 'map', at(1.0))
    assert np.allclose(position(found), [-2, 1, -3])
    assert math.isclose(yaw_of(found), -math.pi / 2)


def test_translation_is_linear_between_stamps_and_rotation_turns_evenly(buffer, fill):
    fill('map', 'robot', 1.0, (0.0, 0.0, 0.0), yaw=0.2)
    fill('map', 'robot', 2.0, (4.0, 8.0, -4.0), yaw=2.2)
    found = buffer.lookup_transform('map', 'robot', at(1.25))
    assert found.header.stamp == at(1.25).to_msg()
    assert np.allclose(position(found), [1, 2, -1])
    assert math.isclose(yaw_of(found), 0.7)  # a mean of quaternions would give 0.68


def test_rotation_takes_the_shorter_way(buffer, fill):
    fill('map', 'robot', 1.0, yaw=3.0)
    fill('map', 'robot', 2.0, yaw=2 * math.pi - 3.0)  # the quaternions are more than 90 deg apart
    flipped = link('map', 'robot', 3.0, yaw=3.0)
    flipped.transform.rotation.z *= -1
    flipped.transform.rotation.w *= -1
    buffer.set_transform(flipped, 'test')
    for seconds in (1.5, 2.5):
        found = buffer.lookup_transform('map', 'robot', at(seconds))
        assert math.isclose(abs(yaw_of(found)), math.pi, abs_tol=1e-9)


def test_stamps_may_arrive_in_any_order(buffer, fill):
    for seconds in (3.0, 1.0, 2.0):
        fill('map', 'robot', seconds, (seconds**2, 0.0, 0.0))
    assert np.allclose(position(buffer.lookup_transform('map', 'robot', at(1.5))), [2.5, 0, 0])
    assert np.allclose(position(buffer.lookup_transform('map', 'robot', at(2.5))), [6.5, 0, 0])


def test_a_chain_is_composed_through_a_common_ancestor(buffer, fill):
    fill('map', 'robot', 1.0, (1.0, 0.0, 0.0), yaw=math.pi / 2)
    fill('robot', 'camera', 1.0, (2.0, 0.0, 0.0))
    fill('map', 'target', 1.0, (0.0, 0.0, 5.0))
    assert np.allclose(position(buffer.lookup_transform('map', 'camera', at(1.0))), [1, 2, 0])
    assert np.allclose(position(buffer.lookup_transform('target', 'camera', at(1.0))), [1, 2, -5])


def test_time_0_is_the_newest_stamp_that_all_links_have(buffer, fill):
    for seconds in (1.0, 2.0, 3.0):
        fill('map', 'robot', seconds, (seconds, 0.0, 0.0))
    for seconds in (1.0, 2.0):
        fill('robot', 'camera', seconds, (0.0, seconds, 0.0))
    found = buffer.lookup_transform('map', 'camera', NEWEST)
    assert found.header.stamp == at(2.0).to_msg()
    assert np.allclose(position(found), [2, 2, 0])
    assert buffer.get_latest_common_time('map', 'camera').nanoseconds == at(2.0).nanoseconds


@pytest.mark.parametrize(('seconds', 'where'), [(2.5, 'future'), (0.5, 'past')])
def test_stamps_outside_of_the_history_are_refused(buffer, fill, seconds, where):
    fill('map', 'robot', 1.0)
    fill('map', 'robot', 2.0)
    with pytest.raises(tf2_ros.ExtrapolationException, match=f'extrapolation into the {where}'):
        buffer.lookup_transform('map', 'robot', at(seconds))


def test_a_single_stamp_is_not_extrapolated(buffer, fill):
    fill('map', 'robot', 1.0)
    with pytest.raises(tf2_ros.ExtrapolationException, match='extrapolation'):
        buffer.lookup_transform('map', 'robot', at(1.1))


def test_two_trees_have_no_connection(buffer, fill):
    fill('map', 'robot', 1.0)
    fill('elsewhere', 'thing', 1.0)
    for time in (NEWEST, at(1.0)):
        with pytest.raises(tf2_ros.ConnectivityException, match='not part of the same tree'):
            buffer.lookup_transform('map', 'thing', time)


@pytest.mark.parametrize(('target', 'source'), [('nowhere', 'robot'), ('robot', 'nowhere')])
def test_an_unknown_frame_is_named(buffer, fill, target, source):
    fill('map', 'robot', 1.0)
    with pytest.raises(tf2_ros.LookupException, match='nowhere'):
        buffer.lookup_transform(target, source, NEWEST)


@pytest.mark.parametrize('name', ['', '/map'])
def test_empty_names_and_names_with_a_slash_are_refused(buffer, fill, name):
    fill('map', 'robot', 1.0)
    with pytest.raises(tf2_ros.InvalidArgumentException):
        buffer.lookup_transform(name, 'robot', NEWEST)


def test_all_errors_are_transform_exceptions():
    names = ('Connectivity', 'Extrapolation', 'InvalidArgument', 'Lookup', 'Timeout')
    for name in names:
        assert issubclass(getattr(tf2_ros, f'{name}Exception'), tf2_ros.TransformException)


def test_static_frames_hold_at_all_times(buffer, fill, fill_static):
    fill_static('robot', 'camera', 7.0, (0.0, 0.0, 1.0))
    fill('map', 'robot', 1.0)
    fill('map', 'robot', 2.0, (2.0, 0.0, 0.0))
    for seconds in (0.001, 1e6):
        assert position(buffer.lookup_transform('robot', 'camera', at(seconds))) == [0, 0, 1]
    assert np.allclose(position(buffer.lookup_transform('map', 'camera', at(1.5))), [1, 0, 1])
    newest = buffer.lookup_transform('map', 'camera', NEWEST)
    assert newest.header.stamp == at(2.0).to_msg()


def test_a_static_frame_can_be_replaced(buffer, fill_static):
    fill_static('robot', 'camera', xyz=(1.0, 0.0, 0.0))
    fill_static('robot', 'camera', xyz=(2.0, 0.0, 0.0))
    assert position(buffer.lookup_transform('robot', 'camera', NEWEST)) == [2, 0, 0]


def test_clear_forgets_what_moves_and_keeps_what_does_not(buffer, fill, fill_static):
    fill_static('robot', 'camera')
    fill('map', 'robot', 1.0)
    buffer.clear()
    assert buffer.can_transform('robot', 'camera', NEWEST)
    assert not buffer.can_transform('map', 'robot', NEWEST)


def test_links_older_than_the_cache_time_are_dropped():
    buffer = tf2_ros.Buffer(cache_time=Duration(seconds=5.0))
    for seconds in (10.0, 12.0, 16.0):
        buffer.set_transform(link('map', 'robot', seconds), 'test')
    assert buffer.can_transform('map', 'robot', at(12.0))
    with pytest.raises(tf2_ros.ExtrapolationException, match='past'):
        buffer.lookup_transform('map', 'robot', at(10.5))
    buffer.set_transform(link('map', 'robot', 9.0), 'test')
    with pytest.raises(tf2_ros.ExtrapolationException, match='past'):
        buffer.lookup_transform('map', 'robot', at(10.5))


def test_ten_seconds_are_kept_by_default(buffer, fill):
    for seconds in (1.0, 2.0, 11.5):
        fill('map', 'robot', seconds)
    assert buffer.can_transform('map', 'robot', at(2.0))
    assert not buffer.can_transform('map', 'robot', at(1.4))


def test_a_full_lookup_joins_two_times_in_a_fixed_frame(buffer, fill):
    for seconds in (1.0, 2.0, 3.0):
        fill('map', 'robot', seconds, (10 * seconds, 0.0, 0.0), yaw=math.pi / 2)
    found = buffer.lookup_transform_full('robot', at(3.0), 'robot', at(1.0), 'map')
    assert np.allclose(position(found), [0, 20, 0])  # 20 back along x, which is the robot's -y
    assert found.header.stamp == at(3.0).to_msg()
    assert buffer.can_transform_full('robot', at(3.0), 'robot', at(1.0), 'map')
    assert not buffer.can_transform_full('robot', at(4.0), 'robot', at(1.0), 'map')


def test_a_frame_can_get_another_parent(buffer, fill):
    fill('map', 'robot', 1.0)
    fill('map', 'elevator', 2.0, (0.0, 0.0, 3.0))
    fill('elevator', 'robot', 2.0, (1.0, 0.0, 0.0))
    assert buffer.lookup_transform('elevator', 'robot', NEWEST).header.stamp == at(2.0).to_msg()
    assert np.allclose(position(buffer.lookup_transform('map', 'robot', at(2.0))), [1, 0, 3])
    # Nothing can be interpolated between parents: it stays where it was.
    assert np.allclose(position(buffer.lookup_transform('map', 'robot', at(1.5))), [0, 0, 0])


@pytest.mark.parametrize(
    'spoil',
    [
        lambda message: setattr(message.transform.rotation, 'w', 0.5),
        lambda message: setattr(message.transform.rotation, 'w', 0.0),
        lambda message: setattr(message.transform.rotation, 'w', math.nan),
        lambda message: setattr(message.transform.translation, 'x', math.nan),
        lambda message: setattr(message, 'child_frame_id', 'map'),
        lambda message: setattr(message, 'child_frame_id', ''),
        lambda message: setattr(message.header, 'frame_id', ''),
    ],
    ids=['short', 'zero', 'nan turn', 'nan shift', 'own parent', 'no child', 'no parent'],
)
def test_a_malformed_transform_is_ignored(buffer, fill, spoil):
    fill('map', 'robot', 1.0, (1.0, 0.0, 0.0))
    message = link('map', 'robot', 2.0)
    spoil(message)
    buffer.set_transform(message, 'test')
    found = buffer.lookup_transform('map', 'robot', NEWEST)
    assert found.header.stamp == at(1.0).to_msg()
    assert position(found) == [1, 0, 0]


def test_can_transform_says_why_not(buffer, fill):
    fill('map', 'robot', 1.0)
    fill('map', 'robot', 2.0)
    assert buffer.can_transform('map', 'robot', at(1.5))
    assert not buffer.can_transform('map', 'robot', at(9.0))
    possible, reason = buffer.can_transform('map', 'robot', at(9.0), return_debug_tuple=True)
    assert not possible
    assert 'extrapolation into the future' in reason


def test_a_lookup_waits_for_what_another_thread_delivers(buffer, fill):
    later = threading.Timer(0.1, fill, ('map', 'robot', 1.0, (4.0, 0.0, 0.0)))
    later.start()
    try:
        assert not buffer.can_transform('map', 'robot', at(1.0))
        found = buffer.lookup_transform('map', 'robot', at(1.0), Duration(seconds=20.0))
        assert position(found) == [4, 0, 0]
    finally:
        later.join()


def test_can_transform_gives_up_after_its_timeout(buffer, fill):
    fill('map', 'robot', 1.0)
    assert not buffer.can_transform('map', 'robot', at(2.0), Duration(seconds=0.1))


def test_waiting_asynchronously_ends_with_the_transform(buffer, fill):
    future = buffer.wait_for_transform_async('map', 'robot', at(1.5))
    fill('map', 'robot', 1.0)
    assert not future.done()
    fill('map', 'robot', 2.0)
    assert future.done()
    assert future.result() is True


def test_an_asynchronous_lookup_returns_the_transform(buffer, fill):
    lookup = buffer.lookup_transform_async('map', 'robot', at(1.0))
    lookup.send(None)  # begin; it now waits
    fill('map', 'robot', 1.0, (4.0, 0.0, 0.0))
    with pytest.raises(StopIteration) as ended:
        lookup.send(None)
    assert position(ended.value.value) == [4, 0, 0]


def test_velocities_are_those_of_an_even_motion(buffer, fill):
    for index in range(11):
        seconds = 1.0 + index / 10
        fill('map', 'robot', seconds, (2.0 * seconds, -seconds, 0.0), yaw=0.5 * seconds)
    linear, angular = buffer.lookupVelocityCore('robot', 'map', at(1.5), Duration(seconds=0.2))
    assert np.allclose(linear, [2, -1, 0])
    assert np.allclose(angular, [0, 0, 0.5])


def test_the_frames_are_described_in_yaml(buffer, fill):
    import yaml

    fill('map', 'robot', 1.0)
    fill('map', 'robot', 2.0)
    described = yaml.safe_load(buffer.all_frames_as_yaml())['robot']
    assert described['parent'] == 'map'
    assert described['broadcaster'] == 'test'
    assert described['most_recent_transform'] == 2.0
    assert described['oldest_transform'] == 1.0
    assert 'robot exists with parent map' in buffer.all_frames_as_string()


def test_objects_of_registered_types_are_moved_to_another_frame(buffer, fill):
    fill('map', 'robot', 1.0, (1.0, 0.0, 0.0))

    class Marker:
        header = link('robot', 'unused', 1.0).header

    tf2_ros.TransformRegistration().add(Marker, lambda _marker, transform: position(transform))
    assert buffer.transform(Marker(), 'map') == [1, 0, 0]
    with pytest.raises(tf2_ros.TypeException):
        buffer.transform(link('robot', 'unused', 1.0), 'map')
