import numpy as np

from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import matrix_from_quat_xyzw
from vggt_ros.mapping.layers.camera_view import CameraView


def test_the_camera_sees_a_point_of_the_map_where_it_is_from_there():
    map_from_cam = se3.rigid(
        matrix_from_quat_xyzw(np.array([0.3, -0.1, 0.5, 0.8])), np.array([1.0, -2.0, 0.5])
    )
    view = CameraView(stamp_ns=7, map_from_cam=map_from_cam, K=np.eye(3), width=4, height=3)
    in_cam = np.array([0.4, -0.3, 2.0])
    in_map = map_from_cam @ np.append(in_cam, 1.0)
    np.testing.assert_allclose((view.cam_from_map @ in_map)[:3], in_cam, atol=1e-12)
