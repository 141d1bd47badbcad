"""The bytes of a message: filled without a copy more than needed, and counted."""

from __future__ import annotations

from array import array
from typing import Any

import numpy as np


def fill(data: array[int], values: np.ndarray) -> None:
    """Append the bytes of an array, rows first, to the `data` of a new message.

    In place, because assigning to the field costs a copy at best, and with `bytes` or numpy
    arrays a check byte by byte in one ROS distribution or another: 0.3 s for a cloud of 3 MB.
    """
    data.frombytes(np.ascontiguousarray(values).reshape(-1).view(np.uint8).data)


_TEXTS = ('encoding', 'format', 'distortion_model')
# Of a character, at most, in a string of Python; of a coefficient.
_BYTES_PER_CHARACTER, _BYTES_PER_NUMBER = 4, 8


def message_bytes(message: Any) -> int:
    """Return what an image or a CameraInfo takes, of the parts whose size its sender chooses.

    Names count, too: an image without pixels may have one of a hundred megabytes.
    """
    texts = [message.header.frame_id, *(getattr(message, name, '') for name in _TEXTS)]
    return (
        len(getattr(message, 'data', ()))
        + _BYTES_PER_NUMBER * len(getattr(message, 'd', ()))
        + _BYTES_PER_CHARACTER * sum(map(len, texts))
    )
