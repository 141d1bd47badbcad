"""The hidden folder that a map is written into before it gets its name: all of a map, or nothing.

It is locked while a process writes, so that it can be told from what a killed process left.
"""

from __future__ import annotations

from collections.abc import Callable
import errno
import fcntl
from itertools import count
import os
from pathlib import Path
import re
import secrets
import shutil
import threading

from vggt_ros.errors import SaveError
from vggt_ros.mapping.export.disk_sync import sync_entries, sync_folder

# What renaming a folder onto something that is there says.
_TAKEN = {errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR}


class PartFolder:
    """A folder `.name.*.part`, locked by this process; any thread may discard it.

    Attributes:
        path: Where to write; it is there until `publish` or `discard`.
    """

    def __init__(self, folder: Path, name: str) -> None:
        """Make and lock it.

        Args:
            folder: Is there.
            name: Of the map.

        Raises:
            OSError: It cannot be made.
        """
        self._name = name
        self._is_over = False
        self._lock = threading.Lock()
        self.path, self._descriptor = _made(folder, name)

    @property
    def is_over(self) -> bool:
        """Whether it has its name, or is gone."""
        return self._is_over

    def publish(self) -> Path:
        """Give the folder the first name that is free, `name`, `name-2`...; return it.

        Raises:
            SaveError: It was discarded.
            OSError: It cannot be renamed.
        """
        with self._lock:
            if self._is_over:
                raise SaveError('the map is not saved: the node ends; nothing was left there')
            target = _rename(self.path, self._name)
            self._close()
            sync_entries(target.parent)
            return target

    def discard(self) -> None:
        """Remove it and what is in it; again, or after `publish`, is harmless."""
        with self._lock:
            if self._is_over:
                return
            # Whoever writes into it may have a file open, and can make no more of them.
            gone = _part_of(self.path.parent, self._name)
            try:
                self.path.rename(gone)
            except OSError:
                gone = self.path
            shutil.rmtree(gone, ignore_errors=True)
            self._close()

    def _close(self) -> None:
        self._is_over = True
        os.close(self._descriptor)


def write_whole(
    folder: Path,
    name: str,
    write: Callable[[Path], object],
    on_begin: Callable[[PartFolder], object],
) -> Path:
    """Write a map, bring it to the disk and only then give it its name; return the new folder.

    Args:
        folder: Is there.
        name: Of the map; the first of `name`, `name-2`... that is free is taken.
        write: Writes the files into the folder it is given.
        on_begin: Told of the hidden folder; to discard it, from any thread, ends the save.

    Raises:
        SaveError: It was discarded.
        OSError: The disk is full or not writable; nothing is left.
    """
    part = PartFolder(folder, name)
    try:
        on_begin(part)
        write(part.path)
        sync_folder(part.path)
        return part.publish()
    finally:
        part.discard()


def remove_leftovers(folder: Path, name: str) -> int:
    """Remove what killed processes left of maps of a name; return how many folders that were.

    Those that a process writes into stay, and those that cannot be removed.

    Args:
        folder: Holds the maps; it need not be there. A leading `~` is the home folder.
        name: Of the maps.
    """
    pattern = re.compile(rf'\.{re.escape(name)}\.[0-9a-f]{{8}}\.part')
    try:
        found = [each for each in folder.expanduser().iterdir() if pattern.fullmatch(each.name)]
    except (OSError, RuntimeError):
        return 0
    return sum(_removed(path) for path in found)


def maps_named(folder: Path, name: str) -> list[Path]:
    """Return the maps of a name, `name`, `name-2`..., that a folder holds; none if it is none."""
    pattern = re.compile(rf'{re.escape(name)}(-[0-9]+)?')
    try:
        return [each for each in folder.iterdir() if pattern.fullmatch(each.name)]
    except OSError:
        return []


def remove_map(folder: Path, name: str) -> None:
    """Remove a map; of a process that is killed meanwhile the next start removes the rest.

    Args:
        folder: The map.
        name: Of the maps that it is one of.
    """
    part = _part_of(folder.parent, name)
    try:
        folder.rename(part)
    except OSError:
        part = folder
    shutil.rmtree(part, ignore_errors=True)


def _removed(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(path)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def _made(folder: Path, name: str) -> tuple[Path, int]:
    while True:
        path = _part_of(folder, name)
        path.mkdir()
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except FileNotFoundError:  # another process took it for a leftover
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EWOULDBLOCK, errno.EAGAIN):
                return path, descriptor  # a file system without locks
            os.close(descriptor)
            continue
        if path.exists():
            return path, descriptor
        os.close(descriptor)


def _part_of(folder: Path, name: str) -> Path:
    return folder / f'.{name}.{secrets.token_hex(4)}.part'


def _rename(part: Path, name: str) -> Path:
    """Give the folder the first name that is free, and return it."""
    for number in count(1):
        target = part.with_name(name if number == 1 else f'{name}-{number}')
        # Renaming would replace an empty folder, hence the look; everything else that is there,
        # or comes to be there after the look, makes it fail.
        if os.path.lexists(target):
            continue
        try:
            part.rename(target)
        except OSError as error:
            if error.errno in _TAKEN:
                continue
            raise
        return target
    raise AssertionError('count() ends')
