"""Checks a GPU, measures it, and trains on it, within the minutes that it is to be had.

    python -m benchmarks.gpu --part all --minutes 10 --output DIR

Needs PyTorch, NumPy, OpenCV, safetensors, jaxtyping and Pillow. Run again with the same folder it
goes on where it ended; see docs/gpu.md. Leaves `results.jsonl` and, of a training, its state in
pieces below 16 MB. 0 if everything that was checked is right and nothing is left to do.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
import sys
from typing import Any

from benchmarks.gpu import checks, speed, train
from benchmarks.gpu.session import Session, Step
from benchmarks.machine import machine_name
from benchmarks.networks import NAMES
from vggt_ros.inference.device import resolve_device

_PARTS = ('check', 'speed', 'train')
_GOLDEN = Path('shared/vggt/golden'), Path('../shared/vggt/golden')


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(prog='python -m benchmarks.gpu', description=__doc__)
    parser.add_argument('--part', choices=(*_PARTS, 'all'), default='all')
    parser.add_argument('--minutes', type=float, default=10.0, help='of this piece')
    parser.add_argument('--output', type=Path, default=Path('gpu_output'))
    parser.add_argument('--device', default='auto', help='auto, cuda, cuda:N or cpu')
    parser.add_argument('--network', choices=NAMES, default='1b', help='whose speed')
    parser.add_argument('--rounds', type=int, default=7, help='of every case of speed')
    parser.add_argument('--golden', type=Path, help='folder of golden files')
    parser.add_argument('--start', default='nano', help='checkpoint that training begins with')
    return parser.parse_args(arguments)


def steps(options: argparse.Namespace, device: str) -> Iterator[Step]:
    """Yield what the options ask for, in the order in which it is done."""
    golden = options.golden or next((each for each in _GOLDEN if each.is_dir()), None)
    if options.part in ('check', 'all'):
        yield from checks.steps(device, golden)
    if options.part in ('speed', 'all'):
        yield from speed.steps(device, options.network, options.rounds)
    if options.part in ('train', 'all'):
        yield from train.steps(device, options.output / 'train', options.start)


def table(results: dict[str, dict[str, Any]]) -> str:
    """Return the numbers that matter, a line for every step."""
    lines = []
    for key, record in results.items():
        state = {True: 'ok', False: 'WRONG', None: ''}[record.get('ok')]
        if key.startswith('speed.') and 'ratio' in record:
            told = (
                f'{record["new_frames_per_s"]:8.2f} new frames/s, {record["ratio"]:.2f} x '
                f'published, latency {1e3 * record["latency_s"]:.1f} ms = '
                f'{record["latency_over_floor"]:.1f} x floor, {record["peak_gb"]:.2f} GB'
            )
        else:
            hidden = ('step', 'ok', 'again', 'took_s', 'error')
            told = ', '.join(
                f'{name} {value:.3g}' if isinstance(value, float) else f'{name} {value}'
                for name, value in record.items()
                if name not in hidden and value not in ([], '')
            )
        lines.append(f'{key:48} {state:5} {told} {record.get("error", "")}'.rstrip())
    return '\n'.join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what there is time for; 0 if all is right and done."""
    options = parse(arguments)
    device = resolve_device(options.device)
    session = Session(options.output, options.minutes)
    late = session.run(steps(options, str(device)))
    sys.stdout.write(f'{machine_name(device)}\n{table(session.results)}\n')
    if late:
        sys.stdout.write(f'no time for: {", ".join(late)}; run again with this folder\n')
    return 0 if session.is_ok and not late else 1


if __name__ == '__main__':
    sys.exit(main())
