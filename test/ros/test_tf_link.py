import time

import numpy as np
from rosgraph_msgs.msg import Clock as ClockMessage
from sensor_msgs.msg import Image

from vggt_ros.ros.middleware.stamps import stamp_from_ns
from vggt_ros.ros.middleware.tf_clock import SeenImage
from vggt_ros.ros.tf_link import TfLink
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.world_config import ScaleSettings


def test_depth_is_taken_while_active_if_the_scale_may_come_from_it(make_node):
    node = make_node('vggt')
    link = TfLink(make_node.context(node))
    link.subscribe()
    assert node.count_subscribers('/depth') == 1
    publisher = node.create_publisher(Image, 'depth', 1)
    assert make_node.spin(lambda: link.topic_reports())
    assert link.topic_reports()[0].kind == 'depth'
    node.destroy_publisher(publisher)
    link.unsubscribe()
    assert node.count_subscribers('/depth') == 0
    link.close()
    other = TfLink(make_node.context(node, VggtConfig(scale=ScaleSettings(source='odometry'))))
    other.subscribe()
    assert node.count_subscribers('/depth') == 0
    other.close()


def test_everything_is_gone_after_closing(make_node):
    node = make_node('vggt')
    link = TfLink(make_node.context(node))
    assert make_node.spin(lambda: 'vggt_tf' in node.get_node_names())
    link.close()
    assert make_node.spin(lambda: 'vggt_tf' not in node.get_node_names())


def test_a_clock_that_never_began_is_a_problem(make_node):
    node = make_node('vggt', '-p', 'use_sim_time:=true')
    link = TfLink(make_node.context(node))
    link.check(None)
    assert len(link.problems) == 1
    assert '/clock' in link.problems[0].text
    clock = make_node('clock').create_publisher(ClockMessage, '/clock', 10)

    def is_gone():
        clock.publish(ClockMessage(clock=stamp_from_ns(5_000_000_000)))
        link.check(None)
        return not link.problems

    assert make_node.spin(is_gone)
    link.close()


def test_images_far_from_the_stamps_of_tf_are_a_problem(make_node, tree):
    node = make_node('vggt')
    link = TfLink(make_node.context(node))
    tree.static('base_link', 'cam', np.eye(4))
    image = SeenImage(camera_frame='cam', stamp_ns=90 * 10**9, at_s=time.monotonic())
    link.check(image)
    assert link.problems == []

    def is_told():
        tree.moving('odom', 'base_link', np.eye(4), 100 * 10**9)
        link.check(image)
        return link.problems

    assert make_node.spin(is_told, 3.0)
    assert 'the images are stamped' in link.problems[0].text
    assert 's before odom -> cam in TF' in link.problems[0].text
    link.close()
