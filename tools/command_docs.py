"""Writes `docs/commands.md` from the argument parsers and the launch files.

`python -m tools.command_docs` in the repository, or `make docs`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from tools.launch_arguments import launch_arguments
from vggt_ros.cli.main import argument_parser

COMMANDS_PATH = Path('docs/commands.md')
_HEAD = """# Commands and launch files

Generated from the argument parsers and `launch/` by `make docs`; change it there. After
`colcon build` the command is `ros2 run vggt_ros vggt_ros`, after `pip install` it is `vggt_ros`.
"""
_NOT_SHOWN: tuple[object, ...] = (None, False, '', [], argparse.SUPPRESS)


def commands_page(root: Path) -> str:
    """Return the text of the page.

    Args:
        root: Of the repository, where `launch/` is.
    """
    parts = [_HEAD, *_sections(argument_parser(), '')]
    for path in sorted((root / 'launch').glob('*.launch.py')):
        parts.append(f'\n## ros2 launch vggt_ros {path.name}\n\n')
        rows = [
            f'| `{each.name}` | {_code(each.default)} | {each.description} |\n'
            for each in launch_arguments(path)
        ]
        parts += (
            ['| Argument | Default | |\n|---|---|---|\n', *rows] if rows else ['No arguments.\n']
        )
    return ''.join(parts)


def _sections(parser: argparse.ArgumentParser, about: str) -> Iterator[str]:
    actions = [
        each for each in parser._actions if not isinstance(each, argparse._SubParsersAction)
    ]
    rows = [_row(each) for each in actions if not isinstance(each, argparse._HelpAction)]
    yield f'\n## {parser.prog}\n\n{_sentence(about or parser.description or "")}\n'
    if rows:
        yield '\n| Argument | Default | |\n|---|---|---|\n'
        yield from rows
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            helps = {each.dest: each.help or '' for each in action._choices_actions}
            for name, child in action.choices.items():
                yield from _sections(child, helps.get(name, ''))


def _row(action: argparse.Action) -> str:
    words = ', '.join(action.option_strings) or str(action.metavar or action.dest)
    if (
        action.option_strings
        and action.nargs != 0
        and not isinstance(action, argparse.BooleanOptionalAction)
    ):
        words += f' {_metavar(action)}'
    default = '' if action.default in _NOT_SHOWN or action.required else str(action.default)
    # Some versions of Python say the default of a switch with the help.
    text = (action.help or '').removesuffix(' (default: %(default)s)').replace('|', '\\|')
    return f'| `{words}` | {_code(default)} | {text} |\n'


def _metavar(action: argparse.Action) -> str:
    if action.metavar is not None:
        return str(action.metavar)
    if action.choices is not None:
        return '{' + ','.join(map(str, action.choices)) + '}'
    return action.dest.upper()


def _code(text: str) -> str:
    return f'`{text}`' if text else ''


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip('.') + '.'


def write(root: Path) -> None:
    """Write the page below the root of the repository."""
    (root / COMMANDS_PATH).write_text(commands_page(root))


if __name__ == '__main__':
    write(Path.cwd())
