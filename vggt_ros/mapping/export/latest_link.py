"""Latest link: a name that always leads to the newest of several folders."""

from __future__ import annotations

import errno
import os
from pathlib import Path
import re
import secrets

LATEST = 'latest'
# What file systems of memory cards say.
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.ENOSYS}
_LEFT = re.compile(rf'\.{LATEST}\.[0-9a-f]{{8}}')


def point_latest(folder: Path, name: str) -> None:
    """Let `folder/latest` lead to a folder beside it, at once; what is no link stays as it is.

    Where the file system knows no links there is none.

    Args:
        folder: Holds both.
        name: Of the newest.

    Raises:
        OSError: The folder cannot be written.
    """
    link = folder / LATEST
    if os.path.lexists(link) and not link.is_symlink():
        return
    new = link.with_name(f'.{LATEST}.{secrets.token_hex(4)}')
    try:
        new.symlink_to(name)
    except OSError as error:
        if error.errno in _NO_LINKS:
            return
        raise
    new.replace(link)


def remove_left_links(folder: Path) -> None:
    """Remove what a killed process left of a link that it was about to make.

    Args:
        folder: Holds them; it need not be there.
    """
    try:
        left = [each for each in folder.iterdir() if _LEFT.fullmatch(each.name)]
        for each in left:
            if each.is_symlink():
                each.unlink(missing_ok=True)
    except OSError:
        return
