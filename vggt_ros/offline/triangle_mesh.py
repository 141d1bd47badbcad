"""Triangle mesh: a surface with colors, and the two files it is written to."""

from __future__ import annotations

from dataclasses import dataclass
import json
from pathlib import Path
import struct
from typing import Any

from jaxtyping import Float32, Int32, UInt8
import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

_VERTEX = np.dtype([('xyz', '<f4', 3), ('rgb', 'u1', 3)])
_TRIANGLE = np.dtype([('count', 'u1'), ('rows', '<i4', 3)])
# glTF 2.0 is y-up: our x stays, our z is its y, and our y is away from its z.
_GLTF_FROM_MAP = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]], np.float32)
# Names of the glTF 2.0 specification, sections 3.6 and 4.4.
_JSON_CHUNK, _BINARY_CHUNK = 0x4E4F534A, 0x004E4942
_FLOAT, _UNSIGNED_INT = 5126, 5125
_VERTICES, _INDICES = 34962, 34963


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TriangleMesh:
    """V vertices and T triangles.

    Attributes:
        vertices: (V, 3) in the z-up map, map units.
        colors: (V, 3) RGB, as images have it (sRGB).
        triangles: (T, 3) rows of the vertices, counterclockwise seen from the cameras' side.
    """

    vertices: Float32[np.ndarray, 'V 3']
    colors: UInt8[np.ndarray, 'V 3']
    triangles: Int32[np.ndarray, 'T 3']

    def without_islands(self, min_triangles: int) -> TriangleMesh:
        """Return the mesh without pieces of fewer triangles, and without unused vertices."""
        count = len(self.vertices)
        a, b, c = self.triangles.T
        edges = coo_array(
            (np.ones(2 * len(a), bool), (np.r_[a, b], np.r_[b, c])), shape=(count, count)
        )
        _, piece_of = connected_components(edges, directed=False)
        size = np.bincount(piece_of[a], minlength=count)
        triangles = self.triangles[size[piece_of[a]] >= min_triangles]
        is_used = np.zeros(count, bool)
        is_used[triangles] = True
        row = np.cumsum(is_used, dtype=np.int32) - 1
        return TriangleMesh(
            vertices=self.vertices[is_used],
            colors=self.colors[is_used],
            triangles=row[triangles].astype(np.int32),
        )

    def write_ply(self, path: Path) -> None:
        """Write a binary little-endian PLY in the frame of the map.

        Raises:
            OSError: The file cannot be written.
        """
        vertices = np.empty(len(self.vertices), _VERTEX)
        vertices['xyz'], vertices['rgb'] = self.vertices, self.colors
        triangles = np.empty(len(self.triangles), _TRIANGLE)
        triangles['count'], triangles['rows'] = 3, self.triangles
        header = [
            'ply',
            'format binary_little_endian 1.0',
            f'element vertex {len(vertices)}',
            *(f'property float {axis}' for axis in 'xyz'),
            *(f'property uchar {color}' for color in ('red', 'green', 'blue')),
            f'element face {len(triangles)}',
            'property list uchar int vertex_indices',
            'end_header',
        ]
        with path.open('wb') as file:
            file.write(('\n'.join(header) + '\n').encode('ascii'))
            file.write(vertices.tobytes())
            file.write(triangles.tobytes())

    def write_glb(self, path: Path) -> None:
        """Write binary glTF 2.0: y-up, colors linear and shown as they are, without lights.

        Raises:
            OSError: The file cannot be written.
        """
        points = (self.vertices @ _GLTF_FROM_MAP.T).astype('<f4')
        parts = [points, _linear(self.colors).astype('<f4'), self.triangles.astype('<u4')]
        described = json.dumps(_gltf(parts)).encode('ascii')
        described += b' ' * (-len(described) % 4)
        binary = b''.join(part.tobytes() for part in parts)
        with path.open('wb') as file:
            total = 12 + 8 + len(described) + 8 + len(binary)
            file.write(struct.pack('<4sII', b'glTF', 2, total))
            file.write(struct.pack('<II', len(described), _JSON_CHUNK) + described)
            file.write(struct.pack('<II', len(binary), _BINARY_CHUNK) + binary)


def _gltf(parts: list[np.ndarray]) -> dict[str, Any]:
    """Return the description of vertices, colors and triangles, one after the other."""
    points, _, triangles = parts
    offsets = np.cumsum([0, *(part.nbytes for part in parts)]).tolist()
    targets = _VERTICES, _VERTICES, _INDICES
    return {
        'asset': {'version': '2.0', 'generator': 'vggt_ros'},
        'extensionsUsed': ['KHR_materials_unlit'],
        'scene': 0,
        'scenes': [{'nodes': [0]}],
        'nodes': [{'mesh': 0}],
        'meshes': [
            {
                'primitives': [
                    {'attributes': {'POSITION': 0, 'COLOR_0': 1}, 'indices': 2, 'material': 0}
                ]
            }
        ],
        'materials': [
            {
                'pbrMetallicRoughness': {'metallicFactor': 0.0, 'roughnessFactor': 1.0},
                'doubleSided': True,
                'extensions': {'KHR_materials_unlit': {}},
            }
        ],
        'buffers': [{'byteLength': offsets[-1]}],
        'bufferViews': [
            {'buffer': 0, 'byteOffset': start, 'byteLength': part.nbytes, 'target': target}
            for start, part, target in zip(offsets, parts, targets, strict=False)
        ],
        'accessors': [
            {
                'bufferView': 0,
                'componentType': _FLOAT,
                'count': len(points),
                'type': 'VEC3',
                'min': points.min(axis=0).tolist(),
                'max': points.max(axis=0).tolist(),
            },
            {'bufferView': 1, 'componentType': _FLOAT, 'count': len(points), 'type': 'VEC3'},
            {
                'bufferView': 2,
                'componentType': _UNSIGNED_INT,
                'count': triangles.size,
                'type': 'SCALAR',
            },
        ],
    }


def _linear(colors: UInt8[np.ndarray, 'V 3']) -> Float32[np.ndarray, 'V 3']:
    """Return colors as light: sRGB's transfer function (IEC 61966-2-1), inverted."""
    level = np.arange(256) / 255.0
    light = np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4)
    return light.astype(np.float32)[colors]
