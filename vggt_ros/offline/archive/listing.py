"""Listing of an archive: which recordings a file or a folder names."""

from __future__ import annotations

from pathlib import Path

from vggt_ros.errors import SourceError

_YAML = '.yaml', '.yml'


def listed_paths(given: Path) -> list[Path]:
    """Return the recordings that are named, each once, in order.

    Args:
        given: A folder whose children are recordings (hidden ones apart), a YAML list of paths, or
            a text file with one path a line; empty lines and those that begin with `#` count for
            nothing. Paths that are relative are so to the file.

    Raises:
        SourceError: There is no such file or folder, it cannot be read, or names nothing.
    """
    try:
        if given.is_dir():
            found = sorted(path for path in given.iterdir() if not path.name.startswith('.'))
        else:
            text = given.read_text(encoding='utf-8')
            words = _yaml(text, given) if given.suffix.lower() in _YAML else _lines(text)
            found = [given.parent / Path(word).expanduser() for word in words]
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(
            f'{given} cannot be read ({error}); give a folder of recordings, or a list of paths'
        ) from error
    if not found:
        raise SourceError(f'{given} names no recording; give one path a line')
    return list(dict.fromkeys(found))


def _lines(text: str) -> list[str]:
    stripped = [line.strip() for line in text.splitlines()]
    return [line for line in stripped if line and not line.startswith('#')]


def _yaml(text: str, given: Path) -> list[str]:
    try:
        import yaml
    except ImportError as error:
        raise SourceError(
            f'{given} is YAML, and PyYAML is not installed; `pip install pyyaml`, or give a text '
            f'file with one path a line'
        ) from error
    try:
        told = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SourceError(f'{given} is no YAML: {error}') from error
    if not isinstance(told, list) or not all(isinstance(each, str) for each in told):
        raise SourceError(f'{given} must be a list of paths, `- path` on each line')
    return told
