import numpy as np
import pytest

from vggt_ros.errors import SaveError
from vggt_ros.evaluation.course_run import drive
from vggt_ros.mapping.mapper import Mapper
from vggt_ros.mapping.session.session_folder import read_session
from vggt_ros.offline.session_files import write_session_files
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.parameter_tree import with_values
from vggt_ros.synthetic.course import make_course
from vggt_ros.synthetic.simulated_predictor import SimulatedPredictor


@pytest.fixture(scope='module')
def session():
    course = make_course('figure_eight', 12, 0)
    values = {'keyframe.min_parallax': 0.0, 'refine.mode': 'off', 'map.voxel_size': 0.5}
    config = with_values(VggtConfig(), values)
    mapper = Mapper(SimulatedPredictor(course, seed=0), config, offline=True)
    assert any(drive(course, mapper))
    return mapper.map.session()


def test_cloud_path_and_session_tell_the_same(session, tmp_path):
    write_session_files(tmp_path, session)
    found = read_session(tmp_path)
    assert len(found.submaps) == len(session.submaps)
    path = np.loadtxt(tmp_path / 'trajectory.tum')
    assert len(path) == len(session.path)
    assert (np.diff(path[:, 0]) > 0).all()
    assert (tmp_path / 'map.ply').read_bytes().startswith(b'ply')


def test_a_folder_that_is_gone_is_told(session, tmp_path):
    with pytest.raises(SaveError, match='cannot be written'):
        write_session_files(tmp_path / 'nowhere', session)
