"""Corridors that look exactly the same: seen from above a staircase, each step like the last.

A step is a corridor along y and one along x, with the same walls, furniture and textures in all
steps. What a camera sees at a place it sees in every step: nothing in the images tells them apart.
"""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
import numpy as np

from vggt_ros.synthetic.box_world import BoxWorld

_HALF_WIDTH_M = 1.2
_RADIUS_M = 1.0  # of the path around a corner
_MIN_RISE_M = 5.0
_MAX_TILE_M = 10.0
_NUM_STEPS = 2  # that the robot walks, and a corridor along y after them
_CORNER_M = 1.8  # without furniture
_FURNITURE_SPACING_M = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Staircase:
    """Steps of corridors, repeated.

    Attributes:
        rise_m: Length of a corridor along y, from one middle line to the next.
        run_m: Length of a corridor along x; a multiple of the rise.
    """

    rise_m: float
    run_m: float

    @classmethod
    def of_length(cls, path_m: float) -> Staircase:
        """Return one whose whole path is a little longer than `path_m`."""
        # Two steps of three rises each, and one more rise; corners are cut.
        rise_m = max(_MIN_RISE_M, path_m / 6.5)
        return cls(rise_m=rise_m, run_m=2.0 * rise_m)

    def curve(self) -> Float[np.ndarray, 'dense 2']:
        """Return the path through the middle of the corridors, meters."""
        corners = [np.array([0.0, _HALF_WIDTH_M + 0.3 - self.rise_m])]
        for step in range(_NUM_STEPS):
            corners.append(np.array([step * self.run_m, step * self.rise_m]))
            corners.append(np.array([(step + 1) * self.run_m, step * self.rise_m]))
        corners.append(np.array([_NUM_STEPS * self.run_m, _NUM_STEPS * self.rise_m]))
        line = [corners[0]]
        for before, corner, after in zip(corners, corners[1:], corners[2:], strict=False):
            line += list(_arc(before, corner, after))
        way = np.array([*line, corners[-1]])
        arc = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(way, axis=0), axis=1))])
        even = np.linspace(0.0, arc[-1], 8001)
        return np.stack([np.interp(even, arc, way[:, k]) for k in (0, 1)], axis=1)

    def shift_of(self, position: Float[np.ndarray, 'N 3']) -> Float[np.ndarray, 'N 3']:
        """Return how far positions are from where the first step looks the same, meters."""
        step = np.ceil((position[:, 1] - _HALF_WIDTH_M) / self.rise_m)
        return step[:, None] * np.array([self.run_m, self.rise_m, 0.0])

    def world(self, rng: np.random.Generator, height_m: float) -> BoxWorld:
        """Return the corridors with furniture along their walls.

        Args:
            rng: Where the furniture stands.
            height_m: Of the corridors.
        """
        half, run, rise = _HALF_WIDTH_M, self.run_m, self.rise_m
        above = np.array([[-half, half, 0.0], [run - half, rise + half, height_m]])
        below = np.array([[half, -rise - half, 0.0], [run + half, -half, height_m]])
        step = np.stack([above, below, *self._furniture(rng, height_m)])
        shift = np.array([run, rise, 0.0])
        # One more step at either end than are seen from inside.
        copies = [step + k * shift for k in range(-2, _NUM_STEPS + 2)]
        boxes = np.concatenate(copies)
        floor = boxes[boxes[:, 1, 2] == height_m]
        hall = np.stack([floor[:, 0].min(axis=0), floor[:, 1].max(axis=0)])
        return BoxWorld(
            hall=hall,
            boxes=boxes,
            style=np.tile(np.arange(len(step)), len(copies)),
            # The textures of floor and ceiling have to repeat with the steps.
            tile_m=rise / np.ceil(rise / _MAX_TILE_M),
        )

    def _furniture(
        self, rng: np.random.Generator, height_m: float
    ) -> list[Float[np.ndarray, '2 3']]:
        """Return boxes against the walls of the first step."""
        boxes = []
        for axis, start_m, length_m in ((1, -self.rise_m, self.rise_m), (0, 0.0, self.run_m)):
            low, high = start_m + _CORNER_M, start_m + length_m - _CORNER_M
            for along_m in np.arange(low, high, _FURNITURE_SPACING_M):
                half = rng.uniform(0.12, 0.28, 2)
                side = rng.choice([-1.0, 1.0]) * (_HALF_WIDTH_M - half[1 - axis])
                middle = np.zeros(2)
                middle[axis] = along_m + rng.uniform(0.0, 0.5 * _FURNITURE_SPACING_M)
                middle[1 - axis] = side
                top_m = rng.choice([rng.uniform(0.3, 1.2), rng.uniform(1.2, 0.95 * height_m)])
                boxes.append(np.array([[*(middle - half), 0.0], [*(middle + half), top_m]]))
        return boxes


def _arc(
    before: Float[np.ndarray, ' 2'],
    corner: Float[np.ndarray, ' 2'],
    after: Float[np.ndarray, ' 2'],
) -> Float[np.ndarray, 'n 2']:
    """Return the path around a right-angled corner."""
    enter = (corner - before) / np.linalg.norm(corner - before)
    leave = (after - corner) / np.linalg.norm(after - corner)
    middle = corner + _RADIUS_M * (leave - enter)
    angle = np.linspace(0.0, 0.5 * np.pi, 40)[:, None]
    return middle + _RADIUS_M * (np.sin(angle) * enter - np.cos(angle) * leave)
