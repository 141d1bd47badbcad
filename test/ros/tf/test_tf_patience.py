from vggt_ros.ros.tf.tf_patience import TfPatience

ODOM, BASE = ('odom', 'camera'), ('base_link', 'camera')


def test_all_waits_of_a_window_share_one_budget():
    patience = TfPatience(0.2)
    assert patience.left_s(ODOM, 100) == 0.2
    patience.note(ODOM, 0.15, None)
    assert abs(patience.left_s(BASE, 100) - 0.05) < 1e-12
    patience.note(BASE, 0.3, None)
    assert patience.left_s(ODOM, 200) == 0.0
    patience.begin(0.5)
    assert patience.left_s(ODOM, 200) == 0.5


def test_after_a_miss_there_is_no_wait_until_there_is_news():
    patience = TfPatience(0.2)
    patience.note(ODOM, 0.2, 100)
    patience.begin(0.2)
    assert patience.left_s(ODOM, 100) == 0.0, 'nothing newer has come'
    assert patience.left_s(BASE, 100) == 0.2, 'another chain'
    assert patience.left_s(ODOM, 101) == 0.2, 'there is news'
    patience.note(ODOM, 0.1, None)
    patience.begin(0.2)
    assert patience.left_s(ODOM, 100) == 0.2, 'time began again'
