"""Image grid: the correspondence of the camera's pixels and the network's."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Bool, Float
import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageGrid:
    """The axis-aligned map between an image of the camera and the image the network sees.

    Pixel centers have integer coordinates on both sides (OpenCV, ROS), (u, v) with u to the
    right and v down: u_model = (u_image + 0.5) * scale_u - 0.5 + offset_u.

    Attributes:
        image_width: Width of the camera's image, pixels.
        image_height: Height of the camera's image, pixels.
        model_width: Width of the network's image, pixels.
        model_height: Height of the network's image, pixels.
        scale_u: Network pixels per camera pixel along u.
        scale_v: The same along v; rounding to whole patches makes it differ from `scale_u`.
        offset_u: Column of the resized image's left edge in the network's image; negative if
            columns were cropped, positive if they were padded.
        offset_v: The same for rows.
    """

    image_width: int
    image_height: int
    model_width: int
    model_height: int
    scale_u: float
    scale_v: float
    offset_u: int
    offset_v: int

    def model_from_image(self, uv: Float[np.ndarray, '*n 2']) -> Float[np.ndarray, '*n 2']:
        """Map pixels of the camera's image to pixels of the network's image."""
        return (uv + 0.5) * self._scale - 0.5 + self._offset

    def image_from_model(self, uv: Float[np.ndarray, '*n 2']) -> Float[np.ndarray, '*n 2']:
        """Map pixels of the network's image to pixels of the camera's image."""
        return (uv + 0.5 - self._offset) / self._scale - 0.5

    def K_model_from_image(
        self, K_image: Float[np.ndarray, '*n 3 3']
    ) -> Float[np.ndarray, '*n 3 3']:
        """Turn intrinsics of the camera's image into those of the network's image."""
        K = np.array(K_image, dtype=np.float64)
        K[..., :2, :2] *= self._scale[:, None]
        K[..., :2, 2] = self.model_from_image(K[..., :2, 2])
        return K

    def K_image_from_model(
        self, K_model: Float[np.ndarray, '*n 3 3']
    ) -> Float[np.ndarray, '*n 3 3']:
        """Turn intrinsics of the network's image into those of the camera's image."""
        K = np.array(K_model, dtype=np.float64)
        K[..., :2, :2] /= self._scale[:, None]
        K[..., :2, 2] = self.image_from_model(K[..., :2, 2])
        return K

    def inside(self) -> Bool[np.ndarray, 'H W']:
        """Return True for network pixels that show the camera's image, False for padding."""
        corners = np.array([[-0.5, -0.5], [self.image_width - 0.5, self.image_height - 0.5]])
        (left, top), (right, bottom) = self.model_from_image(corners)
        u, v = np.arange(self.model_width), np.arange(self.model_height)
        return ((v >= top) & (v < bottom))[:, None] & ((u >= left) & (u < right))[None]

    @property
    def _scale(self) -> Float[np.ndarray, ' 2']:
        return np.array([self.scale_u, self.scale_v])

    @property
    def _offset(self) -> Float[np.ndarray, ' 2']:
        return np.array([self.offset_u, self.offset_v], dtype=np.float64)
