"""A tree of settings as flat ROS parameters: dotted names, checked changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from vggt_ros.errors import ConfigError
from vggt_ros.settings.parameter import Parameter, parameter_of

_Settings = TypeVar('_Settings')


def iterate_parameters(node: Any, prefix: str = '') -> Iterator[tuple[str, Any, Parameter]]:
    """Yield (dotted name, value, about) of every setting below a settings dataclass, in order."""
    for item in fields(node):
        name, value = f'{prefix}{item.name}', getattr(node, item.name)
        if is_dataclass(value):
            yield from iterate_parameters(value, f'{name}.')
        else:
            about = parameter_of(item.metadata)
            assert about is not None, f'{name} is not declared with parameter()'
            yield name, value, about


def values_of(node: Any) -> dict[str, Any]:
    """Return the value of every setting below a settings dataclass by its dotted name."""
    return {name: value for name, value, _ in iterate_parameters(node)}


def with_values(config: _Settings, values: Mapping[str, Any]) -> _Settings:
    """Return `config` with the named settings replaced, all of them or none.

    Args:
        config: The settings to start from; it is not changed.
        values: New values by dotted name.

    Raises:
        ConfigError: A name is unknown, a value has the wrong type or is out of range, or the
            values contradict each other.
    """
    known = {name: (value, about) for name, value, about in iterate_parameters(config)}
    checked: dict[str, Any] = {}
    for name, value in values.items():
        if name not in known:
            raise ConfigError(f'there is no parameter {name}; `ros2 param list` shows all of them')
        old, about = known[name]
        if isinstance(old, float) and type(value) is int:
            value = float(value)
        if value is False and 'off' in about.choices:
            value = 'off'  # what YAML takes the word off for where it has no quotes
        if type(value) is not type(old):
            raise ConfigError(
                f'{name} must be of type {type(old).__name__}; got {value!r} '
                f'of type {type(value).__name__}'
            )
        about.check(name, value)
        checked[name] = value
    replaced: _Settings = _replaced(config, checked)
    return replaced


def check_changes(old: object, new: object) -> None:
    """Raise ConfigError, naming the setting, if a read-only setting differs."""
    pairs = zip(iterate_parameters(old), iterate_parameters(new), strict=True)
    for (name, before, about), (_, after, _) in pairs:
        if about.read_only and after != before:
            raise ConfigError(
                f'{name} is taken at start-up and cannot change from {before!r} to {after!r}; '
                'start again with the new value'
            )


def _replaced(node: Any, values: Mapping[str, Any]) -> Any:
    own = {name: value for name, value in values.items() if '.' not in name}
    rooms: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        if '.' in name:
            room, rest = name.split('.', 1)
            rooms.setdefault(room, {})[rest] = value
    inner = {room: _replaced(getattr(node, room), rest) for room, rest in rooms.items()}
    return replace(node, **own, **inner)
