import numpy as np
import pytest

from vggt_ros.cli.main import main
from vggt_ros.mapping.frontend.frame import Frame
from vggt_ros.mapping.mapper import Mapper
from vggt_ros.mapping.offline import map_frames
from vggt_ros.mapping.session.session_folder import read_session
from vggt_ros.offline.session_files import write_session_files
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.parameter_tree import with_values
from vggt_ros.synthetic.course import make_course
from vggt_ros.synthetic.course_camera import CourseCamera
from vggt_ros.synthetic.simulated_predictor import SimulatedPredictor


def write_map(folder, indices, seed=0):
    """Map frames of a course with images of what there is to see; store the map."""
    course = make_course('figure_eight', 300, seed).with_pictures(seed=seed)
    camera = CourseCamera(course)
    values = {'keyframe.min_parallax': 0.0, 'refine.mode': 'poses', 'map.voxel_size': 0.1}
    config = with_values(VggtConfig(), values)
    mapper = Mapper(SimulatedPredictor(course, seed=seed), config, offline=True)
    frames = [
        Frame(
            id=index,
            stamp_ns=100_000_000 * (index + 1),
            camera_frame='camera',
            image=camera.image(index),
            K=course.K_image,
        )
        for index in indices
    ]
    assert list(map_frames(mapper, frames))
    folder.mkdir()
    write_session_files(folder, mapper.map.session())


@pytest.fixture(scope='module')
def maps(tmp_path_factory):
    folder = tmp_path_factory.mktemp('maps')
    write_map(folder / 'a', range(28))
    write_map(folder / 'b', range(8, 36))
    write_map(folder / 'elsewhere', range(16), seed=5)
    return folder


def test_two_maps_become_one_that_programs_and_people_can_read(maps, tmp_path, capsys):
    out = tmp_path / 'one'
    assert main(['merge', str(maps / 'a'), str(maps / 'b'), '-o', str(out)]) == 0
    assert str(out) in capsys.readouterr().out
    assert {each.name for each in out.iterdir()} == {'session', 'map.ply', 'trajectory.tum'}
    session = read_session(out)
    assert {each.segment for each in session.submaps} == {0}
    assert len(np.loadtxt(out / 'trajectory.tum')) == len(session.path)


def test_what_cannot_be_merged_is_said_and_nothing_is_written(maps, tmp_path, caplog):
    out = tmp_path / 'one'
    assert main(['merge', str(maps / 'a'), str(maps / 'elsewhere'), '-o', str(out)]) == 1
    assert 'no place in common' in caplog.text
    assert main(['merge', str(maps / 'a'), '-o', str(out)]) == 1
    assert 'two or more' in caplog.text
    assert main(['merge', str(maps / 'a'), str(tmp_path), '-o', str(out)]) == 1
    assert 'session.json' in caplog.text
    assert list(tmp_path.iterdir()) == []


def test_a_map_that_is_there_is_not_replaced_unasked(maps, tmp_path, caplog):
    assert main(['merge', str(maps / 'a'), str(maps / 'b'), '-o', str(tmp_path)]) == 2
    assert '--overwrite' in caplog.text
