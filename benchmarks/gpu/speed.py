"""Speed of a device, stage by stage, beside the published way and beside its own floor."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, ExitStack
from dataclasses import dataclass, replace
from functools import cache, partial
import statistics
from typing import Any
from unittest.mock import patch

import numpy as np
import torch

from benchmarks.gpu.floor import count_flop, Device, measure, synchronized_s, weight_bytes
from benchmarks.gpu.session import Numbers, Step
from benchmarks.networks import IMAGE_SIZES, load_predictor
from benchmarks.peak_memory import PeakMemory
from benchmarks.published_way import as_published
from vggt_ros.inference.device import resolve_device
from vggt_ros.inference.prediction import Request
from vggt_ros.inference.predictor import Predictor
from vggt_ros.mapping.depth_request import depth_request

_DTYPES = {'fp32': torch.float32, 'bf16': torch.bfloat16, 'fp16': torch.float16}
# What a device does at best is measured with matrices of so many rows.
_LARGE, _SMALL = 8192, 1024
# Turns are windows of their own: nothing of one is in the cache of another.
_FLOP_TURN, _STAGE_TURNS = 999, 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is measured at once.

    Attributes:
        network: One of `benchmarks.networks`.
        size: Width and height of the images, pixels.
        window: Frames of a window.
        overlap: Of them, frames that the map has.
        precision: As `model.precision`.
        is_compiled: As `model.compile`.
    """

    network: str
    size: tuple[int, int]
    window: int
    overlap: int
    precision: str
    is_compiled: bool = False

    @property
    def name(self) -> str:
        """Unique among cases."""
        width, height = self.size
        how = '.compiled' if self.is_compiled else ''
        return (
            f'{self.network}.{width}x{height}.{self.precision}{how}.'
            f'window{self.window}.overlap{self.overlap}'
        )


def cases(network: str) -> list[Case]:
    """Return what is to be measured, what matters most first."""
    width, height = IMAGE_SIZES[network]
    full = (width, height)
    wide = (width, height * 3 // 4 // 14 * 14)

    usual = Case(network=network, size=full, window=8, overlap=4, precision='bf16')
    case = partial(replace, usual)
    return [
        case(),
        *(case(overlap=overlap) for overlap in (1, 7)),
        case(is_compiled=True),
        *(case(window=window, overlap=window // 2) for window in (4, 16, 32)),
        case(size=wide),
        case(precision='fp32'),
        *(case(size=wide, window=window, overlap=window // 2) for window in (16, 32)),
    ]


def steps(device: str, network: str, rounds: int) -> Iterator[Step]:
    """Yield the measurements.

    Args:
        device: As `model.device`.
        network: One of `benchmarks.networks`.
        rounds: Of every case; the least time of each kind counts.
    """
    for case in cases(network):
        yield Step(
            part='speed',
            name=case.name,
            run=partial(_measure, case, device, rounds),
            needs_s=150.0 if case.is_compiled else 40.0,
        )


def _measure(case: Case, device: str, rounds: int, left_s: float) -> Numbers:
    where = resolve_device(device)
    predictor = _predictor(case.network, device, case.precision, case.is_compiled)
    width, height = case.size
    random = np.random.default_rng(0)
    images = [
        random.integers(0, 256, (height, width, 3), dtype=np.uint8) for _ in range(2 * case.window)
    ]
    run = _Runner(case, predictor, images, where)
    run.streaming(0)
    run.published(0)  # one of each that does not count
    memory = PeakMemory(where)
    streamed, latencies, published, peaks = [], [], [], []
    for turn in range(1, rounds + 1):
        memory.reset()
        whole_s, latency_s = run.streaming(turn)
        peaks.append(memory.gb())
        streamed.append(whole_s)
        latencies.append(latency_s)
        published.append(run.published(turn))
    num_new = case.window - case.overlap
    least_s, latency_s, published_s = min(streamed), min(latencies), min(published)
    flop, latency_flop = run.flop()
    best = _device(where.type, case.precision)
    floor_s = best.floor_s(flop, weight_bytes(predictor._running_network()))
    return {
        'device': _name(where),
        'new_frames_per_s': round(num_new / least_s, 2),
        'published_frames_per_s': round(num_new / published_s, 2),
        'ratio': round(published_s / least_s, 3),
        'window_s': round(least_s, 5),
        'window_median_s': round(statistics.median(streamed), 5),
        'latency_s': round(latency_s, 5),
        'latency_over_floor': round(latency_s / best.floor_s(latency_flop, 0.0), 2),
        'peak_gb': round(max(peaks), 3),
        'tflop': round(flop / 1e12, 4),
        'floor_s': round(floor_s, 5),
        'device_tflop_per_s': round(best.flop_per_s / 1e12, 1),
        'device_gb_per_s': round(best.byte_per_s / 1e9, 1),
        'stages_s': run.stages(rounds),
    }


class _Runner:
    """Runs one window both ways."""

    def __init__(
        self, case: Case, predictor: Predictor, images: Sequence[np.ndarray], device: torch.device
    ) -> None:
        self._case, self._predictor, self._images, self._device = case, predictor, images, device
        sets = [(i,) for i in range(case.window)]
        self._request = Request(depth_frames=depth_request(sets, case.overlap))

    def streaming(self, turn: int) -> tuple[float, float]:
        """Return the seconds for all that is new, and from the last frame to the answer."""
        case, ids, window = self._case, self._ids(turn), self._window(turn)
        self._encode_overlap(turn)
        start_s = synchronized_s(self._device)
        for i in range(case.overlap, case.window - 1):
            self._predictor.encode(ids[i], window[i])
        arrived_s = synchronized_s(self._device)
        self._predictor.predict(window, self._request, frame_ids=ids)
        end_s = synchronized_s(self._device)
        return end_s - start_s, end_s - arrived_s

    def published(self, turn: int) -> float:
        """Return the seconds of the plain pass."""
        with as_published():
            start_s = synchronized_s(self._device)
            self._predictor.predict(self._window(turn), Request(point_head=True))
            return synchronized_s(self._device) - start_s

    def flop(self) -> tuple[int, int]:
        """Return the arithmetic of a window, and of what is left when its last frame comes."""
        case, ids, window = self._case, self._ids(_FLOP_TURN), self._window(_FLOP_TURN)
        self._encode_overlap(_FLOP_TURN)

        def encode_new() -> None:
            for i in range(case.overlap, case.window - 1):
                self._predictor.encode(ids[i], window[i])

        before = count_flop(encode_new)
        after = count_flop(lambda: self._predictor.predict(window, self._request, frame_ids=ids))
        return before + after, after

    def stages(self, rounds: int) -> dict[str, float]:
        """Return the seconds of the stages of a window; waiting between them costs a little."""
        network = self._predictor._running_network()
        stages = (
            ('encode', network.aggregator, 'encode'),
            ('attention', network.aggregator, 'aggregate'),
            ('camera', network.camera_head, 'forward'),
            ('depth', network.depth_head, 'forward'),
        )
        turns: list[defaultdict[str, float]] = []
        for turn in range(_STAGE_TURNS, _STAGE_TURNS + rounds):
            self._encode_overlap(turn)  # of windows before: none of the time of this one
            turns.append(defaultdict(float))
            with ExitStack() as stack:
                for name, owner, method in stages:
                    stack.enter_context(_timed(name, owner, method, turns[-1], self._device))
                turns[-1]['all'], _ = self.streaming(turn)
        found = {name: round(min(turn[name] for turn in turns), 5) for name in turns[0]}
        # Images to the device, answers back, and what is between.
        rest_s = 2.0 * found['all'] - sum(found.values())
        return found | {'decode_and_copy': round(max(rest_s, 0.0), 5)}

    def _encode_overlap(self, turn: int) -> None:
        """Leave what the windows before have left behind."""
        ids, window = self._ids(turn), self._window(turn)
        for i in range(self._case.overlap):
            self._predictor.encode(ids[i], window[i])

    def _ids(self, turn: int) -> list[int]:
        first = turn * 10_000
        return list(range(first, first + self._case.window))

    def _window(self, turn: int) -> list[np.ndarray]:
        return [self._images[(turn + i) % len(self._images)] for i in range(self._case.window)]


@contextmanager
def _timed(
    name: str,
    owner: Any,
    method: str,
    seconds: defaultdict[str, float],
    device: torch.device,
) -> Iterator[None]:
    function: Callable[..., Any] = getattr(owner, method)

    def timed(*words: Any, **named: Any) -> Any:
        start_s = synchronized_s(device)
        result = function(*words, **named)
        seconds[name] += synchronized_s(device) - start_s
        return result

    with patch.object(owner, method, timed):
        yield


@cache
def _predictor(network: str, device: str, precision: str, is_compiled: bool) -> Predictor:
    return load_predictor(network, device=device, precision=precision, compile_blocks=is_compiled)


@cache
def _device(kind: str, precision: str) -> Device:
    size = _LARGE if kind == 'cuda' else _SMALL
    return measure(torch.device(kind), _DTYPES[precision], size)


def _name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == 'cuda' else device.type
