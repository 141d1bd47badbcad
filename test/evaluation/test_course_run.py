from dataclasses import replace

import pytest

from vggt_ros.errors import AlignmentError
from vggt_ros.evaluation.course_run import arrivals_of, run_course
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.parameter_tree import with_values
from vggt_ros.synthetic.course import make_course
from vggt_ros.synthetic.rig_timing import possible_sets, RigTiming
from vggt_ros.synthetic.simulated_predictor import NONE, SimulatedPredictor
from vggt_ros.synthetic.simulated_rig import make_rig, SimulatedRig


@pytest.fixture
def config():
    values = {'keyframe.min_parallax': 0.0, 'window.overlap': 2, 'map.enable': False}
    values |= {'refine.mode': 'off'}  # the frames are noise
    return with_values(VggtConfig(), values)


def run(course, config, **errors):
    return run_course(course, SimulatedPredictor(course, replace(NONE, **errors)), config)


@pytest.mark.parametrize('name', ['figure_eight', 'turning'])
def test_a_mapper_that_hears_the_truth_arrives_where_the_robot_does(config, name):
    course = make_course(name, 120, 0)
    found = run(course, config, log_scale=0.4, focal=0.03)
    assert found.frame_index.tolist() == list(range(120))
    assert found.num_failed == 0
    assert found.error.ate_percent < 1e-3
    assert len(found.updates) == 1 + 112 // 6 + 1


def test_errors_of_the_network_become_drift(config):
    course = make_course('figure_eight', 120, 0)
    found = run(course, config, rotation_rad=0.006, translation=0.012)
    assert 0.05 < found.error.ate_percent < 10


def test_windows_that_fail_are_counted_and_the_rest_goes_on(config):
    course = make_course('figure_eight', 120, 0)
    found = run(course, config, failures=0.1)
    assert found.num_failed > 0
    num_lost = 120 - len(found.frame_index)
    assert num_lost in (6 * found.num_failed, 6 * found.num_failed - 2), 'the last one is smaller'
    assert found.error.ate_percent < 1e-3


def test_a_robot_that_does_not_move_gives_one_keyframe_and_no_window(config):
    course = make_course('parked', 30, 0)
    moving_only = with_values(config, {'keyframe.min_parallax': 8.0})
    with pytest.raises(AlignmentError, match=r'[01] of 30 frames of parked entered the map'):
        run(course, moving_only)


@pytest.mark.parametrize('num_cameras', [2, 4])
def test_a_rig_knows_meters_whatever_its_images_do(config, num_cameras):
    rig = make_rig(num_cameras, 0.2)
    course = make_course('figure_eight', 250, 0).with_rig(rig)
    timing = RigTiming(dropped=0.05, dead_camera=1)
    config = with_values(
        config,
        {
            'input.num_cameras': num_cameras,
            'input.sync.min_cameras': num_cameras - 1,
            'loop.enable': False,
        },
    )
    found = run_course(
        course, SimulatedPredictor(course), config, priors=SimulatedRig(rig), timing=timing
    )
    assert found.updates[-1].scale_state.is_metric
    assert found.updates[-1].scale_state.source == 'rig'
    assert found.error.truth_from_map.scale == pytest.approx(1.0, abs=0.02)
    assert found.metric_error.ate_percent < 1.0
    usable = possible_sets(arrivals_of(course, timing), num_cameras - 1)
    in_sets = sum(camera.num_in_sets for camera in found.cameras)
    possible = [each for each in arrivals_of(course, timing) if each.moment in usable]
    assert in_sets >= 0.99 * len(possible)
