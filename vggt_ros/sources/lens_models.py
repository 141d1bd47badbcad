"""Lens models of COLMAP, which nerfstudio uses too, as intrinsics and distortion of OpenCV.

The center of COLMAP's first pixel is (0.5, 0.5), that of ours (0, 0): principal points move by
half a pixel.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from jaxtyping import Float
import numpy as np

from vggt_ros.errors import SourceError
from vggt_ros.sources.source import Distortion

_HALF_PX = 0.5
# Parameters of each model in COLMAP's order.
PARAMETERS: Mapping[str, tuple[str, ...]] = {
    'SIMPLE_PINHOLE': ('f', 'cx', 'cy'),
    'PINHOLE': ('fx', 'fy', 'cx', 'cy'),
    'SIMPLE_RADIAL': ('f', 'cx', 'cy', 'k1'),
    'RADIAL': ('f', 'cx', 'cy', 'k1', 'k2'),
    'OPENCV': ('fx', 'fy', 'cx', 'cy', 'k1', 'k2', 'p1', 'p2'),
    'OPENCV_FISHEYE': ('fx', 'fy', 'cx', 'cy', 'k1', 'k2', 'k3', 'k4'),
    'FULL_OPENCV': (
        *('fx', 'fy', 'cx', 'cy'),
        *('k1', 'k2', 'p1', 'p2', 'k3', 'k4', 'k5', 'k6'),
    ),
    'SIMPLE_RADIAL_FISHEYE': ('f', 'cx', 'cy', 'k1'),
    'RADIAL_FISHEYE': ('f', 'cx', 'cy', 'k1', 'k2'),
}
_D = {
    'plumb_bob': ('k1', 'k2', 'p1', 'p2', 'k3'),
    'rational_polynomial': ('k1', 'k2', 'p1', 'p2', 'k3', 'k4', 'k5', 'k6'),
    'equidistant': ('k1', 'k2', 'k3', 'k4'),
}
# A fisheye lens bends with all coefficients 0, which elsewhere mean that nothing bends.
_BENDS_NOTHING_MORE = 1e-12


def colmap_camera(
    model: str, parameters: Sequence[float], where: object
) -> tuple[Float[np.ndarray, '3 3'], Distortion | None]:
    """Return K and distortion of a camera of COLMAP.

    Args:
        model: Its name, as in `cameras.txt`.
        parameters: In COLMAP's order.
        where: File and camera, for the error.

    Raises:
        SourceError: The model is unknown or has another number of parameters.
    """
    if model not in PARAMETERS:
        raise SourceError(
            f'{where} has the model {model}; known are {", ".join(PARAMETERS)}: undistort the '
            f'images (colmap image_undistorter) and give that folder'
        )
    names = PARAMETERS[model]
    if len(names) != len(parameters):
        raise SourceError(
            f'{where} has {len(parameters)} parameters; {model} has {len(names)}: '
            f'{" ".join(names)}'
        )
    values = dict(zip(names, parameters, strict=True))
    focal = values.get('f', 0.0)
    return lens_camera(
        model, {**values, 'fx': values.get('fx', focal), 'fy': values.get('fy', focal)}, where
    )


def lens_camera(
    model: str, values: Mapping[str, float], where: object
) -> tuple[Float[np.ndarray, '3 3'], Distortion | None]:
    """Return K and distortion of named parameters.

    Args:
        model: One of `PARAMETERS`.
        values: `fx fy cx cy`, and coefficients, of which those that are missing are 0.
        where: Of the camera, for the error.

    Raises:
        SourceError: A number is not finite, or a focal length is not above 0.
    """
    fx, fy, cx, cy = (values[name] for name in ('fx', 'fy', 'cx', 'cy'))
    if not np.isfinite([*values.values()]).all() or min(fx, fy) <= 0:
        raise SourceError(
            f'{where} has the focal lengths {fx} and {fy}; they must be above 0 and all '
            f'parameters finite'
        )
    K = np.array([[fx, 0, cx - _HALF_PX], [0, fy, cy - _HALF_PX], [0, 0, 1]])
    if model in ('SIMPLE_PINHOLE', 'PINHOLE'):
        return K, None
    kind = 'rational_polynomial' if model == 'FULL_OPENCV' else 'plumb_bob'
    if model.endswith('FISHEYE'):
        kind = 'equidistant'
    D = np.array([values.get(name, 0.0) for name in _D[kind]])
    if kind == 'equidistant' and not D.any():
        D[0] = _BENDS_NOTHING_MORE
    return K, Distortion(model=kind, D=D) if D.any() else None
