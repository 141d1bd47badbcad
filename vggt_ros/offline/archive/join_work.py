"""Joining work: the shards of a recording become its folder, in the process of the command."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from vggt_ros.errors import ConfigError, SourceError
from vggt_ros.offline.archive.job import Job, Outcome
from vggt_ros.offline.folder_run import RunOptions
from vggt_ros.offline.shards.join_run import join_into_folder, joined_shards, ShardRun
from vggt_ros.settings.config import VggtConfig
from vggt_ros.sources.detection import open_sequence

_FINAL = SourceError, ConfigError


class JoinWork:
    """Joins shards of recordings; a folder that was made of fewer is made anew."""

    def __init__(
        self,
        config: VggtConfig,
        options: RunOptions,
        out: Path,
        shards_of: Mapping[Job, Sequence[Job]],
        failure_of: Callable[[Job], str],
        *,
        opening: Mapping[str, Any] | None = None,
    ) -> None:
        """Prepare.

        Args:
            config: The settings of the runs.
            options: What is wanted of the whole.
            out: Where the folders are.
            shards_of: Of each job its shards, in order.
            failure_of: Says why a shard has no folder.
            opening: Further arguments of `open_sequence`.
        """
        self._config, self._out = config, out
        self._options = replace(options, resume=True, overwrite=True)
        self._shards_of, self._failure_of = shards_of, failure_of
        self._opening = dict(opening or {})

    def is_done(self, job: Job) -> bool:
        """Return whether the folder is there, made of all shards that there are."""
        joined = joined_shards(self._out / job.folder)
        if joined is None:
            return False
        there = {n for n, each in enumerate(self._shards_of[job]) if self._is_there(each)}
        return there <= set(joined)

    def __call__(self, job: Job) -> Outcome:
        """Join the shards of a recording that have a map."""
        runs = []
        for shard in self._shards_of[job]:
            assert shard.shard is not None, 'of `shard_jobs`'
            failure = '' if self._is_there(shard) else self._failure_of(shard) or 'not mapped yet'
            runs.append(
                ShardRun(
                    frames=shard.shard.frames, folder=self._out / shard.folder, failure=failure
                )
            )
        try:
            done = join_into_folder(
                open_sequence(job.path, **self._opening),
                runs,
                self._config,
                self._out / job.folder,
                self._options,
            )
        except _FINAL as error:
            return Outcome(error=str(error), is_final=True)
        return Outcome(missing=done.missing, num_frames=done.record['frames']['read'])

    def close(self) -> None:
        """Do nothing: nothing is kept between jobs."""

    def _is_there(self, shard: Job) -> bool:
        return (self._out / shard.folder / 'run.json').is_file()
