"""A smooth walk of a robot around a room."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
import numpy as np

_DENSE = 20_000
_EYE_HEIGHT_M = 1.15
_SPEED_M_S = 0.5
_STOP_S = 0.7  # half length of a stop


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Walk:
    """Camera poses of a walk.

    Attributes:
        world_from_cam: (N, 4, 4) OpenCV axes in a z-up world, meters.
        stamps_s: (N,) seconds since the first pose.
    """

    world_from_cam: Float[np.ndarray, 'N 4 4']
    stamps_s: Float[np.ndarray, ' N']


def loop_around(
    rng: np.random.Generator, half_x_m: float, half_y_m: float
) -> Float[np.ndarray, 'dense 2']:
    """Return a closed smooth curve around the origin: an ellipse with gentle bulges.

    Args:
        rng: Where the bulges and the starting point come from.
        half_x_m: Largest reach along x.
        half_y_m: Largest reach along y.
    """
    angle = rng.uniform(0, 2 * np.pi) + np.linspace(0, 2 * np.pi, _DENSE)
    radius = np.ones_like(angle)
    for harmonic in (2, 3):
        phase = rng.uniform(0, 2 * np.pi)
        radius += rng.uniform(0.02, 0.08) * np.cos(harmonic * angle + phase)
    radius /= radius.max()
    return np.stack([half_x_m * radius * np.cos(angle), half_y_m * radius * np.sin(angle)], axis=1)


def walk_along(
    rng: np.random.Generator,
    curve: Float[np.ndarray, 'dense 2'],
    num_frames: int,
    rate_hz: float,
) -> Walk:
    """Walk around a closed curve with stops, looking ahead and about.

    Args:
        rng: Where the stops and the looking about come from.
        curve: (dense, 2) closed curve on the floor, meters.
        num_frames: N, at least 1.
        rate_hz: Frames a second.
    """
    stamps_s = np.arange(num_frames) / rate_hz
    travelled = _travelled(rng, stamps_s)
    steps = np.linalg.norm(np.diff(curve, axis=0), axis=1)
    arc = np.concatenate([[0.0], np.cumsum(steps)])
    along = travelled % arc[-1]
    position = np.stack([np.interp(along, arc, curve[:, k]) for k in (0, 1)], axis=1)
    tangent = np.unwrap(np.arctan2(*np.gradient(curve, axis=0).T[::-1]))
    turns = np.floor(travelled / arc[-1]) * 2 * np.pi
    yaw = np.interp(along, arc, tangent) + turns
    phase = rng.uniform(0, 2 * np.pi, 3)
    yaw = yaw + 0.45 * np.sin(0.55 * stamps_s + phase[0])
    pitch = -0.08 + 0.07 * np.sin(0.8 * stamps_s + phase[1])
    height = _EYE_HEIGHT_M + 0.03 * np.sin(1.7 * stamps_s + phase[2])
    center = np.concatenate([position, height[:, None]], axis=1)
    return Walk(world_from_cam=look(center, yaw, pitch), stamps_s=stamps_s)


def look(
    center: Float[np.ndarray, 'N 3'],
    yaw_rad: Float[np.ndarray, ' N'],
    pitch_rad: Float[np.ndarray, ' N'],
) -> Float[np.ndarray, 'N 4 4']:
    """Return world_from_cam of level cameras.

    Args:
        center: (N, 3) positions in the world, z up.
        yaw_rad: (N,) direction of view about z, 0 along x.
        pitch_rad: (N,) elevation of the view, positive upwards.
    """
    cos_yaw, sin_yaw = np.cos(yaw_rad), np.sin(yaw_rad)
    cos_pitch, sin_pitch = np.cos(pitch_rad), np.sin(pitch_rad)
    right = np.stack([sin_yaw, -cos_yaw, np.zeros_like(yaw_rad)], axis=1)
    forward = np.stack([cos_pitch * cos_yaw, cos_pitch * sin_yaw, sin_pitch], axis=1)
    poses = np.tile(np.eye(4), (len(center), 1, 1))
    poses[:, :3, 0] = right
    poses[:, :3, 1] = np.cross(forward, right)
    poses[:, :3, 2] = forward
    poses[:, :3, 3] = center
    return poses


def _travelled(rng: np.random.Generator, stamps_s: Float[np.ndarray, ' N']) -> np.ndarray:
    """Return the distance covered at each stamp, standing still now and then."""
    end_s = float(stamps_s[-1]) + 1e-6
    time_s = np.linspace(0, end_s, _DENSE)
    speed = np.full(_DENSE, _SPEED_M_S)
    stop_s = rng.uniform(5.0, 9.0)
    while stop_s < end_s:
        speed *= 1.0 - np.exp(-(((time_s - stop_s) / _STOP_S) ** 4))
        stop_s += rng.uniform(8.0, 14.0)
    distance = np.concatenate([[0.0], np.cumsum(0.5 * (speed[1:] + speed[:-1]) * np.diff(time_s))])
    return np.interp(stamps_s, time_s, distance)
