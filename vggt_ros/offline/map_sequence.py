"""Offline mapping of a recording: `map_sequence`, from a source of frames to a `Result`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
import math

from vggt_ros.inference.backbone import Predicts
from vggt_ros.inference.backbones import load_backbone
from vggt_ros.mapping.layers.map_update import FrameResult
from vggt_ros.offline.progress import Progress
from vggt_ros.offline.recorded_gravity import RecordedGravity
from vggt_ros.offline.recorded_keyframes import OnDepth
from vggt_ros.offline.recorded_priors import RecordedPriors, rig_of
from vggt_ros.offline.result import Result
from vggt_ros.offline.sequence_mapper import OnFeatures, SequenceMapper
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.world_config import GravitySettings
from vggt_ros.sources.bag import Bag
from vggt_ros.sources.sequence import FrameSequence
from vggt_ros.sources.source import Source, SourceFrame


def map_sequence(
    source: Iterable[SourceFrame],
    *,
    checkpoint: str | None = None,
    config: VggtConfig | None = None,
    predictor: Predicts | None = None,
    priors: RecordedPriors | None = None,
    on_keyframe: Callable[[FrameResult], object] | None = None,
    on_features: OnFeatures | None = None,
    on_depth: OnDepth | None = None,
    on_progress: Callable[[Progress], object] | None = None,
    refine_globally: bool = True,
) -> Result:
    """Map a recording: no frame is dropped for being late, and every frame gets a pose.

    The source is read once, and its images are let go as soon as their window is in the map.

    Args:
        source: Frames in the order in which they were taken, as those of `open_source` or
            `open_dataset`.
        checkpoint: `nano`, a hub id, or a weights file; None for that of `config`.
        config: The settings, None for the defaults.
        predictor: A network that is loaded already; it is asked instead of a checkpoint.
        priors: What is known of the cameras beside their images; None for what the source says,
            which of bags is measured depth, an IMU, fixes of satellites, and places of several
            cameras and odometry if asked for.
        on_keyframe: Called with every frame that enters the map, with its depth and confidence,
            which are not kept.
        on_features: The same, with its features, whose points are in the unit of the map then.
        on_depth: Called in the end with every keyframe whose depth was replaced by then.
        on_progress: Called after every frame.
        refine_globally: Whether all keyframes are adjusted at once in the end (docs/offline.md);
            needs pycolmap, the extra `offline`, and is left out without it.

    Raises:
        SourceError: The source cannot be read.
        CheckpointError: The weights cannot be had.
        DeviceError: The device or the precision is not available.
    """
    config = VggtConfig() if config is None else config
    if checkpoint is not None:
        config = replace(config, model=replace(config.model, checkpoint=checkpoint))
    mapper_of = partial(
        SequenceMapper,
        config=config,
        priors=recorded_priors(source, gravity=config.gravity) if priors is None else priors,
        on_keyframe=on_keyframe,
        on_features=on_features,
        on_depth=on_depth,
        refine_globally=refine_globally,
    )
    if predictor is None:
        backbone = load_backbone(config.model)
        try:
            return _mapped(source, mapper_of(backbone), on_progress)
        finally:
            backbone.close()
    return _mapped(source, mapper_of(predictor), on_progress)


def recorded_priors(
    source: Iterable[SourceFrame],
    *,
    uses_depth: bool | None = None,
    gravity: GravitySettings | None = None,
    uses_gnss: bool | None = None,
) -> RecordedPriors:
    """Return what answers of the cameras of a source.

    Args:
        source: A `FrameSequence`, or frames of one camera.
        uses_depth: Whether its depth tells what a meter is; None if it is that of a bag, which a
            sensor measured: that of a data set is taken for the truth.
        gravity: Whether its IMU is used, and how sure that is; None for the defaults.
        uses_gnss: The same of fixes of satellites.
    """
    settings = GravitySettings() if gravity is None else gravity
    recording = source.recording if isinstance(source, FrameSequence) else None
    is_measured = isinstance(recording, Bag)
    imu = recording.imu if isinstance(recording, Bag) and settings.use_imu else None
    told = None if imu is None else RecordedGravity(imu, math.radians(settings.sigma))
    return RecordedPriors(
        rig_of(recording),
        uses_depth=is_measured if uses_depth is None else uses_depth,
        uses_gnss=is_measured if uses_gnss is None else uses_gnss,
        gravity=told,
    )


def _mapped(
    source: Iterable[SourceFrame],
    mapper: SequenceMapper,
    on_progress: Callable[[Progress], object] | None,
) -> Result:
    num_frames = source.num_frames if isinstance(source, Source) else None
    try:
        for frame in _read(source, mapper):
            mapper.add(frame)
            if on_progress is not None:
                on_progress(mapper.progress(num_frames))
        return mapper.finish()
    finally:
        mapper.close()


def _read(source: Iterable[SourceFrame], mapper: SequenceMapper) -> Iterator[SourceFrame]:
    frames = iter(source)
    while True:
        with mapper.stage('read'):
            frame = next(frames, None)
        if frame is None:
            return
        yield frame
