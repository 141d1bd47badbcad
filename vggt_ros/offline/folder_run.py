"""Folder run: a recording is mapped into a folder that is complete, or can be gone on with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, nullcontext
from dataclasses import asdict, dataclass, replace
import json
from pathlib import Path
from typing import Any

from vggt_ros.errors import CheckpointError, ConfigError, SourceError
from vggt_ros.inference.backbone import Backbone
from vggt_ros.inference.backbones import load_backbone
from vggt_ros.inference.checkpoint import locate
from vggt_ros.offline.cached_predictor import CachedPredictor
from vggt_ros.offline.depth_files import DepthFiles
from vggt_ros.offline.input_identity import sha256_of
from vggt_ros.offline.map_sequence import map_sequence, recorded_priors
from vggt_ros.offline.outputs import check_exports, EXPORTS, write_outputs
from vggt_ros.offline.progress import Progress
from vggt_ros.offline.run_folder import RunFolder, save_error
from vggt_ros.offline.run_record import run_record
from vggt_ros.offline.shards.shard_files import SHARD, ShardFiles
from vggt_ros.settings.config import ModelSettings, VggtConfig
from vggt_ros.sources.sequence import FrameSequence
from vggt_ros.sources.source import SourceFrame

CACHE, DEPTH = 'cache', 'frames'
# Exports that are made of the files of keyframes.
_WITH_FILES = frozenset({'transforms', 'colmap', 'mcap', 'mesh'})


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What is wanted of a run.

    Attributes:
        command: Words of the command line, for the record.
        exports: Names of `outputs.EXPORTS`.
        depth: Whether to write images, depth and confidence of keyframes.
        uses_truth: Whether to compare with the truth, if the source knows it.
        uses_depth: Whether depth of the source tells what a meter is; see `recorded_priors`.
        uses_gnss: Whether fixes of satellites say where the map is; see `recorded_priors`. Not of
            shards.
        resume: Go on with what a run left that did not finish.
        overwrite: Replace a finished folder.
        refine_globally: Adjust all keyframes at once in the end.
        keep_cache: Keep what the network said, for another run with `resume`.
        is_shard: Keep what joins it with other shards of its recording (`shards.shard_files`);
            exports are for the whole.
    """

    command: Sequence[str] = ()
    exports: Sequence[str] = ()
    depth: bool = False
    uses_truth: bool = True
    uses_depth: bool | None = None
    uses_gnss: bool | None = None
    resume: bool = False
    overwrite: bool = False
    refine_globally: bool = True
    keep_cache: bool = False
    is_shard: bool = False

    @property
    def writes_depth(self) -> bool:
        """Whether files of keyframes are written: asked for, or needed by an export."""
        return self.depth or not _WITH_FILES.isdisjoint(self.exports)

    def __post_init__(self) -> None:
        """Raise ConfigError for an export that there is not."""
        unknown = sorted(set(self.exports) - set(EXPORTS))
        if unknown:
            raise ConfigError(
                f'there is no export {", ".join(unknown)}; there are {", ".join(EXPORTS)}'
            )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FolderRun:
    """A run that is over.

    Attributes:
        folder: Of its files; None if there was no map, and nothing was left.
        record: What is known about it.
        missing: Sentences on parts that are missing.
        num_asked: Windows that the network was asked for; the others were known.
    """

    folder: Path | None
    record: dict[str, Any]
    missing: tuple[str, ...]
    num_asked: int


def run_into_folder(
    sequence: FrameSequence,
    config: VggtConfig,
    target: Path,
    options: RunOptions,
    *,
    load: Callable[[ModelSettings], Backbone] = load_backbone,
    on_progress: Callable[[Progress], object] | None = None,
) -> FolderRun:
    """Map a recording and write everything about it into a new folder.

    Args:
        sequence: The recording, from files.
        config: The settings.
        target: The folder.
        options: What is wanted.
        load: Loads the network.
        on_progress: Called after every frame.

    Raises:
        VggtRosError: The input, the weights or the folder cannot be used.
        KeyboardInterrupt: It was ended; `resume` goes on from there, as after a kill.
    """
    if sequence.path is None:
        raise SourceError(f'{sequence.name} is not in files: no run can be recorded of it')
    _check_place(sequence.path, target)
    check_exports(options.exports)
    folder = RunFolder(target, resume=options.resume, overwrite=options.overwrite)
    try:
        # Loaded after the folder is there: that it cannot be written should not take minutes.
        backbone = load(config.model)
        try:
            return _run(sequence, config, folder, options, backbone, on_progress)
        finally:
            backbone.close()
    except OSError as error:
        raise save_error(folder.path, error) from error
    finally:
        folder.close()


def _run(
    sequence: FrameSequence,
    config: VggtConfig,
    folder: RunFolder,
    options: RunOptions,
    backbone: Backbone,
    on_progress: Callable[[Progress], object] | None,
) -> FolderRun:
    folder.clear(keep=CACHE)
    sha256 = weights_sha256(config.model)
    predictor = CachedPredictor(
        backbone, folder.path / CACHE, _network(config.model, sha256, backbone)
    )
    depth = DepthFiles(folder.path / DEPTH) if options.writes_depth else None
    shard = ShardFiles(folder.path / SHARD) if options.is_shard else None
    # A shard has its place by the frames that it shares with others.
    uses_gnss = False if options.is_shard else options.uses_gnss
    priors = recorded_priors(
        sequence,
        uses_depth=options.uses_depth,
        uses_gnss=uses_gnss,
        gravity=config.gravity,
    )
    frames = _ReadableFrames(sequence, uses_truth=options.uses_truth, uses_depth=priors.uses_depth)
    with nullcontext() if shard is None else closing(shard):
        result = map_sequence(
            frames,
            config=config,
            predictor=predictor,
            priors=priors,
            on_keyframe=None if depth is None else depth.add,
            on_features=None if shard is None else shard.add,
            on_depth=None if depth is None else depth.replace,
            on_progress=None if on_progress is None else _with_length(on_progress, sequence),
            refine_globally=options.refine_globally,
        )
    record = run_record(
        result,
        sequence,
        config,
        command=options.command,
        network=backbone.description,
        sha256=sha256,
    )
    missing = [] if frames.failure is None else [str(frames.failure)]
    record['warnings'] += missing
    record['predictions'] = {'asked': predictor.num_asked, 'known': predictor.num_known}
    if not result.is_usable:
        folder.discard()
        return FolderRun(
            folder=None, record=record, missing=tuple(missing), num_asked=predictor.num_asked
        )
    if shard is not None:
        shard.finish(result)
    exports = () if options.is_shard else options.exports
    missing += write_outputs(result, record, folder.path, depth=depth, exports=exports)
    if not options.keep_cache:
        _remove(folder.path / CACHE)
    return FolderRun(
        folder=folder.publish(),
        record=record,
        missing=tuple(missing),
        num_asked=predictor.num_asked,
    )


class _ReadableFrames:
    """The frames of an input as far as they can be read; the first one has to."""

    def __init__(self, sequence: FrameSequence, *, uses_truth: bool, uses_depth: bool) -> None:
        self.failure: SourceError | None = None
        self._sequence = sequence
        self._uses_truth, self._uses_depth = uses_truth, uses_depth

    def __iter__(self) -> Iterator[SourceFrame]:
        num_read = 0
        try:
            for frame in self._sequence:
                num_read += 1
                if not self._uses_truth:
                    depth = frame.depth if self._uses_depth else None
                    frame = replace(frame, world_from_cam=None, depth=depth)
                yield frame
        except SourceError as error:
            if not num_read:
                raise
            self.failure = SourceError(f'the input ended after {num_read} frames: {error}')


def weights_sha256(settings: ModelSettings) -> str:
    """Return the SHA-256 of the weights file, empty if the network has none that is known."""
    if settings.backbone != 'vggt':
        return ''
    try:
        _, path = locate(settings.checkpoint, offline=True, revision=settings.revision)
        return sha256_of(path)
    except (CheckpointError, OSError):
        return ''


def _network(settings: ModelSettings, sha256: str, backbone: Backbone) -> str:
    """Return what answers depend on beside images and request."""
    described = asdict(settings) | {'precision': backbone.description.precision}
    for name in ('device', 'compile', 'token_cache', 'oom_policy', 'offline', 'revision'):
        described.pop(name, None)  # these change no answer
    return json.dumps(described | {'weights': sha256}, sort_keys=True)


def _with_length(
    on_progress: Callable[[Progress], object], sequence: FrameSequence
) -> Callable[[Progress], object]:
    num_frames = sequence.num_frames
    return lambda progress: on_progress(replace(progress, num_frames=num_frames))


def _check_place(source: Path, target: Path) -> None:
    target = target.expanduser().absolute()
    if source.is_dir() and source.resolve() in target.resolve().parents:
        raise ConfigError(
            f'--out {target} is in the input {source}, which is never written to; choose a folder '
            f'beside it'
        )
    if source.resolve() == target.resolve():
        raise ConfigError(f'--out {target} is the input itself; choose another folder')


def _remove(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
