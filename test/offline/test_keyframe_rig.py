import numpy as np
import pytest

from vggt_ros.offline.keyframe_rig import KeyframeRig
from vggt_ros.synthetic.simulated_rig import make_rig

RIG = make_rig(2, 0.4)


MS = 1_000_000


def test_what_was_taken_within_five_milliseconds_was_taken_at_once():
    stamps_ns = [each * MS for each in (52, 0, 6, 40, 52, 55)]
    rig = KeyframeRig.of(stamps_ns, [0, 0, 1, 1, 1, 0], list(RIG))
    assert rig.members() == [[1], [2], [3], [0, 4], [5]]


def test_a_meter_is_known_by_far_points_worse_and_by_many_better():
    rig = KeyframeRig.of([0, 0], [0, 1], list(RIG))
    assert rig.log_sigma(8.0, 400.0, 25) == pytest.approx(0.7 * 8 / (400 * 0.4) / 5)
    assert rig.log_sigma(8.0, 400.0, 10**6) == 0.005
    assert rig.log_sigma(8.0, 400.0, 0) == np.inf


def test_a_moment_is_where_all_of_its_cameras_say_in_the_mean():
    rig = KeyframeRig(
        camera=np.array([0, 1, 0, 1]), moment=np.array([7, 7, 9, 9]), first_from_cam=list(RIG)
    )
    poses = np.stack([np.eye(4), RIG[1], np.full((4, 4), np.nan), RIG[1]])
    poses[1, :3, 3] += (0.0, 0.0, 0.1)
    assert rig.members() == [[0, 1], [2, 3]]
    found = rig.on_rig(poses)
    np.testing.assert_allclose(found[0, :3, 3], [0, 0, 0.05], atol=1e-12)
    np.testing.assert_allclose(np.linalg.inv(found[0]) @ found[1], RIG[1], atol=1e-12)
    # Of the second moment only one camera is known: the other is where the rig has it.
    np.testing.assert_allclose(found[2], np.eye(4), atol=1e-12)
    assert rig.world_from_rig([2], poses) is None
