import threading
import time

import numpy as np
import pytest

from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import matrix_from_rotation_vector
from vggt_ros.ros.tf.tf_listener import TfListener

SECOND_NS = 1_000_000_000


def pose(x, yaw=0.0):
    turn = matrix_from_rotation_vector(np.array([0.0, 0.0, float(yaw)]))
    return se3.rigid(turn, np.array([float(x), 0.0, 0.5]))


BASE_FROM_CAM = se3.rigid(
    np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]]), np.array([0.2, 0.0, 0.3])
)


@pytest.fixture
def listener(make_node):
    made = TfListener(make_node('vggt'), 30.0)
    yield made
    made.close()


def drive(make_node, tree, listener):
    """A robot that drives one meter a second and turns."""
    tree.static('base_link', 'camera', BASE_FROM_CAM)
    assert make_node.spin(lambda: listener.knows('base_link', 'camera'))

    def sent():
        for k in range(11):
            tree.moving(
                'odom', 'base_link', pose(0.1 * k, 0.05 * k), SECOND_NS + k * SECOND_NS // 10
            )
        return listener.lookup('odom', 'camera', 2 * SECOND_NS, 0.0) is not None

    assert make_node.spin(sent)


def test_a_lookup_is_about_the_stamp_and_not_about_now(make_node, tree, listener):
    drive(make_node, tree, listener)
    found = listener.lookup('odom', 'camera', SECOND_NS + 300_000_000, 0.0)
    np.testing.assert_allclose(found, pose(0.3, 0.15) @ BASE_FROM_CAM, atol=1e-6)
    newest = listener.lookup('odom', 'camera', 2 * SECOND_NS, 0.0)
    np.testing.assert_allclose(newest, pose(1.0, 0.5) @ BASE_FROM_CAM, atol=1e-6)
    between = listener.lookup('odom', 'base_link', SECOND_NS + 250_000_000, 0.0)
    assert between[0, 3] == pytest.approx(0.25, abs=1e-6)


def test_what_is_on_its_way_is_waited_for(make_node, tree, listener):
    drive(make_node, tree, listener)
    stamp_ns = 2 * SECOND_NS + 100_000_000
    timer = threading.Timer(0.3, lambda: tree.moving('odom', 'base_link', pose(7.0), stamp_ns))
    timer.start()
    found = listener.lookup('odom', 'base_link', stamp_ns, 5.0)
    timer.join()
    assert found[0, 3] == pytest.approx(7.0)


def test_what_never_comes_is_waited_for_only_so_long(make_node, tree, listener):
    drive(make_node, tree, listener)
    start_s = time.monotonic()
    assert listener.lookup('odom', 'camera', 9 * SECOND_NS, 0.3) is None
    assert 0.25 < time.monotonic() - start_s < 3.0


def test_what_nobody_ever_sent_and_what_is_past_are_not_waited_for(make_node, tree, listener):
    drive(make_node, tree, listener)
    start_s = time.monotonic()
    assert listener.lookup('odom', 'another_camera', 2 * SECOND_NS, 20.0) is None
    assert listener.lookup('odom', 'camera', SECOND_NS - 1, 20.0) is None
    assert time.monotonic() - start_s < 5.0


def test_closing_ends_a_wait_and_again_is_harmless(make_node, tree, listener):
    drive(make_node, tree, listener)
    answers = []
    waiter = threading.Thread(
        target=lambda: answers.append(listener.lookup('odom', 'camera', 9 * SECOND_NS, 60.0))
    )
    waiter.start()
    time.sleep(0.1)
    listener.close()
    listener.close()
    waiter.join(10.0)
    assert answers == [None]
    assert 'vggt_tf' not in tree.node.get_node_names() or make_node.spin(
        lambda: 'vggt_tf' not in tree.node.get_node_names()
    )


def test_what_the_node_calls_tf_is_listened_to(make_node):
    """With /tf remapped into a namespace, as on a robot among others."""
    from tf2_ros import StaticTransformBroadcaster, TransformBroadcaster

    from vggt_ros.ros.middleware.messages import header_of, transform

    words = ('-r', '/tf:=tf', '-r', '/tf_static:=tf_static')
    node = make_node('vggt', '-r', '__ns:=/robot1', '-r', '__node:=eyes', *words)
    made = TfListener(node, 30.0)
    try:
        own = make_node('driver', '-r', '__ns:=/robot1', *words)
        static, moving = StaticTransformBroadcaster(own), TransformBroadcaster(own)
        other = make_node('elsewhere')
        others = StaticTransformBroadcaster(other)
        others.sendTransform(transform(header_of(0, 'base_link'), 'camera', pose(9.0)))
        static.sendTransform(transform(header_of(0, 'base_link'), 'camera', BASE_FROM_CAM))

        def sent():
            moving.sendTransform(transform(header_of(SECOND_NS, 'odom'), 'base_link', pose(1.0)))
            return made.lookup('odom', 'camera', SECOND_NS, 0.0) is not None

        assert make_node.spin(sent)
        make_node.spin(lambda: False, 0.3)
        found = made.lookup('odom', 'camera', SECOND_NS, 0.0)
        np.testing.assert_allclose(found, pose(1.0) @ BASE_FROM_CAM, atol=1e-6)
        assert node.count_subscribers('/robot1/tf') == 1
        names = node.get_node_names_and_namespaces()
        assert ('eyes_tf', '/robot1') in names, 'its name is its own'
    finally:
        made.close()


@pytest.mark.parametrize('length', [1.005, 1.3])
def test_a_rotation_of_another_length_is_taken_as_it_is_meant(make_node, tree, listener, length):
    from tf2_ros import TransformBroadcaster

    from vggt_ros.ros.middleware.messages import header_of, transform

    broadcaster = TransformBroadcaster(tree.node)
    tree.static('base_link', 'camera', BASE_FROM_CAM)

    def sent():
        message = transform(header_of(SECOND_NS, '/odom'), '/base_link', pose(1.0, 0.7))
        q = message.transform.rotation
        q.z, q.w = length * q.z, length * q.w
        broadcaster.sendTransform(message)
        return listener.lookup('odom', 'camera', SECOND_NS, 0.0) is not None

    assert make_node.spin(sent)
    found = listener.lookup('odom', 'camera', SECOND_NS, 0.0)
    np.testing.assert_allclose(found, pose(1.0, 0.7) @ BASE_FROM_CAM, atol=1e-6)
    assert listener.parents.parent_of('base_link').frame == 'odom'


def test_a_rotation_of_length_0_is_no_odometry_and_named(make_node, tree, listener):
    from tf2_ros import TransformBroadcaster

    from vggt_ros.ros.middleware.messages import header_of, transform

    broadcaster = TransformBroadcaster(tree.node)

    def sent():
        message = transform(header_of(SECOND_NS, 'odom'), 'base_link', pose(1.0))
        message.transform.rotation.w = 0.0
        broadcaster.sendTransform(message)
        return listener.problems()

    assert make_node.spin(sent)
    assert listener.problems()[0].startswith('odom -> base_link: its rotation is (0, 0, 0, 0)')
    assert not listener.knows('odom', 'base_link')
    assert listener.parents.parent_of('base_link').frame == 'odom', 'it is sent all the same'


def test_what_is_longer_than_anything_on_a_robot_is_refused_and_named(make_node, tree, listener):
    tree.static('base_link', 'boom', pose(700.0))
    tree.static('boom', 'camera', pose(700.0))
    assert make_node.spin(lambda: listener.knows('base_link', 'camera'))
    assert listener.lookup('base_link', 'camera', SECOND_NS, 0.0)[0, 3] == pytest.approx(1400.0)
    assert listener.problems() == []
    assert listener.lookup('base_link', 'camera', SECOND_NS, 5.0, max_length_m=1e3) is None
    (line,) = listener.problems()
    assert line.startswith(
        'base_link -> camera: its translation is (1400, 0, 1), longer than 1000'
    )
    assert listener.lookup('base_link', 'boom', SECOND_NS, 0.0, max_length_m=1e3) is not None


@pytest.mark.parametrize('x', [1e300, 1e155, 3e7, float('inf'), float('nan')])
def test_what_is_beyond_all_bounds_never_gets_in_and_the_next_one_does(
    make_node, tree, listener, x
):
    from geometry_msgs.msg import TransformStamped
    from tf2_ros import TransformBroadcaster

    from vggt_ros.ros.middleware.messages import header_of

    tree.static('base_link', 'camera', BASE_FROM_CAM)
    broadcaster = TransformBroadcaster(tree.node)

    def is_told():
        header = header_of(SECOND_NS, 'odom')
        message = TransformStamped(header=header, child_frame_id='base_link')
        message.transform.translation.x = x
        broadcaster.sendTransform(message)
        return listener.problems()

    assert make_node.spin(is_told)
    assert listener.problems()[0].startswith('odom -> base_link: its translation is (')
    assert listener.lookup('odom', 'camera', SECOND_NS, 0.0) is None
    drive(make_node, tree, listener)
    assert listener.problems() == []


def test_who_else_gives_a_frame_a_parent_is_named_by_its_node(make_node):
    from tf2_ros import StaticTransformBroadcaster, TransformBroadcaster

    from vggt_ros.ros.middleware.messages import header_of, transform
    from vggt_ros.ros.tf.sent_transforms import SentTransforms

    main, rival, third = make_node('vggt'), make_node('amcl'), make_node('driver')
    sent = SentTransforms()
    made = TfListener(main, 30.0, root='map', sent=sent)
    try:
        own, others = TransformBroadcaster(main), TransformBroadcaster(rival)
        TransformBroadcaster(third)

        def heard():
            mine = transform(header_of(SECOND_NS, 'map'), 'camera', pose(1.0, 0.3))
            sent.remember([mine])
            own.sendTransform(mine)
            others.sendTransform(transform(header_of(SECOND_NS, 'map'), 'odom', pose(1.0, 0.3)))
            return made.other_parent('odom')

        assert make_node.spin(heard)
        make_node.spin(lambda: False, 0.3)
        found = made.other_parent('odom')
        assert found.frame == 'map'
        # By name where the middleware says who sent a message, else all that it may be.
        assert found.senders in ('/amcl', 'one of those that publish /tf: /amcl, /driver')
        assert made.other_parent('camera') is None, 'what it sends itself comes back to it'
        static = StaticTransformBroadcaster(third)
        static.sendTransform(transform(header_of(0, 'map'), 'base_link', pose(1.0)))
        assert make_node.spin(lambda: made.other_parent('base_link'))
        assert '/driver' in made.other_parent('base_link').senders
    finally:
        made.close()


def test_what_moves_is_looked_at_as_it_comes(make_node, tree, listener):
    now_ns = tree.node.get_clock().now().nanoseconds

    def is_told():
        tree.moving('odom', 'base_link', pose(1.0), now_ns + 100 * SECOND_NS)
        return listener.watch.problems([('odom', 'base_link')], 'odometry')

    assert make_node.spin(is_told)
    (found,) = is_told()
    assert found.text.startswith('odometry in the future: odom -> base_link is stamped ')
    make_node.spin(lambda: False, 0.2)
    listener.forget()
    assert listener.watch.problems([('odom', 'base_link')], 'odometry') == []


def test_an_error_while_listening_is_noted_and_one_goes_on_listening(make_node, tree):
    noted = []
    made = TfListener(make_node('vggt'), 30.0, note_error=noted.append)
    try:
        note, broken = made.parents.note, [True]

        def fail(*args, **named):
            if broken:
                raise KeyError('a bug')
            note(*args, **named)

        made.parents.note = fail

        def sent():
            tree.static('base_link', 'camera', BASE_FROM_CAM)
            return noted

        assert make_node.spin(sent)
        broken.clear()
        drive(make_node, tree, made)
    finally:
        made.close()


def test_its_node_has_no_service_whose_memory_rclpy_would_keep(make_node):
    node = make_node('vggt')
    made = TfListener(node, 10.0)
    try:
        services = node.get_service_names_and_types_by_node('vggt_tf', '/')
        assert not [name for name, _ in services if name.endswith('get_type_description')]
    finally:
        made.close()
