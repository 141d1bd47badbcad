"""Arguments of the launch files, read from their source: `launch` comes with ROS 2 only."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import NamedTuple


class LaunchArgument(NamedTuple):
    """One argument of a launch file."""

    name: str
    default: str
    description: str


def launch_arguments(path: Path) -> list[LaunchArgument]:
    """Return the arguments of a launch file, in the order in which they are declared.

    Args:
        path: Of a file in which each is a call `argument(name, default, description)`, or an item
            of a dict `PASSED_ON` from names to defaults and descriptions.

    Raises:
        ValueError: An argument is declared otherwise.
    """
    tree = ast.parse(path.read_text())
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func).rpartition('.')[2]
            if called == 'DeclareLaunchArgument' and ast.unparse(node.args[0]) != 'name':
                raise ValueError(f'{path.name}:{node.lineno}: declare it with argument(...)')
            if called == 'argument' and isinstance(node.args[0], ast.Constant):
                name, default, description = node.args
                found.append((node.lineno, _argument(name, default, description)))
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == 'PASSED_ON':
            assert isinstance(node.value, ast.Dict), 'PASSED_ON is a dict'
            for key, value in zip(node.value.keys, node.value.values, strict=True):
                assert isinstance(value, ast.Tuple), 'of defaults and descriptions'
                found.append((node.lineno, _argument(key, *value.elts)))
    return [argument for _, argument in sorted(found, key=lambda pair: pair[0])]


def _argument(name: ast.expr | None, default: ast.expr, description: ast.expr) -> LaunchArgument:
    assert name is not None, 'no ** in calls and dicts'
    return LaunchArgument(ast.literal_eval(name), _default(default), ast.literal_eval(description))


def _default(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    # A file of the package: the last words of the path that is put together.
    words = [each.value for each in ast.walk(node) if isinstance(each, ast.Constant)]
    return '/'.join(map(str, words))
