"""ROS domain: a number of one's own, so that runs side by side do not hear each other."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
import tempfile

# Of 0..101, which are free on every platform, without the one that everybody is in.
_DOMAINS = range(1, 101)
# The lock is held as long as the file is open: as long as this process lives.
_held: list[int] = []


def claim_domain(folder: Path | None = None) -> int:
    """Return a domain that no other living process got here; the first free one from a pid on.

    Args:
        folder: Where locks are kept, one file for each domain; None for the folder of temporary
            files, shared by the processes of one user.
    """
    if folder is None:
        folder = Path(tempfile.gettempdir()) / f'vggt_ros_domains_{os.getuid()}'
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    first = os.getpid() % len(_DOMAINS)
    for domain in (*_DOMAINS[first:], *_DOMAINS[:first]):
        lock = os.open(folder / str(domain), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            continue
        _held.append(lock)
        return domain
    # A hundred runs at a time: two of them share a domain.
    return _DOMAINS[first]
