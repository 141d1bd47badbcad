import re

import numpy as np
import pytest

from vggt_ros.viewer.page_file import page_file
from vggt_ros.viewer.page_server import start_server

pytest.importorskip('viser', reason="viser is not installed: pip install 'vggt_ros[view]'")


@pytest.fixture
def content():
    server = start_server('127.0.0.1', 0, 'test')
    colors = np.tile(np.array([20, 240, 20], np.uint8), (900, 1))
    grid = np.stack(np.meshgrid(np.linspace(-1, 1, 30), np.linspace(-1, 1, 30)), axis=-1)
    points = np.column_stack([np.zeros(900), grid.reshape(-1, 2)]).astype(np.float16)
    server.scene.add_point_cloud('/map/1', points, colors, point_size=0.1)
    server.initial_camera.position = (-4.0, 0.0, 0.0)
    server.initial_camera.look_at = (0.0, 0.0, 0.0)
    made = page_file(server)
    server.stop()
    return made


def test_it_is_one_page_that_loads_nothing_from_elsewhere(content):
    text = content.decode()
    assert text.lstrip().lower().startswith('<!doctype html')
    assert '__VISER_EMBED_DATA__' in text
    assert not re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="https?:', text)


def test_a_browser_without_network_shows_the_map(content, visit, tmp_path):
    path = tmp_path / 'map.html'
    path.write_bytes(content)
    shown = visit('about:blank')
    shown.page.context.set_offline(True)
    shown.page.goto(path.as_uri())
    assert shown.where(lambda r, g, b: (g > 120) & (r < 80) & (b < 80)), 'no green in the page'
    assert not shown.errors
