"""Writes `config/vggt.yaml` and `docs/parameters.md` from the tree of settings.

`python -m tools.parameter_docs` in the repository writes both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
import inspect
from pathlib import Path
from typing import Any

from vggt_ros.ros.tools.player_config import PlayerConfig
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.parameter import Parameter, parameter_of
from vggt_ros.settings.parameter_tree import iterate_parameters

YAML_PATH = Path('config/vggt.yaml')
TABLE_PATH = Path('docs/parameters.md')

_ORIGIN = 'Generated from vggt_ros/settings/ by `make docs`; change it there.'
_INDENT = '    '
_TABLE_HEAD = f"""# Parameters

{_ORIGIN}

Set them in a copy of [config/vggt.yaml](../config/vggt.yaml) (`params_file:=...`), or while the
node runs with `ros2 param set`, where *changeable* says yes. A value out of range is refused with
the range; so is a name that is not in this table. Lengths are in map units.

"""
_PLAYER_HEAD = """
## camera_player

"""
_COLUMNS = """| Name | Default | Allowed | Unit | Changeable | Meaning |
|---|---|---|---|---|---|
"""


def parameters_yaml() -> str:
    """Return the text of `config/vggt.yaml`: every setting with its default and a comment."""
    lines = [f'# {_ORIGIN}', '/**:', f'{_INDENT}ros__parameters:']
    lines += _yaml_lines(VggtConfig(), depth=2)
    return '\n'.join(lines) + '\n'


def parameters_table() -> str:
    """Return the text of `docs/parameters.md`: one row for every setting."""
    vggt, player = _rows(VggtConfig()), _rows(PlayerConfig())
    return f'{_TABLE_HEAD}{_COLUMNS}{vggt}{_PLAYER_HEAD}{_COLUMNS}{player}'


def _rows(settings: Any) -> str:
    rows = []
    for name, value, about in iterate_parameters(settings):
        cells = (
            f'`{name}`',
            _scalar(value),
            _allowed(value, about),
            about.unit,
            'no' if about.read_only else 'yes',
            about.description,
        )
        rows.append(f'| {" | ".join(cells)} |')
    return ''.join(f'{row}\n' for row in rows)


def write(root: Path) -> None:
    """Write both files below the root of the repository."""
    for path, text in ((YAML_PATH, parameters_yaml()), (TABLE_PATH, parameters_table())):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


def _yaml_lines(room: Any, depth: int) -> Iterator[str]:
    pad = _INDENT * depth
    for item in fields(room):
        value = getattr(room, item.name)
        if is_dataclass(value):
            purpose = inspect.getdoc(type(value)) or ''
            yield ''
            yield f'{pad}# {purpose.splitlines()[0]}'
            yield f'{pad}{item.name}:'
            yield from _yaml_lines(value, depth + 1)
            continue
        about = parameter_of(item.metadata)
        assert about is not None, f'{item.name} is not declared with parameter()'
        yield f'{pad}# {about.description}'
        remarks = _remarks(value, about)
        if remarks:
            yield f'{pad}# {remarks}'
        yield f'{pad}{item.name}: {_scalar(value)}'


def _remarks(value: Any, about: Parameter) -> str:
    parts = []
    allowed = _allowed(value, about)
    if allowed and not isinstance(value, bool):
        parts.append(f'Allowed: {allowed}{f" {about.unit}" if about.unit else ""}.')
    if not about.read_only:
        parts.append('Changeable while running.')
    return ' '.join(parts)


def _allowed(value: Any, about: Parameter) -> str:
    if about.choices:
        return ', '.join(about.choices)
    if isinstance(value, bool):
        return 'true, false'
    if about.minimum is None and about.maximum is None:
        return ''
    low = '' if about.minimum is None else _scalar(about.minimum)
    high = '' if about.maximum is None else _scalar(about.maximum)
    return f'{low}..{high}'


def _scalar(value: bool | int | float | str) -> str:
    """Return the value as YAML: text quoted, numbers with their type visible."""
    if isinstance(value, bool):
        return 'true' if value else 'false'
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return repr(value)


if __name__ == '__main__':
    write(Path.cwd())
