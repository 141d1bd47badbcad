import numpy as np
import pytest

from vggt_ros.mapping.export.ply import write_ply

HEADER = b"""ply
format binary_little_endian 1.0
element vertex 2
property float x
property float y
property float z
property uchar red
property uchar green
property uchar blue
property float confidence
end_header
"""


def test_a_file_is_a_header_and_nineteen_bytes_a_point(tmp_path):
    points = np.array([[1, 2, 3], [4, 5, -6]], np.float32)
    colors = np.array([[255, 0, 1], [2, 3, 4]], np.uint8)
    write_ply(tmp_path / 'map.ply', points, colors, np.array([1.5, 9.0], np.float32))
    content = (tmp_path / 'map.ply').read_bytes()
    assert content.startswith(HEADER)
    body = content[len(HEADER) :]
    assert len(body) == 2 * 19
    assert np.frombuffer(body[19:31], '<f4').tolist() == [4, 5, -6]
    assert list(body[31:34]) == [2, 3, 4]
    assert np.frombuffer(body[34:38], '<f4').tolist() == [9.0]


def test_an_empty_cloud_is_a_valid_file(tmp_path):
    nothing = np.zeros((0, 3), np.float32)
    write_ply(str(tmp_path / 'map.ply'), nothing, np.zeros((0, 3), np.uint8), nothing[:, 0])
    content = (tmp_path / 'map.ply').read_bytes()
    assert b'element vertex 0\n' in content
    assert content.endswith(b'end_header\n')


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    nothing = np.zeros((0, 3), np.float32)
    with pytest.raises(FileNotFoundError):
        write_ply(tmp_path / 'no' / 'map.ply', nothing, np.zeros((0, 3), np.uint8), nothing[:, 0])
