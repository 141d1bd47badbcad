"""CONTRIBUTING.md names files that exist, and counts them right."""

from pathlib import Path
import re

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / 'CONTRIBUTING.md').read_text()
# Files a change may touch, by the first words of its row; fewer is better.
AT_MOST = {
    'a topic': 3,
    'a source of meters': 2,
    'a backbone': 2,
    'a data set': 2,
    'a rule for keyframes': 2,
}


def files(text):
    """Return the files that a text names; `<layout>.py` is one that is to be written."""
    text = re.sub(r'`\w+` of `[^`]+`', '', text)  # read, not changed
    return set(re.findall(r'`((?:[\w.<>-]+/)*[\w.<>-]+\.(?:py|xml|yaml))`', text))


def rows():
    table = PAGE.split('## Five changes')[1].split('\n## ')[0]
    return [line for line in table.splitlines() if re.match(r'\| (?!To add)\w', line)]


def test_every_file_that_is_named_exists():
    for name in files(PAGE.split('## Five changes')[1].split('\n## ')[0]):
        if '<' not in name:
            found = [(ROOT / name), *(ROOT / 'vggt_ros').rglob(name)]
            assert any(path.exists() for path in found), name


@pytest.mark.parametrize('change', AT_MOST)
def test_a_change_touches_as_many_files_as_it_says_and_no_more_than_it_may(change):
    (row,) = (row for row in rows() if row.startswith(f'| {change}'))
    count = int(row.split('|')[-2])
    assert count == len(files(row))
    assert count <= AT_MOST[change]


def test_every_change_has_its_row():
    assert len(rows()) == len(AT_MOST)
