import json
import signal
import time

import pytest
import torch

from training import train
from training.curriculum import Stage
from training.initial_weights import fill_for_training
from training.train import main
from training.validation_sets import validation_sets
from vggt_ros.inference.presets import Preset, PRESETS
from vggt_ros.inference.weights_file import read_weights, save_network
from vggt_ros.model.vggt import VGGT

TINY = Stage(
    until=1.0, image_size=(84, 112), num_frames=(2, 2), frames_per_step=4, depth_frames=1,
    track_share=0.5,
)  # fmt: skip


@pytest.fixture(autouse=True)
def tiny(monkeypatch, small_config, photo_cache):
    preset = Preset(name='nano', network=small_config)
    monkeypatch.setattr(train, 'PRESETS', {**PRESETS, 'nano': preset})
    monkeypatch.setattr(train, 'CURRICULUM', (TINY,))
    monkeypatch.setattr(train, 'stage_at', lambda progress: TINY)
    monkeypatch.setenv('VGGT_ROS_PHOTOS', str(photo_cache))
    sets = {'tiny': validation_sets((84, 112), photos=photo_cache, num_windows=1)['photos']}
    monkeypatch.setattr(train, 'validation_sets', lambda *_, **__: sets)
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    yield
    for number, handler in zip((signal.SIGTERM, signal.SIGINT), before, strict=True):
        signal.signal(number, handler)


def clock(output):
    return torch.load(output / 'state.pt', weights_only=True)['clock']


def test_a_training_leaves_weights_state_log_and_curves(tmp_path, small_config):
    assert main(['--minutes', '0.02', '--device', 'cpu', '--output', str(tmp_path)]) == 0
    file = read_weights(tmp_path / 'weights.safetensors')
    assert file.network == small_config
    assert file.is_trained
    assert clock(tmp_path)['num_steps'] >= 1
    lines = [json.loads(line) for line in (tmp_path / 'log.jsonl').read_text().splitlines()]
    assert {'val_tiny_rotation_deg', 'val_tiny_depth_abs_rel', 'trained_s'} <= set(lines[-1])
    assert (tmp_path / 'curves.png').stat().st_size > 1000


def test_a_training_goes_on_with_other_places(tmp_path):
    base = ['--device', 'cpu', '--output', str(tmp_path)]
    assert main(['--minutes', '0.01', *base]) == 0
    first = clock(tmp_path)
    assert main(['--minutes', '0.03', '--resume', *base]) == 0
    second = clock(tmp_path)
    assert second['trained_s'] > first['trained_s']
    assert second['num_steps'] > first['num_steps']
    assert second['num_pieces'] == 2


def test_a_training_starts_from_given_weights(tmp_path, small_config):
    network = VGGT(small_config)
    fill_for_training(network)
    with torch.no_grad():
        network.depth_head.scratch.output_conv2[2].bias.fill_(7.0)
    save_network(network, tmp_path / 'given.safetensors')
    given = ['--start', str(tmp_path / 'given.safetensors')]
    assert main(['--minutes', '0.01', '--device', 'cpu', '--output', str(tmp_path), *given]) == 0
    bias = read_weights(tmp_path / 'weights.safetensors').weights[
        'depth_head.scratch.output_conv2.2.bias'
    ]
    assert (bias > 6).all()


def test_a_training_that_began_with_weights_stays_at_the_last_stage(
    tmp_path, small_config, monkeypatch
):
    network = VGGT(small_config)
    fill_for_training(network)
    save_network(network, tmp_path / 'given.safetensors')
    base = ['--device', 'cpu', '--output', str(tmp_path)]
    assert main(['--minutes', '0.01', *base, '--start', str(tmp_path / 'given.safetensors')]) == 0
    monkeypatch.setattr(train, 'stage_at', lambda progress: pytest.fail('not the curriculum'))
    assert main(['--minutes', '0.03', *base, '--resume']) == 0
    assert clock(tmp_path)['is_from_trained']


def test_time_without_a_turn_on_the_processor_does_not_count(tmp_path, monkeypatch):
    step = train.Training._step

    def suspended(self, *arguments):
        time.sleep(1.0)
        return step(self, *arguments)

    monkeypatch.setattr(train.Training, '_step', suspended)
    torch.set_num_threads(1)
    before_s = time.monotonic()
    assert main(['--minutes', '0.02', '--device', 'cpu', '--output', str(tmp_path)]) == 0
    state = clock(tmp_path)
    assert state['num_steps'] >= 2
    assert time.monotonic() - before_s > state['num_steps'] + 0.5 * state['trained_s']
    assert state['trained_s'] < state['num_steps']


def test_nothing_to_resume_is_an_error(tmp_path, caplog):
    arguments = ['--minutes', '1', '--device', 'cpu', '--output', str(tmp_path), '--resume']
    assert main(arguments) == 2
    assert 'without --resume' in caplog.text


def test_a_signal_stops_after_the_step_and_keeps_the_state(tmp_path, monkeypatch):
    step = train.Training._step

    def step_then_signal(self, *arguments):
        losses = step(self, *arguments)
        signal.raise_signal(signal.SIGTERM)
        return losses

    monkeypatch.setattr(train.Training, '_step', step_then_signal)
    assert main(['--minutes', '60', '--device', 'cpu', '--output', str(tmp_path)]) == 0
    assert clock(tmp_path)['num_steps'] == 1
