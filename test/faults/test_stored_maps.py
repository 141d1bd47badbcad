"""A node that goes on with a stored map, or is given something else for one."""

import shutil

import pytest
from std_srvs.srv import Trigger

from vggt_ros.ros.middleware.messages import header_of
from vggt_ros.sources.open import open_source

pytestmark = pytest.mark.ros

NUM_FRAMES = 24


@pytest.fixture(scope='module')
def images():
    """A walk through a made-up place, and back, as messages without stamps."""
    from sensor_msgs.msg import Image

    from vggt_ros.ros.middleware.payload import fill

    def message(image):
        height, width = image.shape[:2]
        made = Image(height=height, width=width, encoding='rgb8', step=3 * width)
        fill(made.data, image)
        return made

    walk = [message(frame.image) for frame in open_source('synthetic', num_frames=NUM_FRAMES)]
    return [*walk, *walk[-2:0:-1]]


@pytest.fixture
def run_node(start_process, node_arguments, make_camera, probe, health, images, tmp_path):
    """Start a node that looks at images, and send them until something is so."""

    def run(until, topic, *, stamp_ns=10**18, **settings):
        usual = {'map__save_path': str(tmp_path / 'maps'), 'refine__mode': 'poses'}
        words = node_arguments([('image', topic)], window__size=6, **(usual | settings))
        node = start_process('vggt_ros.ros.node', *words)
        camera = make_camera(topic)
        camera.wait_for_node()
        number = 0

        def sent():
            nonlocal number
            if health.number('frames_pending') < 12:
                image = images[number % len(images)]
                image.header = header_of(stamp_ns + number * 10**8, 'cam_optical')
                camera.images.publish(image)
                number += 1
            probe.spin_for(0.05)
            return until()

        assert probe.spin_until(sent, 100.0), f'{health.values}\n{node.log}'
        return node

    return run


def test_a_second_session_goes_on_with_the_map_of_the_first(run_node, probe, health, tmp_path):
    node = run_node(lambda: health.number('submaps') >= 8, '/first/image')
    saved = probe.call(Trigger, '/vggt/save_map')
    assert saved.success, saved.message
    assert node.end()[0] == 0

    folder = tmp_path / 'maps' / 'latest'
    states = []

    def is_known():
        states.append(health.values.get('state'))
        return states[-1] == 'tracking' and health.number('submaps') > 8

    node = run_node(is_known, '/second/image', stamp_ns=2 * 10**18, map__load_path=str(folder))
    assert 'relocalizing' in states
    assert health.number('loops') >= 1
    assert node.end()[0] == 0


def test_what_is_no_map_is_refused_and_the_node_stays(
    start_process, node_arguments, probe, health, tmp_path
):
    folder = tmp_path / 'broken'
    (folder / 'session').mkdir(parents=True)
    (folder / 'session' / 'session.json').write_text('{}')
    words = node_arguments(map__load_path=str(folder), refine__mode='verify')
    node = start_process('vggt_ros.ros.node', *words)
    assert probe.spin_until(lambda: 'session.json' in health.message, 60.0), node.log
    assert 'cannot configure' in health.message
    assert health.values['state'] == 'unconfigured'
    shutil.rmtree(folder)
    answer = probe.call(Trigger, '/vggt/load_map')
    assert not answer.success
    assert 'unconfigured' in answer.message
    assert node.end()[0] == 0


def test_a_map_that_cannot_be_loaded_leaves_the_one_that_is_there(
    start_process, node_arguments, probe, health
):
    node = start_process('vggt_ros.ros.node', *node_arguments(refine__mode='verify'))
    assert probe.spin_until(lambda: health.values.get('state') == 'waiting', 60.0), node.log
    answer = probe.call(Trigger, '/vggt/load_map')
    assert not answer.success
    assert "map.load_path is ''" in answer.message
    assert health.fresh()['state'] == 'waiting'
    assert node.end()[0] == 0
