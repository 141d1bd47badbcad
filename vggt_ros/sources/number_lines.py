"""A text file with the same count of numbers in every line."""

from __future__ import annotations

from pathlib import Path

from jaxtyping import Float
import numpy as np

from vggt_ros.errors import SourceError


def read_text(path: Path) -> str:
    """Return the text of a file.

    Raises:
        SourceError: It cannot be read.
    """
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f'{path} cannot be read as text: {error}') from error


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
