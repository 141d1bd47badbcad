"""Streaming inference against the plain forward pass: same weights, same images, one process.

    .venv/bin/python -m benchmarks.streaming --network width384 [--overlaps 1 4 7] [--rounds 7]

The plain way runs everything on all frames of every window: encoder, camera, depth and point
head, as the published code does. The streaming way is the node's: frames are encoded when they
arrive, a window runs the camera head, and depth for new frames and the first and last
overlap frames. Both alternate in one process, so that what else the machine does hits both.
Prints one JSON line per overlap; the ratios come first.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict, dataclass
import json
import statistics
import sys
import time

from jaxtyping import UInt8
import numpy as np
import torch

from benchmarks.machine import machine_name
from benchmarks.networks import IMAGE_SIZES, load_predictor, NAMES
from benchmarks.peak_memory import PeakMemory
from benchmarks.published_way import as_published
from vggt_ros.inference.device import resolve_device
from vggt_ros.inference.prediction import Prediction, Request
from vggt_ros.inference.predictor import Predictor
from vggt_ros.mapping.depth_request import depth_request

_WINDOW = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What one overlap showed; times are medians over the rounds.

    Attributes:
        throughput_ratio: New frames per second, streaming over plain.
        latency_ratio: Time from the last frame's arrival to the answer, streaming over plain.
        largest_difference: Of depth and poses, relative to their largest value.
        plain_gb: Peak memory of the plain way, the program and the weights included.
        streaming_gb: The same of the streaming way.
    """

    throughput_ratio: float
    latency_ratio: float
    largest_difference: float
    network: str
    machine: str
    precision: str
    is_compiled: bool
    has_equal_products: bool
    image_size: tuple[int, int]
    overlap: int
    plain_s: float
    streaming_s: float
    streaming_latency_s: float
    plain_frames_per_s: float
    streaming_frames_per_s: float
    plain_gb: float
    streaming_gb: float
    rounds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Round:
    plain_s: float
    streaming_s: float
    latency_s: float
    difference: float
    plain_gb: float
    streaming_gb: float


class Comparer:
    """Runs both ways on the same windows, one after the other, again and again."""

    def __init__(
        self,
        network: str,
        *,
        size: tuple[int, int],
        device: str,
        precision: str,
        compile_blocks: bool = False,
        equal_products: bool = False,
    ) -> None:
        """Load a network.

        Args:
            network: One of `benchmarks.networks`.
            size: Width and height of the images, pixels.
            device: As `model.device`.
            precision: As `model.precision`.
            compile_blocks: As `model.compile`, for the streaming way.
            equal_products: True to let the plain way multiply as fast as the streaming way, so
                that only what is skipped counts.
        """
        self._network = network
        self._device = resolve_device(device)
        self._is_compiled = compile_blocks
        self._equal_products = equal_products
        # The published code knows no compiled blocks.
        self._plain = load_predictor(network, device=device, precision=precision)
        self._streaming = self._plain
        if compile_blocks:
            self._streaming = load_predictor(
                network, device=device, precision=precision, compile_blocks=True
            )
        self._memory = PeakMemory(self._device)
        width, height = self._size = size
        random = np.random.default_rng(0)
        self._images = random.integers(0, 256, (64, height, width, 3), dtype=np.uint8)

    @property
    def precision(self) -> str:
        """The arithmetic of the backbone."""
        return self._plain.description.precision

    def compare(self, overlap: int, rounds: int) -> Comparison:
        """Return what some rounds at one overlap show, after one that does not count."""
        found = [self._round(overlap, turn) for turn in range(rounds + 1)][1:]
        plain_s, streaming_s, latency_s, plain_gb, streaming_gb = (
            statistics.median(getattr(r, name) for r in found)
            for name in ('plain_s', 'streaming_s', 'latency_s', 'plain_gb', 'streaming_gb')
        )
        width, height = self._size
        num_new = _WINDOW - overlap
        return Comparison(
            throughput_ratio=round(plain_s / streaming_s, 3),
            latency_ratio=round(latency_s / plain_s, 3),
            largest_difference=float(f'{max(r.difference for r in found):.2g}'),
            network=self._network,
            machine=machine_name(self._device),
            precision=self.precision,
            is_compiled=self._is_compiled,
            has_equal_products=self._equal_products,
            image_size=(height, width),
            overlap=overlap,
            plain_s=round(plain_s, 4),
            streaming_s=round(streaming_s, 4),
            streaming_latency_s=round(latency_s, 4),
            plain_frames_per_s=round(num_new / plain_s, 2),
            streaming_frames_per_s=round(num_new / streaming_s, 2),
            plain_gb=round(plain_gb, 2),
            streaming_gb=round(streaming_gb, 2),
            rounds=rounds,
        )

    def _round(self, overlap: int, turn: int) -> _Round:
        request = Request(depth_frames=depth_request([(i,) for i in range(_WINDOW)], overlap))
        ids = [turn * (_WINDOW - overlap) + i for i in range(_WINDOW)]
        window = [self._images[i % len(self._images)] for i in ids]
        for i in range(overlap):  # what the windows before have left behind
            self._streaming.encode(ids[i], window[i])
        self._memory.reset()
        began_s = self._now_s()
        for i in range(overlap, _WINDOW - 1):
            self._streaming.encode(ids[i], window[i])
        arrived_s = self._now_s()
        streamed = self._streaming.predict(window, request, frame_ids=ids)
        ended_s = self._now_s()
        streaming_gb = self._memory.gb()
        self._memory.reset()
        plain, plain_s = self._run_plain(self._plain, window)
        return _Round(
            plain_s=plain_s,
            streaming_s=ended_s - began_s,
            latency_s=ended_s - arrived_s,
            difference=largest_difference(streamed, plain, request),
            plain_gb=self._memory.gb(),
            streaming_gb=streaming_gb,
        )

    def _run_plain(
        self, predictor: Predictor, window: Sequence[UInt8[np.ndarray, 'H W 3']]
    ) -> tuple[Prediction, float]:
        with as_published(default_products=not self._equal_products):
            began_s = self._now_s()
            plain = predictor.predict(window, Request(point_head=True))
            return plain, self._now_s() - began_s

    def _now_s(self) -> float:
        if self._device.type == 'cuda':
            torch.cuda.synchronize(self._device)
        return time.perf_counter()


def largest_difference(found: Prediction, expected: Prediction, request: Request) -> float:
    """Return the largest difference of depth and poses, relative to the largest value."""
    assert request.depth_frames is not None
    rows = list(request.depth_frames)
    pairs = [
        (found.depth[rows], expected.depth[rows]),
        (found.cam_from_world, expected.cam_from_world),
        (found.K_model, expected.K_model),
    ]
    return max(float(np.abs(a - b).max() / np.abs(b).max()) for a, b in pairs)


def main() -> int:
    """Compare at every overlap; 0 if the numbers agree."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    parser.add_argument('--network', default='width384', choices=NAMES)
    parser.add_argument('--size', type=int, nargs=2, metavar=('WIDTH', 'HEIGHT'))
    parser.add_argument('--device', default='auto')
    parser.add_argument('--precision', default='auto')
    parser.add_argument('--compile', action='store_true', help='streaming with compiled blocks')
    parser.add_argument('--equal-products', action='store_true', help='multiply alike')
    parser.add_argument('--overlaps', type=int, nargs='+', default=[1, 4, 7])
    parser.add_argument('--rounds', type=int, default=7)
    options = parser.parse_args()
    comparer = Comparer(
        options.network,
        size=tuple(options.size or IMAGE_SIZES[options.network]),
        device=options.device,
        precision=options.precision,
        compile_blocks=options.compile,
        equal_products=options.equal_products,
    )
    worst = 0.0
    for overlap in options.overlaps:
        result = comparer.compare(overlap, options.rounds)
        worst = max(worst, result.largest_difference)
        sys.stdout.write(json.dumps(asdict(result)) + '\n')
        sys.stdout.flush()
    return 0 if worst < 1e-4 or comparer.precision != 'fp32' else 1


if __name__ == '__main__':
    sys.exit(main())
