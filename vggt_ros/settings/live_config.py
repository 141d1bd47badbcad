"""Live settings: the one place where the settings in force are kept."""

from __future__ import annotations

from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.parameter_tree import check_changes


class LiveConfig:
    """Shared by all that follow changes while running; they read it whenever they need a setting.

    Attributes:
        value: The settings in force; a frozen tree, so that who took it has one state of it.
    """

    def __init__(self, value: VggtConfig) -> None:
        """Start with these settings."""
        self.value = value

    def change(self, value: VggtConfig) -> None:
        """Put other settings in force.

        Raises:
            ConfigError: A setting differs that cannot change while running; none is taken.
        """
        check_changes(self.value, value)
        self.value = value
