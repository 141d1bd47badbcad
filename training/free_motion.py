"""Cameras anywhere in free space, turned any way, that move as hands, robots and drones do."""

from __future__ import annotations

from collections.abc import Callable

from jaxtyping import Float
import numpy as np
import torch
from torch import Tensor

# Where rays end: origins (B, M, 3) and directions (B, M, R, 3) of M eyes in each of B scenes
# to distances (B, M, R), in multiples of the direction.
Reach = Callable[[Tensor, Tensor], Tensor]

_NUM_STARTS = 12
_FAN = 5, 7  # rows and columns of rays that look at what a start sees
_CLEARANCE_M = 0.15
_DEPTH_M = 0.4, 40.0  # median of a view
_MARGIN_M = 0.25  # between starts and the walls
_SHARES = {
    'orbit': 0.25,
    'aside': 0.2,
    'forward': 0.12,
    'backward': 0.08,
    'hand': 0.22,
    'turn': 0.1,
    'stand': 0.03,
}
_STEP = 0.005, 0.4  # of the median depth, from frame to frame
_LONGEST = 1.2  # of the median depth, from the first frame to the last
_FURTHEST_ORBIT_RAD = 1.2
_UNEVEN = 0.5
_SHAKE_DEG = 0.2, 6.0
_PAN_SHARE, _PAN_DEG = 0.4, 7.0  # a steady turn, degrees a frame
_FURTHEST_PAN_DEG = 50.0
_TURN_DEG = 0.5, 14.0
# Views: most are about level, many look down or up, some are turned any way.
_LEVEL_SHARE, _TILTED_SHARE = 0.55, 0.37
_LEVEL_DEG = (10.0, 3.0)  # standard deviations of pitch and roll
_TILTED_DEG = ((-65.0, 45.0), 30.0)


def free_poses(
    rng: np.random.Generator,
    reach: Reach,
    bounds_m: Float[np.ndarray, 'B 2 3'],
    fov_rad: Float[np.ndarray, ' B'],
    num_frames: int,
) -> Float[np.ndarray, 'B S 4 4']:
    """Return world_from_cam of windows in free space, in order of time, OpenCV axes, meters.

    Args:
        rng: Decides everything.
        reach: Where rays end, float32.
        bounds_m: Lowest and highest corner of where a window may begin.
        fov_rad: Horizontal field of view of each window.
        num_frames: S.
    """
    start, depth_m = _starts(rng, reach, bounds_m, fov_rad)
    moves = [
        _motion(rng, float(d), float(f), num_frames) for d, f in zip(depth_m, fov_rad, strict=True)
    ]
    offset = np.stack([m[0] for m in moves])
    turn = np.stack([m[1] for m in moves])
    in_world = np.einsum('bij,bsj->bsi', start[:, :3, :3], offset)
    in_world *= _free_share(reach, start[:, :3, 3], in_world)[:, None, None]
    poses = np.tile(np.eye(4), (*offset.shape[:2], 1, 1))
    poses[..., :3, :3] = start[:, None, :3, :3] @ turn
    poses[..., :3, 3] = start[:, None, :3, 3] + in_world
    return poses


def _starts(
    rng: np.random.Generator,
    reach: Reach,
    bounds_m: Float[np.ndarray, 'B 2 3'],
    fov_rad: Float[np.ndarray, ' B'],
) -> tuple[Float[np.ndarray, 'B 4 4'], Float[np.ndarray, ' B']]:
    """Return where windows begin and the median depth that is seen there.

    Of several tries in free space the one wins whose view has the most relief, or the second.
    """
    B = len(bounds_m)
    low, high = bounds_m[:, :1] + _MARGIN_M, bounds_m[:, 1:] - _MARGIN_M
    center = low + (high - low) * rng.uniform(size=(B, _NUM_STARTS, 3))
    rotation = _view(rng, B * _NUM_STARTS).reshape(B, _NUM_STARTS, 3, 3)
    fan = _fan(fov_rad)
    around = np.broadcast_to(_all_around(), (B, _NUM_STARTS, 14, 3))
    rays = np.concatenate([np.einsum('bmij,bkj->bmki', rotation, fan), around], axis=2)
    distance = reach(_tensor(center), _tensor(rays)).numpy()
    seen, nearest = distance[..., :-14], distance[..., -14:].min(axis=2)
    depth = np.median(seen, axis=2)
    relief = _relief(seen)
    is_fine = (nearest > _CLEARANCE_M) & (depth > _DEPTH_M[0]) & (depth < _DEPTH_M[1])
    is_fine &= seen.min(axis=2) > 0.2
    score = relief * rng.uniform(0.2, 1.0, relief.shape) + 10.0 * is_fine
    best = score.argmax(axis=1)
    every = np.arange(B)
    start = np.tile(np.eye(4), (B, 1, 1))
    start[:, :3, :3], start[:, :3, 3] = rotation[every, best], center[every, best]
    return start, depth[every, best]


def _relief(seen: Float[np.ndarray, 'B M n']) -> Float[np.ndarray, 'B M']:
    """Return how much there is to see besides planes, on which inverse depth is linear."""
    near = 1.0 / seen.clip(1e-3).reshape(*seen.shape[:2], *_FAN)
    near /= near.mean(axis=(2, 3), keepdims=True)
    across = np.abs(np.diff(near, 2, axis=3)).clip(0, 0.5).mean(axis=(2, 3))
    return across + np.abs(np.diff(near, 2, axis=2)).clip(0, 0.5).mean(axis=(2, 3))


def _view(rng: np.random.Generator, num: int) -> Float[np.ndarray, 'n 3 3']:
    """Return world_from_cam rotations; z is up in the world."""
    kind = rng.uniform(size=num)
    pitch, roll = rng.normal(0.0, np.radians(_LEVEL_DEG), (num, 2)).T
    is_tilted = kind >= _LEVEL_SHARE
    limits, roll_deg = _TILTED_DEG
    pitch = np.where(is_tilted, np.radians(rng.uniform(*limits, num)), pitch)
    roll = np.where(is_tilted, np.radians(rng.normal(0.0, roll_deg / 2, num)), roll)
    is_any = kind >= _LEVEL_SHARE + _TILTED_SHARE
    pitch = np.where(is_any, np.arcsin(rng.uniform(-1.0, 1.0, num)), pitch)
    roll = np.where(is_any, rng.uniform(-np.pi, np.pi, num), roll)
    yaw = rng.uniform(-np.pi, np.pi, num)
    zero = np.zeros(num)
    right = np.stack([np.sin(yaw), -np.cos(yaw), zero], axis=1)
    forward = np.stack(
        [np.cos(pitch) * np.cos(yaw), np.cos(pitch) * np.sin(yaw), np.sin(pitch)], 1
    )
    level = np.stack([right, np.cross(forward, right), forward], axis=2)
    about_z = np.stack([zero, zero, roll], axis=1)
    return level @ rotations(about_z)


def _motion(
    rng: np.random.Generator, depth_m: float, fov_rad: float, num_frames: int
) -> tuple[Float[np.ndarray, 'S 3'], Float[np.ndarray, 'S 3 3']]:
    """Return positions in the first camera, meters, and rotations of its axes."""
    kinds = list(_SHARES)
    share = np.array(list(_SHARES.values()))
    kind = kinds[int(rng.choice(len(kinds), p=share / share.sum()))]
    step = float(np.exp(rng.uniform(*np.log(_STEP))))
    progress = _progress(rng, num_frames)
    length = min(step * progress[-1], _LONGEST) * depth_m
    progress = progress / max(progress[-1], 1e-9)
    shake = np.radians(np.exp(rng.uniform(*np.log(_SHAKE_DEG)))) * _wander(rng, num_frames)
    if rng.uniform() < _PAN_SHARE:
        pan = rng.normal(size=3) * (0.4, 1.0, 0.15)
        pan *= np.radians(rng.uniform(0, min(_PAN_DEG * num_frames, _FURTHEST_PAN_DEG))) / (
            np.linalg.norm(pan)
        )
        shake = shake + progress[:, None] * pan
    if kind == 'orbit':
        return _orbit(rng, depth_m, min(length / depth_m, _FURTHEST_ORBIT_RAD), progress, shake)
    offset = np.zeros((num_frames, 3))
    if kind == 'turn':
        axis = rng.normal(size=3) * (0.5, 1.0, 0.3)
        per_frame = min(float(np.exp(rng.uniform(*np.log(_TURN_DEG)))), np.degrees(fov_rad) / 3)
        total = np.radians(min(per_frame * num_frames, 80.0))
        shake = shake * 0.3 + progress[:, None] * total * axis / np.linalg.norm(axis)
    elif kind == 'hand':
        offset = length * _wander(rng, num_frames)
    elif kind != 'stand':
        way = {'aside': (1.0, 0.6, 0.15), 'forward': (0.2, 0.1, 1.0), 'backward': (0.2, 0.1, -1.0)}
        direction = np.array(way[kind]) * (np.abs(rng.normal(size=3)) + 0.1)
        direction[:2] *= rng.choice([-1.0, 1.0], 2)
        direction *= length / np.linalg.norm(direction)
        if kind == 'forward':
            direction *= 0.5  # half of the way to what is seen at most
        offset = progress[:, None] * direction
        offset = offset + 0.1 * length * _wander(rng, num_frames)
    return offset, rotations(shake)


def _orbit(
    rng: np.random.Generator,
    depth_m: float,
    angle_rad: float,
    progress: Float[np.ndarray, ' S'],
    shake: Float[np.ndarray, 'S 3'],
) -> tuple[Float[np.ndarray, 'S 3'], Float[np.ndarray, 'S 3 3']]:
    """Turn about a point ahead, mostly sideways, and look at it."""
    axis = np.array([rng.normal(0.0, 0.4), rng.choice([-1.0, 1.0]), 0.0])
    axis /= np.linalg.norm(axis)
    turn = rotations(progress[:, None] * angle_rad * axis)
    center = np.array([0.0, 0.0, depth_m * rng.uniform(0.6, 1.2)])
    nearing = 1.0 - 0.2 * rng.uniform(-1.0, 1.0) * progress[:, None]
    offset = center - nearing * (turn @ center)
    return offset, turn @ rotations(0.5 * shake)


def _free_share(
    reach: Reach, start: Float[np.ndarray, 'B 3'], offset: Float[np.ndarray, 'B S 3']
) -> Float[np.ndarray, ' B']:
    """Return by how much to shorten motions so that they keep clear of everything."""
    length = np.linalg.norm(offset, axis=-1).clip(1e-6)
    hit = reach(_tensor(start[:, None]), _tensor(offset[:, None] / length[:, None, :, None]))
    free = (hit.numpy()[:, 0] - _CLEARANCE_M).clip(0.0)
    share = (free / length).min(axis=1).clip(0.0, 1.0)
    for _ in range(2):
        there = start[:, None] + share[:, None, None] * offset
        around = np.broadcast_to(_all_around(), (*there.shape[:2], 14, 3))
        nearest = reach(_tensor(there), _tensor(around)).numpy().min(axis=(1, 2))
        share = np.where(nearest < 0.7 * _CLEARANCE_M, 0.4 * share, share)
    return share


def rotations(vectors: Float[np.ndarray, 'n 3']) -> Float[np.ndarray, 'n 3 3']:
    """Return the matrices of rotation vectors, radians.

    Rodrigues' formula.
    """
    angle = np.linalg.norm(vectors, axis=-1)[:, None, None]
    x, y, z = (vectors / angle[:, 0].clip(1e-12)).T
    zero = np.zeros_like(x)
    cross = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=-1).reshape(-1, 3, 3)
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def _progress(rng: np.random.Generator, num_frames: int) -> Float[np.ndarray, ' S']:
    """Return how many steps each frame is from the first, uneven as in a video."""
    steps = 1.0 + _UNEVEN * rng.uniform(-1.0, 1.0, num_frames)
    return np.cumsum(steps) - steps[0]


def _wander(rng: np.random.Generator, num_frames: int) -> Float[np.ndarray, 'S 3']:
    """Return noise in -1..1 along three axes that changes smoothly from frame to frame."""
    phase = rng.uniform(0, 2 * np.pi, (2, 1, 3))
    rate = rng.uniform(0.1, 1.2, (2, 1, 3))
    return np.sin(phase + rate * np.arange(num_frames)[:, None]).mean(axis=0)


def _fan(fov_rad: Float[np.ndarray, ' B']) -> Float[np.ndarray, 'B n 3']:
    """Return rays over the picture in the camera, z = 1."""
    rows, columns = _FAN
    x, y = np.meshgrid(np.linspace(-0.95, 0.95, columns), np.linspace(-0.7, 0.7, rows))
    fan = np.stack([x, y, np.ones_like(x)], axis=-1).reshape(-1, 3)
    scale = np.ones((len(fov_rad), 1, 3))
    scale[..., :2] = np.tan(0.5 * fov_rad)[:, None, None]
    return fan * scale


def _all_around() -> Float[np.ndarray, '14 3']:
    corners = np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, -1).T / np.sqrt(3)
    return np.concatenate([corners, np.eye(3), -np.eye(3)])


def _tensor(values: Float[np.ndarray, '*n']) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))
