"""Windows of made-up rooms that no network was trained on."""

from __future__ import annotations

from jaxtyping import Float32, Int64
import numpy as np

from vggt_ros.errors import ConfigError
from vggt_ros.evaluation.truth_window import TrueTracks, TruthWindow
from vggt_ros.geometry.se3 import inverse
from vggt_ros.synthetic.held_out import HELD_OUT_SEEDS
from vggt_ros.synthetic.sequence import SyntheticSequence

MIN_FRAMES, MAX_FRAMES = 4, 8
_WALK_FRAMES = 300  # half a minute; long enough for a stop or two
_MAX_SPACING = 6  # frames of the walk between frames of the window, about 5 cm each
_FOV_DEG = 50.0, 90.0
_NUM_POINTS = 64


def held_out_window(seed: int, *, max_frames: int, width: int, height: int) -> TruthWindow:
    """Make up a room and return some frames of a walk through it; the seed decides everything.

    The number of frames is anything from `MIN_FRAMES` to `max_frames`, their spacing 5 to 35 cm
    or a standstill, the horizontal field of view 50 to 90 degrees.

    Args:
        seed: One of `HELD_OUT_SEEDS`.
        max_frames: `MIN_FRAMES` to `MAX_FRAMES`.
        width: Columns of the images.
        height: Rows of the images.

    Raises:
        ConfigError: The seed is not one of those set aside, or the number of frames is out of
            range.
    """
    if seed not in HELD_OUT_SEEDS:
        raise ConfigError(
            f'{seed} is not a held-out seed: a network may have been trained on it; give '
            f'{HELD_OUT_SEEDS.start} to {HELD_OUT_SEEDS.stop - 1}'
        )
    if not MIN_FRAMES <= max_frames <= MAX_FRAMES:
        raise ConfigError(f'windows have {MIN_FRAMES} to {MAX_FRAMES} frames; got {max_frames}')
    rng = np.random.default_rng([seed, 3])  # 1 made the room, 2 the walk
    walk = SyntheticSequence(
        seed=seed,
        num_frames=_WALK_FRAMES,
        width=width,
        height=height,
        fov_deg=float(rng.uniform(*_FOV_DEG)),
    )
    indices = _frames(rng, max_frames)
    views = walk.render(indices)
    return TruthWindow(
        name=f'seed {seed}',
        images=views.rgb,
        depth=views.depth,
        cam_from_world=inverse(np.stack([walk.world_from_cam(i) for i in indices])),
        K=walk.K,
        tracks=_tracks(walk, indices, _points(rng, width, height)),
    )


def _frames(rng: np.random.Generator, max_frames: int) -> list[int]:
    num_frames = int(rng.integers(MIN_FRAMES, max_frames + 1))
    spacing = int(rng.integers(1, _MAX_SPACING + 1))
    gaps = np.maximum(spacing + rng.integers(-1, 2, num_frames - 1), 1)
    offsets = np.concatenate([[0], np.cumsum(gaps)])
    first = int(rng.integers(_WALK_FRAMES - offsets[-1]))
    return [first + int(offset) for offset in offsets]


def _points(rng: np.random.Generator, width: int, height: int) -> Int64[np.ndarray, 'N 2']:
    return rng.integers([width, height], size=(_NUM_POINTS, 2))


def _tracks(
    walk: SyntheticSequence, indices: list[int], points: Int64[np.ndarray, 'N 2']
) -> TrueTracks:
    truth = walk.tracks(indices, 0, points.astype(np.float64))
    positions: Float32[np.ndarray, 'S N 2'] = truth.positions.numpy().astype(np.float32)
    return TrueTracks(positions=positions, is_visible=truth.is_visible.numpy())
