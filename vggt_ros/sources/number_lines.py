"""A text file with the same count of numbers in every line."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from jaxtyping import Float
import numpy as np

from vggt_ros.errors import SourceError

_NS_PER_S = 1_000_000_000
_LARGEST_NS = 2**63 - 1
_BEYOND = 'a stamp is beyond 64 bits of nanoseconds, 292 years'


def read_text(path: Path) -> str:
    """Return the text of a file.

    Raises:
        SourceError: It cannot be read.
    """
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f'{path} cannot be read as text: {error}') from error


def ns_of_seconds(word: str) -> int:
    """Return seconds written as a decimal number in nanoseconds, exactly.

    As floats, seconds of today have no nanoseconds.

    Raises:
        ValueError: It is no number, or beyond the range of stamps.
    """
    try:
        stamp_ns = Decimal(word) * _NS_PER_S
        # Before it becomes an integer, which would have as many digits as its exponent says.
        if not abs(stamp_ns) <= _LARGEST_NS:
            raise ValueError(_BEYOND)
        return int(stamp_ns.to_integral_value())
    except ArithmeticError as error:
        raise ValueError(f'{word!r} is no number of seconds') from error


def checked_ns(stamp_ns: int) -> int:
    """Return a stamp that fits into 64 bits, as those of ROS and numpy do.

    Raises:
        ValueError: It does not.
    """
    if not -_LARGEST_NS <= stamp_ns <= _LARGEST_NS:
        raise ValueError(_BEYOND)
    return stamp_ns


def read_numbers(path: Path, columns: int) -> Float[np.ndarray, 'rows columns']:
    """Read lines of finite numbers between blanks; empty lines do not count.

    Args:
        path: The file.
        columns: Numbers in a line.

    Raises:
        SourceError: The file cannot be read or holds something else.
    """
    try:
        lines = [line.split() for line in read_text(path).splitlines() if line.strip()]
        rows = np.array([[float(word) for word in line] for line in lines], dtype=np.float64)
    except ValueError as error:
        raise SourceError(
            f'{path} cannot be read as lines of {columns} numbers: {error}'
        ) from error
    if rows.ndim != 2 or rows.shape[1] != columns or not np.isfinite(rows).all():
        raise SourceError(
            f'{path} holds numbers of the shape {rows.shape}; give {columns} finite numbers a line'
        )
    return rows
