"""Run recording: what a run published, in one file that the ROS recorder hands the evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
import json
from pathlib import Path

from jaxtyping import Float, Float32, Int64, UInt8
import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RecordedFrame:
    """One published RGB-D frame.

    Attributes:
        stamp_ns: Stamp of all its messages.
        image: (H, W, 3) RGB.
        depth: (H, W) along the optical axis, map units, NaN where invalid.
        confidence: (H, W), at least 1.
        K: (3, 3) intrinsics of `image` and `depth`.
    """

    stamp_ns: int
    image: UInt8[np.ndarray, 'H W 3']
    depth: Float32[np.ndarray, 'H W']
    confidence: Float32[np.ndarray, 'H W']
    K: Float[np.ndarray, '3 3']


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Recording:
    """Everything that the demo and the evaluation need to know of a run.

    Attributes:
        frames: An even sample of the published frames, oldest first.
        stamps_ns: (N,) stamps of the published poses, increasing.
        map_from_cam: (N, 4, 4) the poses.
        map_points: (M, 3) the last published map, in the map frame.
        map_colors: (M, 3) RGB of the points.
        map_confidence: (M,) confidence of the points.
        input_stamps_ns: (F,) stamps of the images that were sent, in order of arrival.
        diagnostics: The last values on /diagnostics, by key.
        message_counts: Messages received, by topic.
    """

    frames: tuple[RecordedFrame, ...]
    stamps_ns: Int64[np.ndarray, ' N']
    map_from_cam: Float[np.ndarray, 'N 4 4']
    map_points: Float32[np.ndarray, 'M 3']
    map_colors: UInt8[np.ndarray, 'M 3']
    map_confidence: Float32[np.ndarray, ' M']
    input_stamps_ns: Int64[np.ndarray, ' F']
    diagnostics: Mapping[str, str]
    message_counts: Mapping[str, int]

    @property
    def share_with_pose(self) -> float:
        """Share of the images that were sent for which a pose came back, 0..1.

        Of those that the node got, where none is known to have been sent: stamps come with the
        calibration, and not every camera has one.
        """
        num_images = len(self.input_stamps_ns) or int(self.diagnostics.get('frames_in', 0))
        return len(self.stamps_ns) / max(num_images, 1)

    def save(self, path: Path) -> None:
        """Write an .npz file that `load` reads back."""
        arrays: dict[str, np.ndarray] = {
            'stamps_ns': self.stamps_ns,
            'map_from_cam': self.map_from_cam,
            'map_points': self.map_points,
            'map_colors': self.map_colors,
            'map_confidence': self.map_confidence,
            'input_stamps_ns': self.input_stamps_ns,
            'frame_stamps_ns': np.array([f.stamp_ns for f in self.frames], dtype=np.int64),
        }
        for index, frame in enumerate(self.frames):
            arrays[f'image_{index}'] = frame.image
            arrays[f'depth_{index}'] = frame.depth
            arrays[f'confidence_{index}'] = frame.confidence
            arrays[f'K_{index}'] = frame.K
        text = json.dumps(
            {'diagnostics': dict(self.diagnostics), 'message_counts': dict(self.message_counts)}
        )
        arrays['text'] = np.frombuffer(text.encode(), dtype=np.uint8)
        with path.open('wb') as file:
            np.savez(file, allow_pickle=False, **arrays)

    @classmethod
    def load(cls, path: Path) -> Recording:
        """Read what `save` wrote.

        Raises:
            OSError: The file is missing or unreadable.
        """
        with np.load(path, allow_pickle=False) as arrays:
            text = json.loads(arrays['text'].tobytes())
            frames = tuple(
                RecordedFrame(
                    stamp_ns=int(stamp_ns),
                    image=arrays[f'image_{index}'],
                    depth=arrays[f'depth_{index}'],
                    confidence=arrays[f'confidence_{index}'],
                    K=arrays[f'K_{index}'],
                )
                for index, stamp_ns in enumerate(arrays['frame_stamps_ns'])
            )
            return cls(
                frames=frames,
                stamps_ns=arrays['stamps_ns'],
                map_from_cam=arrays['map_from_cam'],
                map_points=arrays['map_points'],
                map_colors=arrays['map_colors'],
                map_confidence=arrays['map_confidence'],
                input_stamps_ns=arrays['input_stamps_ns'],
                diagnostics=text['diagnostics'],
                message_counts=text['message_counts'],
            )
