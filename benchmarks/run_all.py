"""All benchmarks, one after the other: `make bench`.

    .venv/bin/python -m benchmarks.run_all [--output bench_output] [--only streaming node]

Each runs in a process of its own; what it prints goes into results.json, and from there into
performance.md (tables) and performance.png. Takes about ten minutes on two cores. With a GPU the
network of VGGT-1B is measured as well, on the GPU.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
import itertools
import json
from pathlib import Path
import subprocess
import sys
from typing import Any

import torch

from benchmarks.performance_plot import draw_performance
from benchmarks.performance_tables import performance_tables

Line = dict[str, Any]
_BENCHMARKS = ('streaming', 'window_cost', 'node', 'messages', 'refinement_cost')
_TIMEOUT_S = 1800.0


def runs(name: str, *, has_gpu: bool) -> list[list[str]]:
    """Return the command lines of a benchmark."""
    if name == 'streaming':
        return [*_streaming_on_cpu(), *(_streaming_on_gpu() if has_gpu else [])]
    if name == 'window_cost':
        return [
            ['--network', 'nano', '--device', 'cpu'],
            ['--network', 'nano', '--device', 'cpu', '--all-heads'],
            ['--network', 'width384', '--device', 'cpu'],
            *([['--network', '1b', '--windows', '2', '4', '8', '16']] if has_gpu else []),
        ]
    return [[]]


def _streaming_on_cpu() -> list[list[str]]:
    width384 = ['--network', 'width384', '--device', 'cpu', '--rounds', '5']
    nano = ['--network', 'nano', '--device', 'cpu', '--rounds', '15']
    return [
        width384,
        [*width384, '--equal-products'],
        [*width384, '--compile'],
        nano,
        [*nano, '--equal-products'],
        [*nano, '--compile'],
    ]


def _streaming_on_gpu() -> list[list[str]]:
    sizes = (['--size', '518', '392'], ['--size', '518', '294'])
    precisions = (['--precision', 'fp32'], ['--precision', 'bf16'])
    ways: tuple[list[str], ...] = ([], ['--compile'])
    return [
        ['--network', '1b', '--device', 'cuda', *itertools.chain(*words)]
        for words in itertools.product(sizes, precisions, ways)
    ]


def run(name: str, words: Sequence[str]) -> list[Line]:
    """Run a benchmark and return the lines it printed; a failure is one of them."""
    command = [sys.executable, '-m', f'benchmarks.{name}', *words]
    sys.stderr.write(f'{" ".join(command[1:])}\n')
    done = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, check=False, timeout=_TIMEOUT_S
    )
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{')]
    if done.returncode:
        lines.append({'failed': f'{" ".join(command[2:])} ended with {done.returncode}'})
    return lines


def main() -> int:
    """Run all; 0 if none failed."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    parser.add_argument('--output', type=Path, default=Path('bench_output'))
    parser.add_argument('--only', nargs='+', choices=_BENCHMARKS, default=_BENCHMARKS)
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    results: dict[str, list[Line]] = {}
    for name in options.only:
        results[name] = []
        for words in runs(name, has_gpu=torch.cuda.is_available()):
            results[name] += run(name, words)
            # What was measured is kept even if a later benchmark hangs or is interrupted.
            (options.output / 'results.json').write_text(json.dumps(results, indent=1) + '\n')
    (options.output / 'performance.md').write_text(performance_tables(results))
    draw_performance(results, options.output / 'performance.png')
    failures = [line['failed'] for lines in results.values() for line in lines if 'failed' in line]
    sys.stdout.write(performance_tables(results))
    sys.stdout.write(''.join(f'failed: {failure}\n' for failure in failures))
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
