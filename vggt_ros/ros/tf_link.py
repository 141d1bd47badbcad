"""TF link: all between the node and the rest of the robot: TF both ways, depth and an IMU."""

from __future__ import annotations

import time

from jaxtyping import Float
import numpy as np

from vggt_ros.geometry.plausible import MAX_MOUNT_M
from vggt_ros.mapping.frontend.frame import Frame, UndecodedFrame
from vggt_ros.ros.input.depth_input import DepthInput
from vggt_ros.ros.input.imu_input import ImuInput, ImuReport
from vggt_ros.ros.input.input_report import TopicReport
from vggt_ros.ros.input.problem import Cause, Problem
from vggt_ros.ros.middleware.log_text import safe_line
from vggt_ros.ros.middleware.node_context import NodeContext
from vggt_ros.ros.middleware.tf_clock import MAX_AGE_S, SeenImage, TfClock, TfProblem
from vggt_ros.ros.middleware.throttled_log import ThrottledLog
from vggt_ros.ros.tf.sent_transforms import SentTransforms
from vggt_ros.ros.tf.tf_listener import TfListener
from vggt_ros.ros.tf.tf_pose_priors import TfPosePriors
from vggt_ros.ros.tf.tf_publisher import MapBroadcaster

_REMINDER_S = 30.0
# By the reason of a `TfProblem`; what else is wrong with TF is wrong with one of its edges.
_CAUSES = {'no_clock': Cause.CLOCK, 'clocks_differ': Cause.CLOCK}


class TfLink:
    """Owns what listens and broadcasts; made and closed by the executor's thread.

    Attributes:
        priors: Answers what is known of the camera.
        broadcaster: Tells where the map is.
        problems: What was wrong with TF and its clocks at the last check.
    """

    def __init__(self, context: NodeContext) -> None:
        """Listen to TF; broadcast nothing yet.

        Args:
            context: What the parts of the node share.
        """
        node, config = context.node, context.config.value
        self.problems: list[Problem] = []
        self._node = node
        self._frames = config.frames
        self._clock = TfClock()
        logger = node.get_logger()
        self._warnings = ThrottledLog(lambda text: logger.warning(text), period_s=_REMINDER_S)
        sent = SentTransforms()
        self._listener = TfListener(
            node,
            config.tf.cache_time,
            root=config.frames.map,
            sent=sent,
            note_error=context.note_error,
        )
        listener = self._listener

        def mount(target: str, source: str, stamp_ns: int) -> Float[np.ndarray, '4 4'] | None:
            # Sensors are fixed to each other, as a rule: nothing to wait for.
            return listener.lookup(target, source, stamp_ns, 0.0, max_length_m=MAX_MOUNT_M)

        self._depth = DepthInput(node, config.input.num_cameras, context.topics, mount)
        self._imu = ImuInput(node, context.config, context.topics, mount)
        self._wants_depth = config.scale.source in ('auto', 'depth')
        self.priors = TfPosePriors(
            self._listener,
            config.frames,
            config.tf,
            self._depth.depth_m,
            self._imu.up_in_cam,
            lambda line: node.get_logger().warning(safe_line(line)),
        )
        self.broadcaster = MapBroadcaster(
            node, config.tf, config.frames, self.priors, listener.other_parent, sent
        )

    def subscribe(self) -> None:
        """Take depth images and gravity."""
        if self._wants_depth:
            self._depth.subscribe()
        self._imu.subscribe()

    def unsubscribe(self) -> None:
        """Take no more of them; again is harmless."""
        self._depth.unsubscribe()
        self._imu.unsubscribe()

    def check(self, newest: SeenImage | None) -> None:
        """Look for what is wrong with TF, and warn; call once a second or so.

        Args:
            newest: The newest image, None before the first.
        """
        asked = [self._without_clock(), self._apart(newest), *self._of_odometry(newest)]
        found = [each for each in asked if each is not None]
        for each in found:
            self._warnings.log(each.reason, each.text)
        self.problems = [
            Problem(cause=_CAUSES.get(each.reason, Cause.ODOMETRY), text=each.text)
            for each in found
        ]
        self.problems += [
            Problem(cause=Cause.ODOMETRY, text=line) for line in self._listener.problems()
        ]
        self._imu.check(None if newest is None else newest.camera_frame)

    def note_frame(self, frame: Frame | UndecodedFrame) -> None:
        """Remember what a camera sees: depth is registered to it."""
        self._depth.note_frame(frame)

    @property
    def depth_problems(self) -> list[str]:
        """What is in the way of depth, a line each."""
        return self._depth.problems

    def topic_reports(self) -> tuple[TopicReport, ...]:
        """Return how the topics of depth images and IMU are; call once a second or so."""
        return self._depth.reports() + self._imu.topic_reports()

    def imu_report(self) -> ImuReport:
        """Return how the IMU is."""
        return self._imu.report()

    def forget(self) -> None:
        """Forget where the robot was: time has begun again."""
        self._listener.forget()

    def close(self) -> None:
        """Stop everything."""
        self.unsubscribe()
        self.broadcaster.close()
        self._listener.close()

    def _without_clock(self) -> TfProblem | None:
        is_simulated = self._node.get_parameter('use_sim_time').value
        if not is_simulated or self._node.get_clock().now().nanoseconds:
            return None
        return TfProblem(
            reason='no_clock',
            text='use_sim_time is true and nothing has come on /clock: it is time 0, and no '
            'transform is stamped by that; start the simulation, play the recording with --clock, '
            'or set use_sim_time to false',
        )

    def _of_odometry(self, newest: SeenImage | None) -> list[TfProblem]:
        """Return what is wrong with what moves between the odometry, or the base, and a camera."""
        if newest is None or time.monotonic() - newest.at_s > MAX_AGE_S:
            return []
        listener, frames = self._listener, self._frames
        for frame, what in ((frames.odom, 'odometry'), (frames.base, 'place of the camera')):
            edges = listener.parents.path(newest.camera_frame, frame)
            if edges:
                return listener.watch.problems(edges, what)
        return []

    def _apart(self, newest: SeenImage | None) -> TfProblem | None:
        if newest is None:
            return None
        for frame in (self._frames.odom, self._frames.base):
            newest_ns = self._listener.newest_ns(frame, newest.camera_frame)
            if newest_ns:  # neither unknown nor static
                stamps = self.broadcaster.mode == 'map_to_odom'
                node_ns = self._node.get_clock().now().nanoseconds if stamps else None
                edge = f'{frame} -> {newest.camera_frame}'
                return self._clock.problem(
                    edge, newest_ns, newest, time.monotonic(), node_ns or None
                )
        return None
