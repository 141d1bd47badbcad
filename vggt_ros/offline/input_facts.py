"""Input facts: what is known of a recording before anything is computed, in lines for people."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

_MAX_GAPS = 5


def fact_lines(path: Path, facts: Mapping[str, Any]) -> list[str]:
    """Return the facts of a recording in lines.

    Args:
        path: Where it is.
        facts: Of `FrameSequence.facts`.
    """
    rows = [
        ('cameras', ', '.join(facts['cameras'])),
        ('frames', _known(facts['num_frames'])),
        ('size', 'unknown' if facts['size'] is None else '{} x {}'.format(*facts['size'])),
        ('time', _time(facts)),
        ('K', _intrinsics(facts['intrinsics'])),
        ('truth', _truth(facts)),
        ('depth', _depth(facts['num_depths'])),
    ]
    rows += [('gap', gap) for gap in _gaps(facts['gaps'] or [])]
    rows += [('unusable', f'{count} frames: {name}') for name, count in facts['drops'].items()]
    rows += [('note', note) for note in facts['notes']]
    return [f'{path}: {facts["layout"]}', *(f'{name:<11} {text}' for name, text in rows)]


def _known(number: int | None) -> str:
    return 'known at the end' if number is None else str(number)


def _time(facts: Mapping[str, Any]) -> str:
    if not facts['has_time']:
        return f'not in the files: {facts["rate_hz"]:g} frames a second are assumed'
    if facts['first_stamp_ns'] is None:
        return 'in the files'
    return f'{facts["first_stamp_ns"]} .. {facts["last_stamp_ns"]} ns, {facts["duration_s"]:.3f} s'


def _intrinsics(known: Mapping[str, float] | None) -> str:
    if known is None:
        return 'unknown: it is estimated'
    return ' '.join(f'{name} {value:.2f}' for name, value in known.items())


def _truth(facts: Mapping[str, Any]) -> str:
    if facts['truth'] is None:
        return 'none'
    number = facts['num_true_poses']
    return facts['truth'] if number is None else f'{number} poses: {facts["truth"]}'


def _depth(number: int | None) -> str:
    if number is None:
        return 'known at the end'
    return f'{number} images' if number else 'none'


def _gaps(gaps: list[Mapping[str, float]]) -> list[str]:
    lines = [f'{gap["length_s"]:.3f} s after {gap["after_s"]:.3f} s' for gap in gaps[:_MAX_GAPS]]
    more = len(gaps) - _MAX_GAPS
    return [*lines, f'and {more} more'] if more > 0 else lines
