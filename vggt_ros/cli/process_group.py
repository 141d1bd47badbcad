"""Child processes that live and die with a block of code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
import os
from pathlib import Path
import signal
import subprocess
import sys
import threading
from types import FrameType, TracebackType
from typing import Any

_POLITE_S = 10.0  # after SIGINT; the node may be inside a forward pass
_TAIL_LINES = 25
_BOUND = 'vggt_ros.cli.bound_process'


class ProcessGroup:
    """Starts Python modules as processes and stops them, newest first, when the block ends.

    Each child writes its output to `<name>.log` in the log folder, unless it is piped. Children
    end, too, if this process is killed, or the thread that started them ends (`bound_process`).
    SIGTERM ends the block as Ctrl-C does.
    """

    def __init__(self, log_folder: Path, environment: Mapping[str, str]) -> None:
        self._log_folder = log_folder
        self._environment = dict(environment)
        self._children: dict[str, subprocess.Popen[str]] = {}
        self._before: Any = None

    def __enter__(self) -> ProcessGroup:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGTERM, _interrupt)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for name in reversed(list(self._children)):
            self.stop(name)
        if self._before is not None:
            signal.signal(signal.SIGTERM, self._before)

    def start(
        self, name: str, module: str, arguments: Sequence[str], *, piped: bool = False
    ) -> subprocess.Popen[str]:
        """Run `python -m module arguments`.

        Args:
            name: Name of the child in this group and of its log file.
            module: Module to run with this interpreter.
            arguments: Its command line.
            piped: True to read the child's standard output from the returned process.
        """
        with self.log_path(name).open('w') as log, _listening_to_sigint():
            # A session of its own: Ctrl-C reaches this process only, which stops the others.
            child = subprocess.Popen(
                [sys.executable, '-m', _BOUND, str(os.getpid()), module, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if piped else log,
                stderr=log,
                text=True,
                env=self._environment,
                start_new_session=True,
            )
        self._children[name] = child
        return child

    def stop(self, name: str) -> int:
        """Ask a child to end with SIGINT, kill it if it does not; return its exit code."""
        child = self._children[name]
        if child.poll() is None:
            child.send_signal(signal.SIGINT)
            try:
                child.wait(_POLITE_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        return child.returncode

    def log_path(self, name: str) -> Path:
        """Return where the child's output goes."""
        return self._log_folder / f'{name}.log'

    def log_tail(self, name: str) -> str:
        """Return the last lines a child wrote."""
        lines = self.log_path(name).read_text(errors='replace').splitlines()
        return '\n'.join(lines[-_TAIL_LINES:])


@contextmanager
def _listening_to_sigint() -> Iterator[None]:
    """Start children that SIGINT reaches, even if this process was told to ignore it.

    A shell tells that to what it starts in the background, and children inherit it.
    """
    is_ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    if not is_ignored or threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may change what a signal does
        return
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
