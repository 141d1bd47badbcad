"""Camera motion in the windows to train on."""

from __future__ import annotations

from dataclasses import dataclass, replace

from jaxtyping import Float, Int
import numpy as np

from vggt_ros.synthetic.walk import look

MAX_OFF_PATH_M = 0.25
_MAX_POINTS = 1000  # of a path; a centimeter apart on one around a room
# The walk of walk_along, which integrates the speed twenty times as finely.
_WALK_FRAMES, _WALK_RATE_HZ, _WALK_STEPS = 300, 10.0, 1000
_WALK_SPEED_M_S, _WALK_STOP_S, _WALK_HEIGHT_M = 0.5, 0.7, 1.15
_MAX_SPACING = 6  # frames of the walk between frames of a window
_WALK_SHARE = 0.6
_ARC, _SIDEWAYS, _TURN, _STAND = range(4)
_SHARES = 0.4, 0.3, 0.2, 0.1  # of the windows that are no walk
_FOCUS_SHARES = 0.5, 0.4, 0.05, 0.05
_HAND_HELD_SHARE = 0.3
_BOB_M, _LIFT_M = 0.03, 0.1
_MAX_STEP_M, _UNEVEN = 0.4, 0.3  # steps of a window differ by up to 30 % from their mean
_ARC_M, _WAVE_M = 0.15, (1.2, 4.0)
_SHIFT_M, _SHIFT_STEP_M = 0.15, 0.2
# Their sums, with what a hand adds, stay within pitches of -25 to 20 degrees and 60 degrees off
# the path.
_PITCH_DEG, _SWING_DEG = (-20.0, 15.0), 3.0
_ASIDE_DEG, _SWEEP_DEG = 55.0, 60.0
_FOCUS_YAW_DEG, _FOCUS_PITCH_DEG = 20.0, 12.0
_HAND_M, _HAND_DEG, _HAND_ROLL_DEG = 0.03, 2.0, 8.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Course:
    """S positions and directions of view in a z-up world.

    Attributes:
        center: (S, 3) meters.
        yaw_rad: (S,) direction of view about z, 0 along x.
        pitch_rad: (S,) elevation of the view, positive upwards.
    """

    center: Float[np.ndarray, 'S 3']
    yaw_rad: Float[np.ndarray, ' S']
    pitch_rad: Float[np.ndarray, ' S']


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Curve:
    """A closed curve by the distance along it.

    Attributes:
        points: (n, 2) meters; the last one is the first.
        arc_m: (n,) distance along the curve.
        heading_rad: (n,) direction of the curve, without jumps.
    """

    points: Float[np.ndarray, 'n 2']
    arc_m: Float[np.ndarray, ' n']
    heading_rad: Float[np.ndarray, ' n']

    def at(
        self, along_m: Float[np.ndarray, ' S'], across_m: Float[np.ndarray, ' S'] | float = 0.0
    ) -> tuple[Float[np.ndarray, 'S 2'], Float[np.ndarray, ' S']]:
        """Return (S, 2) positions, across_m to the left of the curve, and (S,) headings."""
        rounds, along = np.divmod(along_m, self.arc_m[-1])
        position = [np.interp(along, self.arc_m, self.points[:, k]) for k in (0, 1)]
        heading = np.interp(along, self.arc_m, self.heading_rad)
        left = np.stack([-np.sin(heading), np.cos(heading)])
        turn = self.heading_rad[-1] - self.heading_rad[0]
        return (np.stack(position) + across_m * left).T, heading + rounds * turn


def window_poses(
    rng: np.random.Generator,
    path: Float[np.ndarray, 'dense 2'],
    eye_height_m: tuple[float, float],
    focus: Float[np.ndarray, ' 3'] | None,
    num_frames: int,
) -> Float[np.ndarray, 'S 4 4']:
    """Return world_from_cam of the frames of a window in order of time, OpenCV axes, meters.

    Most windows are parts of a robot's walk; others follow the path in arcs, shift sideways, turn
    on the spot or stand still. Some of all of these are held by hand.

    Args:
        rng: Decides everything.
        path: Closed curve on the floor that the camera keeps within `MAX_OFF_PATH_M` of, meters;
            its last point is its first.
        eye_height_m: Lowest and highest camera.
        focus: What the camera looks at, about; None for looking along the path, up to 60 degrees
            aside.
        num_frames: S, 1 to 40.
    """
    if focus is None and rng.uniform() < _WALK_SHARE:
        course = _at_eye_height(
            rng, walk_course(rng, path, _frames(rng, num_frames)), eye_height_m
        )
    else:
        shares = _SHARES if focus is None else _FOCUS_SHARES
        kind = int(rng.choice(len(shares), p=shares))
        course = _course(rng, kind, path, eye_height_m, num_frames)
        if focus is not None:
            course = _looking_at(rng, course, focus, is_fixed=kind == _STAND)
    roll_rad = np.zeros(num_frames)
    if rng.uniform() < _HAND_HELD_SHARE:
        course, roll_rad = _by_hand(rng, course)
    center = course.center.copy()
    center[:, 2] = center[:, 2].clip(*eye_height_m)
    return _rolled(look(center, course.yaw_rad, course.pitch_rad), roll_rad)


def walk_course(
    rng: np.random.Generator, path: Float[np.ndarray, 'dense 2'], frames: Int[np.ndarray, ' S']
) -> Course:
    """Return some frames of the walk that walk_along would draw, at a tenth of its cost.

    Args:
        rng: Where the stops and the looking about come from.
        path: Closed curve on the floor, meters.
        frames: (S,) which of the 300 frames, taken at 10 Hz.
    """
    curve = _curve(path)
    stamps_s = frames / _WALK_RATE_HZ
    end_s = (_WALK_FRAMES - 1) / _WALK_RATE_HZ
    time_s = np.linspace(0.0, end_s, _WALK_STEPS)
    speed = np.full(_WALK_STEPS, _WALK_SPEED_M_S)
    stop_s = rng.uniform(5.0, 9.0)
    while stop_s < end_s:
        squared = ((time_s - stop_s) / _WALK_STOP_S) ** 2
        speed *= 1.0 - np.exp(-squared * squared)
        stop_s += rng.uniform(8.0, 14.0)
    mean_speed = 0.5 * (speed[1:] + speed[:-1])
    travelled = np.concatenate([[0.0], np.cumsum(mean_speed) * (time_s[1] - time_s[0])])
    position, heading = curve.at(np.interp(stamps_s, time_s, travelled))
    phase = rng.uniform(0, 2 * np.pi, 3)
    height = _WALK_HEIGHT_M + _BOB_M * np.sin(1.7 * stamps_s + phase[2])
    return Course(
        center=np.column_stack([position, height]),
        yaw_rad=heading + 0.45 * np.sin(0.55 * stamps_s + phase[0]),
        pitch_rad=-0.08 + 0.07 * np.sin(0.8 * stamps_s + phase[1]),
    )


def _frames(rng: np.random.Generator, num_frames: int) -> Int[np.ndarray, ' S']:
    """Choose frames of the walk as for the windows that nothing is trained on."""
    spacing = int(rng.integers(1, _MAX_SPACING + 1))
    gaps = np.maximum(spacing + rng.integers(-1, 2, num_frames - 1), 1)
    offsets = np.concatenate([[0], np.cumsum(gaps)])
    return offsets + rng.integers(_WALK_FRAMES - offsets[-1])


def _at_eye_height(
    rng: np.random.Generator, course: Course, eye_height_m: tuple[float, float]
) -> Course:
    center = course.center.copy()
    center[:, 2] += rng.uniform(*eye_height_m) - _WALK_HEIGHT_M
    return replace(course, center=center)


def _course(
    rng: np.random.Generator,
    kind: int,
    path: Float[np.ndarray, 'dense 2'],
    eye_height_m: tuple[float, float],
    num_frames: int,
) -> Course:
    """Follow a part of the path one way or the other, by a kind of motion."""
    curve = _curve(path if rng.uniform() < 0.5 else path[::-1])
    along = np.full(num_frames, rng.uniform(0.0, curve.arc_m[-1]))
    across = np.full(num_frames, rng.uniform(-_SHIFT_M, _SHIFT_M))
    aside_deg = np.full(num_frames, rng.uniform(-_ASIDE_DEG, _ASIDE_DEG))
    pitch_deg = np.full(num_frames, rng.uniform(*_PITCH_DEG))
    height = np.full(num_frames, rng.uniform(*eye_height_m))
    if kind == _ARC:
        along, across, aside_deg = _arc(rng, along)
    elif kind == _SIDEWAYS:
        along += _steps(rng, rng.uniform(0.0, _SHIFT_STEP_M), num_frames)
        across = rng.choice([-1.0, 1.0]) * _SHIFT_M * np.linspace(-1.0, 1.0, num_frames)
    elif kind == _TURN:
        aside_deg = _sweep(rng, num_frames)
    if kind in (_ARC, _SIDEWAYS):
        aside_deg = aside_deg + _SWING_DEG * _wander(rng, num_frames)
        height += rng.uniform(0.0, _LIFT_M) * _wander(rng, num_frames)
    if kind != _STAND:
        pitch_deg += _SWING_DEG * _wander(rng, num_frames)
    position, heading = curve.at(along, across)
    return Course(
        center=np.column_stack([position, height]),
        yaw_rad=heading + np.radians(aside_deg),
        pitch_rad=np.radians(pitch_deg),
    )


def _arc(rng: np.random.Generator, start_m: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return distance along and across the path and the angle off it, looking ahead."""
    wave_m = rng.uniform(*_WAVE_M)
    reach_m = rng.uniform(0.0, _ARC_M)
    steepest = 2 * np.pi * reach_m / wave_m
    step_m = rng.uniform(0.0, _MAX_STEP_M / (1.0 + _UNEVEN) / np.hypot(1.0, steepest))
    along = start_m + _steps(rng, step_m, len(start_m))
    phase = 2 * np.pi * along / wave_m + rng.uniform(0, 2 * np.pi)
    aside_deg = np.degrees(np.arctan(steepest * np.cos(phase)))
    return along, reach_m * np.sin(phase), aside_deg


def _sweep(rng: np.random.Generator, num_frames: int) -> Float[np.ndarray, ' S']:
    """Return angles of a turn on the spot, degrees off the path."""
    half = 0.5 * rng.uniform(-_SWEEP_DEG, _SWEEP_DEG)
    reach = _ASIDE_DEG - abs(half)
    return rng.uniform(-reach, reach) + half * np.linspace(-1.0, 1.0, num_frames)


def _looking_at(
    rng: np.random.Generator, course: Course, focus: Float[np.ndarray, ' 3'], *, is_fixed: bool
) -> Course:
    """Turn the camera to a point, which wanders about in the picture unless it is fixed."""
    x, y, z = (focus - course.center).T
    aside, above = _wander(rng, len(x)), _wander(rng, len(x))
    if is_fixed:
        aside, above = aside[:1], above[:1]
    return replace(
        course,
        yaw_rad=np.arctan2(y, x) + np.radians(_FOCUS_YAW_DEG) * aside,
        pitch_rad=np.arctan2(z, np.hypot(x, y)) + np.radians(_FOCUS_PITCH_DEG) * above,
    )


def _by_hand(rng: np.random.Generator, course: Course) -> tuple[Course, Float[np.ndarray, ' S']]:
    """Shake a camera a little; returns its roll, too, radians."""
    num_frames = len(course.yaw_rad)
    firmness = rng.uniform(0.2, 1.0)
    shake = firmness * np.stack([_wander(rng, num_frames) for _ in range(6)], axis=1)
    shaken = Course(
        center=course.center + _HAND_M * shake[:, :3],
        yaw_rad=course.yaw_rad + np.radians(_HAND_DEG) * shake[:, 3],
        pitch_rad=course.pitch_rad + np.radians(_HAND_DEG) * shake[:, 4],
    )
    return shaken, np.radians(_HAND_ROLL_DEG) * shake[:, 5]


def _rolled(
    world_from_cam: Float[np.ndarray, 'S 4 4'], roll_rad: Float[np.ndarray, ' S']
) -> Float[np.ndarray, 'S 4 4']:
    """Turn cameras about their optical axes."""
    cos, sin = np.cos(roll_rad), np.sin(roll_rad)
    turn = np.tile(np.eye(4), (len(roll_rad), 1, 1))
    turn[:, 0, 0], turn[:, 0, 1] = cos, -sin
    turn[:, 1, 0], turn[:, 1, 1] = sin, cos
    return world_from_cam @ turn


def _steps(rng: np.random.Generator, mean_m: float, num_frames: int) -> Float[np.ndarray, ' S']:
    """Return the distance from the first frame, in uneven steps."""
    steps = mean_m * (1.0 + _UNEVEN * _wander(rng, num_frames))
    return np.cumsum(steps) - steps[0]


def _wander(rng: np.random.Generator, num_frames: int) -> Float[np.ndarray, ' S']:
    """Return noise in -1..1 that changes smoothly from frame to frame."""
    phase = rng.uniform(0, 2 * np.pi, (2, 1))
    rate = rng.uniform(0.1, 0.9, (2, 1))  # radians a frame
    return np.sin(phase + rate * np.arange(num_frames)).mean(axis=0)


def _curve(path: Float[np.ndarray, 'dense 2']) -> _Curve:
    chosen = np.linspace(0, len(path) - 1, min(len(path), _MAX_POINTS)).round().astype(int)
    points = path[chosen]
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    arc_m = np.concatenate([[0.0], np.cumsum(steps)])
    around = np.concatenate([points[-2:-1], points, points[1:2]])
    slope_x, slope_y = (around[2:] - around[:-2]).T
    heading_rad = np.unwrap(np.arctan2(slope_y, slope_x))
    return _Curve(points=points, arc_m=arc_m, heading_rad=heading_rad)
