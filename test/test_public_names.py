"""The names for programs without ROS, and the pages that show how to use them."""

import ast
import contextlib
from importlib import import_module
import io
from pathlib import Path
import re
import subprocess
import sys

import cv2
import pytest

import vggt_ros
from vggt_ros.sources.open import open_source

ROOT = Path(__file__).parents[1]
PAGES = ('README.md', 'docs/library.md')


def test_importing_the_package_loads_nothing():
    program = (
        'import sys; before = set(sys.modules); import vggt_ros; '
        "print(*sorted(set(sys.modules) - before - {'vggt_ros'}))"
    )
    done = subprocess.run(
        [sys.executable, '-c', program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    roots = {name.partition('.')[0] for name in done.stdout.split()}
    assert roots <= set(sys.stdlib_module_names)
    assert 'importlib.metadata' not in done.stdout


@pytest.mark.parametrize('name', vggt_ros._PUBLIC)
def test_every_public_name_is_the_one_that_lives_elsewhere(name):
    assert getattr(vggt_ros, name) is getattr(import_module(vggt_ros._PUBLIC[name]), name)
    assert name in dir(vggt_ros)
    assert vggt_ros._PUBLIC[name].split('.')[1] != 'ros'


def test_other_names_are_an_error():
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = vggt_ros.nonsense


def quickstart(page):
    found = re.search(r'```python\n(.*?)```', (ROOT / page).read_text(), re.DOTALL)
    return found.group(1)


@pytest.mark.parametrize('page', PAGES)
def test_the_quickstart_is_short_and_the_same_on_all_pages(page):
    text = quickstart(page)
    assert text == quickstart(PAGES[0])
    assert len(text.splitlines()) <= 15
    ast.parse(text)


def test_the_quickstart_makes_a_map_of_a_folder_of_images(tmp_path, monkeypatch):
    folder = tmp_path / 'images'
    folder.mkdir()
    for index, frame in enumerate(open_source('synthetic', num_frames=16)):
        cv2.imwrite(str(folder / f'{index:03}.png'), frame.image[..., ::-1])
    text = quickstart('docs/library.md').replace('path/to/images', str(folder))
    monkeypatch.chdir(tmp_path)
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(compile(text, 'quickstart', 'exec'), {})
    *poses, last = said.getvalue().splitlines()
    assert len(poses) == 16, 'a line for every frame'
    assert sum(' keyframe ' in line for line in poses) >= 3
    assert '% of the frames have a pose' in last
    size = (tmp_path / 'map.ply').stat().st_size
    assert size > 19 * 1000, 'a thousand points at least'
