"""Streaming inference against the plain forward pass: same weights, same images, one process.

    .venv/bin/python -m benchmarks.streaming --network width384 [--overlaps 1 4 7] [--rounds 7]

The plain way runs everything on all frames of every window: encoder, camera, depth and point
head, as the published code does. The streaming way is the node's: frames are encoded when they
arrive, a window runs the camera head, and depth for new frames and the ends of the seam. Both
alternate in one process, so that what else the machine does hits both. Prints one JSON line per
overlap; the ratios come first.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass
import json
import platform
import resource
import statistics
import sys
import time

import numpy as np
import torch

from benchmarks.networks import load_predictor, NAMES
from vggt_ros.inference.prediction import Prediction, Request
from vggt_ros.inference.predictor import Predictor
from vggt_ros.mapping.mapper import dense_frames

_WINDOW = 8
_SIZES = {'nano': (168, 126), 'width384': (182, 140), '1b': (518, 392)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What one overlap showed; times are medians over the rounds.

    Attributes:
        throughput_ratio: New frames per second, streaming over plain.
        latency_ratio: Time from the last frame's arrival to the answer, streaming over plain.
        largest_difference: Of depth and poses, relative to their largest value.
    """

    throughput_ratio: float
    latency_ratio: float
    largest_difference: float
    network: str
    device: str
    precision: str
    image_size: tuple[int, int]
    overlap: int
    plain_s: float
    streaming_s: float
    streaming_latency_s: float
    plain_frames_per_s: float
    streaming_frames_per_s: float
    peak_memory_gb: float
    rounds: int


def compare(
    predictor: Predictor,
    network: str,
    images: np.ndarray,
    overlap: int,
    rounds: int,
) -> Comparison:
    """Run both ways on the same windows, one after the other, again and again."""
    num_new = _WINDOW - overlap
    request = Request(dense_frames=dense_frames(_WINDOW, overlap))
    everything = Request(point_head=True)
    plain_s, streaming_s, latency_s, differences = [], [], [], []
    for turn in range(rounds + 1):
        first = turn * num_new
        ids = [first + i for i in range(_WINDOW)]
        window = [images[i % len(images)] for i in ids]
        known = ids[:overlap]
        for i in known:  # what the windows before have left behind
            predictor.encode(i, images[i % len(images)])
        _synchronize()
        began_s = time.perf_counter()
        for i in ids[overlap:-1]:
            predictor.encode(i, images[i % len(images)])
        _synchronize()
        arrived_s = time.perf_counter()
        streamed = predictor.predict(window, request, frame_ids=ids)
        _synchronize()
        ended_s = time.perf_counter()
        plain = predictor.predict(window, everything)
        _synchronize()
        if turn == 0:
            continue  # first-touched memory and constants
        streaming_s.append(ended_s - began_s)
        latency_s.append(ended_s - arrived_s)
        plain_s.append(time.perf_counter() - ended_s)
        differences.append(largest_difference(streamed, plain, request))
    medians = [statistics.median(times) for times in (plain_s, streaming_s, latency_s)]
    grid = plain.grid
    return Comparison(
        throughput_ratio=round(medians[0] / medians[1], 3),
        latency_ratio=round(medians[2] / medians[0], 3),
        largest_difference=float(f'{max(differences):.2g}'),
        network=network,
        device=predictor.description.device,
        precision=predictor.description.precision,
        image_size=(grid.model_height, grid.model_width),
        overlap=overlap,
        plain_s=round(medians[0], 4),
        streaming_s=round(medians[1], 4),
        streaming_latency_s=round(medians[2], 4),
        plain_frames_per_s=round(num_new / medians[0], 2),
        streaming_frames_per_s=round(num_new / medians[1], 2),
        peak_memory_gb=round(_peak_memory_gb(), 2),
        rounds=rounds,
    )


def largest_difference(found: Prediction, expected: Prediction, request: Request) -> float:
    """Return the largest difference of depth and poses, relative to the largest value."""
    assert request.dense_frames is not None
    rows = list(request.dense_frames)
    pairs = [
        (found.depth[rows], expected.depth[rows]),
        (found.cam_from_world, expected.cam_from_world),
        (found.K_model, expected.K_model),
    ]
    return max(float(np.abs(a - b).max() / np.abs(b).max()) for a, b in pairs)


def _synchronize() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def _peak_memory_gb() -> float:
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 1e9
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def main() -> int:
    """Compare at every overlap; 0 if the numbers agree."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    parser.add_argument('--network', default='width384', choices=NAMES)
    parser.add_argument('--device', default='auto')
    parser.add_argument('--precision', default='auto')
    parser.add_argument('--overlaps', type=int, nargs='+', default=[1, 4, 7])
    parser.add_argument('--rounds', type=int, default=7)
    parser.add_argument('--threads', type=int)
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    predictor = load_predictor(options.network, device=options.device, precision=options.precision)
    width, height = _SIZES[options.network]
    images = np.random.default_rng(0).integers(0, 256, (64, height, width, 3), dtype=np.uint8)
    worst = 0.0
    for overlap in options.overlaps:
        result = compare(predictor, options.network, images, overlap, options.rounds)
        worst = max(worst, result.largest_difference)
        machine = {
            'machine': platform.processor() or platform.machine(),
            'torch': torch.__version__,
        }
        sys.stdout.write(json.dumps(asdict(result) | machine) + '\n')
        sys.stdout.flush()
    return 0 if worst < 1e-4 or predictor.description.precision != 'fp32' else 1


if __name__ == '__main__':
    sys.exit(main())
