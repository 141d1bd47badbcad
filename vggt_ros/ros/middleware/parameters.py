"""The tree of settings as ROS parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rclpy.node import Node
from rclpy.parameter import Parameter as RosParameter

from vggt_ros.errors import ConfigError
from vggt_ros.settings.parameter import Parameter
from vggt_ros.settings.parameter_tree import iterate_parameters, with_values

ConfigT = TypeVar('ConfigT')

# Parameters that rclpy itself declares, or will declare when a publisher asks for them.
_STANDARD = ('use_sim_time', 'start_type_description_service', 'enable_logger_service')
_STANDARD_PREFIXES = ('qos_overrides.',)


class ParameterServer(Generic[ConfigT]):
    """Declares every setting of a tree on a node and keeps the settings that are in force.

    Attributes:
        config: The settings in force; replaced, never changed, so that it can be handed around.
    """

    def __init__(
        self, node: Node, defaults: ConfigT, on_change: Callable[[ConfigT], None]
    ) -> None:
        """Declare all parameters.

        Args:
            node: The node whose YAML files and command line give the first values.
            defaults: A settings dataclass.
            on_change: Called with all settings after a change at run time was accepted.

        Raises:
            ConfigError: A given parameter is unknown, has the wrong type or is out of range.
        """
        self._on_change = on_change
        self.config = with_values(defaults, _overrides(node))
        for name, value, about in iterate_parameters(self.config):
            # The override is in `value`: an integer in YAML for a float has been widened there.
            node.declare_parameter(name, value, _descriptor(value, about), ignore_override=True)
        self._names = {name for name, _, _ in iterate_parameters(self.config)}
        node.add_on_set_parameters_callback(self._on_set)

    def _on_set(self, parameters: Sequence[RosParameter]) -> SetParametersResult:
        """Accept all changes or none.

        rclpy has already refused what the descriptors forbid (type, range, read-only) and names
        that are not declared; choices and contradictions are left.
        """
        changes = {p.name: p.value for p in parameters if p.name in self._names}
        try:
            config = with_values(self.config, changes)
        except ConfigError as error:
            return SetParametersResult(successful=False, reason=str(error))
        if config != self.config:
            self.config = config
            self._on_change(config)
        return SetParametersResult(successful=True)


def _overrides(node: Node) -> dict[str, Any]:
    # rclpy has no public way to see overrides of parameters that are not declared, and would
    # pass over a misspelt name in silence.
    overrides: dict[str, RosParameter] = node._parameter_overrides
    return {
        name: value.value
        for name, value in overrides.items()
        if name not in _STANDARD and not name.startswith(_STANDARD_PREFIXES)
    }


def _descriptor(value: Any, about: Parameter) -> ParameterDescriptor:
    descriptor = ParameterDescriptor(
        description=f'{about.description} Unit: {about.unit}.'
        if about.unit
        else about.description,
        read_only=about.read_only,
    )
    if about.choices:
        descriptor.additional_constraints = f'One of {", ".join(about.choices)}.'
    if about.minimum is None or about.maximum is None:
        return descriptor
    if isinstance(value, float):
        descriptor.floating_point_range = [
            FloatingPointRange(from_value=float(about.minimum), to_value=float(about.maximum))
        ]
    elif isinstance(value, int) and not isinstance(value, bool):
        descriptor.integer_range = [
            IntegerRange(from_value=int(about.minimum), to_value=int(about.maximum), step=1)
        ]
    return descriptor
