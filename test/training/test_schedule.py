import pytest
import torch

from training.initial_weights import fill_for_training
from training.learner import Learner
from training.schedule import clip_gradients, learning_rate, make_average, make_optimizer
from vggt_ros.model.vggt import VGGT


@pytest.fixture
def learner(small_config):
    network = VGGT(small_config)
    fill_for_training(network)
    return Learner(network)


def test_the_rate_warms_up_then_falls():
    warming = [learning_rate(0.0, step) for step in range(0, 300, 50)]
    assert warming == sorted(warming)
    falling = [learning_rate(progress / 10, 10_000) for progress in range(11)]
    assert falling == sorted(falling, reverse=True)
    assert falling[-1] == pytest.approx(0.02 * falling[0])


def test_the_rate_stays_low_after_the_end():
    assert learning_rate(1.5, 10_000) == learning_rate(1.0, 10_000)


def test_trained_weights_begin_slower_and_are_warm_sooner():
    assert learning_rate(0.0, 10_000, is_from_trained=True) < learning_rate(0.0, 10_000)
    warm = learning_rate(0.0, 100, is_from_trained=True)
    assert warm == learning_rate(0.0, 10_000, is_from_trained=True)
    assert learning_rate(0.0, 100) < learning_rate(0.0, 10_000)


def test_the_optimizer_has_every_parameter_once(learner):
    optimizer = make_optimizer(learner)
    chosen = [p for group in optimizer.param_groups for p in group['params']]
    assert len(chosen) == len({id(p) for p in chosen}) == len(list(learner.parameters()))


def test_only_matrices_decay(learner):
    for group in make_optimizer(learner).param_groups:
        is_matrix = {p.ndim in (2, 4) for p in group['params']}
        assert is_matrix == {group['weight_decay'] > 0}


def test_gradients_are_limited_part_by_part(learner):
    for parameter in learner.parameters():
        parameter.grad = torch.zeros_like(parameter)
    head = learner.network.camera_head.pose_branch.fc2.weight
    head.grad.fill_(100.0)
    learner.readout.flow.bias.grad.fill_(0.1)
    norm = clip_gradients(learner)
    assert norm == pytest.approx(100 * head.numel() ** 0.5, rel=1e-3)
    assert head.grad.norm() == pytest.approx(1.0, rel=1e-3)
    torch.testing.assert_close(learner.readout.flow.bias.grad, torch.tensor([0.1, 0.1]))


def test_the_average_follows_slowly(learner):
    averaged = make_average(learner)
    averaged.update_parameters(learner)
    with torch.no_grad():
        learner.readout.flow.bias.fill_(1.0)
    averaged.update_parameters(learner)
    value = averaged.module.readout.flow.bias
    assert ((value > 0.1) & (value < 1)).all(), 'soon after the start it follows quickly'
    averaged.n_averaged.fill_(1_000_000)
    with torch.no_grad():
        learner.readout.flow.bias.fill_(1000.0)
    averaged.update_parameters(learner)
    assert ((value > 1) & (value < 2)).all(), 'later on by a thousandth a step'
