"""A buffer of transforms that can wait for them."""

from __future__ import annotations

from collections.abc import Callable
import threading
from time import sleep
from typing import Any

from geometry_msgs.msg import TransformStamped
from rclpy.clock import Clock, JumpThreshold
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.task import Future
from tf2_msgs.srv import FrameGraph
from tf2_py import BufferCore
from tf2_ros.buffer_interface import BufferInterface

_POLL_S = 0.02


class Buffer(BufferCore, BufferInterface):
    """Keeps transforms and answers lookups; a TransformListener fills it."""

    def __init__(self, cache_time: Duration | None = None, node: Node | None = None) -> None:
        """Start empty.

        Args:
            cache_time: How long moving frames are kept; ten seconds by default.
            node: If given, the frames are served on `tf2_frames`, and the buffer is cleared when
                the node's clock jumps back.
        """
        BufferCore.__init__(self, cache_time)
        BufferInterface.__init__(self)
        self._new_data_callbacks: list[Callable[[], None]] = []
        self._callbacks_lock = threading.RLock()
        self._clock = Clock() if node is None else node.get_clock()
        if node is not None:
            self.srv = node.create_service(FrameGraph, 'tf2_frames', self._get_frames)
            threshold = JumpThreshold(
                min_forward=None, min_backward=Duration(nanoseconds=-1), on_clock_change=True
            )
            self.jump_handle = self._clock.create_jump_callback(
                threshold, post_callback=lambda _: self.clear()
            )

    def set_transform(self, transform: TransformStamped, authority: str) -> None:
        """Add where `child_frame_id` is in `header.frame_id` at the stamp of the header."""
        super().set_transform(transform, authority)
        self._call_new_data_callbacks()

    def set_transform_static(self, transform: TransformStamped, authority: str) -> None:
        """Add where `child_frame_id` is in `header.frame_id` for all times."""
        super().set_transform_static(transform, authority)
        self._call_new_data_callbacks()

    def lookup_transform(
        self,
        target_frame: str,
        source_frame: str,
        time: Any,
        timeout: Duration = Duration(),  # noqa: B008 - immutable
    ) -> TransformStamped:
        """Return target_from_source at a time, waiting for it up to `timeout`.

        Raises:
            TransformException: It is not there; the subclass says why.
        """
        self.can_transform(target_frame, source_frame, time, timeout)
        return self.lookup_transform_core(target_frame, source_frame, time)

    def lookup_transform_full(
        self,
        target_frame: str,
        target_time: Any,
        source_frame: str,
        source_time: Any,
        fixed_frame: str,
        timeout: Duration = Duration(),  # noqa: B008 - immutable
    ) -> TransformStamped:
        """Return target (at its time) from source (at its time), joined in a fixed frame."""
        request = (target_frame, target_time, source_frame, source_time, fixed_frame)
        self.can_transform_full(*request, timeout)
        return self.lookup_transform_full_core(*request)

    async def lookup_transform_async(
        self, target_frame: str, source_frame: str, time: Any
    ) -> TransformStamped:
        """Return target_from_source at a time, as soon as it is there."""
        await self.wait_for_transform_async(target_frame, source_frame, time)
        return self.lookup_transform_core(target_frame, source_frame, time)

    async def lookup_transform_full_async(
        self,
        target_frame: str,
        target_time: Any,
        source_frame: str,
        source_time: Any,
        fixed_frame: str,
    ) -> TransformStamped:
        """Return the full lookup as soon as it is there."""
        request = (target_frame, target_time, source_frame, source_time, fixed_frame)
        await self.wait_for_transform_full_async(*request)
        return self.lookup_transform_full_core(*request)

    def can_transform(
        self,
        target_frame: str,
        source_frame: str,
        time: Any,
        timeout: Duration = Duration(),  # noqa: B008 - immutable
        return_debug_tuple: bool = False,
    ) -> Any:
        """Tell whether a lookup succeeds within `timeout`; with the reason if asked for."""
        result = self._poll(
            lambda: self.can_transform_core(target_frame, source_frame, time), timeout
        )
        return result if return_debug_tuple else result[0]

    def can_transform_full(
        self,
        target_frame: str,
        target_time: Any,
        source_frame: str,
        source_time: Any,
        fixed_frame: str,
        timeout: Duration = Duration(),  # noqa: B008 - immutable
        return_debug_tuple: bool = False,
    ) -> Any:
        """Tell whether a full lookup succeeds within `timeout`; with the reason if asked for."""
        request = (target_frame, target_time, source_frame, source_time, fixed_frame)
        result = self._poll(lambda: self.can_transform_full_core(*request), timeout)
        return result if return_debug_tuple else result[0]

    def wait_for_transform_async(self, target_frame: str, source_frame: str, time: Any) -> Future:
        """Return a future that becomes True when the lookup succeeds."""
        return self._wait(lambda: self.can_transform_core(target_frame, source_frame, time)[0])

    def wait_for_transform_full_async(
        self,
        target_frame: str,
        target_time: Any,
        source_frame: str,
        source_time: Any,
        fixed_frame: str,
    ) -> Future:
        """Return a future that becomes True when the full lookup succeeds."""
        request = (target_frame, target_time, source_frame, source_time, fixed_frame)
        return self._wait(lambda: self.can_transform_full_core(*request)[0])

    def _poll(self, attempt: Callable[[], tuple[int, str]], timeout: Duration) -> tuple[int, str]:
        result = attempt()
        if timeout.nanoseconds <= 0:
            return result
        start = self._clock.now()
        # A clock that jumps back would make this wait for ever, so that ends it, too.
        while not result[0] and start <= self._clock.now() < start + timeout:
            sleep(_POLL_S)
            result = attempt()
        return result

    def _wait(self, is_there: Callable[[], int]) -> Future:
        future = Future()

        def check() -> None:
            try:
                if is_there() and not future.done():
                    future.set_result(True)
            except Exception as error:  # noqa: BLE001 - it belongs to whoever awaits
                future.set_exception(error)

        check()
        if not future.done():
            with self._callbacks_lock:
                self._new_data_callbacks.append(check)
            future.add_done_callback(lambda _: self._remove_callback(check))
        return future

    def _call_new_data_callbacks(self) -> None:
        with self._callbacks_lock:
            callbacks = list(self._new_data_callbacks)
        for callback in callbacks:
            callback()

    def _remove_callback(self, callback: Callable[[], None]) -> None:
        with self._callbacks_lock:
            if callback in self._new_data_callbacks:
                self._new_data_callbacks.remove(callback)

    def _get_frames(self, request: Any, response: Any) -> Any:
        del request
        response.frame_yaml = self.all_frames_as_yaml()
        return response
