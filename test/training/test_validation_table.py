import pytest
import torch

from training import validation_table
from training.curriculum import Stage
from training.initial_weights import fill_for_training
from training.validation_table import main, table
from vggt_ros.inference.weights_file import save_network
from vggt_ros.model.vggt import VGGT


def test_a_table_has_a_line_for_each_set_and_checkpoint():
    lines = table({('photos', 'nano'): {'rotation_deg': 1.25}}).splitlines()
    assert len(lines) == 3
    assert lines[2].startswith('| photos | nano | 1.250 | - |')


@pytest.fixture
def checkpoint(tmp_path, small_config):
    network = VGGT(small_config)
    fill_for_training(network)
    save_network(network, tmp_path / 'small.safetensors', dtype=torch.float16)
    return str(tmp_path / 'small.safetensors')


def test_checkpoints_are_measured_on_all_sets(checkpoint, photo_cache, monkeypatch, caplog):
    stage = Stage(until=1.0, image_size=(42, 56), num_frames=(2, 2), frames_per_step=4)
    monkeypatch.setattr(validation_table, 'CURRICULUM', (stage,))
    caplog.set_level('INFO')
    arguments = [checkpoint, '--photos', str(photo_cache), '--windows', '2', '--device', 'cpu']
    assert main(arguments) == 0
    for name in ('procedural', 'photos', 'detailed'):
        assert f'| {name} | small |' in caplog.text


def test_a_missing_checkpoint_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(validation_table, 'validation_sets', lambda *_, **__: {})
    assert main([str(tmp_path / 'none.safetensors'), '--device', 'cpu']) == 2
