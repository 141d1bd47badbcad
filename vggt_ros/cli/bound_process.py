"""Bound process: a module that runs as a program and ends with its parent, however that ends.

    python -m vggt_ros.cli.bound_process PARENT_PID MODULE ARGUMENTS...

On Linux the kernel sends it SIGTERM when the parent is gone, also when that was killed; elsewhere
it runs unbound.
"""

from __future__ import annotations

import ctypes
import os
import runpy
import signal
import sys

_PR_SET_PDEATHSIG = 1


def bind_to_parent(parent_pid: int) -> bool:
    """Ask for SIGTERM at the end of the thread that started this process; True if it will come.

    Args:
        parent_pid: The process that started this one; if it is gone already, this one ends, too.
    """
    if not sys.platform.startswith('linux'):
        return False
    is_bound = ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0) == 0
    if os.getppid() != parent_pid:
        os.kill(os.getpid(), signal.SIGTERM)
    return is_bound


def main() -> None:
    """Run the module that the words name."""
    parent_pid, module, *arguments = sys.argv[1:]
    bind_to_parent(int(parent_pid))
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name='__main__', alter_sys=True)


if __name__ == '__main__':
    main()
