"""Another node sends the transform that this node sends: it is named, the frame is its own."""

import numpy as np
import pytest
from tf2_ros import StaticTransformBroadcaster, TransformBroadcaster

from vggt_ros.geometry import se3
from vggt_ros.ros.middleware.messages import header_of, transform

pytestmark = pytest.mark.ros

ELSEWHERE = se3.rigid(np.eye(3), np.array([50.0, 0.0, 0.0]))


@pytest.fixture
def rival(make_node):
    return make_node('amcl')


@pytest.mark.parametrize(
    ('mode', 'child', 'has_odometry'),
    [('map_to_odom', 'odom', True), ('map_to_base', 'base_link', False)],
)
def test_a_second_sender_of_the_same_edge_is_named_and_the_way_is_left_to_it(
    robot, health, probe, rival, mode, child, has_odometry
):
    made = robot()
    made.mount()
    made.start()
    how = {'odometry': has_odometry}
    made.steps_until(lambda: health.values.get('tf_mode') == mode, **how)
    made.steps_until(lambda: len(made.heard) >= 20, **how)
    assert made.edges == {('map', child)}
    assert health.fresh()['tf_problem'] == '', 'what comes back to the node is its own'
    broadcaster = TransformBroadcaster(rival)

    def is_told():
        now_ns = rival.get_clock().now().nanoseconds
        broadcaster.sendTransform(transform(header_of(now_ns, 'map'), child, ELSEWHERE))
        return 'is sent by another node' in health.message

    made.steps_until(is_told, **how)
    problem = health.values['tf_problem']
    assert f'map -> {child} is sent by another node, too (' in problem
    assert '/amcl' in problem
    assert f'conflict: map -> {child} is sent by another node, too' in made.node.log
    made.steps_until(lambda: is_told() and health.values['tf_mode'] == mode, **how)
    probe.spin_for(0.3)
    made.heard.clear()
    for _ in range(20):
        is_told()
        made.step(**how)
    assert {each.transform.translation.x for each in made.heard} == {50.0}, 'the rival alone'

    made.heard.clear()
    made.steps_until(lambda: health.values['tf_problem'] == '', **how)
    made.heard.clear()
    made.steps_until(lambda: len(made.heard) >= 5, **how)
    assert 50.0 not in {each.transform.translation.x for each in made.heard}


def test_a_static_sender_of_the_same_edge_is_named(robot, health, rival):
    made = robot()
    made.mount()
    StaticTransformBroadcaster(rival).sendTransform(
        transform(header_of(0, 'map'), 'odom', ELSEWHERE)
    )
    made.start()
    made.steps_until(lambda: 'is sent by another node' in health.message, odometry=True)
    assert 'map -> odom is sent by another node, too (' in health.values['tf_problem']
    assert '/amcl' in health.values['tf_problem']
    made.heard.clear()  # until its latched transform was there no listener could know of it
    for _ in range(20):
        made.step(odometry=True)
    assert made.heard == []
