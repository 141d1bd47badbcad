"""Frames between keyframes of a rig: each camera has keyframes of its own around them."""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float
import numpy as np

from vggt_ros.mapping.frontend.frame import Frame
from vggt_ros.mapping.layers.map_update import FrameResult
from vggt_ros.mapping.refinement.keyframe_features import KeyframeFeatures
from vggt_ros.offline.between_frames import BetweenFrames, Poses
from vggt_ros.offline.frame_poses import FramePoses
from vggt_ros.offline.map_history import MapHistory


class BetweenCameras:
    """`BetweenFrames` of all cameras of a recording."""

    def __init__(self, history: MapHistory, num_cameras: int) -> None:
        """Start with nothing.

        Args:
            history: See `BetweenFrames`.
            num_cameras: One or more.
        """
        self._cameras = [BetweenFrames(history) for _ in range(num_cameras)]
        self._camera_of: dict[int, int] = {}

    @property
    def is_full(self) -> bool:
        """Whether `work` is to be called before the next keyframe is there."""
        return any(each.is_full for each in self._cameras)

    def add(self, frame: Frame) -> None:
        """Take a frame that is in no window."""
        self._cameras[frame.camera].add(frame)

    def add_keyframe(self, result: FrameResult, segment: int) -> None:
        """Take a frame that entered the map, with its depth."""
        self._camera_of[result.frame.id] = result.frame.camera
        self._cameras[result.frame.camera].add_keyframe(result, segment)

    def features_of(self, result: FrameResult) -> KeyframeFeatures:
        """Return the features of a keyframe of the newest window, with their points."""
        return self._cameras[result.frame.camera].features_of(result.frame.id)

    def scale(self, factor: float) -> None:
        """Take lengths in another unit: the map has grown by `factor`."""
        for each in self._cameras:
            each.scale(factor)

    def work(self, map_from_cam: Poses, window: int, *, to_the_end: bool = False) -> None:
        """Look for the poses of the frames that wait."""
        for camera, each in enumerate(self._cameras):
            each.work(self._of(camera, map_from_cam), window, to_the_end=to_the_end)

    def forget(self) -> None:
        """Let go of keyframes that no frame asks for any more; call after `work`."""
        for each in self._cameras:
            each.forget()

    def close(self) -> None:
        """End the threads; what waits is let go."""
        for each in self._cameras:
            each.close()

    def poses(
        self, stamps_ns: Sequence[int], cameras: Sequence[int], map_from_cam: Poses
    ) -> FramePoses:
        """Return the poses of all frames, with all corrections.

        Args:
            stamps_ns: Of the frames, by id.
            cameras: Which camera took each.
            map_from_cam: Poses of the keyframes, now.
        """
        of_cameras = [
            each.poses(stamps_ns, self._of(camera, map_from_cam))
            for camera, each in enumerate(self._cameras)
        ]
        poses: Float[np.ndarray, 'N 4 4'] = np.full((len(stamps_ns), 4, 4), np.nan)
        for i, camera in enumerate(cameras):
            poses[i] = of_cameras[camera].map_from_cam[i]
        return FramePoses(
            stamps_ns=np.array(stamps_ns, dtype=np.int64),
            map_from_cam=poses,
            kind=tuple(of_cameras[camera].kind[i] for i, camera in enumerate(cameras)),
            camera=tuple(cameras),
        )

    def _of(self, camera: int, map_from_cam: Poses) -> Poses:
        if len(self._cameras) == 1:
            return map_from_cam
        return {i: pose for i, pose in map_from_cam.items() if self._camera_of.get(i) == camera}
