import pytest
import torch

from training.initial_weights import fill_for_training
from training.learner import Learner
from training.schedule import make_average, make_optimizer
from training.training_state import Clock, load_state, save_state
from vggt_ros.errors import CheckpointCorruptError, CheckpointNotFoundError
from vggt_ros.model.vggt import VGGT

PROGRESS = {
    'trained_s': 60.5,
    'num_steps': 3,
    'num_frames': 48,
    'num_pieces': 2,
    'is_from_trained': True,
}


def parts(config, *, steps=0):
    network = VGGT(config)
    fill_for_training(network)
    learner = Learner(network)
    averaged, optimizer = make_average(learner), make_optimizer(learner)
    for _ in range(steps):
        for parameter in learner.parameters():
            parameter.grad = torch.full_like(parameter, 0.1)
        optimizer.step()
        averaged.update_parameters(learner)
    return learner, averaged, optimizer


def test_a_training_goes_on_where_it_stopped(small_config, tmp_path):
    path = tmp_path / 'state.pt'
    old = parts(small_config, steps=3)
    save_state(path, *old, Clock(**PROGRESS))
    new = parts(small_config)
    clock = load_state(path, *new)
    assert clock == Clock(**PROGRESS)
    for before, after in zip(old[:2], new[:2], strict=True):
        for name, value in before.state_dict().items():
            torch.testing.assert_close(after.state_dict()[name], value, rtol=0, atol=0)
    bias = new[0].readout.flow.bias
    torch.testing.assert_close(
        new[2].state[bias]['exp_avg'], old[2].state[old[0].readout.flow.bias]['exp_avg']
    )


def test_a_kill_while_writing_leaves_the_old_state(small_config, tmp_path, monkeypatch):
    path = tmp_path / 'state.pt'
    learner = parts(small_config)
    save_state(path, *learner, Clock(num_steps=1))

    def half_a_file(content, target):
        target.write_bytes(b'half')
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, 'save', half_a_file)
    with pytest.raises(KeyboardInterrupt):
        save_state(path, *learner, Clock(num_steps=2))
    assert load_state(path, *learner).num_steps == 1


def test_there_has_to_be_a_state(small_config, tmp_path):
    with pytest.raises(CheckpointNotFoundError, match='without --resume'):
        load_state(tmp_path / 'state.pt', *parts(small_config))


def test_the_state_of_another_network_is_refused(small_config, tmp_path):
    path = tmp_path / 'state.pt'
    torch.save({'learner': {'readout.flow.bias': torch.zeros(2)}}, path)
    with pytest.raises(CheckpointCorruptError, match='not the state of a training'):
        load_state(path, *parts(small_config))
