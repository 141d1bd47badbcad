import json

import numpy as np
import pytest

from vggt_ros.errors import PredictionError
from vggt_ros.evaluation.held_out_windows import held_out_window
from vggt_ros.evaluation.model_evaluation import evaluate_window, ModelEvaluation
from vggt_ros.inference.backbone import Capabilities
from vggt_ros.inference.prediction import Prediction, Tracks
from vggt_ros.inference.preprocess import plan_grid
from vggt_ros.settings.refine_config import RefineSettings


class Omniscient:
    """Answers with the truth about one window, at half its size in the world."""

    def __init__(self, window):
        self.window = window
        self.requests = []

    capabilities = Capabilities(encodes_on_arrival=True)

    def encode(self, frame_id, image):
        pass

    def predict(self, images, request, *, frame_ids=None):
        self.requests.append(request)
        np.testing.assert_array_equal(images, self.window.images)
        window, truth = self.window, self.window.tracks
        poses = window.cam_from_world.copy()
        poses[:, :3, 3] *= 0.5
        K = np.tile(window.K, (len(images), 1, 1))
        visibility = truth.is_visible.astype(np.float32)
        tracks = Tracks(positions=truth.positions, visibility=visibility, confidence=visibility)
        return Prediction(
            grid=plan_grid(56, 42, 56),
            images=window.images,
            depth=0.5 * window.depth,
            depth_conf=np.ones_like(window.depth),
            keep=np.ones(window.depth.shape, bool),
            cam_from_world=poses,
            K_model=K,
            K_image=K,
            tracks=None if request.query_points is None else tracks,
        )


@pytest.fixture(scope='module')
def window():
    return held_out_window(900_002, max_frames=4, width=56, height=42)


def evaluated_twice(window):
    evaluation = ModelEvaluation(num_samples=1)
    for _ in range(2):
        evaluation.add(evaluate_window(Omniscient(window), window, with_tracks=True))
    return evaluation


def test_a_network_that_is_never_wrong_beats_the_baselines(window):
    evaluation = evaluated_twice(window)
    results = json.loads(json.dumps(evaluation.results()), parse_constant=pytest.fail)
    assert results['num_windows'] == len(results['windows']) == 2
    model, still, flat = (results[name] for name in ('model', 'no_motion', 'mean_depth'))
    assert model['rotation_deg_median'] < 1e-4 < still['rotation_deg_median']
    assert model['pose_auc_30'] == 1
    assert still['pose_auc_30'] == 0
    assert model['track_px_mean'] == 0 < still['track_px_mean']
    assert model['depth_abs_rel_mean'] < 1e-4 < flat['depth_abs_rel_mean']
    assert results['windows'][0]['name'] == 'seed 900002'


def test_windows_are_measured_after_refinement_where_that_is_asked_for(window):
    evaluation = ModelEvaluation(num_samples=1)
    plain = evaluate_window(Omniscient(window), window, with_tracks=False)
    assert plain.refined is None
    assert 'refined' not in plain.errors
    evaluation.add(
        evaluate_window(Omniscient(window), window, with_tracks=False, refine=RefineSettings())
    )
    results = evaluation.results()
    found = results['refinement']
    assert sum(found['windows_by_start'].values()) == 1
    assert 0.0 <= found['share_of_frames_verified'] <= 1.0
    assert results['refined']['num_pairs'] == results['model']['num_pairs']
    assert results['windows'][0]['refined'] == results['refined']


def test_the_points_asked_for_are_those_of_the_first_frame(window):
    network = Omniscient(window)
    evaluate_window(network, window, with_tracks=True)
    np.testing.assert_array_equal(network.requests[0].query_points, window.tracks.positions[0])


def test_a_network_without_a_track_head_is_not_asked_for_tracks(window):
    network = Omniscient(window)
    evaluated = evaluate_window(network, window, with_tracks=False)
    assert network.requests[0].query_points is None
    assert evaluated.errors['model'].tracks is None


def test_the_depth_of_a_sample_is_in_the_unit_of_the_truth(window):
    sample = evaluate_window(Omniscient(window), window, with_tracks=True).sample
    np.testing.assert_allclose(sample.depth, sample.true_depth, rtol=1e-4)


def test_only_so_many_samples_are_kept(window):
    evaluation = evaluated_twice(window)
    assert len(evaluation.samples) == 1


def test_a_failure_names_its_window(window):
    class Mute:
        capabilities = Capabilities(encodes_on_arrival=True)

        def encode(self, frame_id, image):
            pass

        def predict(self, images, request, *, frame_ids=None):
            raise PredictionError('no idea')

    with pytest.raises(PredictionError, match='seed 900002: no idea'):
        evaluate_window(Mute(), window, with_tracks=True)
