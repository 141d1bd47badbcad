from pathlib import Path
from xml.etree import ElementTree

import pytest

from tools.site_drawings import DRAWINGS, FOLDER, write

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize('name', DRAWINGS)
def test_the_drawing_in_the_repository_is_the_one_that_is_made(name):
    made = DRAWINGS[name]().svg()
    assert (ROOT / FOLDER / f'{name}.svg').read_text() == made, 'run `make docs`'
    ElementTree.fromstring(made)


def test_every_drawing_is_shown_on_a_page():
    text = ''.join(page.read_text() for page in (ROOT / 'docs').rglob('*.md'))
    files = {path.name for path in (ROOT / FOLDER).iterdir()}
    assert files == {f'{name}.svg' for name in DRAWINGS}
    assert all(f'drawings/{name})' in text for name in files)


def test_write_writes_all_of_them(tmp_path):
    write(tmp_path)
    assert {path.stem for path in (tmp_path / FOLDER).iterdir()} == set(DRAWINGS)
