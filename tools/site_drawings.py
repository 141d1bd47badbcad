"""Drawings of the concepts: `python -m tools.site_drawings` writes docs/drawings/*.svg."""

from __future__ import annotations

import itertools
from pathlib import Path

from tools.svg_drawing import BLUE, Drawing, GRAY, GREEN, ORANGE, RED

FOLDER = Path('docs/drawings')


def path_of_a_window() -> Drawing:
    """Draw how images become a map."""
    page = Drawing(900, 330, 'Images become keyframes, keyframes windows, windows a map')
    steps = (
        (20, 'images\n10 to 30 a second', GRAY),
        (240, 'keyframes\nthe view has changed', BLUE),
        (480, 'window\n8 keyframes', BLUE),
        (680, 'network (VGGT)\ndepth and poses', ORANGE),
    )
    widths = (170, 190, 150, 200)
    for (x, text, color), width in zip(steps, widths, strict=True):
        page.box(x, 40, width, 60, text, color)
    for (x, _, _), width, (after, _, _) in zip(steps, widths, steps[1:], strict=False):
        page.arrow((x + width, 70), (after - 2, 70))
    page.arrow((780, 100), (780, 148))
    page.box(650, 150, 230, 60, 'refinement\ndo the images confirm it?', GREEN)
    page.arrow((650, 180), (552, 180))
    page.text(590, 172, 'yes')
    page.box(370, 150, 180, 60, 'place in the map\nby shared frames', BLUE)
    page.arrow((370, 180), (302, 180))
    page.box(110, 150, 190, 60, 'map, path, tf,\ndepth, points', BLUE)
    page.arrow((780, 210), (780, 258), color=RED)
    page.text(790, 238, 'no', color=RED)
    page.box(650, 260, 230, 50, 'dropped: not_verified\nstate: lost', RED)
    page.arrow((460, 210), (460, 285), (302, 285), is_dashed=True)
    page.text(312, 277, 'a revisited place')
    page.box(110, 260, 190, 50, 'loop: all submaps\nare corrected', GREEN)
    page.arrow((205, 260), (205, 212), is_dashed=True)
    page.arrow((130, 100), (130, 125), (60, 125), (60, 200), color=GRAY, is_dashed=True)
    page.text(10, 222, 'dropped,', color=GRAY)
    page.text(10, 240, 'counted', color=GRAY)
    return page


def windows_and_loops() -> Drawing:
    """Draw windows that share frames, and what a loop does to their submaps."""
    page = Drawing(900, 390, 'Windows overlap, submaps form a chain, a loop closes it')
    page.text(20, 28, 'Keyframes in time, windows of 8 with an overlap of 4:')
    for i in range(16):
        page.dot(60 + 50 * i, 70, GRAY)
    for k, color in enumerate((BLUE, ORANGE, GREEN)):
        left, y = 45 + 200 * k, 92 + 34 * k
        page.box(left, y, 380, 26, f'window {k + 1}', color)
    page.text(690, 110, 'shared frames carry')
    page.text(690, 128, 'scale and pose over')
    page.text(20, 222, 'Each placed window is a submap. Without a loop, errors add up:')
    drifted = [(60, 340), (130, 280), (230, 262), (330, 280), (372, 338), (300, 366), (180, 358)]
    for before, after in itertools.pairwise(drifted):
        page.line(before, after, color=BLUE)
    for i, (x, y) in enumerate(drifted):
        page.dot(x, y, RED if i == len(drifted) - 1 else BLUE, 7)
    page.text(40, 372, 'first')
    page.text(166, 344, 'newest', color=RED)
    page.text(480, 252, 'A loop, confirmed by images,')
    page.text(480, 270, 'moves all of them at once:')
    closed = [(560, 350), (610, 308), (690, 296), (780, 310), (800, 346), (730, 368), (640, 370)]
    for before, after in itertools.pairwise(closed):
        page.line(before, after, color=BLUE)
    page.line(closed[-1], closed[0], color=GREEN, is_dashed=True, width=2.5)
    for x, y in closed:
        page.dot(x, y, BLUE, 7)
    page.text(520, 378, 'loop', color=GREEN)
    page.arrow((410, 310), (520, 310), color=GRAY)
    return page


def frames() -> Drawing:
    """Draw the transforms of the three modes of tf."""
    page = Drawing(900, 300, 'What the node broadcasts, by what TF knows of the camera')
    modes = (
        ('map_to_odom', 'wheels or another odometry', ('map', 'odom', 'base_link', 'camera')),
        ('map_to_base', 'only the mount is known', ('map', 'base_link', 'camera')),
        ('map_to_camera', 'nothing else is known', ('map', 'camera')),
    )
    for row, (mode, why, names) in enumerate(modes):
        y = 25 + 80 * row
        page.text(15, y + 20, mode)
        page.text(15, y + 38, why, color=GRAY)
        for i, name in enumerate(names):
            x = 290 + 155 * i
            page.box(x, y, 95, 44, name, ORANGE if name == 'map' else BLUE)
            if i:
                is_ours = i == 1
                color = GREEN if is_ours else GRAY
                page.arrow((x - 60, y + 22), (x - 2, y + 22), color=color, is_dashed=not is_ours)
    page.line((290, 278), (340, 278), color=GREEN)
    page.text(350, 283, 'sent by vggt_ros', color=GREEN)
    page.line((560, 278), (610, 278), color=GRAY, is_dashed=True)
    page.text(620, 283, 'sent by the robot', color=GRAY)
    return page


def meters() -> Drawing:
    """Draw where metric scale comes from, and what happens when it is locked."""
    page = Drawing(900, 320, 'Sources of metric scale, agreement over windows, and the lock')
    sources = (
        ('rig', 'distances of cameras in tf'),
        ('odometry', 'motion in tf below odom'),
        ('depth', 'a registered depth topic'),
        ('model', 'a network that gives meters'),
        ('fixed', 'scale.fixed, by you'),
    )
    for i, (name, what) in enumerate(sources):
        y = 24 + 56 * i
        page.box(20, y, 310, 44, f'{name}: {what}', BLUE)
        page.arrow((330, y + 22), (408, 146), color=GRAY)
    page.box(410, 112, 170, 70, 'each window:\nmeters per unit,\n± deviation', ORANGE)
    page.arrow((580, 146), (638, 146))
    page.text(640, 90, 'scale.lock_after (5)')
    page.box(640, 112, 180, 70, '5 windows agree:\nthe map is rescaled\nonce', GREEN)
    page.arrow((730, 182), (730, 228))
    page.box(610, 230, 270, 64, 'is_metric: true, for good;\nwindows join rigidly', GREEN)
    page.arrow((495, 182), (495, 228), color=RED)
    page.box(390, 230, 200, 64, 'shapes disagree: does\nnot count, and is said', RED)
    return page


DRAWINGS = {
    'path_of_a_window': path_of_a_window,
    'windows_and_loops': windows_and_loops,
    'frames': frames,
    'meters': meters,
}


def write(root: Path) -> None:
    """Write all drawings below the root of the repository."""
    (root / FOLDER).mkdir(parents=True, exist_ok=True)
    for name, draw in DRAWINGS.items():
        (root / FOLDER / f'{name}.svg').write_text(draw().svg())


if __name__ == '__main__':
    write(Path.cwd())
