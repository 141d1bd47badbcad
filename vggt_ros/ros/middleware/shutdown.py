"""A process that ends cleanly on SIGINT and SIGTERM."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
import logging
import os
import signal
import sys
import threading
import time
from typing import Protocol

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node

from vggt_ros.errors import VggtRosError

# ros2 launch sends SIGTERM five seconds after SIGINT.
_PATIENCE_S = 3.0
_POLL_S = 0.02
# An executor that is itself broken fails at once, again and again.
_AFTER_ERROR_S = 0.005
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Endable(Protocol):
    """A node that can be told that the process ends.

    Attributes:
        exit_code: What the process returns; not 0 if the node ended it for an error.
    """

    exit_code: int

    def end(self, timeout_s: float) -> bool:
        """Stop working within a time; return False if something still works."""
        ...

    def note_error(self, error: Exception) -> None:
        """Be told what a callback raised; the next one runs."""
        ...


def init() -> None:
    """Initialize rclpy so that SIGINT and SIGTERM end its context, and nothing else.

    Ctrl-C under `ros2 launch` sends SIGINT twice, from the terminal and from launch. Python's
    KeyboardInterrupt would come up in the middle of the shutdown that the first one started, and
    a second SIGTERM would kill the process there.
    """
    for number in _SIGNALS:
        # rclpy's handler runs before this one, and gives way to it when the context has ended.
        signal.signal(number, lambda _signal, _frame: None)
    rclpy.init()


def shutdown() -> None:
    """End rclpy's context; from here on the process ends by itself, whatever signal comes."""
    rclpy.try_shutdown()
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)  # stays while the interpreter is taken down


@contextmanager
def until_shutdown() -> Iterator[None]:
    """Leave the block quietly when the context ends, wherever in rclpy that is noticed.

    A context that ends between two lines of rclpy's executor makes it raise all kinds of errors.
    """
    try:
        yield
    except ExternalShutdownException:
        pass
    except Exception:
        if rclpy.ok():
            raise


def keep_spinning(
    spin: Callable[[], None],
    is_ok: Callable[[], bool],
    note_error: Callable[[Exception], None],
    is_over: Callable[[], bool] = lambda: False,
) -> None:
    """Run callbacks until the context ends; what one of them raises does not end the others.

    Args:
        spin: Runs callbacks of an executor, one or many; raises what they raise.
        is_ok: Whether the context of the executor still lives.
        note_error: Told what was raised.
        is_over: Asked after each call of `spin`; True ends it, too.
    """
    while is_ok() and not is_over():
        try:
            spin()
        except ExternalShutdownException:
            return
        except Exception as error:  # noqa: BLE001 - outermost frame of all callbacks
            if not is_ok():
                return
            note_error(error)
            time.sleep(_AFTER_ERROR_S)


def run_until_shutdown(make_node: Callable[[], Node]) -> int:
    """Spin a node until SIGINT, SIGTERM or the end of the context; return the exit code.

    Args:
        make_node: Makes an `Endable` node; a VggtRosError it raises is logged and gives 1.
    """
    init()
    try:
        node = make_node()
    except VggtRosError as error:
        rclpy.logging.get_logger('vggt_ros').fatal(str(error))
        shutdown()
        return 1
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    keep_spinning(executor.spin, rclpy.ok, node.note_error)
    if not node.end(_PATIENCE_S) or not _wait_for_threads(_PATIENCE_S):
        _leave(node.exit_code)
    executor.shutdown()
    node.destroy_node()
    shutdown()
    return node.exit_code


def _wait_for_threads(timeout_s: float) -> bool:
    """Wait until the calling thread is the only one; return False if others are still there.

    A daemon that is inside C++ (rclpy, torch) while the interpreter is taken down aborts the
    process: Python ends the thread from within, and C++ calls that an uncaught exception.
    """
    deadline_s = time.monotonic() + timeout_s
    while threading.active_count() > 1 and time.monotonic() < deadline_s:
        time.sleep(_POLL_S)
    return threading.active_count() == 1


def _leave(exit_code: int) -> None:
    """End the process although a thread is inside C++, which cannot be interrupted."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(exit_code)
