"""How much memory this process holds."""

from __future__ import annotations

import os
from pathlib import Path

_STATM = Path('/proc/self/statm')
_BYTES_PER_MB = 1e6


def resident_mb() -> float:
    """Return the resident memory of this process in MB, NaN where /proc does not say it."""
    try:
        pages = int(_STATM.read_text().split()[1])
    except OSError:
        return float('nan')
    return pages * os.sysconf('SC_PAGE_SIZE') / _BYTES_PER_MB
