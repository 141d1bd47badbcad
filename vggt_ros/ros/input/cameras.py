"""All cameras of the node, and what is wrong with their topics."""

from __future__ import annotations

from collections.abc import Sequence
import re
import time

from vggt_ros.mapping.frontend.synchronizer import CameraSync
from vggt_ros.ros.input.camera_input import CameraInput
from vggt_ros.ros.input.input_report import input_problems, TopicReport
from vggt_ros.ros.input.problem import by_cause, Cause, Problem
from vggt_ros.ros.middleware.log_text import safe_line
from vggt_ros.ros.middleware.node_context import NodeContext
from vggt_ros.ros.middleware.tf_clock import SeenImage

# Once said, a problem that stays is said again after so many periods.
_REMINDER_PERIODS = 6
# Numbers that change while the problem stays the same.
_MEASURED = re.compile(r'[-+]?[0-9.]+(?=( s|%| Hz| ms| of | messages| MB))')


class Cameras:
    """Subscribes to all cameras, and is a watchdog; all methods belong to the executor's thread.

    Attributes:
        topics: How the topics were at the last check.
        problems: What was in the way of frames then, the cause first.
    """

    def __init__(self, context: NodeContext, inputs: Sequence[CameraInput]) -> None:
        """Do not subscribe yet.

        Args:
            context: What the parts of the node share.
            inputs: One for each camera, in their order.
        """
        self.topics: tuple[TopicReport, ...] = ()
        self.problems: list[Problem] = []
        self._config = context.config
        self._warn = context.node.get_logger().warning
        self._inputs = inputs
        self._said_at_s: dict[str, float] = {}

    @property
    def newest(self) -> SeenImage | None:
        """When the newest image of any camera was taken; None before the first."""
        seen = [each.newest for each in self._inputs if each.newest is not None]
        return max(seen, key=lambda each: each.at_s, default=None)

    def subscribe(self) -> None:
        """Start taking images."""
        for each in self._inputs:
            each.subscribe()

    def unsubscribe(self) -> None:
        """Stop taking images; again is harmless."""
        for each in self._inputs:
            each.unsubscribe()
        self.topics, self.problems = (), []

    def check(
        self,
        cameras: Sequence[CameraSync],
        others: Sequence[str] = (),
        depth: Sequence[TopicReport] = (),
    ) -> None:
        """Look for what is in the way of frames, and warn; call once a second or so.

        Args:
            cameras: How the cameras fit to each other.
            others: What is in the way of other topics, a line each.
            depth: How the topics of depth images are.
        """
        for each in self._inputs:
            each.check_transport()
            each.check_calibration()
        own = tuple(report for each in self._inputs for report in each.reports())
        self.topics = own + tuple(depth)
        settings = self._config.value.input
        period_s = settings.watchdog_period
        if not period_s:
            self.problems = []
            return
        self.problems = input_problems(self.topics, cameras, settings, period_s)
        self.problems += [Problem(cause=Cause.SCALE, text=line) for line in others]
        now_s = time.monotonic()
        for problem in self.problems:
            key = _MEASURED.sub('', problem.text)
            if now_s - self._said_at_s.get(key, float('-inf')) >= _REMINDER_PERIODS * period_s:
                self._said_at_s[key] = now_s
                self._warn(safe_line(problem.text))
        # Those are in the log, each with its reason.
        self.problems += [
            Problem(cause=Cause.IMAGES, text=each.refusal, about=each.topic)
            for each in self._inputs
            if each.refusal
        ]
        self.problems = by_cause(self.problems)
