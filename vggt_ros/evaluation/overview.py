"""One picture of a run: what went in, what came out, how far it is from the truth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jaxtyping import Float
import matplotlib as mpl

mpl.use('Agg')  # there may be no screen

from matplotlib.figure import Figure
import numpy as np

from vggt_ros.evaluation.recording import RecordedFrame, Recording
from vggt_ros.evaluation.trajectory import TrajectoryError
from vggt_ros.evaluation.truth import Truth

_NUM_COLUMNS = 4
_MAX_POINTS = 60_000  # more are not visible at this size


def draw_overview(
    recording: Recording,
    path: Path,
    *,
    title: str,
    truth: Truth | None = None,
    trajectory: TrajectoryError | None = None,
) -> None:
    """Write a PNG with sample frames, depth, confidence and the map from above.

    Args:
        recording: What the run published; needs at least one frame.
        path: Where to write the picture.
        title: One line above the picture.
        truth: True poses and depth; adds a row and the true path.
        trajectory: Where the true path lies in the map; needed with `truth` to draw it.
    """
    columns = _spread(len(recording.frames), _NUM_COLUMNS)
    num_rows = 3 if truth is None else 4
    figure = Figure(figsize=(17, 1.0 + 1.9 * num_rows), layout='constrained')
    figure.suptitle(title, fontsize=13)
    parts: Any = figure.subfigures(1, 2, width_ratios=(1.35, 1.0))
    left, right = parts
    axes = left.subplots(num_rows, _NUM_COLUMNS, squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for column, index in enumerate(columns):
        true_depth = None if truth is None else truth.depth[index]
        _draw_frame(axes[:, column], recording.frames[index], true_depth)
    _label_rows(axes[:, 0], has_truth=truth is not None)
    _draw_top_view(right.subplots(), recording, truth, trajectory)
    figure.savefig(path, dpi=80)


def _spread(count: int, wanted: int) -> list[int]:
    return sorted({round(i) for i in np.linspace(0, count - 1, min(count, wanted))})


def _draw_frame(axes: Any, frame: RecordedFrame, true_depth: np.ndarray | None) -> None:
    axes[0].imshow(frame.image)
    axes[0].set_title(f'{frame.stamp_ns / 1e9 % 1000:.2f} s', fontsize=8)
    _draw_depth(axes[1], frame.depth)
    axes[2].imshow(frame.confidence, cmap='magma')
    if true_depth is not None:
        _draw_depth(axes[3], true_depth)


def _draw_depth(axis: Any, depth: np.ndarray) -> None:
    valid = depth[np.isfinite(depth)]
    limits = np.percentile(valid, (2, 98)) if valid.size else (0.0, 1.0)
    axis.imshow(depth, cmap='turbo', vmin=limits[0], vmax=limits[1])
    axis.text(
        0.02,
        0.04,
        f'{limits[0]:.2f} .. {limits[1]:.2f}',
        transform=axis.transAxes,
        fontsize=7,
        color='white',
        bbox={'facecolor': 'black', 'alpha': 0.6, 'pad': 1.5, 'linewidth': 0},
    )


def _label_rows(axes: Any, *, has_truth: bool) -> None:
    names = ['input', 'depth', 'confidence'] + (['true depth'] if has_truth else [])
    for axis, name in zip(axes, names, strict=True):
        axis.text(-0.04, 0.5, name, transform=axis.transAxes, rotation=90, va='center', ha='right')


def _draw_top_view(
    axis: Any,
    recording: Recording,
    truth: Truth | None,
    trajectory: TrajectoryError | None,
) -> None:
    # x of the map points up on the page and y to the left, as in rviz seen from above.
    # Nothing above the cameras is drawn: a ceiling would hide the room.
    positions = recording.map_from_cam[:, :3, 3]
    below = recording.map_points[:, 2] <= positions[:, 2].max()
    points, colors = recording.map_points[below], recording.map_colors[below]
    if len(points) > _MAX_POINTS:
        chosen = np.random.default_rng(0).choice(len(points), _MAX_POINTS, replace=False)
        points, colors = points[chosen], colors[chosen]
    order = np.argsort(points[:, 2])  # high points last: on top
    points, colors = points[order], colors[order]
    axis.scatter(-points[:, 1], points[:, 0], c=colors / 255.0, s=2.0, linewidths=0)
    axis.plot(-positions[:, 1], positions[:, 0], color='red', linewidth=1.5, label='path')
    if truth is not None and trajectory is not None:
        true_positions = trajectory.truth_from_map.inverse().apply(truth.world_from_cam[:, :3, 3])
        axis.plot(
            -true_positions[:, 1],
            true_positions[:, 0],
            color='black',
            linestyle='--',
            linewidth=1.2,
            label=f'truth: the path is {trajectory.ate_percent:.1f} % of '
            f'{trajectory.path_length_m:.1f} m off,\nthat is '
            f'{trajectory.percent_of_one_place:.0f} % of all cameras in one place',
        )
    _fit_view(axis, points[:, :2], positions[:, :2])
    axis.set_title(f'map from above, {len(recording.map_points)} points')
    axis.set_xlabel('-y [map units]')
    axis.set_ylabel('x [map units]')
    axis.legend(loc='lower right', fontsize=8)


def _fit_view(
    axis: Any, points_xy: Float[np.ndarray, 'n 2'], path_xy: Float[np.ndarray, 'm 2']
) -> None:
    """Show the whole path and all points but outliers."""
    low, high = path_xy.min(axis=0), path_xy.max(axis=0)
    if len(points_xy):
        inner_low, inner_high = np.percentile(points_xy, (0.5, 99.5), axis=0)
        low, high = np.minimum(low, inner_low), np.maximum(high, inner_high)
    margin = 0.05 * float((high - low).max()) + 1e-3
    axis.set_xlim(-high[1] - margin, -low[1] + margin)
    axis.set_ylim(low[0] - margin, high[0] + margin)
    axis.set_aspect('equal')
