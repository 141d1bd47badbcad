import json
import struct

import numpy as np
import pytest

from vggt_ros.offline.triangle_mesh import TriangleMesh


@pytest.fixture
def mesh():
    """A square of two triangles in red, and a green triangle apart from it, above."""
    square = [[0, 0, 0], [2, 0, 0], [2, 1, 0], [0, 1, 0]]
    apart = [[0, 0, 5], [1, 0, 5], [0, 1, 5]]
    return TriangleMesh(
        vertices=np.array(square + apart, np.float32),
        colors=np.array([[255, 0, 0]] * 4 + [[0, 128, 0]] * 3, np.uint8),
        triangles=np.array([[0, 1, 2], [0, 2, 3], [4, 5, 6]], np.int32),
    )


def glb_of(path):
    """The description and the arrays of a file, by the rules of glTF 2.0."""
    raw = path.read_bytes()
    magic, version, total = struct.unpack_from('<4sII', raw)
    assert (magic, version, total) == (b'glTF', 2, len(raw))
    length, kind = struct.unpack_from('<I4s', raw, 12)
    assert (kind, length % 4) == (b'JSON', 0)
    described = json.loads(raw[20 : 20 + length])
    size, kind = struct.unpack_from('<I4s', raw, 20 + length)
    assert kind == b'BIN\0'
    binary = raw[28 + length :]
    assert len(binary) == size == described['buffers'][0]['byteLength']
    arrays = []
    for each in described['accessors']:
        view = described['bufferViews'][each['bufferView']]
        count = each['count'] * {'VEC3': 3, 'SCALAR': 1}[each['type']]
        dtype = {5126: '<f4', 5125: '<u4'}[each['componentType']]
        assert view['byteLength'] == 4 * count
        arrays.append(np.frombuffer(binary, dtype, count, view['byteOffset']).reshape(-1, 3))
    return described, arrays


def test_a_small_piece_is_dropped_with_its_vertices(mesh):
    kept = mesh.without_islands(2)
    np.testing.assert_array_equal(kept.vertices, mesh.vertices[:4])
    np.testing.assert_array_equal(kept.triangles, mesh.triangles[:2])
    assert len(mesh.without_islands(1).triangles) == 3
    nothing = mesh.without_islands(4)
    assert (len(nothing.vertices), len(nothing.triangles)) == (0, 0)


def test_vertices_are_numbered_anew_where_the_first_piece_is_dropped(mesh):
    turned = TriangleMesh(
        vertices=mesh.vertices[::-1].copy(),
        colors=mesh.colors[::-1].copy(),
        triangles=(6 - mesh.triangles).astype(np.int32),
    )
    kept = turned.without_islands(2)
    corners = kept.vertices[kept.triangles]
    np.testing.assert_array_equal(corners, mesh.vertices[mesh.triangles[:2]])
    assert (kept.colors == (255, 0, 0)).all()


def test_the_ply_has_header_vertices_and_triangles(mesh, tmp_path):
    mesh.write_ply(tmp_path / 'mesh.ply')
    raw = (tmp_path / 'mesh.ply').read_bytes()
    header, _, body = raw.partition(b'end_header\n')
    assert b'element vertex 7\n' in header
    assert b'element face 3\nproperty list uchar int vertex_indices\n' in header
    assert len(body) == 7 * 15 + 3 * 13
    assert struct.unpack_from('<fff3B', body, 15) == (2.0, 0.0, 0.0, 255, 0, 0)
    assert struct.unpack_from('<Biii', body, 7 * 15 + 2 * 13) == (3, 4, 5, 6)


def test_up_is_y_in_the_glb_and_nothing_is_mirrored(mesh, tmp_path):
    mesh.write_glb(tmp_path / 'mesh.glb')
    described, (points, _, triangles) = glb_of(tmp_path / 'mesh.glb')
    assert points[4:, 1] == pytest.approx(5.0)
    x, y, z = mesh.vertices.T
    np.testing.assert_allclose(points, np.stack([x, z, -y], axis=1))
    np.testing.assert_array_equal(triangles, mesh.triangles)
    before = np.cross(mesh.vertices[1], mesh.vertices[2])[2]
    assert np.cross(points[1], points[2])[1] == pytest.approx(before)
    assert described['accessors'][0]['min'] == [0.0, 0.0, -1.0]
    assert described['accessors'][0]['max'] == [2.0, 5.0, 0.0]


def test_colors_are_light_in_the_glb(mesh, tmp_path):
    mesh.write_glb(tmp_path / 'mesh.glb')
    described, (_, colors, _) = glb_of(tmp_path / 'mesh.glb')
    np.testing.assert_allclose(colors[0], [1.0, 0.0, 0.0])
    # IEC 61966-2-1: half of 255 is a fifth of the light.
    np.testing.assert_allclose(colors[4], [0.0, 0.2159, 0.0], atol=1e-3)
    assert described['extensionsUsed'] == ['KHR_materials_unlit']
