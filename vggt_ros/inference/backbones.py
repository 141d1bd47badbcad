"""Backbones by name: those of the package, and those that other packages bring."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points

from vggt_ros.errors import ConfigError
from vggt_ros.inference.backbone import Backbone
from vggt_ros.inference.predictor import Predictor
from vggt_ros.settings.config import ModelSettings

# A package registers a function from ModelSettings to a Backbone in this group of entry points.
ENTRY_POINTS = 'vggt_ros.predictors'

_BUILT_IN: dict[str, Callable[[ModelSettings], Backbone]] = {'vggt': Predictor.load}


def backbone_names() -> tuple[str, ...]:
    """Return the names that `model.backbone` may have, sorted; what they name may not load."""
    return tuple(sorted({*_BUILT_IN, *(each.name for each in entry_points(group=ENTRY_POINTS))}))


def load_backbone(settings: ModelSettings) -> Backbone:
    """Load the weights that the settings name into the network that `model.backbone` names.

    The package's own names cannot be taken over by another package.

    Raises:
        ConfigError: There is no such backbone, or what a package registers is none.
        CheckpointError: The weights cannot be had; the subclass says why.
        DeviceError: The device or the precision is not available.
    """
    name = settings.backbone
    load = _BUILT_IN.get(name)
    if load is None:
        load = _registered(name)
    found = load(settings)
    missing = [
        each
        for each in ('capabilities', 'description', 'encode', 'predict', 'park', 'unpark', 'close')
        if not hasattr(found, each)
    ]
    if missing:
        raise ConfigError(
            f'model.backbone {name!r} gives a {type(found).__name__} without '
            f'{", ".join(missing)}; see vggt_ros.inference.backbone.Backbone'
        )
    return found


def _registered(name: str) -> Callable[[ModelSettings], Backbone]:
    for each in entry_points(group=ENTRY_POINTS):
        if each.name == name:
            try:
                load = each.load()
            except Exception as error:
                raise ConfigError(
                    f'model.backbone {name!r} is {each.value}, which cannot be imported: {error}; '
                    f'install what it needs, or choose another one'
                ) from error
            if not callable(load):
                raise ConfigError(
                    f'model.backbone {name!r} is {each.value}, which cannot be called; it must be '
                    f'a function from ModelSettings to a Backbone'
                )
            return load
    raise ConfigError(
        f'model.backbone {name!r} is not known; known are {", ".join(backbone_names())}; a '
        f'package registers one in the group {ENTRY_POINTS} of its entry points'
    )
