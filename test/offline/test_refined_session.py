import numpy as np
import pytest

from vggt_ros.evaluation.course_run import drive
from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import matrix_from_rotation_vector
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.mapping.mapper import Mapper
from vggt_ros.mapping.registration.metric_scale import ScaleState
from vggt_ros.offline.refined_session import refined_session
from vggt_ros.offline.result import UNKNOWN_SCALE
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.parameter_tree import with_values
from vggt_ros.synthetic.course import make_course
from vggt_ros.synthetic.simulated_predictor import SimulatedPredictor


@pytest.fixture(scope='module')
def session():
    course = make_course('figure_eight', 20, 0)
    values = {'keyframe.min_parallax': 0.0, 'refine.mode': 'off', 'map.voxel_size': 0.5}
    config = with_values(VggtConfig(), values)
    mapper = Mapper(SimulatedPredictor(course, seed=0), config, offline=True)
    assert any(drive(course, mapper))
    return mapper.map.session()


MOVE = Sim3(1.5, matrix_from_rotation_vector(np.array([0.1, -0.2, 0.3])), np.array([1.0, 2, 3]))


def poses_of(session):
    return {i: each.view.map_from_cam for i, each in session.path.items()}


def test_where_all_keyframes_move_alike_everything_moves_with_them(session):
    moved = {i: MOVE.apply_to_pose(pose) for i, pose in poses_of(session).items()}
    metric = ScaleState(is_metric=True, meters_per_unit=1.0, log_sigma=0.02, source='odometry')
    found = refined_session(session, moved, dict.fromkeys(moved, MOVE.scale), metric)
    np.testing.assert_allclose(
        found.voxels.means[:, :3], MOVE.apply(session.voxels.means[:, :3]), atol=1e-4
    )
    for old, new in zip(session.submaps, found.submaps, strict=True):
        expected = MOVE @ old.map_from_submap
        np.testing.assert_allclose(new.map_from_submap.translation, expected.translation)
        assert new.map_from_submap.scale == pytest.approx(expected.scale)
    for old, new in zip(session.keyframes, found.keyframes, strict=True):
        np.testing.assert_allclose(new.map_from_cam, MOVE.apply_to_pose(old.map_from_cam))
    for old, new in zip(session.edges, found.edges, strict=True):
        np.testing.assert_allclose(new.i_from_j.translation, old.i_from_j.translation, atol=1e-9)
    assert (found.is_metric, found.scale_source) == (True, 'odometry')
    assert found.usual_depth == pytest.approx(1.5 * session.usual_depth)


def test_every_pose_of_the_path_is_that_of_its_keyframe(session):
    rng = np.random.default_rng(0)
    moved = {
        i: pose @ se3.rigid(np.eye(3), 0.1 * rng.normal(size=3))
        for i, pose in poses_of(session).items()
    }
    found = refined_session(session, moved, dict.fromkeys(moved, 1.0), UNKNOWN_SCALE)
    for i, pose in poses_of(found).items():
        np.testing.assert_array_equal(pose, moved[i])
    places = {each.id: each.map_from_submap for each in found.submaps}
    for edge in found.edges:
        said = places[edge.i] @ edge.i_from_j
        np.testing.assert_allclose(said.translation, places[edge.j].translation, atol=1e-9)


def test_without_keyframes_in_the_end_it_stays(session):
    assert refined_session(session, {}, {}, UNKNOWN_SCALE) is session
