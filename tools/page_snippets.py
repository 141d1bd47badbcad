"""Snippets of the documentation: commands, YAML and Python that a reader would copy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
import re
from typing import NamedTuple

_BLOCK = re.compile(r'^```(\w*)[^\n]*\n(.*?)^```', re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r'(ros2|vggt_ros|make|docker|CHECKPOINT=\S+ docker)\s')


class Snippet(NamedTuple):
    """What a page shows to be copied."""

    page: str
    kind: str
    text: str


def pages(root: Path) -> list[Path]:
    """Return all pages of the site, in the order of their names."""
    return sorted((root / 'docs').rglob('*.md'))


def snippets(page: Path) -> Iterator[Snippet]:
    """Yield the code of a page by its kind: `bash`, `yaml`, `python`, `text`.

    Lines that are indented by four blanks outside of lists are `bash`, as on the older pages.
    """
    text = page.read_text()
    for kind, code in _BLOCK.findall(text):
        yield Snippet(page.name, kind or 'text', code)
    outside = _BLOCK.sub('', text)
    for block in re.findall(r'(?:^|\n)\n( {4}\S[^\n]*\n(?: {4}[^\n]*\n)*)', outside):
        yield Snippet(page.name, 'bash', re.sub(r'^ {4}', '', block, flags=re.MULTILINE))


def commands(page: Path) -> Iterator[str]:
    """Yield the lines of a page that begin with a program; parts after `#` are left out."""
    for snippet in snippets(page):
        if snippet.kind != 'bash':
            continue
        for line in snippet.text.replace('\\\n', ' ').splitlines():
            line = re.sub(r'\s#\s.*', '', line).strip()
            if _COMMAND.match(line):
                yield line
