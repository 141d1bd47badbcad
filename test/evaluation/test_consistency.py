from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import chi2

from vggt_ros.evaluation.consistency import normalized_errors
from vggt_ros.evaluation.course_run import run_course
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.parameter_tree import with_values
from vggt_ros.synthetic.course import COURSES, make_course
from vggt_ros.synthetic.simulated_predictor import Errors, SimulatedPredictor

# 200 runs.
pytestmark = pytest.mark.timeout(400)
MOVING = tuple(course for course in COURSES if course != 'parked')
SETTINGS = {
    'keyframe.min_parallax': 0.0,
    'map.enable': False,
    'loop.enable': False,
    'refine.mode': 'off',
}
NUM_SEEDS, NUM_FRAMES = 40, 36
# The unit of every window is a meter, so that poses can be compared as they are.
ERRORS = replace(Errors(), log_scale=0.0, focal=0.0)


def run(name, seed):
    course = make_course(name, NUM_FRAMES, seed)
    config = with_values(VggtConfig(), SETTINGS)
    return course, run_course(course, SimulatedPredictor(course, ERRORS, seed), config)


@pytest.fixture(scope='module')
def last_errors():
    """Normalized errors of the last pose of 200 runs: independent of each other."""
    found = {'position': [], 'rotation': []}
    for name in MOVING:
        for seed in range(NUM_SEEDS):
            errors = normalized_errors(*run(name, seed))
            found['position'].append(errors.position[-1])
            found['rotation'].append(errors.rotation[-1])
    return {kind: np.array(values) for kind, values in found.items()}


@pytest.mark.parametrize('kind', ['position', 'rotation'])
def test_poses_are_as_far_off_as_they_are_said_to_be(last_errors, kind):
    values = last_errors[kind]
    count = len(values)
    assert count == NUM_SEEDS * len(MOVING) == 200
    # One-sided, 99.9 %: an optimist is caught.
    assert values.sum() < chi2.ppf(0.999, 3 * count)
    # Three times the standard deviation would be useless to whoever fuses the poses.
    assert values.mean() / 3.0 > 1.0 / 9.0
    inside = (values < chi2.ppf(0.95, 3)).mean()
    assert inside > 0.95 - 3.1 * np.sqrt(0.95 * 0.05 / count)


def test_an_optimist_is_caught_by_the_bound(last_errors):
    """Half the standard deviation."""
    assert 4.0 * last_errors['position'].sum() > chi2.ppf(0.999, 600)


def test_the_truth_has_no_error_and_poses_that_are_a_guess_are_left_out():
    course, found = run('figure_eight', 0)
    unit = 2.0
    published = course.world_from_cam[found.frame_index].copy()
    published[:, :3, 3] *= unit
    covariances = found.covariances.copy()
    covariances[30:] = 9999.0 * np.eye(6)
    exact = replace(found, published=published, covariances=covariances)
    errors = normalized_errors(course, exact, unit)
    assert errors.frame_index.tolist() == found.frame_index[1:30].tolist()
    assert errors.position.max() < 1e-9
    assert errors.rotation.max() < 1e-9
