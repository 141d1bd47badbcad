"""One setting: its default with what a person and ROS need to know about it."""

from __future__ import annotations

from dataclasses import dataclass, field
import math
from typing import Any

from vggt_ros.errors import ConfigError

_METADATA_KEY = 'parameter'


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """What is known about a setting beside its name and default.

    Attributes:
        description: One sentence, shown by `ros2 param describe` and in the docs.
        unit: Unit of the value, empty for pure numbers, switches and names.
        minimum: Smallest allowed value, None for no limit.
        maximum: Largest allowed value, None for no limit.
        choices: The only values allowed, empty for no restriction.
        read_only: True if the value is taken at start-up and cannot be changed afterwards.
    """

    description: str
    unit: str = ''
    minimum: int | float | None = None
    maximum: int | float | None = None
    choices: tuple[str, ...] = ()
    read_only: bool = False

    def check(self, name: str, value: bool | int | float | str) -> None:
        """Raise ConfigError, naming the limit, if `value` is not allowed for setting `name`."""
        if self.choices and value not in self.choices:
            raise ConfigError(f'{name} must be one of {", ".join(self.choices)}; got {value!r}')
        if isinstance(value, (str, bool)):
            return
        low = -math.inf if self.minimum is None else self.minimum
        high = math.inf if self.maximum is None else self.maximum
        if not (math.isfinite(value) and low <= value <= high):
            raise ConfigError(f'{name} must be in {low:g}..{high:g}; got {value!r}')


def parameter(
    default: bool | int | float | str,
    description: str,
    *,
    unit: str = '',
    minimum: int | float | None = None,
    maximum: int | float | None = None,
    choices: tuple[str, ...] = (),
    read_only: bool = False,
) -> Any:
    """Declare a dataclass field as a setting; see `Parameter` for the arguments.

    Typed `Any` like `dataclasses.field`: the value is a field here and a setting in instances.
    """
    about = Parameter(
        description=description,
        unit=unit,
        minimum=minimum,
        maximum=maximum,
        choices=choices,
        read_only=read_only,
    )
    return field(default=default, metadata={_METADATA_KEY: about})


def parameter_of(metadata: Any) -> Parameter | None:
    """Return the `Parameter` in a dataclass field's metadata, None for a plain field."""
    about = metadata.get(_METADATA_KEY)
    return about if isinstance(about, Parameter) else None
