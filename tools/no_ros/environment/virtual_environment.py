"""One virtual environment on disk, and whether it can be trusted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
import fcntl
import os
from pathlib import Path
import shutil
import subprocess
import sys


class VirtualEnvironment:
    """A folder made by `python -m venv`, and what is installed into it.

    Two files in the folder say what state it is in: `complete` holds the fingerprint of what it
    was made from, and `unfinished` is there while pip is at work. Who finds `unfinished` knows
    that pip was killed, and that any package in the folder may be half a package.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.python = folder / 'bin' / 'python'
        self.constraints = folder / 'constraints.txt'
        self._complete = folder / 'complete'
        self._unfinished = folder / 'unfinished'

    def is_complete(self, fingerprint: str) -> bool:
        """Tell whether the folder was finished with the same inputs."""
        if self._unfinished.exists() or not self.python.exists():
            return False
        return self._complete.exists() and self._complete.read_text() == fingerprint

    def is_finished(self) -> bool:
        """Tell whether the folder was finished at all, with whatever inputs."""
        return self._complete.exists() and not self._unfinished.exists()

    def packages(self) -> Path:
        """Return the folder of what pip installs.

        Raises:
            OSError: The environment cannot tell.
        """
        told = answer(self.python, "import sysconfig; print(sysconfig.get_path('purelib'))")
        if told is None:
            raise OSError(f'{self.python} does not run')
        return Path(told)

    @contextmanager
    def work(self, fingerprint: str, *, sees_system: bool) -> Iterator[None]:
        """Make the folder where it is needed, let the block install, then call it complete.

        If the block raises CalledProcessError the next try goes on from there: pip undoes what
        it cannot finish. After anything else the next try starts with an empty folder.

        Args:
            fingerprint: Identifies the inputs the block works from.
            sees_system: True if packages of the interpreter itself shall be importable.
        """
        if self._is_usable(sees_system=sees_system):
            self._complete.unlink(missing_ok=True)
            self._unfinished.touch()
        else:
            self._create(sees_system=sees_system)
        try:
            yield
        except subprocess.CalledProcessError:
            self._unfinished.unlink()
            raise
        self._complete.write_text(fingerprint)
        self._unfinished.unlink()

    def try_pip(self, arguments: Sequence[str]) -> bool:
        """Install something without a word; return False if that failed."""
        return (
            subprocess.run(self._pip(arguments), capture_output=True, check=False).returncode == 0
        )

    def pip(self, arguments: Sequence[str]) -> None:
        """Install something.

        Raises:
            CalledProcessError: It failed; pip has said why.
        """
        run(self._pip(arguments))

    def _create(self, *, sees_system: bool) -> None:
        if self.folder.exists():
            shutil.rmtree(self.folder)
        self.folder.mkdir(parents=True)
        self._unfinished.touch()  # before venv starts: it can be interrupted, too
        options = ['--system-site-packages'] if sees_system else []
        run([sys.executable, '-m', 'venv', *options, str(self.folder)])

    def _pip(self, arguments: Sequence[str]) -> list[str]:
        command = [str(self.python), '-m', 'pip', '--disable-pip-version-check', 'install', '-qq']
        return [*command, '-c', str(self.constraints), *arguments]

    def _is_usable(self, *, sees_system: bool) -> bool:
        settings = self.folder / 'pyvenv.cfg'
        if self._unfinished.exists() or not settings.exists():
            return False
        wanted = f'include-system-site-packages = {str(sees_system).lower()}'
        has_setting = wanted in settings.read_text()
        return has_setting and answer(self.python, 'import pip, sys; print(sys.version)') == (
            sys.version
        )


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Wait until no other process is in such a block for the same folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def answer(python: Path, program: str) -> str | None:
    """Return what a short program prints on an interpreter, None if it fails there."""
    try:
        asked = subprocess.run(
            [str(python), '-c', program], capture_output=True, text=True, check=False
        )
    except OSError:
        return None
    return asked.stdout.strip() if asked.returncode == 0 else None


def run(command: Sequence[str]) -> None:
    """Run a command with its output on the screen; raise CalledProcessError if it fails."""
    subprocess.run(command, check=True)
