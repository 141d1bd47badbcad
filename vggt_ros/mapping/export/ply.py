"""Point clouds as PLY files."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from jaxtyping import Float32, UInt8
import numpy as np

_VERTEX = np.dtype(
    [('xyz', '<f4', 3), ('rgb', 'u1', 3), ('confidence', '<f4')],
)
_PROPERTIES = (
    'float x',
    'float y',
    'float z',
    'uchar red',
    'uchar green',
    'uchar blue',
    'float confidence',
)


def write_ply(
    path: str | PathLike[str],
    points: Float32[np.ndarray, 'N 3'],
    colors: UInt8[np.ndarray, 'N 3'],
    confidence: Float32[np.ndarray, ' N'],
) -> None:
    """Write a binary little-endian PLY file with the vertices x y z red green blue confidence.

    Args:
        path: The file; replaced if it exists.
        points: (N, 3) in the frame and unit the reader expects; N may be 0.
        colors: (N, 3) RGB.
        confidence: (N,) of the points.

    Raises:
        OSError: The file cannot be written.
    """
    vertices = np.empty(len(points), dtype=_VERTEX)
    vertices['xyz'], vertices['rgb'], vertices['confidence'] = points, colors, confidence
    header = [
        'ply',
        'format binary_little_endian 1.0',
        f'element vertex {len(points)}',
        *(f'property {name}' for name in _PROPERTIES),
        'end_header',
    ]
    with Path(path).open('wb') as file:
        file.write(('\n'.join(header) + '\n').encode('ascii'))
        file.write(vertices.tobytes())
