"""Callbacks with bugs: the node maps on, answers, and says what is wrong with it."""

import textwrap

from diagnostic_msgs.msg import DiagnosticStatus
import pytest
from std_srvs.srv import SetBool, Trigger

pytestmark = pytest.mark.ros

BROKEN = """
    import sys

    from vggt_ros.ros import node
    from vggt_ros.ros.input.camera_input import CameraInput
    from vggt_ros.ros.middleware.qos_events import QosEvents
    from vggt_ros.ros.services import Services

    offer_map, take = node.VggtNode._offer_map, CameraInput._take
    broken = {'timer': 0, 'image': 0}

    def offer(self):
        broken['timer'] += 1
        if broken['timer'] % 2:
            raise RuntimeError('the timer is broken')
        offer_map(self)

    def take_some(self, message):
        broken['image'] += 1
        if broken['image'] == 5:
            raise KeyError('this image is odd')
        take(self, message)

    def answer(self, request, response):
        raise ZeroDivisionError('the service is broken')

    async def answer_later(self, request, response):
        raise ZeroDivisionError('the other service is broken')

    node.VggtNode._offer_map = offer
    CameraInput._take = take_some
    Services._on_enable = answer
    Services._on_save_map = answer_later
    sys.exit(node.main())
"""


def test_a_bug_in_a_callback_is_said_and_ends_nothing(
    probe, start_process, node_arguments, make_camera, health, tmp_path, monkeypatch
):
    (tmp_path / 'broken_node.py').write_text(textwrap.dedent(BROKEN))
    monkeypatch.setenv('PYTHONPATH', str(tmp_path))
    camera = make_camera('/callback_faults/image')
    node = start_process('broken_node', *node_arguments([('image', '/callback_faults/image')]))
    camera.wait_for_node()
    for number in range(300):
        camera.send(1_700_000_000_000_000_000 + number * 100_000_000)
        probe.spin_for(0.1)
        if health.number('windows') >= 5 and health.number('callback_errors') >= 5:
            break
    assert health.number('windows') >= 5, node.log
    assert health.number('callback_errors') >= 5
    assert probe.heard['/diagnostics'][-1].status[0].level == DiagnosticStatus.ERROR
    assert "a callback failed and was left out: RuntimeError('the timer is" in health.message

    answer = probe.call(SetBool, '/vggt/enable', SetBool.Request(data=False))
    assert not answer.success
    assert 'the service is broken' in answer.message
    answer = probe.call(Trigger, '/vggt/save_map')
    assert not answer.success
    assert 'the other service is broken' in answer.message
    assert probe.call(Trigger, '/vggt/reset').success

    for bug in ('the timer is', 'this image is', 'the service is', 'the other service is'):
        assert bug in node.log
    assert node.log.count('Traceback') == 4, 'each of the four once'
    assert node.is_alive
    assert node.end()[0] == 0
