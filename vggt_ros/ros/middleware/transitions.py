"""Lifecycle transitions that say why they failed."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
import traceback
from typing import Any, Protocol, runtime_checkable, TypeVar

from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn

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
