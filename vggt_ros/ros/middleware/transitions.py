"""Lifecycle transitions that say why they failed or are not possible."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
import traceback
from typing import Any, Protocol, runtime_checkable, TypeVar

from lifecycle_msgs.srv import ChangeState
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn

from vggt_ros.errors import VggtRosError


@runtime_checkable
class RemembersErrors(Protocol):
    """What a lifecycle node needs beside the transitions themselves."""

    last_error: str

    def get_logger(self) -> Any:
        """Return the logger of the node."""


NodeT = TypeVar('NodeT', bound=RemembersErrors)
Transition = Callable[[NodeT, LifecycleState], TransitionCallbackReturn]


def logged(transition: Transition[NodeT]) -> Transition[NodeT]:
    """Log what a transition raises: rclpy turns it into ERROR without a word.

    An error raised on purpose fails the transition, and the node stays in the state it was in;
    any other leads to error processing. The node keeps the text in `last_error`.
    """

    @wraps(transition)
    def wrapper(node: NodeT, state: LifecycleState) -> TransitionCallbackReturn:
        name = transition.__name__.removeprefix('on_')
        try:
            outcome = transition(node, state)
        except VggtRosError as error:
            node.last_error = f'cannot {name}: {error}'
            node.get_logger().error(node.last_error)
            return TransitionCallbackReturn.FAILURE
        except Exception as error:  # noqa: BLE001 - outermost frame of a transition
            node.last_error = f'cannot {name}: {error!r}'
            node.get_logger().fatal(f'{node.last_error}\n{traceback.format_exc()}')
            return TransitionCallbackReturn.ERROR
        if outcome == TransitionCallbackReturn.SUCCESS:
            node.last_error = ''
        return outcome

    return wrapper


def refuse_impossible(node: LifecycleNode) -> None:
    """Let `~/change_state` refuse a transition that the state of a node does not have.

    rclpy does so from Kilted on. On Humble and Jazzy it raises, and who asked is never answered.
    """
    for service in node.services:
        if service.srv_type is ChangeState:
            service.callback = _refusing(service.callback, node)


def _refusing(change: Callable[..., Any], node: LifecycleNode) -> Callable[..., Any]:
    @wraps(change)
    def answer(request: Any, response: Any) -> Any:
        try:
            return change(request, response)
        except RuntimeError as error:  # RCLError, which rclpy does not export
            wanted = request.transition.label or request.transition.id
            node.get_logger().error(f'transition {wanted} is refused: {error}')
            response.success = False
            return response

    return answer
