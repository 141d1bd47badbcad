"""Disk sync: what was written is on the disk, and not only said to be."""

from __future__ import annotations

import errno
import os
from pathlib import Path

# What file systems say that have nothing to do for a folder.
_NO_FSYNC = {errno.EINVAL, errno.ENOTSUP}


def sync_folder(folder: Path) -> None:
    """Bring all files below to the disk: some disks say only now that they are full.

    Raises:
        OSError: The disk is full, or cannot be written.
    """
    for parent, _, names in os.walk(folder):
        for name in names:
            descriptor = os.open(Path(parent, name), os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        sync_entries(Path(parent))


def sync_entries(folder: Path) -> None:
    """Bring the names in a folder to the disk, so that a rename outlives a loss of power.

    Raises:
        OSError: The disk cannot be written.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_FSYNC:
            raise
    finally:
        os.close(descriptor)
