"""Nodes in processes of their own that need no images."""

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
import pytest

pytestmark = pytest.mark.ros


def get_state(probe, node):
    return probe.call(GetState, f'/{node}/get_state').current_state.label


def change_state(probe, node, transition):
    request = ChangeState.Request(transition=Transition(id=transition))
    return probe.call(ChangeState, f'/{node}/change_state', request).success


def test_a_checkpoint_that_is_missing_is_an_error_and_the_node_stays(start_process, probe):
    node = start_process(
        'vggt_ros.ros.node',
        *('-r', '__node:=lost', '-p', 'diagnostics.period:=0.2'),
        *('-p', 'model.checkpoint:=/nowhere/weights.safetensors'),
    )
    node.wait_for_log('/nowhere/weights.safetensors')
    node.wait_for_log('cannot configure')
    probe.listen(DiagnosticArray, '/diagnostics')
    found = lambda: [  # noqa: E731
        message.status[0]
        for message in probe.heard['/diagnostics']
        if message.status[0].name.startswith('lost')
        and message.status[0].level == DiagnosticStatus.ERROR
    ]
    assert probe.spin_until(found)
    assert '/nowhere/weights.safetensors' in found()[-1].message
    assert get_state(probe, 'lost') == 'unconfigured'
    assert not change_state(probe, 'lost', Transition.TRANSITION_CONFIGURE)
    assert get_state(probe, 'lost') == 'unconfigured'
    assert 'Traceback' not in node.log
    code, duration_s = node.end()
    assert (code, duration_s < 5.0) == (0, True)


@pytest.mark.parametrize(
    ('argument', 'words'),
    [
        ('window.sise:=3', ['window.sise']),
        ('window.size:=300', ['window.size', '2..64', '300']),
        ('window.size:=text', ['window.size', 'int', 'text']),
        ('depth.encoding:=8UC1', ['depth.encoding', '32FC1, 16UC1', '8UC1']),
        ('window.overlap:=8', ['window.overlap', '1..7']),
    ],
)
def test_a_parameter_that_is_not_allowed_is_refused_at_start(start_process, argument, words):
    node = start_process('vggt_ros.ros.node', '-p', argument)
    assert node.process.wait(20.0) == 1
    assert all(word in node.log for word in words), node.log
    assert 'Traceback' not in node.log


def test_a_lifecycle_manager_can_do_what_autostart_does(start_process, probe):
    node = start_process(
        'vggt_ros.ros.node',
        *('-r', '__node:=managed', '-p', 'autostart:=false', '-p', 'use_sim_time:=true'),
        *('-p', 'model.checkpoint:=nano', '-p', 'window.max_wait:=1'),
    )
    assert get_state(probe, 'managed') == 'unconfigured'
    assert change_state(probe, 'managed', Transition.TRANSITION_CONFIGURE), node.log
    assert get_state(probe, 'managed') == 'inactive'
    assert not probe.node.count_subscribers('/image')
    assert change_state(probe, 'managed', Transition.TRANSITION_ACTIVATE), node.log
    assert probe.spin_until(lambda: probe.node.count_subscribers('/image') == 1)
    assert change_state(probe, 'managed', Transition.TRANSITION_ACTIVE_SHUTDOWN), node.log
    assert get_state(probe, 'managed') == 'finalized'
    assert node.end()[0] == 0, node.log


def test_a_signal_ends_the_process_while_the_weights_load(start_process):
    node = start_process('vggt_ros.ros.node', '-p', 'model.checkpoint:=nano')
    node.wait_for_log('loading nano')
    code, duration_s = node.end()
    assert code == 0, node.log
    assert duration_s < 5.0
