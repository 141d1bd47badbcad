"""Bounds of a network that a file describes: nothing is built that its tensors could not fill.

What a file says about its network is only numbers: a depth of three million takes hours to build
before the first missing weight is noticed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
import math
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from torch import Tensor

from vggt_ros.model.config import NetworkConfig

# Rounds and reaches have no weights of their own; released networks use a tenth of it.
_MAX_ROUNDS = 64
_MAX_RATIO = 64.0
_MAX_NAME = 64
_BLOCKS = {'depth', 'trunk_depth'}
_ROUNDS = {'iterations', 'corr_levels', 'corr_radius', 'down_ratio', 'stride', 'layers'}


def network_from(values: Any) -> NetworkConfig:
    """Return a network from what JSON made of it; every value has the type of its field.

    Raises:
        TypeError: A value has another type.
        ValueError: A name is unknown, or a number is not finite.
        ConfigError: The values contradict each other.
    """
    network: NetworkConfig = _dataclass_from(NetworkConfig, values)
    return network


def check_bounds(network: NetworkConfig, weights: Mapping[str, Tensor]) -> None:
    """Refuse a network that is larger than the tensors in its file.

    Args:
        network: As the file describes it.
        weights: What is in the file.

    Raises:
        ValueError: A number is beyond what the file can hold.
    """
    widest = max((side for each in weights.values() for side in each.shape), default=0)
    _check(network, '', {'blocks': len(weights), 'width': max(widest, _MAX_ROUNDS)})
    aggregator = network.aggregator
    num_patches = (aggregator.img_size // aggregator.patch_size) ** 2
    if num_patches > max(widest, 1):
        raise ValueError(
            f'aggregator.img_size is {aggregator.img_size}, and no tensor has a row for each of '
            f'{num_patches} patches'
        )


def _check(part: Any, prefix: str, limits: Mapping[str, int]) -> None:
    for item in fields(part):
        name, value = f'{prefix}{item.name}', getattr(part, item.name)
        if is_dataclass(value):
            _check(value, f'{name}.', limits)
            continue
        limit = _limit(item.name, limits)
        for each in value if isinstance(value, tuple) else (value,):
            is_number = isinstance(each, (int, float)) and not isinstance(each, bool)
            if is_number and not abs(each) <= limit:
                raise ValueError(f'{name} is {each:.6g}, at most {limit:g} fits to the tensors')


def _limit(name: str, limits: Mapping[str, int]) -> float:
    if name in _BLOCKS:
        return float(limits['blocks'])
    if name in _ROUNDS:
        return float(_MAX_ROUNDS)
    if name == 'mlp_ratio':
        return _MAX_RATIO
    if name in ('rope_base', 'layer_scale'):
        return math.inf
    # Pixels, not numbers in a tensor: see `check_bounds`.
    return float(limits['width'] ** 2 if name == 'img_size' else limits['width'])


def _dataclass_from(kind: type[Any], values: Any) -> Any:
    """Build a settings dataclass from what `asdict` and JSON made of it; nothing may be left."""
    if not isinstance(values, dict):
        raise TypeError(f'{kind.__name__} is {type(values).__name__}')
    hints = get_type_hints(kind)
    unknown = sorted(set(values) - {item.name for item in fields(kind)})
    if unknown:
        raise ValueError(f'{kind.__name__} has no {", ".join(unknown)[:_MAX_NAME]}')
    arguments = {}
    for name, value in values.items():
        hint = hints[name]
        if is_dataclass(hint):
            arguments[name] = _dataclass_from(hint, value)  # type: ignore[arg-type]
        else:
            arguments[name] = _value(f'{kind.__name__}.{name}', hint, value)
    return kind(**arguments)


def _value(name: str, hint: Any, value: Any) -> Any:
    if get_origin(hint) is tuple:
        if not isinstance(value, list) or len(value) > _MAX_ROUNDS:
            raise TypeError(f'{name} is no short list')
        return tuple(_value(name, get_args(hint)[0], each) for each in value)
    assert not isinstance(hint, UnionType), 'settings of a network have one type each'
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    fits = {
        bool: isinstance(value, bool),
        int: is_whole,
        float: is_whole or isinstance(value, float),
        str: isinstance(value, str),
    }[hint]
    if not fits:
        raise TypeError(f'{name} is {type(value).__name__}, not {hint.__name__}')
    if hint is str and len(value) > _MAX_NAME:
        raise ValueError(f'{name} has {len(value)} characters, at most {_MAX_NAME} are read')
    if hint is float and not math.isfinite(value):
        raise ValueError(f'{name} is {value}')
    return value
