"""Pictures of a result: the map from above and from the side, the trajectory, depth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jaxtyping import Float
import matplotlib as mpl

mpl.use('Agg')  # there may be no screen

from matplotlib.figure import Figure
import numpy as np

from vggt_ros.offline.result import Result
from vggt_ros.offline.truth_errors import truth_alignment

NAMES = 'overview.png', 'trajectory.png', 'depth.png', 'map_above.png', 'map_side.png'
_MAX_POINTS = 60_000  # more are not visible at this size
_NUM_COLUMNS = 6
_DPI = 100
_PATH, _TRUTH, _BACKGROUND = 'tab:red', 'black', 'white'
_KIND_COLORS = {'keyframe': 'tab:red', 'refined': 'tab:blue', 'interpolated': 'tab:orange'}
# Axes across and up, with the sign in which they grow to the right: as seen from above in rviz, x
# up the page; and from the robot's right.
_ABOVE, _SIDE = ((1, -1), (0, 1)), ((0, 1), (2, 1))
_AXES = 'xyz'


def draw_pictures(result: Result, folder: Path, title: str) -> tuple[str, ...]:
    """Write the pictures of a usable result; return their names.

    Args:
        result: With at least one keyframe.
        folder: Is there; pictures in it are replaced.
        title: One line above each.
    """
    for name, (across, up) in (('map_above.png', _ABOVE), ('map_side.png', _SIDE)):
        figure = _figure(title, 9.0, 7.0)
        _draw_map(figure.subplots(), result, across, up, 'above' if up[0] == 0 else 'side')
        figure.savefig(folder / name, dpi=_DPI)
    figure = _figure(title, 13.0, 5.5)
    _draw_trajectory(figure.subplots(1, 2), result)
    figure.savefig(folder / 'trajectory.png', dpi=_DPI)
    columns = min(_NUM_COLUMNS, len(result.samples))
    figure = _figure(title, 2.4 * columns + 0.8, 6.2)
    _draw_depth(figure.subplots(3, columns, squeeze=False), result)
    figure.savefig(folder / 'depth.png', dpi=_DPI)
    _draw_overview(result, folder / 'overview.png', title)
    return NAMES


def _figure(title: str, width: float, height: float) -> Figure:
    figure = Figure(figsize=(width, height), layout='constrained', facecolor=_BACKGROUND)
    figure.suptitle(title, fontsize=11)
    return figure


def _draw_overview(result: Result, path: Path, title: str) -> None:
    columns = min(4, len(result.samples))
    figure = _figure(title, 16.0, 6.6)
    parts: Any = figure.subfigures(1, 2, width_ratios=(1.2, 1.0))
    _draw_depth(parts[0].subplots(3, columns, squeeze=False), result)
    _draw_map(parts[1].subplots(), result, *_ABOVE, 'above')
    figure.savefig(path, dpi=_DPI)


def _draw_depth(axes: Any, result: Result) -> None:
    """Draw image, depth and confidence of an even choice of keyframes."""
    count = axes.shape[1]
    chosen = [result.samples[i] for i in _spread(len(result.samples), count)]
    row_of = {frame_id: row for row, frame_id in enumerate(result.keyframes.tolist())}
    unit = 'm' if result.scale.is_metric else 'units'
    for axis in axes.flat:
        axis.set_xticks([])
        axis.set_yticks([])
    for axis, words in zip(axes[:, 0], ('image', 'depth', 'confidence'), strict=True):
        axis.set_ylabel(words)
    for column, sample in zip(axes.T, chosen, strict=False):
        row = row_of.get(sample.frame_id)
        depth = sample.depth * (1.0 if row is None else result.growth[row])
        known = depth[np.isfinite(depth)]
        low, high = np.percentile(known, (2, 98)) if known.size else (0.0, 1.0)
        column[0].imshow(sample.image)
        column[0].set_title(f'frame {sample.frame_id}', fontsize=8)
        column[1].imshow(depth, cmap='turbo', vmin=low, vmax=high)
        column[1].set_xlabel(f'{low:.2f} .. {high:.2f} {unit}', fontsize=8)
        column[2].imshow(sample.confidence, cmap='magma')


def _draw_map(
    axis: Any, result: Result, across: tuple[int, int], up: tuple[int, int], side: str
) -> None:
    points, colors = result.points.points_in_map, result.points.colors
    positions = result.poses.map_from_cam[result.poses.is_known][:, :3, 3]
    if side == 'above':  # a ceiling would hide the room
        below = points[:, 2] <= positions[:, 2].max()
        points, colors = points[below], colors[below]
    if len(points) > _MAX_POINTS:
        use = np.random.default_rng(0).choice(len(points), _MAX_POINTS, replace=False)
        points, colors = points[use], colors[use]
    # What is nearer to the eye is drawn last.
    order = np.argsort(points[:, 2] if side == 'above' else -points[:, 1])
    flat = _flat(points[order], across, up)
    axis.scatter(*flat.T, c=colors[order] / 255.0, s=2.0, linewidths=0)
    axis.plot(*_flat(positions, across, up).T, color=_PATH, linewidth=1.5, label='camera')
    _draw_truth_in_map(axis, result, across, up)
    _fit(axis, flat, _flat(positions, across, up))
    unit = 'm' if result.scale.is_metric else 'map units'
    axis.set_xlabel(f'{"-" if across[1] < 0 else ""}{_AXES[across[0]]} [{unit}]')
    axis.set_ylabel(f'{_AXES[up[0]]} [{unit}]')
    where = 'from above' if side == 'above' else 'from the side'
    axis.set_title(f'map {where}, {len(result.points.points_in_map)} points', fontsize=10)
    axis.legend(loc='lower right', fontsize=8)


def _draw_truth_in_map(
    axis: Any, result: Result, across: tuple[int, int], up: tuple[int, int]
) -> None:
    alignment = truth_alignment(result)
    if alignment is None or result.truth is None:
        return
    true = result.truth.world_from_cam[:, :3, 3]
    in_map = alignment.truth_from_map.inverse().apply(true[np.isfinite(true).all(axis=1)])
    axis.plot(
        *_flat(in_map, across, up).T, color=_TRUTH, linestyle='--', linewidth=1.2, label='truth'
    )


def _draw_trajectory(axes: Any, result: Result) -> None:
    """Draw the path by what its poses rest on, and beside it the error or the height over time."""
    plan, course = axes
    poses, alignment = result.poses, truth_alignment(result)
    stamps_s = (poses.stamps_ns - poses.stamps_ns[0]) / 1e9
    positions = poses.map_from_cam[:, :3, 3]
    unit = 'm' if result.scale.is_metric else 'map units'
    true = None
    if alignment is not None and result.truth is not None:
        positions = alignment.truth_from_map.apply(positions)
        true, unit = result.truth.world_from_cam[:, :3, 3], 'm'
    shown = positions[poses.is_known] if true is None else true
    shown = shown[np.isfinite(shown).all(axis=1)]
    # The plane in which the path is widest, whatever the axes of the truth are.
    first, second = sorted(np.argsort(np.ptp(shown, axis=0))[:0:-1].tolist())
    if true is not None:
        plan.plot(true[:, first], true[:, second], _TRUTH, linewidth=2.5, label='truth')
    known = poses.is_known
    plan.plot(*positions[known][:, [first, second]].T, color='0.6', linewidth=0.8)
    for kind, color in _KIND_COLORS.items():
        use = np.array([each == kind for each in poses.kind])
        if not use.any():
            continue
        label = f'{kind} ({int(use.sum())})'
        plan.plot(*positions[use][:, [first, second]].T, '.', color=color, ms=4, label=label)
        height = positions[:, 2] if true is None else np.linalg.norm(positions - true, axis=1)
        course.plot(stamps_s[use], height[use], '.', color=color, ms=4, label=label)
    plan.set_xlabel(f'{_AXES[first]} [{unit}]')
    plan.set_ylabel(f'{_AXES[second]} [{unit}]')
    plan.set_aspect('equal', adjustable='datalim')
    course.set_xlabel('time [s]')
    if true is None or alignment is None:
        course.set_ylabel(f'height [{unit}]')
    else:
        course.set_ylabel('distance from the truth after Sim(3) [m]')
        course.set_ylim(bottom=0)
        plan.set_title(
            f'{alignment.ate_m:.4g} m off, {alignment.ate_percent:.2f} % of the path', fontsize=10
        )
    for axis in axes:
        axis.grid(visible=True, alpha=0.3)
        axis.legend(fontsize=8)


def _flat(
    points: Float[np.ndarray, 'n 3'] | np.ndarray, across: tuple[int, int], up: tuple[int, int]
) -> np.ndarray:
    return np.stack([across[1] * points[:, across[0]], up[1] * points[:, up[0]]], axis=1)


def _fit(axis: Any, points: np.ndarray, path: np.ndarray) -> None:
    """Show the whole path and all points but outliers."""
    low, high = path.min(axis=0), path.max(axis=0)
    if len(points):
        inner_low, inner_high = np.percentile(points, (1.0, 99.0), axis=0)
        low, high = np.minimum(low, inner_low), np.maximum(high, inner_high)
    margin = 0.05 * float((high - low).max()) + 1e-3
    axis.set_xlim(low[0] - margin, high[0] + margin)
    axis.set_ylim(low[1] - margin, high[1] + margin)
    axis.set_aspect('equal')


def _spread(count: int, wanted: int) -> list[int]:
    return sorted({round(i) for i in np.linspace(0, count - 1, min(count, wanted))})
