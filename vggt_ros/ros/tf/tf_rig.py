"""Rig from TF: the poses of its cameras relative to each other."""

from __future__ import annotations

from collections.abc import Callable
import time

from jaxtyping import Float
import numpy as np

from vggt_ros.geometry.plausible import MAX_MOUNT_M
from vggt_ros.ros.tf.tf_listener import TfListener

# Static transforms come once, some time after the start; later windows only look whether one came.
_PATIENCE_S = 10.0


class TfRig:
    """Asks TF once for the place of each camera; called from the thread that processes windows.

    The cameras are fixed to each other: what was found is kept, also when TF forgets it or
    time begins again.
    """

    def __init__(
        self,
        listener: TfListener,
        warn: Callable[[str], object],
        *,
        patience_s: float | None = None,
    ) -> None:
        """Ask nothing yet.

        Args:
            listener: Knows the transforms.
            warn: Told, once for each, which camera TF does not know.
            patience_s: The first window waits so long for all of them together; None for 10 s.
        """
        self._listener = listener
        self._warn = warn
        self._patience_s = _PATIENCE_S if patience_s is None else patience_s
        self._deadline_s: float | None = None
        self._found: dict[tuple[str, str], Float[np.ndarray, '4 4']] = {}
        self._missing: set[tuple[str, str]] = set()

    def cam_from_cam(
        self, target_frame: str, source_frame: str, stamp_ns: int
    ) -> Float[np.ndarray, '4 4'] | None:
        """Return where one camera is in another's frame: rigid, meters; None if TF does not know.

        Args:
            target_frame: Optical frame that coordinates are wanted in.
            source_frame: Optical frame that they are in.
            stamp_ns: Stamp of an image.
        """
        if target_frame == source_frame:
            return np.eye(4)
        key = (target_frame, source_frame)
        if key not in self._found:
            found = self._asked(target_frame, source_frame, stamp_ns)
            if found is None:
                if key not in self._missing:
                    self._missing.add(key)
                    self._warn(
                        f'TF does not connect the cameras {target_frame} and {source_frame} '
                        f'(waited up to {self._patience_s:g} s): publish where they are on the '
                        f'robot, as with robot_state_publisher or static_transform_publisher; '
                        f'until then their distance tells nothing about the scale'
                    )
                return None
            self._found[key] = found
        return self._found[key]

    def _asked(
        self, target_frame: str, source_frame: str, stamp_ns: int
    ) -> Float[np.ndarray, '4 4'] | None:
        if self._deadline_s is None:
            self._deadline_s = time.monotonic() + self._patience_s
        left_s = max(0.0, self._deadline_s - time.monotonic())
        return self._listener.lookup(
            target_frame,
            source_frame,
            stamp_ns,
            left_s,
            waits_for_strangers=left_s > 0.0,
            max_length_m=MAX_MOUNT_M,
        )
