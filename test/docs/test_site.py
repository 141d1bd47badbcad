"""The site: it builds without a warning, and every link within it leads somewhere."""

from html.parser import HTMLParser
import os
from pathlib import Path
import re
import subprocess
import sys
from urllib.parse import unquote, urlsplit

import pytest

pytest.importorskip('sphinx', reason='sphinx is not installed (`make venv`)')
pytest.importorskip('myst_parser')
pytest.importorskip('sphinx_rtd_theme')
ROOT = Path(__file__).parents[2]
BUILD_S = 120


class Page(HTMLParser):
    """Anchors, links and loaded files of a page."""

    def __init__(self, path):
        super().__init__()
        self.anchors, self.links, self.loaded = set(), set(), set()
        self.feed(path.read_text())

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if given.get('id'):
            self.anchors.add(given['id'])
        if tag == 'a' and given.get('href'):
            self.links.add(given['href'])
        if tag == 'link' and given.get('rel') in ('stylesheet', 'icon'):
            self.loaded.add(given['href'])
        if tag in ('img', 'script') and given.get('src'):
            self.loaded.add(given['src'])


@pytest.fixture(scope='module')
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp('site')
    options = ('-q', '-W', '--keep-going', '-d', str(folder / 'doctrees'))
    built = subprocess.run(
        [sys.executable, '-m', 'sphinx', *options, str(ROOT / 'docs'), str(folder / 'html')],
        capture_output=True,
        text=True,
        timeout=BUILD_S,
        # No network: what asks for one is told that there is none.
        env={**os.environ, 'OMP_NUM_THREADS': '1', 'https_proxy': 'http://127.0.0.1:9'},
    )
    assert built.returncode == 0, built.stderr
    html = folder / 'html'
    return {path.relative_to(html).as_posix(): Page(path) for path in html.rglob('*.html')}, html


def test_every_page_of_the_folder_is_on_the_site(site):
    pages, _ = site
    sources = {
        path.relative_to(ROOT / 'docs').with_suffix('.html').as_posix()
        for path in (ROOT / 'docs').rglob('*.md')
    }
    assert sources <= set(pages)
    assert len(sources) > 30


def test_every_link_within_the_site_leads_to_a_page_and_an_anchor(site):
    pages, html = site
    dead = []
    for name, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            path = unquote(parts.path)
            target = (html / name).parent / path if path else html / name
            if not target.exists():
                dead.append(f'{name}: {link}')
                continue
            other = pages.get(target.resolve().relative_to(html.resolve()).as_posix())
            if (
                parts.fragment
                and other is not None
                and unquote(parts.fragment) not in other.anchors
            ):
                dead.append(f'{name}: {link} has no such heading')
    assert not dead, '\n'.join(sorted(dead))


def test_a_page_loads_nothing_from_elsewhere(site):
    pages, html = site
    for name, page in pages.items():
        for link in page.loaded:
            assert not urlsplit(link).netloc, f'{name} loads {link}'
            target = (html / name).parent / unquote(urlsplit(link).path)
            assert target.exists(), f'{name}: there is no {link}'


def test_the_api_has_the_docstring_of_every_public_name(site):
    import vggt_ros

    pages, _ = site
    for name in set(vggt_ros.__all__) - {'__version__'}:
        assert any(anchor.split('.')[-1] == name for anchor in pages['api.html'].anchors), name


def test_links_to_elsewhere_are_well_formed():
    for path in [*(ROOT / 'docs').rglob('*.md'), ROOT / 'README.md']:
        for link in re.findall(r'\]\((\w+:[^)\s]*)\)', path.read_text()):
            parts = urlsplit(link)
            assert parts.scheme == 'https', f'{path.name}: {link}'
            assert re.fullmatch(r'[\w-]+(\.[\w-]+)+', parts.netloc), f'{path.name}: {link}'
