import numpy as np
import pytest

from vggt_ros.geometry import se3
from vggt_ros.offline.keyframe_rig import KeyframeRig
from vggt_ros.offline.structure import structure_of_images, structure_of_poses
from vggt_ros.offline.structure_files import model_of, write_matches
from vggt_ros.offline.view_graph import view_graph
from vggt_ros.synthetic.simulated_rig import make_rig

pytest.importorskip('pycolmap', reason='pycolmap is the extra offline')

RIG = make_rig(2, 0.2)


@pytest.fixture(scope='module')
def stereo(make_room, along_wall):
    """Eight moments of two cameras."""
    room = make_room(6)
    truth = np.concatenate([[pose, pose @ RIG[1]] for pose in along_wall(8)])
    rig = KeyframeRig(
        camera=np.arange(16) % 2, moment=np.arange(16) // 2, first_from_cam=list(RIG)
    )
    return view_graph([room.keyframe(pose) for pose in truth], rig=rig), truth


def test_cameras_of_a_rig_are_in_one_frame_where_the_rig_has_them(stereo, tmp_path):
    graph, truth = stereo
    write_matches(graph, tmp_path / 'matches.db')
    model = model_of(graph, tmp_path / 'matches.db', truth)
    assert (model.num_rigs(), model.num_cameras(), model.num_frames()) == (1, 2, 8)
    assert model.num_reg_images() == 16
    for row, pose in enumerate(truth):
        found = model.images[1 + row].cam_from_world().matrix()
        np.testing.assert_allclose(found, se3.inverse(pose)[:3], atol=1e-9)


def test_the_distance_of_the_cameras_says_what_a_meter_is(stereo):
    graph, truth = stereo
    rng = np.random.default_rng(0)
    # Too long by a tenth, and shaken.
    wrong = truth.copy()
    wrong[::2, :3, 3] = 1.1 * truth[::2, :3, 3] + 0.01 * rng.normal(size=(8, 3))
    wrong[1::2] = wrong[::2] @ RIG[1]
    found = structure_of_poses(graph, wrong, is_calibrated=True)
    assert found.rows.tolist() == list(range(16))
    way, true_way = (
        np.linalg.norm(np.diff(poses[::2, :3, 3], axis=0), axis=1).sum()
        for poses in (found.world_from_cam, truth)
    )
    assert way == pytest.approx(true_way, rel=0.01)
    between = se3.inverse(found.world_from_cam[::2]) @ found.world_from_cam[1::2]
    np.testing.assert_allclose(between, np.tile(RIG[1], (8, 1, 1)), atol=1e-9)


def test_matches_of_a_rig_alone_are_in_meters_too(stereo):
    graph, truth = stereo
    found = structure_of_images(graph, is_calibrated=True)
    between = se3.inverse(found.world_from_cam[::2]) @ found.world_from_cam[1::2]
    np.testing.assert_allclose(between, np.tile(RIG[1], (8, 1, 1)), atol=1e-6)
    extent, true_extent = (
        np.linalg.norm(poses[-2, :3, 3] - poses[0, :3, 3])
        for poses in (found.world_from_cam, truth)
    )
    assert extent == pytest.approx(true_extent, rel=0.02)
