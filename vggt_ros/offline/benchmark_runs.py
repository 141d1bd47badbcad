"""Benchmark runs: all runs of a list, one after the other; a run that fails is a row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
import json
from pathlib import Path
from typing import Any

from vggt_ros.errors import VggtRosError
from vggt_ros.inference.backbone import Backbone
from vggt_ros.inference.backbones import load_backbone
from vggt_ros.offline.benchmark_list import BenchmarkRun
from vggt_ros.offline.benchmark_table import BenchmarkRow, row_of
from vggt_ros.offline.folder_run import run_into_folder, RunOptions
from vggt_ros.offline.run_record import known
from vggt_ros.settings.config import ModelSettings
from vggt_ros.settings.parameter_tree import values_of
from vggt_ros.sources.detection import open_sequence


def run_benchmark(
    runs: Sequence[BenchmarkRun],
    folder: Path,
    *,
    command: Sequence[str] = (),
    resume: bool = False,
    overwrite: bool = False,
    load: Callable[[ModelSettings], Backbone] = load_backbone,
) -> Iterator[BenchmarkRow]:
    """Run all, and yield the numbers of each when it is over.

    Args:
        runs: Of `read_benchmark_list`.
        folder: Each run has a folder in it.
        command: Words of the command line, for the records.
        resume: Take the numbers of runs that finished with the same settings, and go on with
            those that did not.
        overwrite: Run those anew that are there.
        load: Loads the network.

    Raises:
        KeyboardInterrupt: It was ended; `resume` goes on from there.
    """
    for run in runs:
        target = folder / run.folder
        options = RunOptions(
            command=command, uses_depth=run.uses_depth, resume=resume, overwrite=overwrite
        )
        record = _finished(target, run) if resume else None
        if record is not None:
            yield row_of(run.name, run.variant, record, seed=run.seed)
            continue
        try:
            sequence = open_sequence(run.path, **run.opening)
            done = run_into_folder(sequence, run.config, target, options, load=load)
        except VggtRosError as error:
            yield BenchmarkRow(
                name=run.name, variant=run.variant, seed=run.seed, failure=str(error)
            )
            continue
        failures = list(done.missing)
        if done.folder is None:
            failures = ['there is no map: no window entered it', *failures]
        yield row_of(run.name, run.variant, done.record, failures, seed=run.seed)


def _finished(target: Path, run: BenchmarkRun) -> dict[str, Any] | None:
    """Return the record of a run that is over, None if there is none with these settings."""
    with suppress(OSError, ValueError):
        record = json.loads((target / 'run.json').read_text(encoding='utf-8'))
        settings = {name: known(value) for name, value in values_of(run.config).items()}
        if record['settings'] == json.loads(json.dumps(settings)):
            return dict(record)
    return None
