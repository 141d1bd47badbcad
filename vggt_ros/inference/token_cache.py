"""Token cache: the encoder's tokens of the newest images."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Float, Float32, UInt8
import numpy as np
import torch
from torch import Tensor

from vggt_ros.inference.image_grid import ImageGrid


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EncodedImage:
    """An image as the network knows it by itself, before it saw any other.

    Attributes:
        grid: How the network's pixels map to the camera's.
        seen: (H, W, 3) RGB as the network saw it.
        tokens: (1, hw, C) patch tokens, on the network's device.
    """

    grid: ImageGrid
    seen: UInt8[np.ndarray, 'H W 3']
    tokens: Float[Tensor, '1 hw C']


class TokenCache:
    """Encoded images by frame id; the one that was not needed for longest goes first.

    Belongs to one predictor: all entries come from the same weights, device and precision. An
    entry counts only for the grid it was made on, so that a camera that changes its size finds
    nothing old.
    """

    def __init__(self, capacity: int) -> None:
        """Start empty.

        Args:
            capacity: Images to keep; 0 keeps none.
        """
        self._capacity = capacity
        self._entries: OrderedDict[int, EncodedImage] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def num_bytes(self) -> int:
        """Memory of the tokens."""
        return sum(e.tokens.element_size() * e.tokens.nelement() for e in self._entries.values())

    def get(self, frame_id: int, grid: ImageGrid) -> EncodedImage | None:
        """Return what is known about a frame, None if nothing is."""
        entry = self._entries.get(frame_id)
        if entry is None or entry.grid != grid:
            return None
        self._entries.move_to_end(frame_id)
        return entry

    def put(self, frame_id: int, encoded: EncodedImage) -> None:
        """Keep an image; frame ids are unique in a run."""
        self._entries[frame_id] = encoded
        self._entries.move_to_end(frame_id)
        while len(self._entries) > self._capacity:
            self._entries.popitem(last=False)

    def clear(self) -> None:
        """Forget all of them."""
        self._entries.clear()


def descriptors(encoded: Sequence[EncodedImage]) -> Float32[np.ndarray, 'S C']:
    """Return what each image shows as a whole: the mean of its tokens, of length 1."""
    means = torch.cat([image.tokens.float().mean(dim=1) for image in encoded])
    return torch.nn.functional.normalize(means, dim=1).cpu().numpy()
