"""The camera on a course: the images that it takes, painted or of noise."""

from __future__ import annotations

from jaxtyping import UInt8
import numpy as np

from vggt_ros.synthetic.box_painter import BoxPainter
from vggt_ros.synthetic.course import Course


class CourseCamera:
    """Takes the images of a course.

    What they show follows from the pose, and from what moves: where the robot stands and nothing
    moves they are the same.

    Attributes:
        course: The path, and the intrinsics.
    """

    def __init__(self, course: Course) -> None:
        """Prepare the textures, if the course has any."""
        self.course = course
        seed = course.paint_seed
        self._painter = None if seed is None else BoxPainter(course.world, seed)

    def image(self, index: int) -> UInt8[np.ndarray, 'H W 3']:
        """Return the RGB image of frame `index`, at the size that `course.grid` says."""
        course = self.course
        pose, grid = course.world_from_cam[index], course.grid
        painter = self._painter_of(index)
        if painter is not None:
            return painter.paint(pose, course.K_image, grid.image_width, grid.image_height)
        seed = np.frombuffer(pose.tobytes(), np.uint32)
        return np.random.default_rng(seed).integers(
            0, 256, (grid.image_height, grid.image_width, 3), dtype=np.uint8
        )

    def _painter_of(self, index: int) -> BoxPainter | None:
        seed = self.course.paint_seed
        if seed is None or self.course.moving is None:
            return self._painter
        return BoxPainter(self.course.world_at(index), seed)
