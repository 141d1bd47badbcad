import numpy as np

from vggt_ros.geometry import se3
from vggt_ros.offline.frame_poses import FramePoses
from vggt_ros.offline.rig_frames import MAX_APART_NS, rig_frames
from vggt_ros.synthetic.simulated_rig import make_rig

RIG = make_rig(2, 0.3)
MS = 1_000_000


def poses_of(stamps_ms, cameras, map_from_cam):
    return FramePoses(
        stamps_ns=np.array(stamps_ms, np.int64) * MS,
        map_from_cam=np.stack(map_from_cam),
        kind=('keyframe',) * len(cameras),
        camera=tuple(cameras),
    )


def test_what_was_taken_at_once_has_one_pose_between_those_that_the_map_has():
    first = se3.rigid(np.eye(3), np.array([1.0, 2.0, 3.0]))
    second = first @ RIG[1]
    second[:3, 3] += (0.0, 0.0, 0.04)
    found = rig_frames(poses_of([100, 103], [0, 1], [first, second]), [0, 1], list(RIG))
    assert [dict(each.images) for each in found] == [{0: 0, 1: 1}]
    np.testing.assert_allclose(found[0].map_from_rig[:3, 3], [1, 2, 3.02], atol=1e-12)
    np.testing.assert_allclose(
        found[0].map_from_cam(1), found[0].map_from_rig @ RIG[1], atol=1e-12
    )


def test_images_that_are_apart_in_time_or_of_one_camera_are_other_frames():
    apart_ms = MAX_APART_NS // MS + 1
    poses = poses_of([0, apart_ms, 40, 52, 52], [0, 1, 1, 1, 0], [np.eye(4)] * 5)
    found = rig_frames(poses, [4, 0, 1, 2, 3], list(RIG))
    assert [dict(each.images) for each in found] == [{0: 0}, {1: 1}, {1: 2}, {0: 4, 1: 3}]
