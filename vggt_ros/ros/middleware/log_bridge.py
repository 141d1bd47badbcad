"""Log bridge: what the rooms without ROS log, in the log of the node."""

from __future__ import annotations

import logging
from typing import Any

from vggt_ros.errors import VggtRosError
from vggt_ros.ros.middleware.log_text import safe_line
from vggt_ros.ros.middleware.throttled_log import ThrottledLog


class LogBridge(logging.Handler):
    """Hands log records of Python to a ROS logger.

    Records of an exception come as often as windows do: one per kind and period is passed on.
    An error raised on purpose comes without its traceback, which would bury the remedy.
    """

    def __init__(self, logger: Any) -> None:
        """Write to the `logger` of a node."""
        super().__init__()
        self._logger = logger
        self._throttled = ThrottledLog(lambda text: logger.error(text))
        self._tracebacks = ThrottledLog(lambda text: logger.error(text), is_one_line=False)

    def install(self) -> None:
        """Take the records of the whole package."""
        package = logging.getLogger('vggt_ros')
        package.addHandler(self)
        package.setLevel(logging.DEBUG)  # the ROS logger decides what is shown
        package.propagate = False

    def emit(self, record: logging.LogRecord) -> None:
        """Pass a record on."""
        error = record.exc_info[1] if record.exc_info else None
        if error is None:
            self._write(record.levelno, safe_line(record.getMessage()))
        elif isinstance(error, VggtRosError):
            self._throttled.log(type(error).__name__, f'{record.getMessage()}: {error}')
        else:
            # A traceback has many lines, each of which is one.
            lines = [safe_line(line) for line in self.format(record).splitlines()]
            self._tracebacks.log(type(error).__name__, '\n'.join(lines))

    def _write(self, level: int, text: str) -> None:
        # One line of code per severity: rclpy refuses a line that changes its severity.
        if level >= logging.ERROR:
            self._logger.error(text)
        elif level >= logging.WARNING:
            self._logger.warning(text)
        elif level >= logging.INFO:
            self._logger.info(text)
        else:
            self._logger.debug(text)
