import numpy as np
import pytest

from vggt_ros.geometry import se3
from vggt_ros.mapping.registration.pose_priors import PosePriors
from vggt_ros.synthetic.simulated_rig import make_rig, SimulatedRig


@pytest.mark.parametrize('num_cameras', [1, 2, 4, 8])
def test_a_rig_has_cameras_in_different_places(num_cameras):
    rig = make_rig(num_cameras, 0.5)
    np.testing.assert_array_equal(rig[0], np.eye(4))
    assert len(np.unique(rig[:, :3, 3].round(6), axis=0)) == num_cameras
    if num_cameras > 1:
        assert np.linalg.norm(rig[1, :3, 3]) == pytest.approx(0.5)


def test_it_is_what_a_mapper_asks():
    rig = make_rig(3, 0.5)
    priors = SimulatedRig(rig)
    assert isinstance(priors, PosePriors)
    found = priors.cam_from_cam('camera_1', 'camera_2', 1)
    np.testing.assert_allclose(rig[1] @ found, rig[2], atol=1e-12)
    np.testing.assert_allclose(priors.cam_from_cam('camera_2', 'camera_1', 1), se3.inverse(found))
    assert priors.cam_from_cam('camera_0', 'camera_9', 1) is None
    assert priors.odom_from_cam(1, 'camera_0') is None
