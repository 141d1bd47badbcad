from pathlib import Path

import pytest

from benchmarks import killed_saves
from benchmarks.killed_saves import kill_saves
from vggt_ros.evaluation.course_run import drive
from vggt_ros.mapping.mapper import Mapper
from vggt_ros.mapping.session.session_folder import write_session
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.parameter_tree import with_values
from vggt_ros.synthetic.course import make_course
from vggt_ros.synthetic.simulated_predictor import SimulatedPredictor


@pytest.fixture
def mapped(tmp_path):
    course = make_course('figure_eight', 24, 0)
    values = {
        'keyframe.min_parallax': 0.0,
        'refine.mode': 'off',
        'map.save_path': str(tmp_path),
        'map.max_saves': 0,
        'map.voxel_size': 0.5,
    }
    config = with_values(VggtConfig(), values)
    mapper = Mapper(SimulatedPredictor(course, seed=0), config, offline=True)
    for _ in drive(course, mapper):
        pass
    return mapper.map, config


def test_a_kill_at_any_moment_leaves_the_old_map_or_the_new_one(mapped):
    seen = kill_saves(*mapped, 60)
    assert (seen.num_lost, seen.num_broken) == (0, 0)
    assert seen.num_unfinished > 5, 'the kills came while something was written'


def test_maps_that_are_written_under_their_name_are_found_broken(mapped, monkeypatch):
    def work(state, config):
        for number in range(10**6):
            folder = Path(config.map.save_path) / f'map-{number + 2}'
            folder.mkdir()
            write_session(folder, state.session(), software='test', settings={})

    monkeypatch.setattr(killed_saves, '_work', work)
    assert kill_saves(*mapped, 5).num_broken > 0
