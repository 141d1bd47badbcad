"""Check of a device's numbers against the right ones: part `check`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from pathlib import Path
import sys
from typing import Any

import numpy as np
import torch

from benchmarks.gpu.session import Numbers, Step
from benchmarks.networks import load_predictor
from benchmarks.streaming import largest_difference
from vggt_ros.errors import DeviceMemoryError
from vggt_ros.inference.prediction import Prediction, Request
from vggt_ros.inference.self_test import answer_errors
from vggt_ros.mapping.depth_request import depth_request
from vggt_ros.mapping.refinement.depth_field import correct_depth
from vggt_ros.mapping.refinement.depth_sweep import sweep_depth, SweepWindow
from vggt_ros.synthetic.course import Course, make_course
from vggt_ros.synthetic.course_camera import CourseCamera

_NUM_FRAMES, _OVERLAP = 8, 4
# Against float32 on the same device: depth relative, median; rotation, degrees; and, relative to
# the path of the cameras, translation. Half precision has 8 or 11 bits.
_HALF_BOUNDS = {'depth_median': 0.02, 'rotation_deg': 0.5, 'translation': 0.05}
# Float32 on another device: sums are made in another order.
_SAME = 2e-3
_STREAMED = 1e-4
_CYCLES = 10
_LEAK_BYTES = 4_000_000
# A sweep picks the best of some depths: where two are alike another device may pick the other.
_SWEPT_ALIKE, _MIN_SHARE_ALIKE = 0.01, 0.98


def steps(device: str, golden: Path | None) -> Iterator[Step]:
    """Yield the checks.

    Args:
        device: As `model.device`.
        golden: Folder of golden files; None to leave them out.
    """
    is_cuda = device.startswith('cuda')
    for path in sorted(golden.glob('*.safetensors')) if golden is not None else ():
        yield Step(
            part='check',
            name=f'golden.{path.stem}',
            run=partial(_golden, path, device),
            needs_s=60.0 if '1b' in path.stem else 20.0,
        )
    yield Step(part='check', name='same_as_cpu', run=partial(_same_as_cpu, device))
    for precision in ('bf16', 'fp16') if is_cuda else ('bf16',):
        yield Step(part='check', name=precision, run=partial(_half, device, precision))
    for overlap in (1, _OVERLAP, _NUM_FRAMES - 1):
        yield Step(
            part='check', name=f'streaming.{overlap}', run=partial(_streaming, device, overlap)
        )
    yield Step(part='check', name='park', run=partial(_park, device))
    yield Step(part='check', name='sweep', run=partial(_sweep, device), needs_s=30.0)
    if is_cuda:
        yield Step(part='check', name='no_waits', run=partial(_no_waits, device))
        yield Step(part='check', name='out_of_memory', run=partial(_out_of_memory, device))
        yield Step(part='check', name='compiled', run=partial(_compiled, device), needs_s=120.0)


def pictures(count: int) -> list[np.ndarray]:
    """Return what a made-up walk sees, 320 x 240."""
    course, camera = _course(count)
    return [camera.image(i) for i in range(len(course))]


def _course(count: int) -> tuple[Course, CourseCamera]:
    course = make_course('figure_eight', max(count, 8), 0).with_pictures(
        width=80, height=60, image_scale=4
    )
    return course, CourseCamera(course)


def _golden(path: Path, device: str, left_s: float) -> Numbers:
    check = _check_golden()
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        lines = list(check(path, device))
    finally:
        torch.backends.cudnn.allow_tf32 = before
    wrong = [line['name'] for line in lines if not line['ok']]
    used = [
        line['max_abs_error'] / line['tolerance']
        for line in lines
        if line['tolerance'] and line['max_abs_error'] is not None
    ]
    return {
        'ok': bool(lines) and not wrong,
        'num_outputs': len(lines),
        'wrong': wrong,
        'largest_share_of_tolerance': round(max(used, default=float('nan')), 3),
    }


def _check_golden() -> Callable[[Path, str], Iterator[dict[str, Any]]]:
    """Return what compares with a golden file; it lies among the tests."""
    folder = str(Path(__file__).resolve().parents[2] / 'test' / 'model')
    if folder not in sys.path:
        sys.path.insert(0, folder)
    check: Callable[[Path, str], Iterator[dict[str, Any]]] = import_module('check_golden').check
    return check


def _same_as_cpu(device: str, left_s: float) -> Numbers:
    images = pictures(_NUM_FRAMES)
    found, expected = (
        load_predictor('nano', device=where, precision='fp32').predict(images)
        for where in (device, 'cpu')
    )
    difference = largest_difference(found, expected, Request(depth_frames=tuple(range(8))))
    return {'ok': difference < _SAME, 'largest_difference': difference}


def _half(device: str, precision: str, left_s: float) -> Numbers:
    images = pictures(_NUM_FRAMES)
    found, expected = (
        load_predictor('nano', device=device, precision=each).predict(images)
        for each in (precision, 'fp32')
    )
    numbers = _errors(found, expected)
    is_ok = all(numbers[name] <= bound for name, bound in _HALF_BOUNDS.items())
    return {'ok': is_ok, **numbers}


def _errors(found: Prediction, expected: Prediction) -> dict[str, float]:
    return answer_errors(
        found.depth, expected.depth, found.cam_from_world, expected.cam_from_world
    )


def _streaming(device: str, overlap: int, left_s: float) -> Numbers:
    images = pictures(2 * _NUM_FRAMES)
    predictor = load_predictor('nano', device=device, precision='fp32')
    request = Request(depth_frames=depth_request([(i,) for i in range(_NUM_FRAMES)], overlap))
    worst = 0.0
    for start in range(0, len(images) - _NUM_FRAMES + 1, _NUM_FRAMES - overlap):
        ids, window = list(range(start, start + _NUM_FRAMES)), images[start : start + _NUM_FRAMES]
        for i in range(_NUM_FRAMES):
            predictor.encode(ids[i], window[i])
        streamed = predictor.predict(window, request, frame_ids=ids)
        worst = max(worst, largest_difference(streamed, predictor.predict(window), request))
    return {'ok': worst < _STREAMED, 'largest_difference': worst}


def _park(device: str, left_s: float) -> Numbers:
    images = pictures(3)[:3]
    predictor = load_predictor('nano', device=device, precision='fp32')
    expected = predictor.predict(images).depth
    after = []
    for _ in range(_CYCLES):
        predictor.park()
        after.append(_allocated(device))
        predictor.unpark()
        found = predictor.predict(images).depth
    weights = 4 * predictor.description.num_parameters
    grown = after[-1] - after[0]
    is_same = bool(np.allclose(found, expected, rtol=_SAME))
    return {
        'ok': is_same and grown < _LEAK_BYTES and after[0] < 0.2 * weights,
        'parked_mb': round(after[0] / 1e6, 2),
        'grown_mb': round(grown / 1e6, 2),
        'is_same': is_same,
    }


def _allocated(device: str) -> int:
    return torch.cuda.memory_allocated() if device.startswith('cuda') else 0


def _sweep(device: str, left_s: float) -> Numbers:
    course, camera = _course(5)
    images = np.stack([camera.image(i) for i in range(5)])
    K, poses = np.repeat(course.K_image[None], 5, axis=0), course.world_from_cam[:5]
    none = np.zeros((0, 2)), np.zeros(0), np.zeros(0)
    prior = correct_depth(np.full(images.shape[1:3], 4.0, np.float32), *none)
    found, expected = (
        sweep_depth(SweepWindow.of_images(images, K, poses, torch.device(where)), 2, prior).depth
        for where in (device, 'cpu')
    )
    share = float((np.abs(found / expected - 1.0) < _SWEPT_ALIKE).mean())
    return {'ok': share >= _MIN_SHARE_ALIKE, 'share_alike': round(share, 4)}


def _no_waits(device: str, left_s: float) -> Numbers:
    predictor = load_predictor('nano', device=device, precision='bf16')
    images = pictures(_NUM_FRAMES)
    predictor.predict(images)
    network = predictor._running_network()
    pixels = torch.rand(1, _NUM_FRAMES, 3, 126, 168, device=device)
    with torch.inference_mode(), torch.autocast('cuda', torch.bfloat16):
        network(pixels)
        torch.cuda.synchronize()
        torch.cuda.set_sync_debug_mode('error')
        try:
            network(pixels)
        finally:
            torch.cuda.set_sync_debug_mode('default')
    return {'ok': True}


def _out_of_memory(device: str, left_s: float) -> Numbers:
    predictor = load_predictor('nano', device=device, precision='fp32')
    images = pictures(_NUM_FRAMES)
    expected = predictor.predict(images).depth
    total = torch.cuda.get_device_properties(device).total_memory
    # Room for what is there now and little more.
    share = (torch.cuda.memory_allocated() + 60e6) / total
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(share)
    is_refused = False
    try:
        predictor.predict(images * 40)
    except DeviceMemoryError:
        is_refused = True
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    is_same = bool(np.allclose(predictor.predict(images).depth, expected, rtol=_SAME))
    return {'ok': is_refused and is_same, 'is_refused': is_refused, 'goes_on': is_same}


def _compiled(device: str, left_s: float) -> Numbers:
    images = pictures(_NUM_FRAMES)
    found, expected = (
        load_predictor('nano', device=device, precision='fp32', compile_blocks=each).predict(
            images
        )
        for each in (True, False)
    )
    numbers: dict[str, Any] = _errors(found, expected)
    return {'ok': numbers['depth_median'] < _SAME and numbers['rotation_deg'] < 0.1, **numbers}
