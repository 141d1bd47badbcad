import numpy as np
from tf2_msgs.msg import TFMessage

from vggt_ros.ros.stamps import ns_from_stamp
from vggt_ros.ros.tf import CameraBroadcaster


def test_every_frame_is_sent_in_one_message_with_its_own_stamp(make_node, frame_result):
    node, heard = make_node('tf_test'), []
    node.create_subscription(TFMessage, '/tf', heard.append, 10)
    broadcaster = CameraBroadcaster(node, 'world')
    assert make_node.spin(lambda: node.count_publishers('/tf') == 1)
    stamps_ns = [1_700_000_000_000_000_001, 1_700_000_000_100_000_002]
    results = [frame_result(stamp_ns=stamp_ns) for stamp_ns in stamps_ns]

    def sent():
        if not heard:
            broadcaster.send(results)
        return heard

    assert make_node.spin(sent)
    transforms = heard[0].transforms
    assert [ns_from_stamp(each.header.stamp) for each in transforms] == stamps_ns
    assert {(t.header.frame_id, t.child_frame_id) for t in transforms} == {
        ('world', 'cam_optical')
    }
    position = transforms[0].transform.translation
    np.testing.assert_allclose([position.x, position.y, position.z], [1, 2, 3])
