from pathlib import Path
import shutil

import numpy as np
import pytest

from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.mapping.layers.submap_tiles import SubmapTile

FLAGS = (
    '--no-sandbox',
    '--use-gl=angle',
    '--use-angle=swiftshader',
    '--enable-unsafe-swiftshader',
    '--ignore-gpu-blocklist',
)


class RecordingCanvas:
    """Remembers what is drawn, and every call with the bytes of points and colors it sends."""

    def __init__(self):
        self.calls = []
        self.clouds, self.lines, self.frusta, self.floors = {}, {}, {}, {}
        self.hidden = set()
        self.num_bytes = 0

    def take_calls(self):
        calls, self.calls = self.calls, []
        return calls

    def put_cloud(self, name, cloud, point_size):
        self.calls.append(('put_cloud', name))
        self.clouds[name] = [cloud, cloud.colors, cloud.map_from_cloud, point_size]
        self.hidden.discard(name)
        self.num_bytes += cloud.num_bytes

    def color_cloud(self, name, colors):
        self.calls.append(('color_cloud', name))
        assert self.clouds[name][1].shape == colors.shape
        self.clouds[name][1] = colors
        self.num_bytes += colors.nbytes

    def size_points(self, name, point_size):
        self.calls.append(('size_points', name))
        self.clouds[name][3] = point_size

    def move_cloud(self, name, map_from_cloud):
        self.calls.append(('move_cloud', name))
        self.clouds[name][2] = map_from_cloud

    def put_lines(self, name, segments, colors, width_px):
        self.calls.append(('put_lines', name))
        self.lines[name] = (segments, colors)

    def put_frustum(self, name, frustum):
        self.calls.append(('put_frustum', name))
        self.frusta[name] = frustum.map_from_cam

    def move_frustum(self, name, map_from_cam):
        self.calls.append(('move_frustum', name))
        self.frusta[name] = map_from_cam

    def put_floor(self, name, image, corner, resolution):
        self.calls.append(('put_floor', name))
        self.floors[name] = (image, corner, resolution)

    def show(self, name, *, is_visible):
        self.calls.append(('show', name))
        (self.hidden.discard if is_visible else self.hidden.add)(name)

    def remove(self, name):
        self.calls.append(('remove', name))
        for drawn in (self.clouds, self.lines, self.frusta, self.floors):
            drawn.pop(name, None)

    def points_in_map(self):
        """All visible points where a browser would draw them, in the order of names."""
        parts = [
            place.apply(cloud.points.astype(np.float64))
            for name, (cloud, _, place, _) in sorted(self.clouds.items())
            if name not in self.hidden
        ]
        return np.concatenate(parts) if parts else np.zeros((0, 3))


@pytest.fixture
def canvas():
    return RecordingCanvas()


@pytest.fixture
def make_tile():
    def make(submap_id, count=100, color=(10, 200, 30), side=1.0):
        """A square of points in front of the submap's origin, in rows."""
        edge = int(np.ceil(np.sqrt(count)))
        grid = np.stack(np.meshgrid(*[np.linspace(-side / 2, side / 2, edge)] * 2), axis=-1)
        flat = grid.reshape(-1, 2)[:count]
        points = np.column_stack([np.ones(count), flat]).astype(np.float32)
        return SubmapTile(
            submap_id=submap_id,
            points_in_submap=points,
            colors=np.tile(np.array(color, np.uint8), (count, 1)),
            confidence=np.linspace(1, 5, count).astype(np.float32),
        )

    return make


@pytest.fixture
def at():
    """A place at x y z, unturned."""
    return lambda *xyz: Sim3(1.0, np.eye(3), np.array(xyz, np.float64))


@pytest.fixture(scope='session')
def chromium():
    """A browser without a window, one for all tests; its pictures are drawn by the processor."""
    sync_api = pytest.importorskip('playwright.sync_api', reason='playwright is not installed')
    program = next(filter(None, map(shutil.which, ('chromium', 'chromium-browser'))), None)
    if program is None:
        pytest.skip('there is no Chromium: apt-get install chromium (Debian)')
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=Path(program), args=list(FLAGS))
        yield browser
        browser.close()


class Visit:
    """A page in the browser, with what its console says."""

    def __init__(self, page):
        self.page = page
        self.errors = []
        page.on('console', self._note)
        page.on('pageerror', lambda error: self.errors.append(str(error)))

    def _note(self, message):
        # viser frees an image that was replaced while the browser still reads it.
        is_freed = message.location.get('url', '').startswith('blob:')
        if message.type == 'error' and not is_freed:
            self.errors.append(message.text)

    def pixels(self):
        """(H, W, 3) RGB of the part of the window beside the panel and the notes."""
        import cv2

        data = np.frombuffer(self.page.screenshot(), np.uint8)
        return cv2.imdecode(data, cv2.IMREAD_COLOR)[200:, :500, ::-1].astype(int)

    def where(self, is_it, seconds=20.0):
        """Mean column and row of the pixels for which `is_it(r, g, b)`, and their number.

        Waits until there are some, and they stay where they are.
        """
        before = None
        for _ in range(int(seconds / 0.25)):
            rows, columns = np.nonzero(is_it(*np.moveaxis(self.pixels(), 2, 0)))
            found = (columns.mean(), rows.mean(), len(rows)) if len(rows) > 20 else None
            if found is not None and found == before:
                return found
            before = found
            self.page.wait_for_timeout(250)
        return None

    def press(self, label):
        self.page.get_by_role('button', name=label, exact=True).click()


@pytest.fixture
def visit(chromium):
    """Open an address in the browser, in a small window."""
    pages = []

    def open_page(address):
        page = chromium.new_page(viewport={'width': 820, 'height': 600})
        pages.append(page)
        made = Visit(page)
        page.set_default_timeout(15_000)
        page.goto(address)
        return made

    yield open_page
    for page in pages:
        page.close()


@pytest.fixture
def server():
    from vggt_ros.viewer.page_server import start_server

    made = start_server('127.0.0.1', 0, 'test')
    yield made
    made.stop()
