import json

import numpy as np

from vggt_ros.mapping.layers.voxel_map import MapPoints
from vggt_ros.offline.map_files import write_map

VERTEX = np.dtype([('xyz', '<f4', 3), ('rgb', 'u1', 3), ('confidence', '<f4')])


def read_ply(path):
    header, _, data = path.read_bytes().partition(b'end_header\n')
    found = np.frombuffer(data, VERTEX)
    assert f'element vertex {len(found)}'.encode() in header
    return found


def points_of(rng, num):
    return MapPoints(
        points_in_map=rng.uniform(-5, 5, (num, 3)).astype(np.float32),
        colors=rng.integers(0, 256, (num, 3), dtype=np.uint8),
        confidence=np.ones(num, np.float32),
        hits=np.ones(num, np.int64),
    )


def test_a_small_map_is_one_file(rng, tmp_path):
    points = points_of(rng, 50)
    assert write_map(tmp_path, points) == 0
    np.testing.assert_array_equal(read_ply(tmp_path / 'map.ply')['xyz'], points.points_in_map)
    assert not (tmp_path / 'cloud').exists()


def test_every_point_of_a_large_map_is_in_one_tile(rng, tmp_path):
    points = points_of(rng, 500)
    num = write_map(tmp_path, points, limit=100)
    told = json.loads((tmp_path / 'cloud' / 'tiles.json').read_text())
    assert num == len(told['tiles']) > 40
    found = []
    for tile in told['tiles']:
        xyz = read_ply(tmp_path / 'cloud' / tile['file'])['xyz']
        assert len(xyz) == tile['num_points']
        inside = xyz[:, :2] - np.array(tile['corner'])
        assert inside.min() > -1e-4
        assert inside.max() < told['edge'] + 1e-4
        found.append(xyz)
    both = (np.concatenate(found), points.points_in_map)
    ordered = [each[np.lexsort(each.T)] for each in both]
    np.testing.assert_array_equal(*ordered)


def test_an_empty_map_is_a_file(rng, tmp_path):
    write_map(tmp_path, points_of(rng, 0), limit=0)
    assert len(read_ply(tmp_path / 'map.ply')) == 0
