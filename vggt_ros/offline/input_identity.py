"""Input identity: what tells that an input is the one that a run was made of."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from vggt_ros.errors import SourceError

_ENDS_BYTES = 1 << 20
_CHUNK_BYTES = 1 << 22


def input_identity(path: Path) -> dict[str, Any]:
    """Return number, size and a digest of what is at a path; files are not read whole.

    Of a folder the digest is of names, sizes and times of its files; of a file of its size and its
    first and last mebibyte.

    Raises:
        SourceError: It cannot be read.
    """
    try:
        if path.is_file():
            return _of_file(path)
        return _of_folder(path)
    except OSError as error:
        raise SourceError(
            f'{path} cannot be read ({error.strerror or error}); check its name and permissions'
        ) from error


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a whole file, in hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open('rb') as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _of_file(path: Path) -> dict[str, Any]:
    size = path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with path.open('rb') as file:
        digest.update(file.read(_ENDS_BYTES))
        file.seek(max(0, size - _ENDS_BYTES))
        digest.update(file.read(_ENDS_BYTES))
    return {'num_files': 1, 'num_bytes': size, 'sha256': digest.hexdigest()}


def _of_folder(path: Path) -> dict[str, Any]:
    lines, total = [], 0
    for parent, folders, names in os.walk(path):
        folders.sort()
        for name in sorted(names):
            file = Path(parent, name)
            found = file.stat()
            total += found.st_size
            lines.append(f'{file.relative_to(path)} {found.st_size} {found.st_mtime_ns}')
    digest = hashlib.sha256('\n'.join(lines).encode('utf-8', 'surrogateescape'))
    return {'num_files': len(lines), 'num_bytes': total, 'sha256': digest.hexdigest()}
