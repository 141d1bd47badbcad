"""Run folder: what a run leaves behind, complete under its name or not there.

Files are written into `NAME.part` beside it, which stays when a run is ended in the middle, so
that `--resume` finds what was done.
"""

from __future__ import annotations

import errno
import fcntl
from itertools import count
import os
from pathlib import Path
import secrets
import shutil

from vggt_ros.errors import ConfigError, SaveError
from vggt_ros.mapping.export.disk_sync import sync_folder
from vggt_ros.mapping.export.latest_link import point_latest


class RunFolder:
    """The folder of one run; locked while it is written.

    Attributes:
        path: Where to write until `publish`.
        target: What it will be named.
        is_resumed: Whether an earlier run had begun it.
    """

    def __init__(self, target: Path, *, resume: bool = False, overwrite: bool = False) -> None:
        """Make `NAME.part`, or go on with the one that is there.

        Args:
            target: The name; its parent is made if it is not there.
            resume: Go on with what a run that did not finish left.
            overwrite: Replace a finished folder of that name, and begin anew where a run did not
                finish.

        Raises:
            ConfigError: There is such a folder, or such a rest of a run, and nothing says what to
                do about it.
            SaveError: It cannot be written.
        """
        self.target = target.expanduser().absolute()
        self.path = self.target.with_name(self.target.name + '.part')
        self._overwrite = overwrite
        self._descriptor = -1
        if os.path.lexists(self.target) and not overwrite:
            raise ConfigError(
                f'{self.target} is there already; give another --out, or --overwrite to replace it'
            )
        self.is_resumed = self.path.is_dir()
        if self.is_resumed and not (resume or overwrite):
            raise ConfigError(
                f'a run that did not finish left {self.path}; give --resume to go on with it, or '
                f'--overwrite to begin anew'
            )
        try:
            self._open(begin_anew=overwrite and not resume)
        except OSError as error:
            raise save_error(self.path, error) from error

    def clear(self, keep: str) -> None:
        """Remove all files but those of one folder in it: they are written again."""
        for entry in self.path.iterdir():
            if entry.name != keep:
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()

    def publish(self) -> Path:
        """Bring all files to the disk, give the folder its name and let `latest` point to it.

        Raises:
            SaveError: The disk is full, or does not let itself be written.
        """
        try:
            sync_folder(self.path)
            old = self.target.with_name(f'.{self.target.name}.{secrets.token_hex(4)}.old')
            is_there = os.path.lexists(self.target)
            if is_there:
                if not self._overwrite:
                    raise FileExistsError(errno.EEXIST, 'it is there now')
                self.target.rename(old)
            self.path.rename(self.target)
            if is_there:
                shutil.rmtree(old, ignore_errors=True)
            point_latest(self.target.parent, self.target.name)
        except OSError as error:
            raise save_error(self.target, error) from error
        finally:
            self.close()
        return self.target

    def discard(self) -> None:
        """Remove it: there is nothing to go on with."""
        shutil.rmtree(self.path, ignore_errors=True)
        self.close()

    def close(self) -> None:
        """Let go of the folder, as it is; again is harmless."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _open(self, *, begin_anew: bool) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EWOULDBLOCK, errno.EAGAIN):
                self.close()
                raise ConfigError(
                    f'another run writes into {self.path}; wait for it, or give another --out'
                ) from error
        if begin_anew and self.is_resumed:
            self.clear(keep='')
            self.is_resumed = False
        probe = self.path / '.probe'
        probe.write_bytes(b'')
        probe.unlink()


def free_name(parent: Path, name: str) -> Path:
    """Return `parent/name`, or `name-2`, `name-3`... if that is taken by a finished run."""
    for number in count(1):
        target = parent / (name if number == 1 else f'{name}-{number}')
        if not os.path.lexists(target):
            return target
    raise AssertionError('count() ends')


def save_error(path: Path, error: OSError) -> SaveError:
    """Return a failure to write as a sentence with what to do about it."""
    remedy = 'choose another --out'
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        free_mb = _free_mb(path)
        remedy = f'{free_mb} MB are free there: make room, then go on with --resume'
    elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        remedy = 'choose an --out that may be written'
    return SaveError(f'{path} cannot be written ({error.strerror or error}); {remedy}')


def _free_mb(path: Path) -> int:
    while not path.exists() and path != path.parent:
        path = path.parent
    return shutil.disk_usage(path).free // 1_000_000
