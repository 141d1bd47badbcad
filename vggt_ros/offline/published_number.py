"""Published numbers: what others report for a sequence, shown where the protocol is the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
import math
from typing import Any

from vggt_ros.errors import ConfigError

# Numbers that can be compared, and the words of a protocol with what they are if left out.
METRICS = (
    'ate_sim3_m',
    'ate_se3_m',
    'rpe_translation_percent',
    'rpe_rotation_deg',
    'depth_abs_rel',
    'depth_delta_125',
)
_SELECTION: dict[str, Any] = {
    'start': 0.0, 'stop': None, 'every': 1, 'fps': None, 'max_frames': None
}  # fmt: skip
_WORDS = 'name', 'value', 'source', 'metric', 'protocol'
# Over which poses errors are taken: those of the table are over all frames.
_FRAMES = 'all'


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedNumber:
    """A number of another system.

    Attributes:
        name: Of the system.
        value: The number.
        source: Where it is published.
        metric: One of `METRICS`.
        protocol: `frames` (`all` or `keyframes`), and which part of the recording: `start`,
            `stop`, `every`, `fps`, `max_frames`, as in the list.
    """

    name: str
    value: float
    source: str
    metric: str
    protocol: Mapping[str, Any]

    def why_not(self, opening: Mapping[str, Any]) -> str:
        """Return why it cannot stand beside a run; empty if it can.

        Args:
            opening: Arguments of `open_sequence` of the run.
        """
        if self.protocol['frames'] != _FRAMES:
            return f'it is over {self.protocol["frames"]}, the errors here are over all frames'
        names = {'start': 'start_s', 'stop': 'stop_s'}
        for word, usual in _SELECTION.items():
            theirs = self.protocol.get(word, usual)
            ours = opening.get(names.get(word, word), usual)
            if theirs != ours:
                return f'{word} is {theirs} there and {ours} here'
        return ''


def published_numbers(told: Any, where: str) -> tuple[PublishedNumber, ...]:
    """Return the numbers of a sequence of a list.

    Args:
        told: What the list has as `published`; None for nothing.
        where: For errors.

    Raises:
        ConfigError: A word is missing, unknown or no number.
    """
    if told is None:
        return ()
    if not isinstance(told, list):
        raise ConfigError(f'published of {where} must be a list; got {told!r}')
    return tuple(_number(each, f'published of {where}') for each in told)


def _number(told: Any, where: str) -> PublishedNumber:
    if not isinstance(told, dict) or set(told) != set(_WORDS):
        raise ConfigError(f'{where} must have {", ".join(_WORDS)}; got {told!r}')
    if not (isinstance(told['source'], str) and told['source'].strip()):
        raise ConfigError(f'{where} has no source; say where {told["name"]} is published')
    value = told['value']
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ConfigError(f'{where} has the value {value!r}; it must be a number')
    if told['metric'] not in METRICS:
        raise ConfigError(f'{where} has no metric {told["metric"]!r}; it is {", ".join(METRICS)}')
    protocol = told['protocol']
    if not isinstance(protocol, dict) or protocol.get('frames') not in (_FRAMES, 'keyframes'):
        raise ConfigError(
            f'{where} must say in its protocol whether errors are over `frames: all` or `frames: '
            f'keyframes`; got {protocol!r}'
        )
    unknown = sorted(set(protocol) - {'frames', *_SELECTION})
    if unknown:
        known = ', '.join(('frames', *_SELECTION))
        raise ConfigError(f'{where} has the protocol {", ".join(unknown)}; known are {known}')
    return PublishedNumber(
        name=str(told['name']),
        value=float(value),
        source=told['source'].strip(),
        metric=told['metric'],
        protocol=protocol,
    )
