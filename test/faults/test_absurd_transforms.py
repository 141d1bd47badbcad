"""Transforms that cannot be: refused by name, nothing of them leaves, and the node recovers."""

from geometry_msgs.msg import PoseArray, PoseStamped, PoseWithCovarianceStamped, TransformStamped
from nav_msgs.msg import Odometry, Path
import numpy as np
import pytest
from tf2_msgs.msg import TFMessage

from vggt_ros.geometry.plausible import MAX_LENGTH_M
from vggt_ros.ros.middleware.messages import header_of, transform

pytestmark = pytest.mark.ros

TOPICS = {
    '/vggt/pose': PoseStamped,
    '/vggt/pose_with_covariance': PoseWithCovarianceStamped,
    '/vggt/camera_poses': PoseArray,
    '/vggt/odometry': Odometry,
    '/vggt/path': Path,
}
NAN, INF = float('nan'), float('inf')


def poses_in(message):
    """All poses of a message."""
    found = getattr(message, 'poses', None)
    if found is None:
        found = [message.pose]
    while found and hasattr(found[0], 'pose'):
        found = [each.pose for each in found]
    return found


def numbers_of(pose):
    p = getattr(pose, 'position', None) or pose.translation
    q = getattr(pose, 'orientation', None) or pose.rotation
    return np.array([p.x, p.y, p.z, q.x, q.y, q.z, q.w])


@pytest.fixture
def published(probe):
    """Numbers of all poses that the node sends."""
    numbers = []

    def note(message):
        numbers.extend(map(numbers_of, poses_in(message)))

    ears = [
        probe.node.create_subscription(kind, topic, note, 50) for topic, kind in TOPICS.items()
    ]
    yield numbers
    for each in ears:
        probe.node.destroy_subscription(each)


def absurd(stamp_ns, values, child='base_link', parent='odom'):
    message = TransformStamped(header=header_of(stamp_ns, parent), child_frame_id=child)
    t, q = message.transform.translation, message.transform.rotation
    t.x, t.y, t.z, q.x, q.y, q.z, q.w = map(float, values)
    return TFMessage(transforms=[message])


def drive_absurdly(made, values, number):
    """Send images with absurd odometry for a while."""
    publish = made.publishers['tf'].publish
    for _ in range(number):
        stamp_ns = made.probe.node.get_clock().now().nanoseconds
        publish(absurd(stamp_ns, values))
        made.step()


@pytest.mark.parametrize('begins_well', [True, False])
def test_absurd_odometry_is_refused_by_name_and_forgotten(robot, health, published, begins_well):
    made = robot()
    made.mount()
    made.start()
    if begins_well:
        made.steps_until(lambda: health.number('windows') >= 3, odometry=True)
    kinds = {
        (1e300, 0, 0, 0, 0, 0, 1): 'translation is (1e+300, 0, 0), longer than the 2e+07 m',
        (0, 1e155, 0, 0, 0, 0, 1): 'translation is (0, 1e+155, 0), longer than the 2e+07 m',
        (3e7, 0, 0, 0, 0, 0, 1): 'translation is (3e+07, 0, 0), longer than the 2e+07 m',
        (0, NAN, 0, 0, 0, 0, 1): 'translation is (0, nan, 0), not finite',
        (0, 0, INF, 0, 0, 0, 1): 'translation is (0, 0, inf), not finite',
        (1, 0, 0, 0, 0, NAN, 1): 'rotation is (0, 0, nan, 1), not finite',
        (1, 0, 0, 0, 0, 0, 0): 'of length 0, which is no rotation',
    }
    for values, words in kinds.items():
        for _ in range(20):
            drive_absurdly(made, values, 5)
            if words in health.values['tf_problem']:
                break
        assert words in health.values['tf_problem'], values
        assert 'odom -> base_link: its ' in health.values['tf_problem']
    assert 'mend its sender' in health.message
    windows = health.number('windows')
    how = {'odometry': True}
    made.steps_until(lambda: health.values.get('tf_mode') == 'map_to_odom', **how)
    made.steps_until(lambda: health.number('windows') >= windows + 5, **how)
    made.steps_until(lambda: health.values['tf_problem'] == '', **how)
    made.heard.clear()
    made.steps_until(lambda: len(made.heard) >= 5, **how)
    assert_sane(published, made)
    assert health.number('callback_errors') == 0


@pytest.mark.parametrize('values', [(1.9e7, 0, 0, 0, 0, 0, 1), (1e6, -1e6, 5, 0, 0, 1, 0)])
def test_odometry_that_leaps_over_the_earth_harms_nothing(robot, health, published, values):
    """Within the limit, and still no robot's: there and back, window for window."""
    made = robot()
    made.mount()
    made.start()
    how = {'odometry': True}
    made.steps_until(lambda: health.number('windows') >= 3, **how)
    for _ in range(10):
        drive_absurdly(made, values, 2)
        made.step(**how)
    assert 'odometry jumped: odom -> base_link moved by' in health.message
    windows = health.number('windows')
    made.steps_until(lambda: health.number('windows') >= windows + 5, **how)
    made.heard.clear()
    made.steps_until(lambda: len(made.heard) >= 5, **how)
    assert_sane(published, made)
    assert health.number('callback_errors') == 0


def test_a_mount_longer_than_any_robot_is_refused_by_name(robot, health, published):
    made = robot()
    pose = np.eye(4)
    pose[0, 3] = 1500.0
    made.publishers['tf_static'].publish(
        TFMessage(transforms=[transform(header_of(0, 'base_link'), 'cam_optical', pose)])
    )
    made.start()
    made.steps_until(lambda: 'base_link -> cam_optical: its translation' in health.message)
    assert '(1500, 0, 0), longer than 1000 m' in health.values['tf_problem']
    made.steps_until(lambda: health.number('windows') >= 3)
    made.mount()
    made.steps_until(lambda: health.values.get('tf_mode') == 'map_to_base')
    made.steps_until(lambda: health.values['tf_problem'] == '')
    made.steps_until(lambda: len(made.heard) >= 5)
    assert_sane(published, made)


def assert_sane(published, made):
    numbers = [*published, *(numbers_of(each.transform) for each in made.heard)]
    assert len(numbers) > 20
    assert np.isfinite(numbers).all()
    assert np.abs(numbers).max() <= MAX_LENGTH_M
    np.testing.assert_allclose(np.linalg.norm(np.array(numbers)[:, 3:], axis=1), 1.0, atol=1e-6)
