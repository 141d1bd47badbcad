"""A place that cameras can be sent through."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
import numpy as np

from vggt_ros.synthetic.scene import Scene


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Place:
    """A scene and a path around it.

    Attributes:
        scene: The place as a batch of one scene.
        path: (dense, 2) closed curve on the floor that keeps clear of everything, meters.
        half_size_m: (3,) half of the place's inner size; the floor is at z = 0.
        eye_height_m: Lowest and highest sensible height of a camera on the path.
        focus: (3,) point that a camera on the path looks at; None: it looks along the path.
    """

    scene: Scene
    path: Float[np.ndarray, 'dense 2']
    half_size_m: Float[np.ndarray, ' 3']
    eye_height_m: tuple[float, float]
    focus: Float[np.ndarray, ' 3'] | None = None
