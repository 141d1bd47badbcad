"""Work that takes longer than a callback may."""

from __future__ import annotations

from collections.abc import Callable
import threading
from typing import Any, TypeVar

from rclpy.task import Future

T = TypeVar('T')


def in_thread(work: Callable[[], T], executor: Any) -> Future:
    """Do something in a thread of its own; a callback that is a coroutine may await the result.

    Such a callback needs a callback group of its own: until it has ended, rclpy runs no other one
    of its group.

    Args:
        work: Called once; what it raises is raised where the result is awaited.
        executor: Of the node: runs the callback, and others until the result is there.
    """
    future = Future(executor=executor)

    def run() -> None:
        try:
            result = work()
        except Exception as error:  # noqa: BLE001 - raised again where it is awaited
            future.set_exception(error)
        else:
            future.set_result(result)
        if executor is not None:
            executor.wake()  # it sleeps until something else happens, and asks only then

    threading.Thread(target=run, name='vggt-background', daemon=True).start()
    return future
