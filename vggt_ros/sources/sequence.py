"""Frame sequence: the wanted part of a recording, with what is known about it beforehand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from jaxtyping import Float, Int64
import numpy as np

from vggt_ros.errors import OptionError
from vggt_ros.sources.calibration import Calibration
from vggt_ros.sources.dataset import Dataset
from vggt_ros.sources.frame_picker import FrameChoice
from vggt_ros.sources.recording import Recording
from vggt_ros.sources.rectification import Rectification
from vggt_ros.sources.source import SourceFrame

_NS_PER_S = 1_000_000_000
# A step so many times the usual one is a gap.
_GAP_STEPS = 3.0


class FrameSequence:
    """Frames of a data set, folder of images, video or bag, in the order of their stamps.

    Every iteration starts at the first frame. `recording` is what is behind it, with what only its
    kind has: `Dataset.frame`, `Bag.first_from_cam`, `ImageFolder.focal_hint_px`.

    Attributes:
        path: Where the recording is; None if it is not in files.
        choice: Which frames of the recording these are.
        recording: Of which it is a part; of a data set the part itself.
        stamps_ns: (N,) ascending; None if only known at the end, as of videos and bags.
        world_from_cam: (N, 4, 4) true poses, NaN where unknown; None if there are none, or if they
            are only known with the frames.
    """

    def __init__(
        self,
        recording: Recording,
        choice: FrameChoice,
        calibration: Calibration | None = None,
        *,
        path: Path | None = None,
    ) -> None:
        """Choose frames; nothing is decoded.

        Args:
            recording: Where they are from.
            choice: Which of them.
            calibration: Overrules what the recording says; `Bag` takes its own, and is given none
                here.
            path: Where the recording is.

        Raises:
            SourceError: The calibration is of other images, or no frame is left.
        """
        self.path, self.choice = path, choice
        self._choice = choice  # what is still to be done
        self._calibration = None
        if calibration is not None:
            calibration.check(recording.size, recording.name)
            if isinstance(recording, Dataset):
                recording = recording.calibrated(calibration)
            else:
                self._calibration = calibration
        stamps_ns = recording.stamps_ns
        self.stamps_ns: Int64[np.ndarray, ' N'] | None = None
        self.world_from_cam: Float[np.ndarray, 'N 4 4'] | None = None
        if stamps_ns is not None:
            chosen = _picked(choice, stamps_ns)
            self.stamps_ns = stamps_ns[chosen]
            if not len(chosen):
                length_s = (stamps_ns[-1] - stamps_ns[0]) / _NS_PER_S
                skipped = f' after {choice.skip_frames} others' if choice.skip_frames else ''
                raise OptionError(
                    f'{recording.name} is {length_s:.3f} s long, and no frame is wanted from '
                    f'{choice.start_s} s on{skipped}; start earlier'
                )
            if isinstance(recording, Dataset):
                recording = recording.select(chosen.tolist())
                self._choice = FrameChoice()
            if recording.truth and recording.world_from_cam is not None:
                self.world_from_cam = recording.world_from_cam
        self.recording = recording
        self._rectification = Rectification(recording.name)

    @property
    def name(self) -> str:
        """What people call it."""
        return self.recording.name

    @property
    def layout(self) -> str:
        """`images`, `video`, `bag`, or one of `dataset_formats.LAYOUTS`."""
        return self.recording.layout

    @property
    def cameras(self) -> tuple[str, ...]:
        """Names of the cameras; `SourceFrame.camera` counts in them."""
        return self.recording.cameras

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height of the first camera's images as recorded; None if unknown."""
        return self.recording.size

    @property
    def K(self) -> Float[np.ndarray, '3 3'] | None:
        """(3, 3) intrinsics of the first image as recorded, pixels; None if unknown.

        Those of a frame are its own `K`: images of a lens come out rectified.
        """
        return self.recording.K if self._calibration is None else self._calibration.K

    @property
    def rate_hz(self) -> float | None:
        """Frames a second of the recording, before any are left out; None if they are uneven."""
        return self.recording.rate_hz

    @property
    def num_frames(self) -> int | None:
        """How many frames an iteration yields; None if that is only known at the end.

        Of a video it is what its header promises, of a bag what cannot be used counts as well.
        """
        if self.stamps_ns is not None:
            return len(self.stamps_ns)
        number, choice = self.recording.num_frames, self._choice
        is_by_time = choice.start_s > 0 or choice.stop_s is not None or choice.fps is not None
        if number is None or is_by_time:
            return None
        num_cameras = len(self.cameras)
        if choice == FrameChoice():
            return number
        if num_cameras > 1:
            return None
        number = max(0, -(-number // choice.every) - choice.skip_frames)
        return number if choice.max_frames is None else min(number, choice.max_frames)

    @property
    def drops(self) -> Mapping[str, int]:
        """Frames that cannot be used, by reason; complete at the end of an iteration."""
        return self.recording.drops

    def __iter__(self) -> Iterator[SourceFrame]:
        """Yield the frames.

        Raises:
            SourceError: A file cannot be read.
        """
        frames = self.recording.frames(self._choice.picker(len(self.cameras)))
        return frames if self._calibration is None else map(self._calibrated, frames)

    def facts(self) -> dict[str, Any]:
        """Return what is known without decoding, for people and as JSON; None is unknown."""
        K, stamps_ns = self.K, self.stamps_ns
        facts = {
            'name': self.name,
            'layout': self.layout,
            'cameras': list(self.cameras),
            'num_frames': self.num_frames,
            'size': None if self.size is None else list(self.size),
            'rate_hz': self.rate_hz,
            'has_time': self.recording.has_time,
            'intrinsics': None
            if K is None
            else {'fx': K[0, 0], 'fy': K[1, 1], 'cx': K[0, 2], 'cy': K[1, 2]},
            'num_depths': self.recording.num_depths,
            'truth': self.recording.truth or None,
            'num_true_poses': None
            if self.world_from_cam is None
            else int(np.isfinite(self.world_from_cam).all(axis=(1, 2)).sum()),
            'notes': list(self.recording.notes),
            'drops': dict(self.drops),
        }
        return facts | _times(stamps_ns)

    def _calibrated(self, frame: SourceFrame) -> SourceFrame:
        assert self._calibration is not None, 'asked with a calibration only'
        height, width = frame.image.shape[:2]
        self._calibration.check((width, height), self.name)
        if self._calibration.distortion is None:
            return replace(frame, K=self._calibration.K)
        found = self._rectification.apply(
            frame.image, self._calibration.K, self._calibration.distortion, where=self.name
        )
        return replace(frame, image=found.image, K=found.K, is_seen=found.is_seen)


def _picked(choice: FrameChoice, stamps_ns: Int64[np.ndarray, ' N']) -> Int64[np.ndarray, ' n']:
    """Return the indices of the frames of one camera that are wanted."""
    picker = choice.picker()
    chosen = [index for index, stamp_ns in enumerate(stamps_ns.tolist()) if picker.takes(stamp_ns)]
    return np.array(chosen, dtype=np.int64)


def _times(stamps_ns: Int64[np.ndarray, ' N'] | None) -> dict[str, Any]:
    """Return first and last stamp, length, and the gaps, of stamps that are known."""
    if stamps_ns is None or not len(stamps_ns):
        return dict.fromkeys(('first_stamp_ns', 'last_stamp_ns', 'duration_s', 'gaps'))
    steps_s = np.diff(stamps_ns) / _NS_PER_S
    usual_s = float(np.median(steps_s)) if len(steps_s) else 0.0
    gaps = [
        {
            'after_s': float((stamps_ns[i] - stamps_ns[0]) / _NS_PER_S),
            'length_s': float(steps_s[i]),
        }
        for i in np.flatnonzero(steps_s > _GAP_STEPS * usual_s).tolist()
    ]
    return {
        'first_stamp_ns': int(stamps_ns[0]),
        'last_stamp_ns': int(stamps_ns[-1]),
        'duration_s': float((stamps_ns[-1] - stamps_ns[0]) / _NS_PER_S),
        'gaps': gaps,
    }
