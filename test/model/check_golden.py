"""Compares the network with golden files: one JSON line per stored output on stdout.

    python test/model/check_golden.py FILE...

Each line has `file`, `name`, `max_abs_error`, `tolerance` and `ok`, and a `note` where there is
something to say. The exit status is 1 if any output is out of tolerance or was not reproduced, or
if a file cannot be checked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
import json
from pathlib import Path
import re
import sys
from typing import Any

import numpy as np
from safetensors import safe_open, SafetensorError
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from golden_config import GoldenError
from golden_images import image_outputs
from golden_network import EPS_INPUTS, eps_outputs, INPUTS, network_outputs
from golden_units import INPUTS as UNIT_INPUTS
from golden_units import unit_outputs

from vggt_ros.errors import VggtRosError

# Largest absolute differences between correct implementations in float32, with a margin.
_NETWORK_TOLERANCES = (
    (r'patch_tokens|tokens\.\d+', 2e-5),
    (r'pose_enc\.\d+|extrinsics', 1e-5),
    (r'intrinsics', 5e-4),
    (r'depth|depth_conf|world_points_from_depth', 2e-4),
    (r'world_points|world_points_conf', 5e-4),
    (r'track_features', 1e-4),
    (r'vis|conf', 5e-4),
)
# Every refinement amplifies rounding; the last of these holds for all that follow.
_TRACK_TOLERANCES = (1e-4, 2e-4, 5e-4, 2e-3)
_UNIT_TOLERANCE = 1e-5
# Relative to the standard deviation of the stored tensor.
_EPS_TOLERANCE = 5e-5
_EPS_TRACK_SCORE_TOLERANCE = 2e-3
_MEAN_TOLERANCE = 1e-5
_SQUARE_NOTE = 'stored for information; the package has no loader for squares'


def check(path: Path, device: str = 'cpu') -> Iterator[dict[str, Any]]:
    """Yield a line for each output that the file holds; whole networks run on the device."""
    stored, metadata = _read(path)
    kind = _kind(stored)
    note = ''
    try:
        with torch.inference_mode():
            outputs = _compute(kind, stored, metadata, device)
    except (VggtRosError, GoldenError, LookupError, ValueError, RuntimeError) as error:
        outputs, note = {}, f'{type(error).__name__}: {error}'
    for name in sorted(stored):
        if not _is_input(kind, name):
            line = _compare(kind, name, stored[name], outputs.get(name), note)
            yield {'file': str(path), 'name': name, **line}


def main(paths: Sequence[str]) -> int:
    """Check files and print a line per output; return the exit status."""
    if not paths:
        sys.stderr.write('usage: check_golden.py FILE...\n')
        return 2
    is_ok = True
    for path in paths:
        try:
            lines = list(check(Path(path)))
        except (OSError, SafetensorError, GoldenError) as error:
            lines = []
            note = f'{type(error).__name__}: {error}'
        else:
            note = 'the file holds no output'
        for line in lines or [{'file': path, 'name': None, **_failure(None, note)}]:
            sys.stdout.write(json.dumps(line) + '\n')
            is_ok = is_ok and line['ok']
        sys.stdout.flush()
    return 0 if is_ok else 1


def _read(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    with safe_open(path, framework='np') as file:
        return {key: file.get_tensor(key) for key in file.keys()}, file.metadata() or {}  # noqa: SIM118


def _kind(stored: Mapping[str, np.ndarray]) -> str:
    if 'images' in stored:
        return 'network'
    if any(name.startswith('src.') for name in stored):
        return 'preprocess'
    if UNIT_INPUTS & set(stored):
        return 'units'
    if EPS_INPUTS & set(stored):
        return 'eps_probe'
    raise GoldenError('the file has the inputs of no known kind of golden file')


def _is_input(kind: str, name: str) -> bool:
    if kind == 'preprocess':
        return name.startswith('src.')
    return name in {'network': INPUTS, 'units': UNIT_INPUTS, 'eps_probe': EPS_INPUTS}[kind]


def _compute(
    kind: str, stored: dict[str, np.ndarray], metadata: dict[str, str], device: str
) -> dict[str, Any]:
    compute = {
        'network': partial(network_outputs, device=device),
        'preprocess': image_outputs,
        'units': unit_outputs,
        'eps_probe': eps_outputs,
    }[kind]
    return {name: np.asarray(output) for name, output in compute(stored, metadata).items()}


def _compare(
    kind: str, name: str, expected: np.ndarray, found: np.ndarray | None, note: str
) -> dict[str, Any]:
    if kind == 'preprocess' and name.startswith('square.'):
        return {'max_abs_error': None, 'tolerance': None, 'ok': True, 'note': _SQUARE_NOTE}
    tolerance = _tolerance(kind, name, expected)
    if found is None or tolerance is None:
        return _failure(tolerance, note or 'nothing that is computed has this name')
    if found.shape != expected.shape:
        return _failure(tolerance, f'the shape is {found.shape}, stored is {expected.shape}')
    error = np.abs(found.astype(np.float64) - expected.astype(np.float64)).max(initial=0.0)
    if not np.isfinite(error):
        return _failure(tolerance, 'there are values that are not finite')
    return {'max_abs_error': float(error), 'tolerance': tolerance, 'ok': bool(error <= tolerance)}


def _failure(tolerance: float | None, note: str) -> dict[str, Any]:
    return {'max_abs_error': None, 'tolerance': tolerance, 'ok': False, 'note': note}


def _tolerance(kind: str, name: str, expected: np.ndarray) -> float | None:
    if kind == 'units':
        return _UNIT_TOLERANCE
    if kind == 'preprocess':
        return _MEAN_TOLERANCE if name.endswith('.mean') else 0.0
    if kind == 'eps_probe':
        is_score = name in ('tracker.vis', 'tracker.conf')
        relative = _EPS_TRACK_SCORE_TOLERANCE if is_score else _EPS_TOLERANCE
        return relative * float(expected.std(dtype=np.float64))
    if match := re.fullmatch(r'track\.(\d+)', name):
        return _TRACK_TOLERANCES[min(int(match[1]), len(_TRACK_TOLERANCES) - 1)]
    for pattern, tolerance in _NETWORK_TOLERANCES:
        if re.fullmatch(pattern, name):
            return tolerance
    return None


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
