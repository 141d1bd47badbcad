from vggt_ros.mapping.registration.robot import Robot, UnknownRobot


def test_nothing_is_known_of_an_unknown_robot():
    robot = UnknownRobot()
    assert isinstance(robot, Robot)
    assert robot.odom_from_cam(1, 'camera') is None
    assert robot.base_from_cam(1, 'camera') is None
    assert robot.cam_from_cam('a', 'b', 1) is None
    assert robot.depth_m(1, 0) is None
