"""Frames a second of the viewer's page, and what a correction of the map sends.

    .venv/bin/python -m benchmarks.viewer_frames [--points 2000000] [--submaps 100] [--gpu]

A made-up map of walls, in submaps, is shown by the server as any other; Chromium opens it without
a window, while its camera goes around the map. Frames are those that the browser draws. Without
`--gpu` pictures are drawn by the processor. Needs the extras `view` and `test`, and Chromium.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import threading
import time
from typing import Any

import numpy as np

from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.mapping.layers.submap_tiles import SubmapTile
from vggt_ros.viewer.browser_page import BrowserPage

_SIDE_M = 5.0
_MEASURED_S = 8.0
_READY_S = 240.0
_TURN_RAD = 0.02
_SOFTWARE = ('--use-gl=angle', '--use-angle=swiftshader', '--enable-unsafe-swiftshader')
_FLAGS = ('--no-sandbox', '--ignore-gpu-blocklist')
_COUNT_FRAMES = """(seconds) => new Promise(done => {
  let frames = 0; const begun = performance.now();
  const step = () => {
    frames += 1;
    const passed = (performance.now() - begun) / 1000;
    passed < seconds ? requestAnimationFrame(step) : done(frames / passed);
  };
  requestAnimationFrame(step);
})"""


def walls(num_points: int, num_submaps: int) -> tuple[list[SubmapTile], dict[int, Sim3]]:
    """Return submaps, each a wall of 5 m by 5 m with noise, and where they are: in a grid."""
    rng = np.random.default_rng(0)
    count, edge = num_points // num_submaps, int(np.ceil(np.sqrt(num_submaps)))
    tiles, places = [], {}
    for k in range(num_submaps):
        points = np.column_stack(
            [rng.normal(0, 0.02, count), *rng.uniform(-_SIDE_M / 2, _SIDE_M / 2, (2, count))]
        )
        tiles.append(
            SubmapTile(
                submap_id=k,
                points_in_submap=points.astype(np.float32),
                colors=rng.integers(0, 256, (count, 3), dtype=np.uint8),
                confidence=np.ones(count, np.float32),
            )
        )
        origin = np.array([_SIDE_M * (k % edge), _SIDE_M * (k // edge), 0.0])
        places[k] = Sim3(1.0, np.eye(3), origin)
    return tiles, places


def fill(shown: BrowserPage, num_points: int, num_submaps: int) -> dict[int, Sim3]:
    """Show such a map; return where its submaps are."""
    tiles, places = walls(num_points, num_submaps)
    shown.page.put_places(places)
    shown.page.put_tiles(tiles)
    deadline_s = time.monotonic() + _READY_S
    while shown.page.last_drawn.num_shown < 0.99 * min(num_points, 2_000_000):
        if time.monotonic() > deadline_s:
            break
        time.sleep(0.2)
    shown.aim()
    return places


def correct(shown: BrowserPage, places: dict[int, Sim3]) -> tuple[int, int]:
    """Move all submaps but the first; return the bytes of points sent before, and for that."""
    before = shown.page.num_sent_bytes
    moved = {
        each: Sim3(1.0, place.rotation, place.translation + np.array([0.0, 0.0, 0.01 * each]))
        for each, place in places.items()
    }
    shown.page.put_places(moved)
    shown.page.draw()
    return before, shown.page.num_sent_bytes - before


def frames_per_second(shown: BrowserPage, *, has_gpu: bool) -> float:
    """Return how many frames a second Chromium draws while the camera goes around."""
    from playwright.sync_api import sync_playwright

    program = shutil.which('chromium') or shutil.which('chromium-browser')
    flags = [*_FLAGS, *(() if has_gpu else _SOFTWARE)]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=flags)
        page = browser.new_page(viewport={'width': 1280, 'height': 720})
        page.goto(shown.address)
        server: Any = shown._server
        while not server.get_clients():
            page.wait_for_timeout(200)
        page.wait_for_timeout(10_000)  # the points have to come
        client = next(iter(server.get_clients().values()))
        ended = threading.Event()
        around = threading.Thread(target=_go_around, args=(client.camera, ended))
        around.start()
        rate: float = page.evaluate(_COUNT_FRAMES, _MEASURED_S)
        ended.set()
        around.join()
        browser.close()
    return rate


def _go_around(camera: Any, ended: threading.Event) -> None:
    center = np.array(camera.look_at)
    offset = np.array(camera.position) - center
    turn = np.eye(3)
    turn[:2, :2] = [
        [np.cos(_TURN_RAD), -np.sin(_TURN_RAD)],
        [np.sin(_TURN_RAD), np.cos(_TURN_RAD)],
    ]
    while not ended.wait(1 / 30):
        offset = turn @ offset
        camera.position = center + offset


def main(arguments: list[str] | None = None) -> int:
    """Measure, and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--points', type=int, default=2_000_000)
    parser.add_argument('--submaps', type=int, default=100)
    parser.add_argument('--gpu', action='store_true', help='let Chromium draw with the GPU')
    options = parser.parse_args(arguments)
    with BrowserPage('127.0.0.1', 0, 'benchmark') as shown:
        begun = time.monotonic()
        places = fill(shown, options.points, options.submaps)
        prepared_s = time.monotonic() - begun
        rate = frames_per_second(shown, has_gpu=options.gpu)
        sent, sent_again = correct(shown, places)
        num_shown = shown.page.last_drawn.num_shown
    sys.stdout.write(
        f'{options.points:,} points in {options.submaps} submaps: {num_shown:,} shown, '
        f'{sent / 1e6:.1f} MB sent, ready after {prepared_s:.1f} s; {rate:.1f} frames/s; '
        f'a correction of all submaps sends {sent_again} bytes of points again\n'
    )
    return 0


if __name__ == '__main__':
    sys.exit(main())
