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
        for path in [*(Path(parent, name) for name in names), Path(parent)]:
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            except OSError as error:
                if not (path.is_dir() and error.errno in _NO_FSYNC):
                    raise
            finally:
                os.close(descriptor)
