from dataclasses import replace
import json

import numpy as np
import pytest

from vggt_ros.evaluation.held_out_windows import held_out_window
from vggt_ros.evaluation.window_answer import (
    AnsweredTracks,
    mean_depth,
    no_motion,
    WindowAnswer,
)
from vggt_ros.evaluation.window_errors import summarize, window_errors
from vggt_ros.inference.preprocess import plan_grid

GRID = plan_grid(56, 42, 56)


@pytest.fixture(scope='module')
def window():
    return held_out_window(900_001, max_frames=5, width=56, height=42)


@pytest.fixture(scope='module')
def truth(window):
    """The answer of a network that is never wrong, in a unit of its own."""
    cam_from_world = window.cam_from_world.copy()
    cam_from_world[:, :3, 3] *= 0.3
    return WindowAnswer(
        cam_from_world=cam_from_world,
        K_image=np.tile(window.K, (len(window.images), 1, 1)),
        depth=(0.3 * window.depth).astype(np.float32),
        tracks=AnsweredTracks(
            positions=window.tracks.positions,
            visibility=window.tracks.is_visible.astype(np.float32),
        ),
    )


def test_the_truth_has_no_errors(window, truth):
    summary = summarize([window_errors(truth, window, GRID)])
    for name in ('rotation_deg', 'direction_deg', 'focal_error', 'depth_abs_rel', 'track_px'):
        assert summary[f'{name}_mean'] == pytest.approx(0, abs=1e-5), name
    for name in ('pose_auc_30', 'depth_delta_125_mean', 'visibility_accuracy'):
        assert summary[name] == 1, name


def test_standing_still_is_wrong_by_the_true_motion(window):
    summary = summarize([window_errors(no_motion(window, GRID), window, GRID)])
    seen = window.tracks.is_visible[1:]
    motion = np.linalg.norm(window.tracks.positions[1:] - window.tracks.positions[0], axis=-1)
    assert summary['track_px_mean'] == pytest.approx(motion[seen].mean(), rel=1e-5)
    assert summary['visibility_accuracy'] == pytest.approx(seen.mean())
    assert summary['direction_deg_median'] == 90
    assert 'depth_abs_rel_mean' not in summary


def test_constant_depth_is_judged_at_the_median_of_the_truth(window):
    summary = summarize([window_errors(mean_depth(window, GRID), window, GRID)])
    true = window.depth.astype(np.float64)
    expected = np.abs(np.median(1 / true) ** -1 / true - 1).mean()
    assert summary['depth_abs_rel_mean'] == pytest.approx(expected, rel=1e-3)
    assert 'rotation_deg_mean' not in summary


def test_a_wrong_focal_length_is_an_error_of_its_share(window, truth):
    wide = replace(truth, K_image=truth.K_image * np.array([[0.9], [1], [1]]))
    summary = summarize([window_errors(wide, window, GRID)])
    assert summary['focal_error_median'] == pytest.approx(0.1)


def test_tracks_are_compared_in_pixels_of_the_network(window):
    # Everything is twice as large for the network, errors in pixels as well.
    doubled = plan_grid(56, 42, 112)
    once = summarize([window_errors(no_motion(window, GRID), window, GRID)])
    twice = summarize([window_errors(no_motion(window, doubled), window, doubled)])
    assert twice['track_px_mean'] == pytest.approx(2 * once['track_px_mean'], rel=1e-4)


def test_depth_counts_once_a_window_whatever_its_number_of_pixels(window, truth):
    right = window_errors(truth, window, GRID)
    wrong = window_errors(mean_depth(window, GRID), window, GRID)
    summary = summarize([right, right, wrong])
    assert summary['depth_abs_rel_median'] == pytest.approx(0, abs=1e-6)
    assert summary['depth_abs_rel_mean'] == pytest.approx(wrong.depth.abs_rel / 3, rel=1e-5)


def test_a_window_without_motion_leaves_out_what_it_does_not_tell(window, truth):
    still = replace(window, cam_from_world=np.tile(np.eye(4), (len(window.images), 1, 1)))
    summary = summarize([window_errors(truth, still, GRID)])
    assert summary['num_pairs_moved'] == 0
    assert 'pose_auc_30' not in summary
    assert 'direction_deg_mean' not in summary
    json.loads(json.dumps(summary), parse_constant=pytest.fail)


def test_nothing_to_summarize_is_an_empty_summary():
    assert summarize([]) == {}
