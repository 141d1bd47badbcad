"""Dense 3D maps, camera poses and point tracks from plain cameras in ROS 2, with VGGT.

The names below are for programs without ROS; they are loaded when they are first used, so that
importing the package takes no time.
"""

from typing import Any

__version__ = '0.1.0'

# Where the public names live.
_PUBLIC = {
    'Frame': 'vggt_ros.mapping.frontend.frame',
    'Mapper': 'vggt_ros.mapping.mapper',
    'MapUpdate': 'vggt_ros.mapping.layers.map_update',
    'ModelSettings': 'vggt_ros.settings.config',
    'Predictor': 'vggt_ros.inference.predictor',
    'VggtConfig': 'vggt_ros.settings.config',
    'VggtRosError': 'vggt_ros.errors',
    'map_frames': 'vggt_ros.mapping.offline',
    'map_sequence': 'vggt_ros.offline.map_sequence',
    'open_dataset': 'vggt_ros.sources.dataset_formats',
    'open_sequence': 'vggt_ros.sources.detection',
    'open_source': 'vggt_ros.sources.open',
    'with_values': 'vggt_ros.settings.parameter_tree',
    'write_ply': 'vggt_ros.mapping.export.ply',
}
__all__ = ['__version__', *_PUBLIC]


def __getattr__(name: str) -> Any:
    """Return a public name, loading the module that holds it."""
    if name not in _PUBLIC:
        raise AttributeError(f"module 'vggt_ros' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
