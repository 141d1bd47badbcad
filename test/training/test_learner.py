import pytest
import torch

from training.curriculum import CURRICULUM
from training.initial_weights import fill_for_training
from training.learner import Learner, total_loss
from training.schedule import clip_gradients, make_optimizer
from vggt_ros.model.vggt import VGGT

FIRST, LAST = CURRICULUM[0], CURRICULUM[-1]


@pytest.fixture
def learner(small_config):
    network = VGGT(small_config)
    fill_for_training(network)
    return Learner(network)


def losses_of(learner, window, stage, *, with_tracks=False):
    choices = torch.Generator().manual_seed(1)
    return learner.losses(window, stage, choices, with_tracks=with_tracks)


def test_the_first_stage_leaves_the_heads_alone(learner, window):
    losses = losses_of(learner, window, FIRST)
    assert not {'depth', 'points', 'track'} & set(losses)
    assert {'camera', 'token_camera', 'patch_depth', 'patch_flow', 'match'} < set(losses)
    total_loss(losses, 0.0).backward()
    assert learner.network.depth_head.norm.weight.grad is None
    assert learner.network.camera_head.token_norm.weight.grad.abs().sum() > 0


def test_the_last_stage_trains_dense_heads_or_the_tracker(learner, window):
    dense = losses_of(learner, window, LAST)
    assert {'depth', 'points'} <= set(dense)
    tracks = losses_of(learner, window, LAST, with_tracks=True)
    assert 'track' in tracks
    assert 'depth' not in tracks
    (total_loss(dense, 0.9) + total_loss(tracks, 0.9)).backward()
    for name, parameter in learner.network.named_parameters():
        # Released networks have both, and none of them learns: see the camera head, the encoder.
        if not name.endswith(('mask_token', 'empty_pose_tokens')):
            assert parameter.grad is not None, f'{name} is trained'


def test_single_frames_have_nothing_to_match(learner, window):
    one = type(window)(
        images=window.images[:, :1],
        depth=window.depth[:, :1],
        cam_from_world=window.cam_from_world[:, :1],
        K=window.K,
    )
    assert 'match' not in losses_of(learner, one, FIRST)


def test_the_push_to_other_frames_fades(learner, window):
    losses = {'own_frame': torch.tensor(1.0), 'accuracy': torch.tensor(0.3)}
    early, middle, late = (total_loss(losses, progress) for progress in (0.0, 0.25, 0.6))
    assert early > middle > late == 0


def test_a_few_steps_on_one_window_lower_the_loss(learner, window):
    optimizer = make_optimizer(learner)
    totals = []
    for _ in range(12):
        losses = losses_of(learner, window, LAST)
        total = total_loss(losses, 0.0)
        optimizer.zero_grad()
        total.backward()
        clip_gradients(learner)
        optimizer.step()
        totals.append(float(total.detach()))
    assert totals[-1] < 0.8 * totals[0]
