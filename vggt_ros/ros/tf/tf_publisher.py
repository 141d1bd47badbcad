"""The map's place in TF, as REP 105 wants it."""

from __future__ import annotations

from collections.abc import Callable
import threading
import time

from geometry_msgs.msg import TransformStamped
from jaxtyping import Float
import numpy as np
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from tf2_ros import TransformBroadcaster

from vggt_ros.geometry.plausible import implausible
from vggt_ros.mapping.frontend.frame import Frame
from vggt_ros.mapping.layers.frame_tree import blend, map_from_parent
from vggt_ros.mapping.layers.map_update import FrameResult, MapUpdate
from vggt_ros.ros.middleware.messages import header_of, transform
from vggt_ros.ros.middleware.throttled_log import ThrottledLog
from vggt_ros.ros.tf.sent_transforms import SentTransforms
from vggt_ros.ros.tf.tf_listener import OtherParent
from vggt_ros.ros.tf.tf_mode import choose_tf_mode, TfKnowledge, UNDECIDED
from vggt_ros.ros.tf.tf_pose_priors import TfPosePriors
from vggt_ros.settings.world_config import FrameSettings, TfSettings

_NS_PER_S = 1e9
_REMINDER_S = 10.0


class MapBroadcaster:
    """Broadcasts map -> odom, map -> base or map -> camera.

    map -> odom is what the newest frame says, with the odometry at the stamp of that very frame;
    it is sent again at a steady rate, stamped a little ahead of now, so that who looks up the map
    does not wait for the next window. The other two are sent once, at the stamps of the images.
    A frame that others give a parent is not given a second one, nor the same one twice.

    With `auto` every window looks whether TF knows more of the robot by now: a mount or odometry
    that begins late replaces what was sent before. A reset decides from the beginning.

    Attributes:
        mode: What is broadcast; `undecided` before the first window, and while a transform that
            `tf.mode` needs is missing.
        conflict: Who else sends it, empty if none does.
    """

    def __init__(
        self,
        node: Node,
        settings: TfSettings,
        frames: FrameSettings,
        priors: TfPosePriors,
        other_parent: Callable[[str], OtherParent | None],
        sent: SentTransforms,
    ) -> None:
        """Send nothing yet.

        Args:
            node: Its clock stamps map -> odom; its executor runs the timer.
            settings: `tf.*`.
            frames: Names of frames.
            priors: Knows the odometry.
            other_parent: Returns a parent that others give a frame.
            sent: Told what is sent, before it is.
        """
        self.mode = 'none' if settings.mode == 'none' else UNDECIDED
        self.conflict = ''
        self._node = node
        self._settings = settings
        self._frames = frames
        self._priors = priors
        self._other_parent = other_parent
        self._sent = sent
        self._broadcaster = TransformBroadcaster(node)
        self._lock = threading.Lock()
        self._start: Float[np.ndarray, '4 4'] | None = None
        self._target: Float[np.ndarray, '4 4'] | None = None
        self._since_s = 0.0
        self._sent_ns: int | None = None
        logger = node.get_logger()
        self._errors = ThrottledLog(lambda text: logger.error(text), period_s=_REMINDER_S)
        self._missing = ThrottledLog(lambda text: logger.warning(text), period_s=_REMINDER_S)
        self._changes = ThrottledLog(lambda text: logger.warning(text), period_s=0.0)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._timer = node.create_timer(1.0 / settings.publish_rate, self._repeat, clock=steady)

    def update_settings(self, settings: TfSettings) -> None:
        """Use another tolerance and smoothing from now on."""
        with self._lock:
            self._settings = settings
            self._priors.settings = settings

    def send(self, update: MapUpdate) -> None:
        """Broadcast what a window says; called by the thread that processes windows.

        Of a window whose place in the map is a guess nothing is sent: `map -> odom` stays as it
        was, or unknown.
        """
        newest = update.new_frames[-1]
        self._decide(newest)
        if not update.is_connected:
            return
        if self.mode == 'map_to_odom':
            self._set_map_from_odom(update.new_frames)
            self._repeat()
        elif self.mode in ('map_to_base', 'map_to_camera'):
            self._send_frames(update.new_frames)

    def reset(self) -> None:
        """Forget where the odometry was, and what TF knew: the map begins again."""
        with self._lock:
            self._start = self._target = None
            self.mode = 'none' if self._settings.mode == 'none' else UNDECIDED
            self.conflict = ''

    def close(self) -> None:
        """Send no more; call from the executor's thread."""
        self._node.destroy_timer(self._timer)
        self._node.destroy_publisher(self._broadcaster.pub_tf)
        self.reset()

    def _decide(self, result: FrameResult) -> None:
        if self.mode in ('none', 'map_to_odom'):  # there is no more than that
            return
        before = self.mode
        stamp_ns, camera = result.frame.stamp_ns, result.frame.camera_frame
        known = self._priors.knowledge(stamp_ns, camera)
        self.mode = choose_tf_mode(self._settings.mode, known, before)
        if self.mode == UNDECIDED:
            self._missing.log('undecided', self._why_undecided(known, camera))
        if self.mode == before:
            return
        self.conflict = ''
        if self.mode != UNDECIDED:
            self._node.get_logger().info(f'broadcasting {self._edge(self.mode, camera)}')
        if before != UNDECIDED:
            self._changes.log(
                'tf_mode',
                f'TF knows more of the robot than before: {self._edge(before, camera)} is not '
                f'sent any more',
            )

    def _why_undecided(self, known: TfKnowledge, camera: str) -> str:
        frame = self._frames.base if self._settings.mode == 'map_to_base' else self._frames.odom
        if self._settings.mode == 'auto':
            frame = self._frames.odom if known.odom_is_sent else self._frames.base
            how = f'{camera} is below {frame} in TF, but not known at the stamps of the images'
        else:
            how = (
                f'tf.mode is {self._settings.mode}, but TF does not know {camera} in {frame} at '
                f'the stamps of the images'
            )
        return f'{how}; no transform is sent until it is'

    def _edge(self, mode: str, camera: str) -> str:
        child = {'map_to_odom': self._frames.odom, 'map_to_base': self._frames.base}
        return f'{self._frames.map} -> {child.get(mode, camera)}'

    def _set_map_from_odom(self, results: tuple[FrameResult, ...]) -> None:
        for result in reversed(results):
            pose = self._priors.odom_from_cam(result.frame.stamp_ns, result.frame.camera_frame)
            if pose is None:
                continue
            target = map_from_parent(result.map_from_cam, pose)
            problem = implausible(target)
            if problem:  # the timer would send it for ever
                edge = f'{self._frames.map} -> {self._frames.odom}'
                self._missing.log(
                    'implausible', f'{edge} stays as it is: of the new one {problem}'
                )
                return
            with self._lock:
                self._start, self._target = self._blended(), target
                self._since_s = time.monotonic()
            return
        self._missing.log(
            'odometry',
            f'TF does not know {results[-1].frame.camera_frame} in {self._frames.odom} at the '
            f'stamps of the images any more; {self._frames.map} -> {self._frames.odom} stays as '
            f'it is',
        )

    def _blended(self) -> Float[np.ndarray, '4 4'] | None:
        """Return what is sent now: on the way from the old to the new correction."""
        if self._target is None or self._start is None:
            return self._target
        duration_s = self._settings.smoothing_time
        elapsed_s = time.monotonic() - self._since_s
        if elapsed_s >= duration_s:
            return self._target
        return blend(self._start, self._target, elapsed_s / duration_s)

    def _repeat(self) -> None:
        with self._lock:
            map_from_odom = self._blended()
            if map_from_odom is None:
                return
            now_ns = self._node.get_clock().now().nanoseconds
            # Simulated time that stands still brings no new stamp; at 0 it has not begun.
            if now_ns in (0, self._sent_ns) or not self._is_free(self._frames.odom):
                return
            self._sent_ns = now_ns
            stamp_ns = now_ns + int(self._settings.tolerance * _NS_PER_S)
            header = header_of(stamp_ns, self._frames.map)
            self._broadcast([transform(header, self._frames.odom, map_from_odom)])

    def _send_frames(self, results: tuple[FrameResult, ...]) -> None:
        messages = []
        first = min(results, key=lambda result: result.frame.camera).frame
        with self._lock:
            for result in results:
                if result.frame.camera != first.camera and self._follows(result, first):
                    continue
                header = header_of(result.frame.stamp_ns, self._frames.map)
                child, pose = result.frame.camera_frame, result.map_from_cam
                if self.mode == 'map_to_base':
                    child = self._frames.base
                    base_from_cam = self._priors.base_from_cam(
                        result.frame.stamp_ns, result.frame.camera_frame
                    )
                    if base_from_cam is None:
                        continue
                    pose = map_from_parent(pose, base_from_cam)
                if self._is_free(child):
                    messages.append(transform(header, child, pose))
            if messages:
                self._broadcast(messages)

    def _broadcast(self, messages: list[TransformStamped]) -> None:
        self._sent.remember(messages)
        self._broadcaster.sendTransform(messages)

    def _follows(self, result: FrameResult, first: Frame) -> bool:
        """Return whether TF knows where a camera is once it knows where the first one is."""
        if self.mode == 'map_to_base':
            return True
        frame = result.frame
        place = self._priors.cam_from_cam(first.camera_frame, frame.camera_frame, frame.stamp_ns)
        return place is not None

    def _is_free(self, child: str) -> bool:
        """Return whether no other node gives a frame a parent; say so if one does."""
        parent = self._other_parent(child)
        if parent is None:
            self.conflict = ''
            return True
        edge = f'{parent.frame} -> {child}'
        if parent.frame == self._frames.map:
            self.conflict = (
                f'{edge} is sent by another node, too ({parent.senders}), and this node does not '
                f'send it meanwhile; stop the other sender, or set tf.mode ({self.mode}) to none'
            )
        else:
            self.conflict = (
                f'{child} has the parent {parent.frame} in TF already and cannot have '
                f'{self._frames.map} as well; stop who sends {edge} ({parent.senders}), or change '
                f'tf.mode ({self.mode})'
            )
        self._errors.log('conflict', self.conflict)
        return False
