from vggt_ros.mapping.registration.pose_priors import NoPriors, PosePriors


def test_nothing_is_known_of_an_unknown_robot():
    priors = NoPriors()
    assert isinstance(priors, PosePriors)
    assert priors.odom_from_cam(1, 'camera') is None
    assert priors.base_from_cam(1, 'camera') is None
    assert priors.cam_from_cam('a', 'b', 1) is None
    assert priors.up_in_cam(1, 'camera') is None
    assert priors.depth_m(1, 0) is None
