import numpy as np
import pytest

from vggt_ros.mapping.export.pcd import write_pcd
from vggt_ros.mapping.layers.voxel_map import MapPoints

ENTRIES = [
    'VERSION',
    'FIELDS',
    'SIZE',
    'TYPE',
    'COUNT',
    'WIDTH',
    'HEIGHT',
    'VIEWPOINT',
    'POINTS',
    'DATA',
]


def points_of(num, rng):
    return MapPoints(
        points_in_map=rng.normal(size=(num, 3)).astype(np.float32),
        colors=rng.integers(0, 256, (num, 3), np.uint8),
        confidence=rng.uniform(1, 9, num).astype(np.float32),
        hits=rng.integers(1, 99, num),
    )


def read_pcd(path):
    """Read header and rows as the header says them, whatever this package meant."""
    content = path.read_bytes()
    text, mark, body = content.partition(b'DATA binary\n')
    lines = [line for line in (text + mark).decode('ascii').splitlines() if line[0] != '#']
    assert [line.split()[0] for line in lines] == ENTRIES
    header = {line.split()[0]: line.split()[1:] for line in lines}
    assert header['COUNT'] == ['1'] * len(header['FIELDS'])
    kinds = zip(header['FIELDS'], header['TYPE'], header['SIZE'], strict=True)
    dtype = np.dtype([(name, f'<{kind.lower()}{size}') for name, kind, size in kinds])
    rows = np.frombuffer(body, dtype)
    assert len(rows) == int(header['POINTS'][0])
    assert len(rows) == int(header['WIDTH'][0]) * int(header['HEIGHT'][0])
    return header, rows


@pytest.mark.parametrize('num', [0, 1, 1000])
def test_what_was_written_is_read(tmp_path, rng, num):
    points = points_of(num, rng)
    write_pcd(tmp_path / 'map.pcd', points)
    header, rows = read_pcd(tmp_path / 'map.pcd')
    assert header['VERSION'] == ['0.7']
    assert header['VIEWPOINT'] == ['0', '0', '0', '1', '0', '0', '0']
    xyz = np.stack([rows['x'], rows['y'], rows['z']], axis=-1)
    np.testing.assert_array_equal(xyz, points.points_in_map)
    np.testing.assert_array_equal(rows['confidence'], points.confidence)
    np.testing.assert_array_equal(rows['hits'], points.hits)


def test_a_color_is_in_the_bytes_of_one_float_with_blue_first(tmp_path, rng):
    points = points_of(500, rng)
    write_pcd(str(tmp_path / 'map.pcd'), points)
    header, rows = read_pcd(tmp_path / 'map.pcd')
    assert header['TYPE'][header['FIELDS'].index('rgb')] == 'F'
    color_bytes = np.ascontiguousarray(rows['rgb']).view(np.uint8).reshape(-1, 4)
    np.testing.assert_array_equal(color_bytes[:, 2::-1], points.colors)
    assert not color_bytes[:, 3].any()


def test_more_hits_than_the_field_holds_are_the_most_it_holds(tmp_path, rng):
    points = points_of(2, rng)
    points.hits[:] = (2**32 + 5, 3)
    write_pcd(tmp_path / 'map.pcd', points)
    assert read_pcd(tmp_path / 'map.pcd')[1]['hits'].tolist() == [2**32 - 1, 3]


def test_a_folder_that_is_not_there_is_an_error(tmp_path, rng):
    with pytest.raises(FileNotFoundError):
        write_pcd(tmp_path / 'no' / 'map.pcd', points_of(1, rng))
