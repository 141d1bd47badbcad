from pathlib import Path

import cv2
import numpy as np
import pytest

_COLORS = ((200, 30, 40), (20, 180, 60), (50, 70, 220))


@pytest.fixture
def shared_data():
    folder = Path(__file__).parents[3] / 'shared' / 'data'
    if not folder.is_dir():
        pytest.skip('the real images are not on this machine')
    return folder


@pytest.fixture
def colors():
    return _COLORS


@pytest.fixture
def make_video(tmp_path):
    """Write a Motion-JPEG file with one plain RGB color a frame."""

    def make(*, num_frames=6, rate_hz=12.0, width=64, height=48, name='clip.avi'):
        path = tmp_path / name
        writer = cv2.VideoWriter(
            str(path), cv2.VideoWriter_fourcc(*'MJPG'), rate_hz, (width, height)
        )
        assert writer.isOpened()
        for index in range(num_frames):
            bgr = _COLORS[index % len(_COLORS)][::-1]
            writer.write(np.full((height, width, 3), bgr, np.uint8))
        writer.release()
        return path

    return make


@pytest.fixture
def make_folder(tmp_path):
    """Write one plain PNG per name, whose red is its place in the list."""

    def make(names, *, width=8, height=6):
        folder = tmp_path / 'images'
        folder.mkdir(exist_ok=True)
        for index, name in enumerate(names):
            bgr = np.full((height, width, 3), (0, 0, index), np.uint8)
            assert cv2.imwrite(str(folder / name), bgr)
        return folder

    return make


@pytest.fixture
def write_image(tmp_path):
    """Write a plain image of one gray value, and its folders."""

    def write(name, value=90, size=(64, 48)):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(path), np.full((size[1], size[0], 3), value, np.uint8))
        return path

    return write


@pytest.fixture
def write_depth(tmp_path):
    """Write a depth image of uint16 with one value, and 0 and 65535 in the first two pixels."""

    def write(name, value, size=(64, 48)):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        units = np.full((size[1], size[0]), value, np.uint16)
        units[0, :2] = 0, 65535
        assert cv2.imwrite(str(path), units)
        return path

    return write
