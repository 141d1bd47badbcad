"""`nano` trained on the device for the time that is left: part `train`."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
import json
from pathlib import Path
import subprocess
import sys

from benchmarks.gpu.pieces import cut, join
from benchmarks.gpu.session import Numbers, Step

# Kept for saving, cutting and going home.
_RESERVE_S = 45.0
_MIN_S = 30.0


def steps(device: str, output: Path, start: str) -> Iterator[Step]:
    """Yield the training: one step, which goes on every time.

    Args:
        device: As `model.device`.
        output: Folder of state and weights; pieces of a state that are there are joined first.
        start: Checkpoint to begin with if there is no state.
    """
    yield Step(
        part='train',
        name='nano',
        run=partial(_train, device, output, start),
        needs_s=_RESERVE_S + _MIN_S,
    )


def _train(device: str, output: Path, start: str, left_s: float) -> Numbers:
    output.mkdir(parents=True, exist_ok=True)
    state, log = output / 'state.pt', output / 'log.jsonl'
    goes_on = join(state)
    before = _last(log)
    minutes = (before.get('trained_s', 0.0) + left_s - _RESERVE_S) / 60.0
    how = ['--resume'] if goes_on else ['--start', start]
    command = [
        sys.executable, '-m', 'training.train', '--device', device, '--output', str(output),
        '--minutes', f'{minutes:.3f}', *how,
    ]  # fmt: skip
    done = _run(command, left_s - _RESERVE_S)
    pieces = cut(state) if state.exists() else []
    after = _last(log)
    return {
        'ok': done.returncode == 0 and bool(pieces),
        'again': True,
        'error': '' if done.returncode == 0 else done.stderr[-400:],
        'num_steps': after.get('num_steps', 0),
        'num_frames': after.get('num_frames', 0),
        'new_frames': after.get('num_frames', 0) - before.get('num_frames', 0),
        'pieces': [piece.name for piece in pieces],
    }


def _run(command: list[str], seconds: float) -> subprocess.CompletedProcess[str]:
    """Run a training; where its own clock, which counts processor time, is slower, tell it to end.

    Told to end it saves, which is what the reserve is for.
    """
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    try:
        _, said = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.terminate()
        try:
            _, said = process.communicate(timeout=_RESERVE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            _, said = process.communicate()
    return subprocess.CompletedProcess(command, process.returncode, stderr=said)


def _last(log: Path) -> dict[str, float]:
    """Return the newest losses of a training's log; nothing before the first."""
    if not log.exists():
        return {}
    records = [json.loads(line) for line in log.read_text().splitlines()]
    steps_only = [record for record in records if 'num_frames' in record]
    return steps_only[-1] if steps_only else {}
