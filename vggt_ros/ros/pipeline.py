"""Everything between configuration and clean-up: mapper, worker and publishers, joined."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
import threading
import time
from typing import TypeVar

from vggt_ros import __version__
from vggt_ros.errors import DeviceError, DeviceMemoryError, SessionError
from vggt_ros.inference.backbone import Backbone
from vggt_ros.mapping.coverage_watch import CoverageWatch
from vggt_ros.mapping.export.saved_map import SavedMap
from vggt_ros.mapping.frontend.frame import Frame, UndecodedFrame
from vggt_ros.mapping.layers.map_update import MapUpdate
from vggt_ros.mapping.layers.odometry_chain import OdometryChain
from vggt_ros.mapping.map_store import MapStore
from vggt_ros.mapping.mapper import Mapper
from vggt_ros.mapping.predicted_window import Wanted
from vggt_ros.mapping.registration.pose_priors import PosePriors
from vggt_ros.mapping.session.map_session import MapSession
from vggt_ros.mapping.session.session_folder import read_session
from vggt_ros.mapping.snapshot import Snapshot
from vggt_ros.mapping.worker import Worker
from vggt_ros.ros.autosave import Autosave
from vggt_ros.ros.middleware.memory import MemoryRelease
from vggt_ros.ros.middleware.node_context import NodeContext
from vggt_ros.ros.output.map_offer import MapOffer
from vggt_ros.ros.output.publishers import Publishers
from vggt_ros.ros.tf.tf_publisher import MapBroadcaster
from vggt_ros.settings.config import VggtConfig

T = TypeVar('T')
# A window that takes longer than this will not end at all.
_PATIENCE_S = 30.0


class Pipeline:
    """Takes frames from the executor's thread, publishes from the worker's.

    Attributes:
        last_update: What the newest window brought, None before the first and after a reset.
        last_error: Why the newest window failed, empty if it did not.
        coverage: How much of the floor was seen.
    """

    def __init__(
        self,
        context: NodeContext,
        predictor: Backbone,
        priors: PosePriors,
        broadcaster: MapBroadcaster,
        on_restart: Callable[[], None],
    ) -> None:
        """Create the publishers and an empty map; nothing runs yet.

        Args:
            context: What the parts of the node share.
            predictor: Belongs to the pipeline from now on.
            priors: What else is known of the camera.
            broadcaster: Sends TF.
            on_restart: Called after the stamps of the images began again and the map with them.
        """
        self.last_update: MapUpdate | None = None
        self.last_error = ''
        node, config = context.node, context.config.value
        self._node = node
        self._config = context.config
        self._predictor = predictor
        self._broadcaster = broadcaster
        self._on_restart = on_restart
        self._end_with_error = context.end_with_error
        self._mapper = Mapper(predictor, context.config, priors=priors)
        self._publishers = Publishers(node, context.config, context.qos_events)
        self._worker = Worker(
            self._mapper, wanted=self._wanted, on_update=self._on_update, on_error=self._on_error
        )
        self._map_offer = MapOffer(self._mapper.map, self._publishers, context.config)
        self.coverage = CoverageWatch(self._mapper.map, context.config)
        self._store = MapStore(
            context.config, self._mapper.map, software=f'vggt_ros {__version__}'
        )
        self._autosave = Autosave(self._store, context.config, node.get_logger().error)
        num_left = self._store.remove_leftovers()
        if num_left:
            node.get_logger().info(
                f'removed {num_left} unfinished maps from {config.map.save_path}: a process that '
                f'saved them was killed'
            )
        self._memory = MemoryRelease()
        self._odometry = OdometryChain()
        self._odometry_lock = threading.Lock()

    @property
    def broadcaster(self) -> MapBroadcaster:
        """What sends TF."""
        return self._broadcaster

    @property
    def predictor(self) -> Backbone:
        """The network."""
        return self._predictor

    def start(self) -> None:
        """Bring the weights to the device and start working.

        Raises:
            DeviceError: The device has not enough memory.
        """
        self._predictor.unpark()
        self._worker.start()

    def stop(self) -> None:
        """Finish the window in hand, then free the memory of the device; `start` may follow.

        Raises:
            DeviceError: The network does not come to an end.
        """
        if not self._worker.stop(_PATIENCE_S):
            raise DeviceError(
                f'the network has not answered for {self.busy_s:.0f} s (waited '
                f'{_PATIENCE_S:g} s for it) and cannot be interrupted; end the process, with '
                f'use_respawn launch starts it anew'
            )
        self._predictor.park()
        self._autosave.finish(_PATIENCE_S)

    def close(self) -> None:
        """Free everything; call after `stop`, from the executor's thread."""
        self._publishers.destroy()
        self._predictor.close()

    def stop_within(self, timeout_s: float) -> bool:
        """Stop without waiting for ever; return False if a window is still at work."""
        return self._worker.stop(timeout_s)

    @property
    def busy_s(self) -> float:
        """How long the network has been at the window in hand, seconds; 0 without one."""
        return self._worker.busy_s

    def add_frame(self, frame: Frame | UndecodedFrame) -> None:
        """Take one image; raises InputError if it cannot be used."""
        epoch = self._mapper.stream.epoch
        try:
            self._mapper.add_frame(frame)
        finally:
            if self._mapper.stream.epoch != epoch:
                self._on_restart()
                self._show_reset()

    def count_refused(self, reason: str) -> None:
        """Count an image that never became a frame."""
        self._mapper.stream.count_refused(reason)

    def update_config(self, config: VggtConfig) -> None:
        """Use other settings from now on."""
        self._mapper.update_config(config)
        self._broadcaster.update_settings(config.tf)

    def set_enabled(self, is_enabled: bool) -> None:
        """Take images, or let them pass."""
        self._mapper.stream.set_enabled(is_enabled)

    def trigger(self) -> None:
        """Make a window with the next image of each camera, whatever it shows."""
        self._mapper.stream.trigger()

    def reset(self) -> None:
        """Forget the map, the path and what waits; show the empty map and path."""
        self._mapper.reset()
        self._show_reset()

    def snapshot(self) -> Snapshot:
        """Return state and counts as of one moment."""
        return self._mapper.snapshot()

    def offer_map(self) -> None:
        """Publish the map if it has a subscriber, it has changed and the rate allows it."""
        self._map_offer.offer()

    def check_autosave(self) -> None:
        """Save the map if `map.autosave_period` is over; quick."""
        self._autosave.check()

    def stored_map(self) -> MapSession:
        """Read the map of `map.load_path`; takes a second for a large one.

        Raises:
            SessionError: There is none, or it cannot be gone on with.
        """
        return stored_map(self._config.value)

    def load_map(self, session: MapSession) -> None:
        """Begin again with a stored map, and show it."""
        self._mapper.load(session)
        self._show_reset()

    def save_map(self) -> SavedMap:
        """Write the map into a new folder below `map.save_path`; takes a second for a large one.

        Raises:
            SaveError: There is nothing to save, or the disk is full or not writable.
        """
        update = self.last_update
        frame = None if update is None else update.new_frames[-1].frame
        return self._store.save(camera_frame='' if frame is None else frame.camera_frame)

    def end_saves(self, timeout_s: float) -> None:
        """Wait for maps that are being saved; what is not there in time is removed."""
        deadline_s = time.monotonic() + timeout_s
        self._autosave.finish(timeout_s)
        self._store.end(max(0.0, deadline_s - time.monotonic()))

    def _show_reset(self) -> None:
        self._broadcaster.reset()
        self.coverage.clear()
        self.last_update = None
        self.last_error = ''
        self._publishers.forget_tracks()
        if self._publishers.wants_path:
            self._publishers.publish_path(self._mapper.map.path())
        with self._odometry_lock:
            self._odometry.clear()
        self._map_offer.note_reset()
        self.offer_map()

    def _wanted(self) -> Wanted:
        return self._unless_ending(
            lambda: Wanted(tracks=self._publishers.wants_tracks), Wanted(tracks=False)
        )

    def _on_update(self, update: MapUpdate) -> None:
        self.last_update = update
        self.last_error = ''
        self._unless_ending(lambda: self._publish(update), None)
        self.coverage.update()
        self._memory.release()

    def _unless_ending(self, action: Callable[[], T], otherwise: T) -> T:
        """Do what needs the middleware; told to end, the process has none any more."""
        try:
            return action()
        except Exception:
            if self._node.context.ok():
                raise
            return otherwise

    def _publish(self, update: MapUpdate) -> None:
        self._publishers.publish(update)
        with self._odometry_lock:
            steps = [
                (result.frame, self._odometry.add(result))
                for result in update.new_frames
                if result.frame.camera == 0
            ]
        if self._config.value.scale.require_metric and not update.scale_state.is_metric:
            return
        for frame, estimate in steps:
            self._publishers.publish_odometry(frame.camera_frame, estimate)
        self._publishers.publish_poses(update)
        self._broadcaster.send(update)
        if self._publishers.wants_path:
            self._publishers.publish_path(self._mapper.map.path())
        self._map_offer.note(update.new_frames[-1].frame.stamp_ns)
        self.offer_map()

    def _on_error(self, error: Exception) -> None:
        self.last_error = str(error) or repr(error)
        policy = self._config.value.model.oom_policy
        if isinstance(error, DeviceMemoryError) and policy == 'shutdown':
            self._end_with_error(self.last_error)


def stored_map(config: VggtConfig) -> MapSession:
    """Read the map of `map.load_path`.

    Args:
        config: The settings.

    Raises:
        SessionError: There is none, or it cannot be gone on with.
    """
    if not config.map.load_path:
        raise SessionError(
            "map.load_path is '': there is nothing to load; set it to the folder of a saved map"
        )
    return read_session(Path(config.map.load_path))
