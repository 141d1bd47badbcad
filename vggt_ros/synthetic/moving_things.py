"""Moving things: people, doors and what is taken away, as upright boxes that move with time."""

from __future__ import annotations

from dataclasses import dataclass, replace

from jaxtyping import Bool, Float, Int, Int16
import numpy as np

from vggt_ros.synthetic.box_world import BoxWorld

STATIC = -1
_TOUCH_M = 0.03  # a point so near a box is on it


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MovingThings:
    """Things made of boxes that have another place at every moment, or none.

    Attributes:
        names: What each thing is.
        boxes: (T, m, 2, 3) lowest and highest corners of all boxes at T moments, meters; NaN
            while a box is not there.
        thing: (m,) number of the thing that each box is a part of.
    """

    names: tuple[str, ...]
    boxes: Float[np.ndarray, 'T m 2 3']
    thing: Int[np.ndarray, ' m']

    def added_to(self, world: BoxWorld, moment: int) -> BoxWorld:
        """Return the place as it is at a moment; a box looks the same wherever it is."""
        boxes = self.boxes[moment]
        there = np.flatnonzero(np.isfinite(boxes[:, 0, 0]))
        first_style = int(world.styles.max(initial=-1)) + 1
        return replace(
            world,
            boxes=np.concatenate([world.boxes, boxes[there]]),
            style=np.concatenate([world.styles, first_style + there]),
        )

    def seen(
        self,
        world: BoxWorld,
        moment: int,
        world_from_cam: Float[np.ndarray, '4 4'],
        K: Float[np.ndarray, '3 3'],
        width: int,
        height: int,
    ) -> Int16[np.ndarray, 'height width']:
        """Return which box every pixel shows, `STATIC` for what does not move.

        Args:
            world: What does not move.
            moment: When.
            world_from_cam: (4, 4) pose, OpenCV axes, outside of all boxes.
            K: (3, 3) intrinsics, pixels.
            width: Columns.
            height: Rows.
        """
        nearest = world.depth(world_from_cam, K, width, height)
        shown = np.full(nearest.shape, STATIC, dtype=np.int16)
        for number, box in enumerate(self.boxes[moment]):
            if np.isfinite(box).all():
                alone = BoxWorld(hall=world.hall, boxes=box[None])
                depth = alone.depth(world_from_cam, K, width, height)
                shown[depth < nearest] = number
                nearest = np.minimum(nearest, depth)
        return shown

    def carried(
        self,
        points_in_world: Float[np.ndarray, 'n 3'],
        box: Int16[np.ndarray, ' n'],
        before: int,
        after: int,
    ) -> Float[np.ndarray, 'n 3']:
        """Return where points are at a later moment; NaN where their box is not there.

        Args:
            points_in_world: (n, 3) meters.
            box: (n,) which box each of them is on, `STATIC` for none.
            before: Moment that the points are of.
            after: Moment that is asked for.
        """
        shift = np.concatenate(
            [self.boxes[after, :, 0] - self.boxes[before, :, 0], np.zeros((1, 3))]
        )
        return np.asarray(points_in_world + shift[box])

    def stays(
        self, points_in_world: Float[np.ndarray, '*n 3'], box: Int16[np.ndarray, '*n']
    ) -> Bool[np.ndarray, '*n']:
        """Return True for points that the same thing still has at that place in the end.

        Args:
            points_in_world: (*n, 3) meters.
            box: (*n) which box each of them is on; never True for `STATIC`.
        """
        thing = np.append(self.thing, STATIC)[box]
        is_there = np.zeros(box.shape, dtype=bool)
        for last, number in zip(self.boxes[-1], self.thing, strict=True):
            inside = (points_in_world > last[0] - _TOUCH_M) & (
                points_in_world < last[1] + _TOUCH_M
            )
            is_there |= inside.all(axis=-1) & (thing == number)
        return is_there
