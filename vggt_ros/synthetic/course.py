"""Courses: long paths of a robot through halls and corridors, for testing maps."""

from __future__ import annotations

from dataclasses import dataclass, replace

from jaxtyping import Float, Int16
import numpy as np

from vggt_ros.errors import ConfigError
from vggt_ros.inference.image_grid import ImageGrid
from vggt_ros.synthetic.box_world import BoxWorld
from vggt_ros.synthetic.moving_things import MovingThings, STATIC
from vggt_ros.synthetic.staircase import Staircase
from vggt_ros.synthetic.walk import look

_EYE_HEIGHT_M, _HALL_HEIGHT_M = 1.1, 2.8
_STEP_M = 0.12  # between two frames of a moving robot
_CLEARANCE_M = 0.45
_SWAY_RAD = 0.06
_K = np.array([[29.0, 0, 15.5], [0, 29.0, 11.5], [0, 0, 1.0]])  # of 32 x 24 pixels


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Course:
    """A path through a place, and the camera that sees it.

    Attributes:
        name: Which course.
        world: What can be seen.
        world_from_cam: (N, 4, 4) poses, OpenCV axes in a z-up world, meters.
        K: (3, 3) intrinsics, pixels of the predictor's grid.
        width: Columns of the predictor's grid.
        height: Rows of the predictor's grid.
        num_cameras: Cameras on the robot; frames of one moment follow each other.
        image_scale: Pixels of the camera's images for each of `K`, `width` and `height`, which
            are those of the predictor's grid, along either axis.
        paint_seed: Which textures the images show; None for images of noise.
        alias_shift: (N, 3) how far each frame is from the place that it looks exactly like,
            meters; None if no two places look alike.
        moving: What is not always where it was; None if nothing moves.
    """

    name: str
    world: BoxWorld
    world_from_cam: Float[np.ndarray, 'N 4 4']
    K: Float[np.ndarray, '3 3']
    width: int = 32
    height: int = 24
    num_cameras: int = 1
    image_scale: int = 1
    paint_seed: int | None = None
    alias_shift: Float[np.ndarray, 'N 3'] | None = None
    moving: MovingThings | None = None

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self.world_from_cam)

    def with_rig(self, first_from_cam: Float[np.ndarray, 'C 4 4']) -> Course:
        """Return the same path seen by several cameras.

        Args:
            first_from_cam: (C, 4, 4) where they are in the frame of this course's camera, meters;
                the first one is in its place.
        """
        poses = self.world_from_cam[:, None] @ first_from_cam[None]
        return replace(
            self, world_from_cam=poses.reshape(-1, 4, 4), num_cameras=len(first_from_cam)
        )

    def with_pictures(
        self, *, width: int = 80, height: int = 60, image_scale: int = 4, seed: int = 0
    ) -> Course:
        """Return the same path with images that show what there is to see.

        Args:
            width: Columns of the predictor's grid; the field of view stays as it is.
            height: Rows of the predictor's grid.
            image_scale: Pixels of the images for each of the grid, along either axis.
            seed: Which textures.
        """
        larger = np.array([width / self.width, height / self.height])
        K = self.K.copy()
        K[(0, 1), (0, 1)] *= larger
        K[:2, 2] = (K[:2, 2] + 0.5) * larger - 0.5
        return replace(
            self, K=K, width=width, height=height, image_scale=image_scale, paint_seed=seed
        )

    def world_at(self, index: int) -> BoxWorld:
        """Return what can be seen in frame `index`, what moves included."""
        if self.moving is None:
            return self.world
        return self.moving.added_to(self.world, index // self.num_cameras)

    def moving_seen(self, index: int) -> Int16[np.ndarray, 'H W']:
        """Return which box of `moving` the pixels of frame `index` show, `STATIC` for none."""
        if self.moving is None:
            return np.full((self.height, self.width), STATIC, dtype=np.int16)
        pose, moment = self.world_from_cam[index], index // self.num_cameras
        return self.moving.seen(self.world, moment, pose, self.K, self.width, self.height)

    def carried(
        self,
        points_in_world: Float[np.ndarray, 'n 3'],
        box: Int16[np.ndarray, ' n'],
        before: int,
        after: int,
    ) -> Float[np.ndarray, 'n 3']:
        """Return where points of frame `before` are in frame `after`; see `MovingThings`."""
        if self.moving is None:
            return points_in_world
        moments = before // self.num_cameras, after // self.num_cameras
        return self.moving.carried(points_in_world, box, *moments)

    @property
    def grid(self) -> ImageGrid:
        """How the pixels of the predictor's grid map to those of the images."""
        return ImageGrid(
            image_width=self.image_scale * self.width,
            image_height=self.image_scale * self.height,
            model_width=self.width,
            model_height=self.height,
            scale_u=1.0 / self.image_scale,
            scale_v=1.0 / self.image_scale,
            offset_u=0,
            offset_v=0,
        )

    @property
    def K_image(self) -> Float[np.ndarray, '3 3']:
        """(3, 3) intrinsics in pixels of the images."""
        return self.grid.K_image_from_model(self.K)

    @property
    def path_length_m(self) -> float:
        """Length of the path."""
        steps = np.diff(self.world_from_cam[:: self.num_cameras, :3, 3], axis=0)
        return float(np.linalg.norm(steps, axis=1).sum())


def make_course(name: str, num_frames: int, seed: int) -> Course:
    """Make up a course; the same arguments give the same one.

    Args:
        name: One of `COURSES`, or `REPEATED_CORRIDOR`.
        num_frames: N, at least 2.
        seed: Decides what stands beside the path, and how the camera sways.

    Raises:
        ConfigError: There is no course of that name, or it has too few frames.
    """
    if name not in (*COURSES, REPEATED_CORRIDOR):
        raise ConfigError(
            f'there is no course {name!r}; the courses are {", ".join(COURSES)} and '
            f'{REPEATED_CORRIDOR}'
        )
    if num_frames < 2:
        raise ConfigError(f'a course has at least 2 frames; got {num_frames}')
    if name == REPEATED_CORRIDOR:
        return _repeated_corridor(num_frames, np.random.default_rng([seed, len(COURSES)]))
    rng = np.random.default_rng([seed, COURSES.index(name)])
    curve, travelled_m, turned_rad, block = _WAYS[name](num_frames)
    poses = _poses(rng, curve, travelled_m, turned_rad)
    return Course(
        name=name, world=_furnished(rng, curve, block), world_from_cam=poses, K=_K.copy()
    )


def _repeated_corridor(num_frames: int, rng: np.random.Generator) -> Course:
    stairs = Staircase.of_length(_STEP_M * num_frames)
    poses = _poses(rng, stairs.curve(), _STEP_M * np.arange(num_frames), np.zeros(num_frames))
    return Course(
        name=REPEATED_CORRIDOR,
        world=stairs.world(rng, _HALL_HEIGHT_M),
        world_from_cam=poses,
        K=_K.copy(),
        alias_shift=stairs.shift_of(poses[:, :3, 3]),
    )


def _poses(
    rng: np.random.Generator,
    curve: Float[np.ndarray, 'dense 2'],
    travelled_m: Float[np.ndarray, ' N'],
    turned_rad: Float[np.ndarray, ' N'],
) -> Float[np.ndarray, 'N 4 4']:
    """Return the poses of a camera that looks ahead, and sways while it moves."""
    position, heading_rad = _along(curve, travelled_m)
    phase = rng.uniform(0, 2 * np.pi, 3)
    sway = travelled_m + 2.0 * turned_rad  # a robot that stands still does not sway
    yaw = heading_rad + turned_rad + _SWAY_RAD * np.sin(1.9 * sway + phase[0])
    pitch = -0.1 + 0.3 * _SWAY_RAD * np.sin(2.7 * sway + phase[1])
    height_m = _EYE_HEIGHT_M + 0.01 * np.sin(3.1 * sway + phase[2])
    center = np.concatenate([position, height_m[:, None]], axis=1)
    return look(center, yaw, pitch)


# A path is a curve on the floor, how far along it the robot is and how far it has turned beside
# that, for every frame, and what fills the inside of a loop.
_Way = tuple[
    Float[np.ndarray, 'dense 2'],
    Float[np.ndarray, ' N'],
    Float[np.ndarray, ' N'],
    Float[np.ndarray, 'n 2 2'],
]
_NO_BLOCK = np.zeros((0, 2, 2))


def _figure_eight(num_frames: int) -> _Way:
    angle = np.linspace(0, 2 * np.pi, 4001)
    curve = np.stack([9.0 * np.sin(angle), 4.5 * np.sin(2 * angle)], axis=1)
    return curve, _STEP_M * np.arange(num_frames), np.zeros(num_frames), _NO_BLOCK


def _corridor_loop(num_frames: int) -> _Way:
    # Once around and a little further, so that the robot comes back to where it was.
    side = np.array([0.32, 0.18]) * _STEP_M * num_frames / 1.06
    curve = _rounded(0.5 * side[0], 0.5 * side[1], 1.5)
    inner = 0.5 * side - 1.2
    block = np.array([[-inner, inner]])
    return curve, _STEP_M * np.arange(num_frames), np.zeros(num_frames), block


def _lawn_mower(num_frames: int) -> _Way:
    lane_m, width_m = 2.4, 14.0
    num_lanes = int(np.ceil(_STEP_M * num_frames / (width_m + lane_m))) + 1
    parts = []
    for lane in range(num_lanes):
        y, sign = lane * lane_m, 1.0 if lane % 2 == 0 else -1.0
        x = sign * np.linspace(-0.5 * width_m, 0.5 * width_m, 200)
        bend = np.linspace(-0.5 * np.pi, 0.5 * np.pi, 60)[1:-1]
        turn_x = sign * (0.5 * width_m + 0.5 * lane_m * np.cos(bend))
        turn_y = y + 0.5 * lane_m * (1 + np.sin(bend))
        parts += [np.stack([x, np.full_like(x, y)], axis=1), np.stack([turn_x, turn_y], axis=1)]
    curve = np.concatenate(parts)
    return curve, _STEP_M * np.arange(num_frames), np.zeros(num_frames), _NO_BLOCK


def _stop_and_go(num_frames: int) -> _Way:
    curve, _, turned_rad, block = _figure_eight(num_frames)
    # Forty frames of driving, twenty of standing.
    is_moving = np.arange(num_frames) % 60 < 40
    travelled_m = _STEP_M * np.concatenate([[0.0], np.cumsum(is_moving[:-1])])
    return curve, travelled_m, turned_rad, block


def _turning(num_frames: int) -> _Way:
    curve, travelled_m, _, block = _figure_eight(num_frames)
    # Sixty frames of driving, then a whole turn on the spot in seventy-two.
    is_moving = np.arange(num_frames) % 132 < 60
    travelled_m = _STEP_M * np.concatenate([[0.0], np.cumsum(is_moving[:-1])])
    turned_rad = np.concatenate([[0.0], np.cumsum(~is_moving[:-1])]) * (2 * np.pi / 72)
    return curve, travelled_m, turned_rad, block


def _parked(num_frames: int) -> _Way:
    curve, _, turned_rad, block = _figure_eight(num_frames)
    return curve, np.zeros(num_frames), turned_rad, block


_WAYS = {
    'figure_eight': _figure_eight,
    'corridor_loop': _corridor_loop,
    'lawn_mower': _lawn_mower,
    'stop_and_go': _stop_and_go,
    'turning': _turning,
    'parked': _parked,
}
COURSES = tuple(_WAYS)
REPEATED_CORRIDOR = 'repeated_corridor'


def _rounded(half_x_m: float, half_y_m: float, radius_m: float) -> Float[np.ndarray, 'dense 2']:
    """Return a rectangle with round corners, counterclockwise, closed."""
    quarter = np.linspace(0, 0.5 * np.pi, 60)
    arc = radius_m * np.stack([np.cos(quarter), np.sin(quarter)], axis=1)
    corner = np.array([half_x_m - radius_m, half_y_m - radius_m])
    turns = [np.array([[0.0, -1.0], [1.0, 0.0]])]
    corners = []
    for k, (sx, sy) in enumerate(((1, 1), (-1, 1), (-1, -1), (1, -1))):
        turn = np.linalg.matrix_power(turns[0], k)
        corners.append(arc @ turn.T + corner * (sx, sy))
    loop = np.concatenate([*corners, corners[0][:1]])
    steps = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(loop, axis=0), axis=1))])
    even = np.linspace(0, steps[-1], 6001)
    return np.stack([np.interp(even, steps, loop[:, k]) for k in (0, 1)], axis=1)


def _along(
    curve: Float[np.ndarray, 'dense 2'], travelled_m: Float[np.ndarray, ' N']
) -> tuple[Float[np.ndarray, 'N 2'], Float[np.ndarray, ' N']]:
    """Return positions and headings after so many meters; a closed curve goes round."""
    steps = np.linalg.norm(np.diff(curve, axis=0), axis=1)
    arc = np.concatenate([[0.0], np.cumsum(steps)])
    along = travelled_m % arc[-1]
    position = np.stack([np.interp(along, arc, curve[:, k]) for k in (0, 1)], axis=1)
    tangent = np.unwrap(np.arctan2(*np.gradient(curve, axis=0).T[::-1]))
    turns = np.floor(travelled_m / arc[-1]) * (tangent[-1] - tangent[0])
    return position, np.interp(along, arc, tangent) + turns


def _furnished(
    rng: np.random.Generator, curve: Float[np.ndarray, 'dense 2'], block: np.ndarray
) -> BoxWorld:
    """Put a hall around a curve and boxes beside it."""
    margin_m = 1.3
    low, high = curve.min(axis=0) - margin_m, curve.max(axis=0) + margin_m
    if not len(block):  # a wide hall
        low, high = low - 2.0, high + 2.0
    hall = np.array([[*low, 0.0], [*high, _HALL_HEIGHT_M]])
    boxes = [np.array([[*lower, 0.0], [*upper, _HALL_HEIGHT_M]]) for lower, upper in block]
    num_tries = int(0.5 * np.prod(high - low)) if not len(block) else 3 * int(sum(high - low))
    sparse = curve[:: max(1, len(curve) // 1500)]
    for _ in range(num_tries):
        half = rng.uniform(0.1, 0.5, 2)
        middle = rng.uniform(low, high)
        gap = np.abs(sparse - middle) - half
        distance_m = np.linalg.norm(np.maximum(gap, 0.0), axis=1).min()
        if not _CLEARANCE_M < distance_m < 3.0:
            continue
        top_m = rng.choice([rng.uniform(0.3, 1.2), rng.uniform(1.2, _HALL_HEIGHT_M)])
        boxes.append(np.array([[*(middle - half), 0.0], [*(middle + half), top_m]]))
    return BoxWorld(hall=hall, boxes=np.array(boxes).reshape(-1, 2, 3))
