from dataclasses import replace

import numpy as np
import pytest

from vggt_ros.evaluation.sequence_run import run_sequence
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.parameter_tree import with_values
from vggt_ros.sources.dataset_formats import open_dataset
from vggt_ros.synthetic.course import make_course
from vggt_ros.synthetic.simulated_predictor import NONE, SimulatedPredictor


@pytest.fixture
def course():
    """The course that the folder shows every fourth frame of."""
    whole = make_course('figure_eight', 40, 0).with_pictures(width=84, height=64, image_scale=2)
    return replace(whole, world_from_cam=whole.world_from_cam[::4])


@pytest.fixture
def config():
    values = {'keyframe.min_parallax': 0.0, 'window.size': 4, 'window.overlap': 2}
    values |= {'refine.mode': 'off'}
    return with_values(VggtConfig(), values)


def run(folder, course, config, *, errors=NONE, **options):
    dataset = open_dataset(folder)
    return run_sequence(dataset, SimulatedPredictor(course, errors, 0), config, **options)


def test_a_network_that_tells_the_truth_makes_a_true_map(rgbd_folder, course, config):
    calls = []
    found = run(rgbd_folder, course, config, on_frame=lambda: calls.append(1))
    assert len(calls) == 10
    assert found.frame_index.tolist() == list(range(10))
    assert found.keyframes == tuple(range(10))
    assert [window.frame_ids for window in found.windows] == [
        (0, 1, 2, 3), (2, 3, 4, 5), (4, 5, 6, 7), (6, 7, 8, 9)
    ]  # fmt: skip
    assert found.frames_of_submap[2] == (4, 5, 6, 7)
    assert all(window.note.frame_ids == window.frame_ids for window in found.windows)
    assert all(window.is_connected and not window.failure for window in found.windows)
    assert [depth.frame_id for depth in found.depths] == list(range(10))
    assert max(depth.published.abs_rel for depth in found.depths) < 1e-3
    assert min(depth.constant.abs_rel for depth in found.depths) > 0.1
    assert [sample.name for sample in found.samples] == [f'image {k}' for k in range(10)]
    true_px = course.K_image[0, 0]
    assert found.focal_px == pytest.approx(dict.fromkeys(range(10), true_px))
    assert found.loops == ()


def test_windows_that_fail_are_kept_with_their_reason(rgbd_folder, course, config):
    found = run(rgbd_folder, course, config, errors=replace(NONE, failures=1.0))
    assert len(found.frame_index) == 0
    assert {window.failure for window in found.windows} == {'the simulated network failed'}
    assert all(window.submap is None and window.note is None for window in found.windows)
    assert found.drops == {'window_failed': 10}


def test_without_calibration_the_focal_length_is_that_of_the_network(rgbd_folder, course, config):
    wrong = replace(NONE, focal=0.1)
    found = run(rgbd_folder, course, config, errors=wrong, is_calibrated=False)
    off = [abs(px / found.true_focal_px[i] - 1) for i, px in found.focal_px.items()]
    assert max(off) > 0.02
    known = run(rgbd_folder, course, config, errors=wrong)
    assert known.focal_px == pytest.approx(known.true_focal_px)


def test_frames_that_are_no_keyframes_get_no_pose(rgbd_folder, course, config):
    still = with_values(config, {'keyframe.min_parallax': 100.0, 'keyframe.max_interval': 60.0})
    found = run(rgbd_folder, course, still)
    assert len(found.frame_index) < 10
    assert found.drops['not_keyframe'] == 10 - len(found.frame_index)
    assert np.isin(found.frame_index, found.keyframes).all()
