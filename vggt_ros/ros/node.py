"""The lifecycle node `vggt`: images in, points, poses and a map out."""

from __future__ import annotations

from dataclasses import replace
import gc
from itertools import count
import sys
import time

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn

from vggt_ros.mapping.frontend.frame import UndecodedFrame
from vggt_ros.ros.diagnostics import Diagnostics
from vggt_ros.ros.health import Health, health_of
from vggt_ros.ros.input.camera_input import CameraInput
from vggt_ros.ros.input.cameras import Cameras
from vggt_ros.ros.middleware.callback_errors import CallbackErrors
from vggt_ros.ros.middleware.heard_topics import HeardTopics
from vggt_ros.ros.middleware.log_bridge import LogBridge
from vggt_ros.ros.middleware.memory import release_free
from vggt_ros.ros.middleware.node_context import NodeContext
from vggt_ros.ros.middleware.parameters import ParameterServer
from vggt_ros.ros.middleware.qos_events import QosEvents
from vggt_ros.ros.middleware.shutdown import run_until_shutdown
from vggt_ros.ros.middleware.transitions import logged, refuse_impossible
from vggt_ros.ros.pipeline import Pipeline, stored_map
from vggt_ros.ros.predictor_loader import PredictorLoader
from vggt_ros.ros.services import Services
from vggt_ros.ros.tf_link import TfLink
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.live_config import LiveConfig

_AUTOSTART_PERIOD_S = 0.1
_WATCH_PERIOD_S = 0.5
_MAP_PERIOD_S = 0.2
_NS_PER_S = 1e9
_SUCCESS = TransitionCallbackReturn.SUCCESS


class VggtNode(LifecycleNode):
    """Turns the images of one to eight cameras into depth, poses, tracks and a map.

    Subscribes: image (sensor_msgs/Image) or image/compressed (sensor_msgs/CompressedImage),
    camera_info (sensor_msgs/CameraInfo, optional), depth (sensor_msgs/Image, optional, for the
    scale) and depth_camera_info (sensor_msgs/CameraInfo, optional, for depth that is not
    registered); imu (sensor_msgs/Imu, optional, for the direction of gravity); image_0,
    camera_info_0 and so on for several cameras; /tf and /tf_static.
    Publishes: see `Publishers`; /diagnostics and /tf.
    Services: see `Services`.

    All callbacks run in one thread, the executor's; the network runs in the worker's.

    Attributes:
        last_error: Why the last transition failed, empty if it did not.
        exit_code: What the process returns in the end: 1 if the node ended it for an error.
    """

    def __init__(self) -> None:
        """Declare parameters and services; load the weights if `autostart` says so.

        Raises:
            ConfigError: A given parameter is unknown, has the wrong type or is out of range.
        """
        super().__init__('vggt')
        refuse_impossible(self)
        LogBridge(self.get_logger()).install()
        self.last_error = ''
        self.exit_code = 0
        self._has_told_obstacle = False
        logger = self.get_logger()
        self._errors = CallbackErrors(lambda text: logger.error(text))
        self._settings = ParameterServer(self, VggtConfig(), self._on_config)
        self._loader: PredictorLoader | None = None
        self._pipeline: Pipeline | None = None
        self._cameras: Cameras | None = None
        self._qos_events = QosEvents(self.get_logger().warning)
        self._diagnostics = Diagnostics(self.get_fully_qualified_name())
        self._diagnostics_publisher = self.create_publisher(DiagnosticArray, '/diagnostics', 10)
        self._link: TfLink | None = None
        self._operator_services = Services(
            self, self._errors, pipeline=lambda: self._pipeline, state=lambda: self.state
        )
        # Steady: simulated time may stand still, and the health of the node is asked for then.
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._diagnostics_timer = self.create_timer(
            self.config.diagnostics.period, self._publish_diagnostics, clock=steady
        )
        self.create_timer(_MAP_PERIOD_S, self._offer_map, clock=steady)
        self.create_timer(_WATCH_PERIOD_S, self._watch_inputs, clock=steady)
        self._autostart_timer = self.create_timer(
            _AUTOSTART_PERIOD_S, self._autostart, clock=steady
        )
        if not self.config.autostart:
            self._autostart_timer.cancel()

    @property
    def config(self) -> VggtConfig:
        """The settings in force."""
        return self._settings.config

    @property
    def state(self) -> str:
        """Label of the lifecycle state."""
        return str(self._state_machine.current_state[1])

    @logged
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load the weights, create the publishers."""
        if self._loader is None:
            self._loader = self._new_loader()
        try:
            predictor = self._loader.result(self.context.ok)
        finally:
            if self._loader.is_done:
                self._loader = None
        if predictor is None:
            self.get_logger().info('told to end while the weights were loading')
            return TransitionCallbackReturn.FAILURE
        session = stored_map(self.config) if self.config.map.load_path else None
        context = NodeContext(
            node=self,
            config=LiveConfig(self.config),
            topics=HeardTopics(self, self.config.input, self._qos_events),
            qos_events=self._qos_events,
            note_error=self.note_error,
            end_with_error=self._end_with_error,
        )
        link = self._link = TfLink(context)
        pipeline = self._pipeline = Pipeline(
            context, predictor, link.priors, link.broadcaster, link.forget
        )
        if session is not None:
            pipeline.load_map(session)
        ids = count()
        inputs = [
            CameraInput(context, camera, ids, self._add_frame, pipeline.count_refused)
            for camera in range(self.config.input.num_cameras)
        ]
        self._cameras = Cameras(context, inputs)
        return super().on_configure(state)

    @logged
    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Bring the weights to the device, subscribe to the camera."""
        pipeline, cameras, link = self._configured()
        pipeline.start()
        outcome = super().on_activate(state)
        link.subscribe()
        cameras.subscribe()
        return outcome

    @logged
    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Unsubscribe, finish the window in hand, free the memory of the device."""
        pipeline, cameras, link = self._configured()
        cameras.unsubscribe()
        link.unsubscribe()
        outcome = super().on_deactivate(state)
        pipeline.stop()
        return outcome

    @logged
    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free the weights and the map, destroy the publishers."""
        outcome = super().on_cleanup(state)
        self._free()
        return outcome

    @logged
    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Do what deactivation and clean-up do, from any state."""
        outcome = super().on_shutdown(state)
        self._free()
        return outcome

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free everything, so that the node can be configured again."""
        super().on_error(state)
        self._free()
        return _SUCCESS

    def end(self, timeout_s: float) -> bool:
        """Stop working because the process ends; return False if a thread is still at work."""
        if self._loader is not None and not self._loader.is_done:
            return False
        if self._pipeline is None:
            return True
        deadline_s = time.monotonic() + timeout_s
        has_stopped = self._pipeline.stop_within(timeout_s)
        self._pipeline.end_saves(max(0.0, deadline_s - time.monotonic()))
        return has_stopped

    def note_error(self, error: Exception) -> None:
        """Log and count what a callback raised; any thread may call."""
        self._errors.note(error)

    def _add_frame(self, frame: UndecodedFrame) -> None:
        pipeline, _, link = self._configured()
        link.note_frame(frame)
        pipeline.add_frame(frame)

    def _configured(self) -> tuple[Pipeline, Cameras, TfLink]:
        assert self._pipeline is not None, 'configured'
        assert self._cameras is not None, 'configured'
        assert self._link is not None, 'configured'
        return self._pipeline, self._cameras, self._link

    def _free(self) -> None:
        self._loader = None
        if self._cameras is not None:
            self._cameras.unsubscribe()
            self._cameras = None
        if self._pipeline is not None:
            self._pipeline.stop()
            self._pipeline.close()
            self._pipeline = None
        if self._link is not None:
            self._link.close()
            self._link = None
        # Map, publishers and callbacks refer to each other in circles, with large arrays in them.
        gc.collect()
        # rclpy keeps a reference, dead by now, to everything that ever was in the group.
        group = self.default_callback_group
        group.entities = {each for each in group.entities if each() is not None}
        release_free()

    def _new_loader(self) -> PredictorLoader:
        self.get_logger().info(f'loading {self.config.model.checkpoint}')
        model = self.config.model
        num_frames = model.token_cache * self.config.input.num_cameras
        return PredictorLoader(replace(model, token_cache=num_frames), self.get_logger().info)

    def _autostart(self) -> None:
        if self.state != 'unconfigured':  # another node took over
            self._autostart_timer.cancel()
            return
        if self._loader is None:
            self._loader = self._new_loader()
        if not self._loader.is_done:
            self._loader.report()
            return
        self._autostart_timer.cancel()
        if self.trigger_configure() == _SUCCESS:
            self.trigger_activate()

    def _on_config(self, config: VggtConfig) -> None:
        self._diagnostics_timer.timer_period_ns = int(config.diagnostics.period * _NS_PER_S)
        if self._pipeline is not None:
            self._pipeline.update_config(config)

    def _end_with_error(self, reason: str) -> None:
        """End the process; a launch file with `respawn` then starts it anew."""
        self.get_logger().fatal(f'{reason}; model.oom_policy is shutdown: the node ends')
        self.exit_code = 1
        self.context.try_shutdown()

    def _offer_map(self) -> None:
        if self._pipeline is not None:
            self._pipeline.offer_map()
            self._pipeline.check_autosave()

    def _watch_inputs(self) -> None:
        """Look for other topics and other clocks, however rarely diagnostics are wanted."""
        if self._cameras is not None and self._pipeline is not None:
            link = self._link
            self._cameras.check(
                self._pipeline.snapshot().cameras,
                () if link is None else link.depth_problems,
                () if link is None else link.topic_reports(),
            )
        if self._cameras is not None and self._link is not None:
            self._link.check(self._cameras.newest)

    def _publish_diagnostics(self) -> None:
        state = 'loading' if self._loader is not None else self.state
        health = health_of(state, self._pipeline, self._cameras, self.last_error, self._link)
        errors = self._errors
        health = replace(health, callback_errors=errors.number, callback_error=errors.recent)
        if self._loader is not None:
            health = replace(health, delay=self._loader.delay)
        self._tell_obstacle(health)
        stamp = self.get_clock().now().to_msg()
        self._diagnostics_publisher.publish(self._diagnostics.message(stamp, health))

    def _tell_obstacle(self, health: Health) -> None:
        """Log once why images make no windows; again after it was over."""
        if health.obstacle and not self._has_told_obstacle:
            self.get_logger().warning(health.obstacle)
        self._has_told_obstacle = bool(health.obstacle)


def main() -> int:
    """Run the node until SIGINT or SIGTERM; return the exit code."""
    return run_until_shutdown(VggtNode)


if __name__ == '__main__':
    sys.exit(main())
