"""A rig whose cameras look at different walls, and that turns and shakes as it is told."""

from __future__ import annotations

import cv2
from jaxtyping import Float, UInt8
import numpy as np

_WALL_PX = 700
_BLUR_PX = 1.5


def uneven_motion(num_moments: int, seed: int, step_px: float = 3.0) -> Float[np.ndarray, 'N 2']:
    """Return where the middle of the view is: it turns now here and now there, as by hand.

    Args:
        num_moments: N.
        seed: The same seed gives the same motion.
        step_px: How far it moves from one moment to the next, about.
    """
    rng = np.random.default_rng([seed, 51])
    place, speed, found = np.zeros(2), np.zeros(2), []
    for _ in range(num_moments):
        speed = 0.8 * speed + 0.6 * rng.normal(size=2) * step_px
        place = 0.98 * place + speed
        found.append(place)
    return np.array(found)


class ShakenRig:
    """Takes images of two or more cameras that move together.

    What moves the image of the first camera right moves that of the second down, and so on: they
    look in directions of their own, and see nothing in common.
    """

    def __init__(
        self,
        place_px: Float[np.ndarray, 'N 2'],
        *,
        num_cameras: int = 2,
        width: int = 168,
        height: int = 126,
        noise_gray: float = 2.0,
        seed: int = 0,
    ) -> None:
        """Paint the walls.

        Args:
            place_px: (N, 2) where the middle of the view is at each moment, pixels to the right
                and down of the first camera's wall.
            num_cameras: Cameras.
            width: Columns of the images.
            height: Rows of the images.
            noise_gray: Standard deviation of the noise of the images.
            seed: Of walls and noise.
        """
        self._place_px = place_px
        self._size = width, height
        self._noise_gray = noise_gray
        self._seed = seed
        rng = np.random.default_rng([seed, 52])
        self._walls: list[UInt8[np.ndarray, 'wall wall']] = []
        self._turns: list[Float[np.ndarray, '2 2']] = []
        for camera in range(num_cameras):
            noise = rng.integers(0, 256, (_WALL_PX, _WALL_PX), dtype=np.uint8)
            soft = cv2.GaussianBlur(noise, (0, 0), _BLUR_PX)
            wall = cv2.normalize(soft, np.zeros_like(soft), 30, 225, cv2.NORM_MINMAX)
            self._walls.append(np.asarray(wall))
            angle = camera * np.pi / 2
            turn = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
            self._turns.append(np.array(turn))

    def image(self, camera: int, moment: int) -> UInt8[np.ndarray, 'H W 3']:
        """Return what a camera sees at a moment."""
        width, height = self._size
        wall, x_y = self._walls[camera], self._turns[camera] @ self._place_px[moment]
        left = round(x_y[0] + (_WALL_PX - width) / 2) % (_WALL_PX - width)
        top = round(x_y[1] + (_WALL_PX - height) / 2) % (_WALL_PX - height)
        rng = np.random.default_rng([self._seed, camera, moment])
        noise = rng.normal(0.0, self._noise_gray, (height, width))
        gray = wall[top : top + height, left : left + width] + noise
        image: UInt8[np.ndarray, 'H W 3'] = np.repeat(
            np.clip(np.rint(gray), 0, 255).astype(np.uint8)[..., None], 3, axis=2
        )
        return image
