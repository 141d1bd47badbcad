"""The bytes of a message, filled without a loop over them."""

from __future__ import annotations

from array import array

import numpy as np


def byte_array(values: np.ndarray) -> array[int]:
    """Return the bytes of an array, rows first, as the type that rosidl takes as it is.

    Any other type, `bytes` and numpy arrays among them, is copied or checked byte by byte in
    Python by one ROS distribution or another: 0.3 s for a cloud of 3 MB.
    """
    data = array('B')
    data.frombytes(np.ascontiguousarray(values).reshape(-1).view(np.uint8).data)
    return data
