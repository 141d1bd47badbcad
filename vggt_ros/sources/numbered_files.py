"""Numbered files: files of a folder in the order of the numbers in their names."""

from __future__ import annotations

from pathlib import Path
import re

from vggt_ros.errors import SourceError

Number = tuple[int, ...]


def number_of(file: Path) -> Number:
    """Return the numbers in a file's name, in their order: 10 comes after 9."""
    return tuple(int(digits) for digits in re.findall(r'\d+', file.stem))


def numbered_files(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    """Return the files with one of these endings, ordered by the numbers in their names.

    Args:
        folder: Not its subfolders, and not what begins with a dot.
        suffixes: Lower case, with a dot.

    Raises:
        SourceError: There is none.
    """
    files = [file for file in folder.glob('[!.]*') if file.suffix.lower() in suffixes]
    if not files:
        raise SourceError(
            f'there are no files {", ".join(f"*{s}" for s in suffixes)} in {folder}; see '
            f'docs/inputs.md'
        )
    return sorted(files, key=lambda file: (number_of(file), file))


def by_number(files: list[Path]) -> dict[Number, Path]:
    """Return files by the numbers in their names.

    Raises:
        SourceError: Two have the same.
    """
    found: dict[Number, Path] = {}
    for file in files:
        other = found.setdefault(number_of(file), file)
        if other is not file:
            raise SourceError(
                f'{other.name} and {file.name} in {file.parent} have the same number; keep one'
            )
    return found
