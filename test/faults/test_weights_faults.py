"""Weights that do not come, or are not what they should be: what the node says."""

import socket

import pytest
from safetensors.torch import load_file, save_file

from vggt_ros.inference.presets import NANO_WEIGHTS

pytestmark = pytest.mark.ros


def test_a_hub_that_says_nothing_is_a_warning_and_then_an_error(
    start_process, node_arguments, probe, health, tmp_path, monkeypatch
):
    with socket.create_server(('127.0.0.1', 0)) as silent:
        monkeypatch.setenv('HF_ENDPOINT', f'http://127.0.0.1:{silent.getsockname()[1]}')
        monkeypatch.setenv('HF_HOME', str(tmp_path))
        monkeypatch.delenv('HF_HUB_OFFLINE', raising=False)
        words = node_arguments(model__checkpoint='facebook/VGGT-1B', model__hub_timeout=14.0)
        node = start_process('vggt_ros.ros.node', *words)
        assert probe.spin_until(lambda: 'still loading' in health.message, 40.0), node.log
        assert health.values['state'] == 'loading'
        assert 'model.hub_timeout' in health.message
        assert probe.spin_until(lambda: 'nothing was heard' in health.message, 40.0), node.log
        assert health.values['state'] == 'unconfigured'
        node.wait_for_log('nothing was heard')
        assert node.end()[0] == 0


def test_weights_that_are_not_finite_are_blamed_and_not_the_images(
    start_process, node_arguments, probe, health, tmp_path
):
    weights = load_file(NANO_WEIGHTS)
    name = sorted(weights)[3]
    weights[name].view(-1)[0] = float('nan')
    path = tmp_path / 'diverged.safetensors'
    save_file(weights, path)
    node = start_process('vggt_ros.ros.node', *node_arguments(model__checkpoint=str(path)))
    assert probe.spin_until(lambda: 'not finite' in health.message), node.log
    assert name in health.message
    assert node.end()[0] == 0
