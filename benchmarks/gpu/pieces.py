"""Files cut into pieces that are small enough to be carried, and joined again."""

from __future__ import annotations

from pathlib import Path

MAX_BYTES = 15_000_000


def cut(path: Path, max_bytes: int = MAX_BYTES) -> list[Path]:
    """Replace a file that is too large by `NAME.000`, `NAME.001` ...; older pieces go.

    Args:
        path: The file.
        max_bytes: Largest piece.

    Returns:
        The pieces; the file itself if it is small enough.
    """
    for old in _pieces(path):
        old.unlink()
    if path.stat().st_size <= max_bytes:
        return [path]
    pieces: list[Path] = []
    with path.open('rb') as file:
        while data := file.read(max_bytes):
            piece = path.with_name(f'{path.name}.{len(pieces):03d}')
            piece.write_bytes(data)
            pieces.append(piece)
    path.unlink()
    return pieces


def join(path: Path) -> bool:
    """Make a file of its pieces, if there are any; return whether it is there now."""
    pieces = _pieces(path)
    if pieces:
        with path.open('wb') as file:
            for piece in pieces:
                file.write(piece.read_bytes())
    return path.exists()


def _pieces(path: Path) -> list[Path]:
    return sorted(path.parent.glob(f'{path.name}.[0-9][0-9][0-9]'))
