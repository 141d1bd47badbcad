"""Settings on the command line: `--set keyframe.min_parallax=0` and the like."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from vggt_ros.errors import ConfigError
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.parameter_tree import values_of, with_values

_TRUTH = {'true': True, '1': True, 'false': False, '0': False}
_READ: dict[type, Callable[[str], Any]] = {
    bool: lambda word: _TRUTH[word.lower()],
    int: int,
    float: float,
    str: str,
}


def with_words(config: VggtConfig, words: Sequence[str]) -> VggtConfig:
    """Return `config` with settings replaced.

    Args:
        config: The settings to start from.
        words: `name=value` each, values as in YAML.

    Raises:
        ConfigError: A word has no `=`, a name is unknown, or a value has the wrong type or is out
            of range.
    """
    kinds = {name: type(value) for name, value in values_of(config).items()}
    values = {}
    for word in words:
        name, equals, value = word.partition('=')
        if not equals:
            raise ConfigError(f'--set needs name=value; got {word!r}')
        kind = kinds.get(name, str)
        try:
            values[name] = _READ[kind](value)
        except (KeyError, ValueError) as error:
            raise ConfigError(f'{name} must be of type {kind.__name__}; got {value!r}') from error
    return with_values(config, values)
