"""Distortion coefficients as drivers send them: more or fewer than their model has."""

from __future__ import annotations

from jaxtyping import Float
import numpy as np

from vggt_ros.errors import InputError
from vggt_ros.geometry.lens import NUM_COEFFICIENTS


def usual_coefficients(model: str, D: Float[np.ndarray, ' m']) -> Float[np.ndarray, ' n']:
    """Return as many coefficients as a model has, with the same meaning.

    OpenCV orders them, and those that are not given are 0: zeros at the end go or are added. Of
    an unknown model, and without distortion, the coefficients are returned as they are.

    Args:
        model: Name as in `NUM_COEFFICIENTS`.
        D: (m,) coefficients in OpenCV's order.

    Raises:
        InputError: `bad_camera_info`: coefficients beyond those of the model are not 0.
    """
    allowed = NUM_COEFFICIENTS.get(model)
    if allowed is None or not D.any():
        return D
    most = max(allowed)
    if D[most:].any():
        others = [name for name, numbers in NUM_COEFFICIENTS.items() if max(numbers) >= len(D)]
        remedy = f'; is it {" or ".join(others)}?' if others else ''
        raise InputError(
            'bad_camera_info',
            f'camera_info cannot be used: d has {len(D)} coefficients, {D.tolist()}, and {model} '
            f'has only {" or ".join(map(str, allowed))}: the others are not 0{remedy}; calibrate '
            f'the camera again or set input.use_camera_info to false',
        )
    used = D[:most]
    number = next(each for each in sorted(allowed) if each >= len(used))
    return np.pad(used, (0, number - len(used)))
