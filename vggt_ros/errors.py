"""Errors that vggt_ros raises on purpose.

Every message names the value, the limit and the remedy, so that a log line is enough to act on.
"""

from __future__ import annotations


class VggtRosError(Exception):
    """Base of every error that vggt_ros raises on purpose."""


class ConfigError(VggtRosError):
    """A setting is unknown, out of range or contradicts another."""


class InputError(VggtRosError):
    """An incoming frame cannot be used; it is dropped and counted.

    Attributes:
        reason: Key of the drop counter in the diagnostics, for example `bad_encoding`.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class SourceError(VggtRosError):
    """A folder, video or data set cannot be read."""


class OptionError(SourceError, ConfigError):
    """An option does not fit the recording that it is given for: there is no such topic, say."""


class SaveError(VggtRosError):
    """A map cannot be written: nothing to save, an unusable name, or no room on the disk."""


class SessionError(VggtRosError):
    """A stored map cannot be gone on with: damaged, of another program, or too new."""


class AlignmentError(VggtRosError):
    """Two sets of points, poses or depths do not determine the requested transform."""


class PredictionError(VggtRosError):
    """The network was given something it cannot process, or answered with unusable numbers."""


class VerificationError(VggtRosError):
    """The images do not confirm what is said about them; it is not used."""


class PublishingError(VggtRosError):
    """A message would say what cannot be: not finite, not rigid or beyond all bounds."""


class DeviceMemoryError(PredictionError):
    """The memory of the device does not suffice for what the network was asked."""


class DeviceError(VggtRosError):
    """The requested device or precision is not available on this machine."""


class CheckpointError(VggtRosError):
    """Base of everything that can go wrong while loading weights."""


class CheckpointNotFoundError(CheckpointError):
    """There is no such preset, file or repository."""


class CheckpointUnreachableError(CheckpointError):
    """The hub cannot be reached and the weights are not in the local cache."""


class CheckpointGatedError(CheckpointError):
    """The repository asks for a license or a token that is not there."""


class CheckpointCorruptError(CheckpointError):
    """The file is truncated or is not a weights file."""


class CheckpointKeysError(CheckpointError):
    """The names or shapes in the file are not those of the network."""
