"""Saves of the map that something comes in the way of."""

import json
import signal

import pytest
from std_srvs.srv import Trigger

pytestmark = pytest.mark.ros


@pytest.fixture
def mapping(start_process, node_arguments, probe, make_camera, health, tmp_path):
    """Start a node that has a map; return it."""

    def start(**settings):
        words = node_arguments(
            [('image', '/saved/image')], map__save_path=str(tmp_path / 'maps'), **settings
        )
        node = start_process('vggt_ros.ros.node', *words)
        camera = make_camera('/saved/image')
        camera.wait_for_node()
        number = 0

        def is_mapped():
            nonlocal number
            number += 1
            camera.send(10**18 + number * 10**8)
            probe.spin_for(0.1)
            return health.number('map_points') > 0

        assert probe.spin_until(is_mapped), node.log
        return node

    return start


def test_leftovers_go_at_the_start_and_the_folder_is_bounded(mapping, probe, tmp_path):
    left = tmp_path / 'maps' / '.map.0123abcd.part'
    left.mkdir(parents=True)
    (left / 'map.ply').write_bytes(bytes(1000))
    node = mapping(map__max_saves=2)
    assert not left.exists()
    assert 'removed 1 unfinished maps' in node.log
    assert probe.call(Trigger, '/vggt/save_map').success
    assert probe.call(Trigger, '/vggt/save_map').success
    refused = probe.call(Trigger, '/vggt/save_map')
    assert not refused.success
    assert 'map.max_saves' in refused.message
    assert {each.name for each in (tmp_path / 'maps').iterdir()} == {'map', 'map-2', 'latest'}
    assert node.end()[0] == 0


@pytest.mark.parametrize('delay_s', [0.0, 0.02, 0.1])
def test_a_save_that_sigterm_meets_is_complete_or_leaves_nothing(
    mapping, probe, tmp_path, delay_s
):
    node = mapping()
    client = probe.node.create_client(Trigger, '/vggt/save_map')
    assert client.wait_for_service(timeout_sec=10.0)
    client.call_async(Trigger.Request())
    probe.spin_for(delay_s)
    _, took_s = node.end(signal.SIGTERM)
    probe.node.destroy_client(client)
    assert took_s < 5.0
    folder = tmp_path / 'maps'
    names = {each.name for each in folder.iterdir()} if folder.is_dir() else set()
    # It may end between the map and the link to it.
    assert names - {'latest'} in (set(), {'map'})
    if names:
        facts = json.loads((folder / 'map' / 'map.json').read_text())
        assert facts['num_points'] > 0
