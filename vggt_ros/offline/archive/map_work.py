"""Mapping work: a job's recording becomes a folder, with a network that is loaded once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import cv2
import torch

from vggt_ros import __version__
from vggt_ros.errors import CheckpointError, ConfigError, DeviceError, SourceError
from vggt_ros.inference.backbone import Backbone
from vggt_ros.inference.backbones import load_backbone
from vggt_ros.inference.prediction import Prediction, Request
from vggt_ros.offline.archive.job import Job, Outcome, ShardOf
from vggt_ros.offline.folder_run import FolderRun, run_into_folder, RunOptions, weights_sha256
from vggt_ros.offline.run_record import why_no_map
from vggt_ros.offline.shards.join_run import is_whole
from vggt_ros.settings.config import ModelSettings, VggtConfig
from vggt_ros.sources.detection import open_sequence

Load = Callable[[ModelSettings], Backbone]
# The same attempt on the same files would end alike.
_FINAL = SourceError, ConfigError, CheckpointError, DeviceError
_NO_ANSWER = 'device', 'compile', 'token_cache', 'oom_policy', 'offline', 'revision'


class MapWork:
    """Maps recordings into folders below one; what a killed worker left is gone on with."""

    def __init__(
        self,
        config: VggtConfig,
        options: RunOptions,
        out: Path,
        *,
        opening: Mapping[str, Any] | None = None,
        num_threads: int | None = None,
        load: Load = load_backbone,
    ) -> None:
        """Prepare; the network is loaded with the first job, in the process that does it.

        Args:
            config: The settings.
            options: What is wanted of each run; `resume` is always on.
            out: Where the folders come.
            opening: Further arguments of `open_sequence`.
            num_threads: Of the network; None to leave them as they are.
            load: Loads the network; can be pickled.
        """
        self._config = config
        self._options = replace(options, resume=True, overwrite=False)
        self._out = out
        self._opening = dict(opening or {})
        self._num_threads = num_threads
        self._load = load
        self._backbone: Backbone | None = None

    def settings(self) -> dict[str, Any]:
        """Return what results depend on beside the recording, as JSON has it."""
        config = asdict(self._config)
        for name in _NO_ANSWER:
            config['model'].pop(name, None)
        options = asdict(self._options)
        for name in ('command', 'resume', 'overwrite', 'keep_cache'):
            options.pop(name)
        calibration = self._opening.get('calibration')
        return {
            'version': __version__,
            'config': config,
            'weights': weights_sha256(self._config.model),
            'options': options | {'exports': sorted(options['exports'])},
            'opening': self._opening
            | {'calibration': None if calibration is None else Path(calibration).read_text()},
        }

    def is_done(self, job: Job) -> bool:
        """Return whether the folder of a job is there: under its name it is complete."""
        if (self._out / job.folder / 'run.json').is_file():
            return True
        # Once all shards are joined, their own folders may go.
        return job.shard is not None and is_whole(self._out / job.shard.whole)

    def __call__(self, job: Job) -> Outcome:
        """Map one recording; what may be cured by another attempt is raised."""
        if self.is_done(job):  # by an attempt whose worker was lost before it could say so
            return Outcome()
        try:
            done = self._run(job)
        except _FINAL as error:
            return Outcome(error=str(error), is_final=True)
        if done.folder is None:
            return Outcome(error=why_no_map(done.record), is_final=True)
        return Outcome(missing=done.missing, num_frames=done.record['frames']['read'])

    def close(self) -> None:
        """Free the network; again is harmless."""
        if self._backbone is not None:
            self._backbone.close()
            self._backbone = None

    def _run(self, job: Job) -> FolderRun:
        options, opening = self._options, dict(self._opening)
        if job.shard is not None:
            options = replace(options, is_shard=True)
            opening |= _part(job.shard, opening.get('max_frames'))
        return mapped_into(
            Path(job.path),
            self._config,
            self._out / job.folder,
            options,
            opening=opening,
            load=self._kept,
        )

    def _kept(self, settings: ModelSettings) -> Backbone:
        if self._backbone is None:
            if self._num_threads is not None:
                torch.set_num_threads(self._num_threads)
                cv2.setNumThreads(self._num_threads)
            self._backbone = self._load(settings)
        else:
            # Frames are numbered from 0 in every recording: what the network keeps by number of
            # the one before must not be taken for this one's. Parking lets go of it.
            self._backbone.park()
            self._backbone.unpark()
        return _Lent(self._backbone)


def mapped_into(
    path: Path,
    config: VggtConfig,
    target: Path,
    options: RunOptions,
    *,
    opening: Mapping[str, Any],
    load: Load,
) -> FolderRun:
    """Open a recording and map it into a folder.

    Args:
        path: The recording.
        config: The settings.
        target: The folder.
        options: What is wanted.
        opening: Further arguments of `open_sequence`.
        load: Gives the network.

    Raises:
        VggtRosError: As `run_into_folder` and `open_sequence`.
    """
    return run_into_folder(open_sequence(path, **opening), config, target, options, load=load)


def _part(shard: ShardOf, max_frames: int | None) -> dict[str, int | None]:
    """Return the arguments of `open_sequence` for a shard."""
    frames = shard.frames
    count: int | None = frames.count
    if shard.is_last:
        count = None if max_frames is None else max_frames - frames.first
    return {'skip_frames': frames.first, 'max_frames': count}


class _Lent:
    """A network that is kept when its borrower closes it."""

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone
        self.capabilities = backbone.capabilities
        self.description = backbone.description
        self.encode = backbone.encode
        self.park = backbone.park
        self.unpark = backbone.unpark

    def predict(
        self, images: Sequence[Any], request: Request, *, frame_ids: Sequence[int] | None = None
    ) -> Prediction:
        """As `Predicts.predict`."""
        return self._backbone.predict(images, request, frame_ids=frame_ids)

    def close(self) -> None:
        """Leave it loaded."""
