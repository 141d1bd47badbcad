from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
import pytest
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn

from vggt_ros.errors import DeviceError
from vggt_ros.ros.middleware.transitions import logged, refuse_impossible

STATE = LifecycleState('inactive', 2)


class Log:
    def __init__(self):
        self.errors, self.fatals = [], []

    def error(self, text):
        self.errors.append(text)

    def fatal(self, text):
        self.fatals.append(text)


class Node:
    last_error = 'an older one'

    def __init__(self, outcome):
        self.outcome, self.log = outcome, Log()

    def get_logger(self):
        return self.log

    @logged
    def on_activate(self, state):
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


def test_success_clears_the_last_error():
    node = Node(TransitionCallbackReturn.SUCCESS)
    assert node.on_activate(STATE) == TransitionCallbackReturn.SUCCESS
    assert node.last_error == ''


def test_an_error_on_purpose_fails_with_its_message_and_no_traceback():
    node = Node(DeviceError('cuda:7 is not there; use cpu'))
    assert node.on_activate(STATE) == TransitionCallbackReturn.FAILURE
    assert node.log.errors == ['cannot activate: cuda:7 is not there; use cpu']
    assert node.last_error == node.log.errors[0]
    assert not node.log.fatals


def test_any_other_error_is_logged_with_its_traceback():
    node = Node(ZeroDivisionError('by zero'))
    assert node.on_activate(STATE) == TransitionCallbackReturn.ERROR
    assert 'Traceback' in node.log.fatals[0]
    assert 'ZeroDivisionError' in node.last_error


@pytest.mark.parametrize('wanted', [{'id': Transition.TRANSITION_ACTIVATE}, {'label': 'activate'}])
def test_a_transition_that_the_state_does_not_have_is_refused_and_answered(make_node, wanted):
    node = make_node('unconfigured')
    refuse_impossible(node)
    (change,) = (each.callback for each in node.services if each.srv_type is ChangeState)
    answer = change(
        ChangeState.Request(transition=Transition(**wanted)), ChangeState.Response(success=True)
    )
    assert answer.success is False
    (state,) = (each.callback for each in node.services if each.srv_type is GetState)
    assert state(GetState.Request(), GetState.Response()).current_state.label == 'unconfigured'
