from vggt_ros.config import VggtConfig
from vggt_ros.ros.qos_events import QosEvents
from vggt_ros.ros.robot_link import RobotLink
from vggt_ros.world_config import ScaleSettings


def test_depth_is_taken_while_active_if_the_scale_may_come_from_it(make_node):
    node = make_node('vggt')
    link = RobotLink(node, VggtConfig(), QosEvents(print))
    link.subscribe()
    assert node.count_subscribers('/depth') == 1
    link.unsubscribe()
    assert node.count_subscribers('/depth') == 0
    link.close()
    other = RobotLink(node, VggtConfig(scale=ScaleSettings(source='odometry')), QosEvents(print))
    other.subscribe()
    assert node.count_subscribers('/depth') == 0
    other.close()


def test_everything_is_gone_after_closing(make_node):
    node = make_node('vggt')
    link = RobotLink(node, VggtConfig(), QosEvents(print))
    assert make_node.spin(lambda: 'vggt_tf' in node.get_node_names())
    link.close()
    assert make_node.spin(lambda: 'vggt_tf' not in node.get_node_names())
