import struct

import numpy as np
import pytest

from vggt_ros.errors import SourceError
from vggt_ros.sources.colmap_model import has_model, read_model

CAMERAS = """# Camera list
# Number of cameras: 2
1 PINHOLE 64 48 60 61 32 24
7 SIMPLE_RADIAL 64 48 60 32 24 0.1
"""
# Turned by 90 degrees about y: the camera's z is the world's x. The second has no points.
IMAGES = """# Image list
3 0.7071067811865476 0 -0.7071067811865476 0 3 0 -1 7 left/b 2.png
1.5 2.5 -1 3.5 4.5 12
4 1 0 0 0 0 0 -2 1 a.png

"""


def binary_cameras():
    content = struct.pack('<Q', 2)
    content += struct.pack('<IiQQ4d', 1, 1, 64, 48, 60, 61, 32, 24)
    return content + struct.pack('<IiQQ4d', 7, 2, 64, 48, 60, 32, 24, 0.1)


def binary_images():
    half = 0.5**0.5
    content = struct.pack('<Q', 2)
    content += struct.pack('<I7dI', 3, half, 0, -half, 0, 3, 0, -1, 7) + b'left/b 2.png\0'
    content += struct.pack('<Qddqddq', 2, 1.5, 2.5, -1, 3.5, 4.5, 12)
    content += struct.pack('<I7dI', 4, 1, 0, 0, 0, 0, 0, -2, 1) + b'a.png\0'
    return content + struct.pack('<Q', 0)


@pytest.fixture(params=['text', 'binary'])
def model(tmp_path, request):
    if request.param == 'text':
        (tmp_path / 'cameras.txt').write_text(CAMERAS)
        (tmp_path / 'images.txt').write_text(IMAGES)
    else:
        (tmp_path / 'cameras.bin').write_bytes(binary_cameras())
        (tmp_path / 'images.bin').write_bytes(binary_images())
    return tmp_path


def test_text_and_binary_are_read_alike(model):
    assert has_model(model)
    cameras, images = read_model(model)
    assert sorted(cameras) == [1, 7]
    assert cameras[1].model == 'PINHOLE'
    assert cameras[1].parameters == (60, 61, 32, 24)
    assert cameras[7].model == 'SIMPLE_RADIAL'
    assert cameras[7].size == (64, 48)
    assert [(image.name, image.camera) for image in images] == [('left/b 2.png', 7), ('a.png', 1)]


def test_poses_are_turned_round(model):
    _, images = read_model(model)
    # x_in_cam = R x_in_world + (3, 0, -1), R of -90 degrees about y: the center is -R^T t.
    R = np.array([[0, 0, -1], [0, 1, 0], [1, 0, 0]])
    np.testing.assert_allclose(images[0].world_from_cam[:3, :3], R.T, atol=1e-12)
    np.testing.assert_allclose(images[0].world_from_cam[:3, 3], [1, 0, 3], atol=1e-12)
    np.testing.assert_allclose(images[1].world_from_cam[:3, 3], [0, 0, 2])


def test_binary_counts_before_text(tmp_path):
    (tmp_path / 'cameras.txt').write_text('not read')
    (tmp_path / 'images.txt').write_text('not read')
    (tmp_path / 'cameras.bin').write_bytes(binary_cameras())
    (tmp_path / 'images.bin').write_bytes(binary_images())
    assert len(read_model(tmp_path)[1]) == 2


@pytest.mark.parametrize('name', ['cameras.bin', 'images.bin'])
def test_a_file_that_is_cut_anywhere_is_refused_by_name(tmp_path, name):
    whole = {'cameras.bin': binary_cameras(), 'images.bin': binary_images()}
    for file, content in whole.items():
        (tmp_path / file).write_bytes(content)
    for length in range(0, len(whole[name]), 5):
        (tmp_path / name).write_bytes(whole[name][:length])
        with pytest.raises(SourceError, match=rf'{name} ends after {length} bytes.*copy it again'):
            read_model(tmp_path)


@pytest.mark.parametrize(
    ('name', 'text', 'match'),
    [
        ('cameras.txt', '1 PINHOLE 64\n', "holds '1 PINHOLE 64'"),
        ('cameras.txt', '2 PINHOLE 64 48 60 61 32 24\n', 'is of camera 7, which is not among'),
        ('images.txt', '3 1 0 0 0 1 2\n\n', 'a line is: id qw qx'),
        ('images.txt', '3 0 0 0 0 1 2 3 1 a.png\n\n', r'a\.png: the quaternion is no rotation'),
        ('images.txt', '3 1e300 0 0 0 1 2 3 1 a.png\n\n', 'the quaternion is no rotation'),
        ('images.txt', '3 1 0 0 0 inf 2 3 1 a.png\n\n', r'a\.png: the pose is not finite'),
    ],
)
def test_lines_that_make_no_sense_are_refused(tmp_path, name, text, match):
    (tmp_path / 'cameras.txt').write_text(CAMERAS)
    (tmp_path / 'images.txt').write_text(IMAGES)
    (tmp_path / name).write_text(text)
    with pytest.raises(SourceError, match=match):
        read_model(tmp_path)


def test_a_binary_model_of_unknown_length_is_refused(tmp_path):
    content = struct.pack('<QIiQQ', 1, 1, 99, 64, 48)
    (tmp_path / 'cameras.bin').write_bytes(content)
    (tmp_path / 'images.bin').write_bytes(binary_images())
    with pytest.raises(SourceError, match='the model 99, of which the number of parameters'):
        read_model(tmp_path)


def test_a_folder_with_half_a_model_has_none(tmp_path):
    (tmp_path / 'cameras.txt').write_text(CAMERAS)
    (tmp_path / 'images.bin').write_bytes(binary_images())
    assert not has_model(tmp_path)
