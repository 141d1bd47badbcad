"""Number history: what a node said of itself over the last minutes, for plots."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
import math

from jaxtyping import Float
import numpy as np


class NumberHistory:
    """Some numbers by name at the same times, from when all of them are known."""

    def __init__(self, names: tuple[str, ...], max_samples: int) -> None:
        """Start empty.

        Args:
            names: Keys of the numbers that are kept.
            max_samples: The oldest go when there are more.
        """
        self.names = names
        self._rows: deque[tuple[float, ...]] = deque(maxlen=max_samples)

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, now_s: float, said: Mapping[str, str]) -> None:
        """Take what was said at a time; nothing if one of the numbers was not."""
        numbers = [_number(said.get(name, '')) for name in self.names]
        if all(map(math.isfinite, numbers)):
            self._rows.append((now_s, *numbers))

    def columns(self) -> tuple[Float[np.ndarray, ' n'], ...]:
        """Return seconds before the newest sample, at most 0, and each number."""
        table = np.array(self._rows, dtype=np.float64).reshape(-1, 1 + len(self.names))
        times = table[:, 0] - (table[-1, 0] if len(table) else 0.0)
        return (times, *table[:, 1:].T.copy())


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
