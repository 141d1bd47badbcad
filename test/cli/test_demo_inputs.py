"""The demo on inputs that are short or odd: a result, or a sentence why there is none."""

import json
import os
from pathlib import Path
import signal
import subprocess
import sys
import time

import cv2
import numpy as np
from PIL import Image
import pytest

pytest.importorskip('rclpy', reason='needs rclpy: source a ROS 2 distribution or run make test')
pytestmark = [pytest.mark.ros, pytest.mark.slow]

SIZE = 320, 240
STEP_PX = 16


@pytest.fixture(scope='module')
def view():
    """Views (240, 320, 3) of a textured wall that moves sideways."""
    noise = np.random.default_rng(0).integers(0, 256, (SIZE[1], 2000, 3)).astype(np.float32)
    wall = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 2), None, 0, 255, cv2.NORM_MINMAX)
    return lambda index: wall[:, STEP_PX * index : STEP_PX * index + SIZE[0]].astype(np.uint8)


@pytest.fixture
def demo(tmp_path):
    """Run the demo; return its exit code, what it said and its summary."""

    def run(path, *words):
        output = tmp_path / 'output'
        done = subprocess.run(
            [
                *(sys.executable, '-W', 'ignore', '-m', 'vggt_ros.cli', 'demo'),
                *('--input', str(path), '--output', str(output), *words),
            ],
            capture_output=True,
            text=True,
            timeout=150,
            check=False,
        )
        summary = output / 'summary.json'
        found = json.loads(summary.read_text()) if summary.exists() else {}
        return done.returncode, done.stderr, found

    return run


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / 'images'
    made.mkdir()
    return made


def test_five_images_give_a_result(demo, folder, view):
    for index in range(5):
        cv2.imwrite(str(folder / f'{index}.png'), view(index))
    code, said, summary = demo(folder)
    assert code == 0, said
    assert summary['frames_in'] == 5
    assert summary['frames_used'] == 5
    assert summary['share_with_pose'] == 1.0


def test_a_video_of_eight_frames_gives_a_result(demo, tmp_path, view):
    path = tmp_path / 'short.avi'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'MJPG'), 10.0, SIZE)
    for index in range(8):
        writer.write(view(index))
    writer.release()
    code, said, summary = demo(path)
    assert code == 0, said
    assert summary['frames_in'] == 8
    assert summary['frames_used'] >= 6


def test_photographs_that_exif_turns_differently_and_gifs_give_a_result(demo, folder, view):
    for index in range(8):
        exif = Image.Exif()
        exif[0x0112] = 6 if index % 3 else 1
        picture = Image.fromarray(view(index))
        if index % 4 == 1:
            picture.save(folder / f'{index}.gif')
        else:
            picture.save(folder / f'{index}.jpg', exif=exif, quality=95)
    code, said, summary = demo(folder)
    assert code == 0, said
    assert 'Exif' in said
    assert summary['frames_in'] == 8
    assert summary['frames_used'] >= 6


def test_other_sizes_are_left_out_and_told(demo, folder, view):
    for index in range(8):
        picture = view(index)
        cv2.imwrite(str(folder / f'{index}.png'), picture if index % 4 else picture[:, :300])
    code, said, summary = demo(folder)
    assert code == 0, said
    assert '2 sizes (6 of 320 x 240, 2 of 300 x 240)' in said
    assert summary['frames_in'] == 6


def test_pictures_of_16_bits_that_are_black_end_with_a_sentence(demo, folder, view):
    for index in range(8):  # 12 bits in 16, as sensors deliver them
        gray = cv2.cvtColor(view(index), cv2.COLOR_BGR2GRAY).astype(np.uint16)
        cv2.imwrite(str(folder / f'{index}.png'), 16 * gray)
    start_s = time.monotonic()
    code, said, _ = demo(folder)
    assert code == 1
    assert '8 images reached the node' in said
    assert 'too dark' in said
    assert time.monotonic() - start_s < 60.0, 'it does not hang'


def test_one_image_ends_with_a_sentence(demo, folder, view):
    cv2.imwrite(str(folder / '0.png'), view(0))
    code, said, _ = demo(folder)
    assert code == 1
    assert 'one view makes no map' in said


def children_of(pid):
    found = []
    for path in Path('/proc').glob('[0-9]*/stat'):
        try:
            state, parent = path.read_text().rpartition(')')[2].split()[:2]
        except OSError:
            continue
        if int(parent) == pid and state != 'Z':
            found.append(int(path.parent.name))
    return found


def is_alive(pid):
    try:
        return Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0] != 'Z'
    except OSError:
        return False


@pytest.mark.skipif(not sys.platform.startswith('linux'), reason='looks into /proc')
@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_of_the_demo_is_left_however_it_ends(tmp_path, number):
    output = tmp_path / 'output'
    with (tmp_path / 'log.txt').open('w') as log:
        demo = subprocess.Popen(
            [
                *(sys.executable, '-W', 'ignore', '-m', 'vggt_ros.cli', 'demo'),
                *('--output', str(output)),
            ],
            stdout=log,
            stderr=log,
            env=dict(os.environ),
        )
    deadline_s = time.monotonic() + 60.0
    while not (output / 'node.log').exists() or 'images of' not in (output / 'node.log').read_text(
        errors='replace'
    ):
        assert time.monotonic() < deadline_s, (tmp_path / 'log.txt').read_text()
        time.sleep(0.1)
    children = children_of(demo.pid)
    assert len(children) == 3
    demo.send_signal(number)
    demo.wait(40.0)
    deadline_s = time.monotonic() + 20.0
    while left := [pid for pid in children if is_alive(pid)]:
        assert time.monotonic() < deadline_s, f'{left} are orphans'
        time.sleep(0.1)
