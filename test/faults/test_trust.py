"""What strangers may not do: run code by weights, write elsewhere, call home."""

from pathlib import Path
import pickle
import socket
import xml.etree.ElementTree as ElementTree

import pytest
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import SetParameters
from std_srvs.srv import Trigger
import torch

from vggt_ros.errors import CheckpointError
from vggt_ros.inference.predictor import Predictor
from vggt_ros.settings.config import ModelSettings

ROOT = Path(__file__).parents[2]
POLICY = ROOT / 'config' / 'sros2' / 'vggt_policy.xml'


class Intruder:
    """Runs when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize('how', ['torch', 'legacy', 'pickle'])
def test_code_in_a_weights_file_is_not_run(tmp_path, how):
    trace = tmp_path / 'was_here'
    checkpoint = tmp_path / 'weights.pt'
    content = {'model': Intruder(trace)}
    if how == 'pickle':
        checkpoint.write_bytes(pickle.dumps(content, protocol=2))
    else:
        torch.save(content, checkpoint, _use_new_zipfile_serialization=how == 'torch')
    with pytest.raises(CheckpointError):
        Predictor.load(ModelSettings(checkpoint=str(checkpoint), device='cpu'))
    assert not trace.exists()


@pytest.fixture
def no_network(monkeypatch):
    """Every attempt to reach another machine, by name or number."""
    attempts = []

    def refuse(*arguments, **more):
        attempts.append(arguments)
        raise OSError('there is no network')

    for name in ('getaddrinfo', 'create_connection'):
        monkeypatch.setattr(socket, name, refuse)
    monkeypatch.setattr(socket.socket, 'connect', refuse)
    return attempts


def test_without_a_hub_id_nobody_is_called(no_network, tmp_path):
    Predictor.load(ModelSettings(checkpoint='nano', device='cpu')).close()
    with pytest.raises(CheckpointError):
        Predictor.load(ModelSettings(checkpoint=str(tmp_path / 'no.safetensors'), device='cpu'))
    assert no_network == []


def test_with_a_hub_id_offline_means_offline(no_network, tmp_path, monkeypatch):
    monkeypatch.setenv('HF_HOME', str(tmp_path))
    settings = ModelSettings(checkpoint='facebook/VGGT-1B', offline=True, device='cpu')
    with pytest.raises(CheckpointError):
        Predictor.load(settings)
    assert no_network == []


def test_nobody_can_make_the_node_write_elsewhere(
    start_process, node_arguments, probe, make_camera, health, tmp_path
):
    folder, elsewhere = tmp_path / 'maps', tmp_path / 'elsewhere'
    # A name of its own: one of a node that was killed stays in the graph for a while.
    names = [('__node', 'guarded'), ('image', '/trust')]
    words = node_arguments(names, map__save_path=str(folder))
    node = start_process('vggt_ros.ros.node', *words)
    camera = make_camera('/trust')
    camera.wait_for_node()
    number = 0

    def is_mapped():
        nonlocal number
        number += 1
        camera.send(10**18 + number * 10**8)
        probe.spin_for(0.1)
        return health.number('frames_used') >= 3

    assert probe.spin_until(is_mapped), node.log
    value = ParameterValue(type=ParameterType.PARAMETER_STRING, string_value=str(elsewhere))
    request = SetParameters.Request(parameters=[Parameter(name='map.save_path', value=value)])
    (answer,) = probe.call(SetParameters, '/guarded/set_parameters', request).results
    assert not answer.successful
    assert probe.call(Trigger, '/guarded/save_map').success
    assert not elsewhere.exists()
    assert {path.name for path in tmp_path.iterdir()} == {'maps'}
    assert_is_allowed(probe.node, 'guarded', 'vggt')
    assert_is_allowed(probe.node, 'guarded_tf', 'vggt_tf')
    assert node.end()[0] == 0


def allowed(node_name, profile_name):
    """Names that the policy allows a node, by what it does with them."""
    profile = ElementTree.parse(POLICY).find(f".//profile[@node='{profile_name}']")

    def absolute(name):
        if name.startswith('~/'):
            return f'/{node_name}/{name[2:]}'
        return name if name.startswith('/') else f'/{name}'

    found = {}
    for rule in profile:
        for way in ('publish', 'subscribe', 'reply', 'request'):
            if rule.get(way) == 'ALLOW':
                found.setdefault(way, set()).update(absolute(each.text) for each in rule)
    return found


# Remapped by this test and not by the policy.
REMAPPED = {'/trust': '/image', '/trust/compressed': '/image/compressed'}


def assert_is_allowed(node, name, profile):
    """The graph of a running node has nothing that the policy does not allow."""
    may = allowed(name, profile)
    graph = {
        'publish': node.get_publisher_names_and_types_by_node(name, '/'),
        'subscribe': node.get_subscriber_names_and_types_by_node(name, '/'),
        'reply': node.get_service_names_and_types_by_node(name, '/'),
    }
    for way, found in graph.items():
        names = {REMAPPED.get(each, each) for each, _ in found}
        assert names, f'{name} is not there'
        assert names <= may.get(way, set()), (
            f'{name} must be allowed to {way} {sorted(names - may.get(way, set()))}'
        )
    assert not node.get_client_names_and_types_by_node(name, '/')
