"""Window cost: memory and time of a window, by its number of frames.

    .venv/bin/python -m benchmarks.window_cost --network nano [--windows 2 4 8 16] [--all-heads]

Every size runs in a process of its own, which has nothing to hide behind. Prints a JSON line per
size: the peak with nothing but the program and the weights, the peak with a window, and the median
time of a window, all frames new. Without `--all-heads` it has depth and cameras; with it points
from the point head and 32 tracks as well.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time

import numpy as np

from benchmarks.machine import machine_name
from benchmarks.networks import IMAGE_SIZES, load_predictor, NAMES
from benchmarks.peak_memory import PeakMemory
from vggt_ros.inference.device import resolve_device
from vggt_ros.inference.prediction import Request

_NUM_POINTS = 32
_ROUNDS = 5


def measure(options: argparse.Namespace, num_frames: int) -> dict[str, object]:
    """Run windows of one size in this process."""
    device = resolve_device(options.device)
    predictor = load_predictor(options.network, device=options.device, precision='auto')
    width, height = IMAGE_SIZES[options.network]
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (num_frames, height, width, 3), dtype=np.uint8)
    queries = None
    if options.all_heads:
        low, high = (1, 1), (width - 2, height - 2)
        queries = random.uniform(low, high, (_NUM_POINTS, 2)).astype(np.float32)
    memory = PeakMemory(device)
    memory.reset()
    weights_gb = memory.gb()
    request = Request(query_points=queries, point_head=options.all_heads)
    times_s = []
    for _ in range(1 + _ROUNDS):
        start_s = time.perf_counter()
        predictor.predict(list(images), request)  # waits for the device: it returns numbers
        times_s.append(time.perf_counter() - start_s)
    return {
        'network': options.network,
        'machine': machine_name(device),
        'precision': predictor.description.precision,
        'image_size': (height, width),
        'window': num_frames,
        'all_heads': options.all_heads,
        'window_s': round(statistics.median(times_s[1:]), 4),
        'weights_gb': round(weights_gb, 3),
        'peak_gb': round(memory.gb(), 3),
    }


def main() -> int:
    """Measure every size in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    parser.add_argument('--network', default='nano', choices=NAMES)
    parser.add_argument('--device', default='auto')
    parser.add_argument('--windows', type=int, nargs='+', default=[2, 4, 8, 16])
    parser.add_argument('--all-heads', action='store_true')
    options = parser.parse_args()
    if len(options.windows) == 1:
        sys.stdout.write(json.dumps(measure(options, options.windows[0])) + '\n')
        return 0
    for num_frames in options.windows:
        words = ['--network', options.network, '--device', options.device]
        words += ['--windows', str(num_frames), *(['--all-heads'] if options.all_heads else [])]
        command = [sys.executable, '-m', 'benchmarks.window_cost', *words]
        done = subprocess.run(command, check=False)
        if done.returncode:
            return done.returncode
    return 0


if __name__ == '__main__':
    sys.exit(main())
