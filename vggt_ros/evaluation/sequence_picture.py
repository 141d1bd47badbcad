"""A run over a data set as a picture: the trajectory beside the true one, and some depth."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jaxtyping import Float
import matplotlib as mpl

mpl.use('Agg')  # there may be no screen

from matplotlib.figure import Figure
import numpy as np

from vggt_ros.evaluation.model_evaluation import WindowSample
from vggt_ros.evaluation.model_picture import draw_sample

_MAX_COLUMNS = 6
_UNKNOWN = '0.75'
_ROWS = 'input', 'published depth', 'true depth', 'relative error'


def draw_sequence(
    aligned: Float[np.ndarray, 'M 3'] | None,
    truth: Float[np.ndarray, 'N 3'],
    matched: Float[np.ndarray, 'M 3'] | None,
    samples: Sequence[WindowSample],
    path: Path,
    *,
    title: str,
) -> None:
    """Write a PNG: the trajectory from above and from the side, below it depth of some frames.

    Above is across the two main directions of the true positions, the side along the third.

    Args:
        aligned: (M, 3) estimated positions in the true world; None if there are too few.
        truth: (N, 3) all true positions that are known, in order, meters.
        matched: (M, 3) true positions of the estimated ones; None with `aligned`.
        samples: Frames with depth, any number; an even choice of them is drawn.
        path: Of the PNG.
        title: One line above the picture.
    """
    chosen = [samples[i] for i in _spread(len(samples), _MAX_COLUMNS)]
    height = 5.0 + (7.6 if chosen else 0.0)
    figure = Figure(figsize=(15, height), layout='constrained')
    figure.suptitle(title, fontsize=11)
    parts: Any = figure.subfigures(2 if chosen else 1, 1, squeeze=False)
    _draw_trajectory(parts[0, 0].subplots(1, 2), aligned, truth, matched)
    if chosen:
        axes = parts[1, 0].subplots(len(_ROWS), len(chosen), squeeze=False)
        for axis in axes.flat:
            axis.set_xticks([])
            axis.set_yticks([])
            axis.set_facecolor(_UNKNOWN)
        for axis, words in zip(axes[:, 0], _ROWS, strict=True):
            axis.set_ylabel(words)
        for column, sample in enumerate(chosen):
            draw_sample(axes[:, column], sample)
    figure.savefig(path, dpi=80)


def _draw_trajectory(
    axes: Any,
    aligned: Float[np.ndarray, 'M 3'] | None,
    truth: Float[np.ndarray, 'N 3'],
    matched: Float[np.ndarray, 'M 3'] | None,
) -> None:
    middle = truth.mean(axis=0)
    main = np.linalg.svd(truth - middle, full_matrices=True)[2]
    for axis, (first, second), words in zip(
        axes, ((0, 1), (0, 2)), ('main plane', 'from the side'), strict=True
    ):
        plane = main[[first, second]].T
        on_plane = (truth - middle) @ plane
        axis.plot(*on_plane.T, 'k.-', linewidth=1.5, markersize=4, label='truth')
        if aligned is not None and matched is not None:
            said, true = (aligned - middle) @ plane, (matched - middle) @ plane
            axis.plot(*said.T, '.-', color='tab:red', linewidth=1.0, markersize=4, label='map')
            ends = np.stack([said, true], axis=1)
            for pair in ends:
                axis.plot(*pair.T, color='tab:red', alpha=0.25, linewidth=0.7)
        axis.set_aspect('equal', adjustable='datalim')
        axis.set_title(f'trajectory, {words} [m]', fontsize=10)
        axis.grid(visible=True, alpha=0.3)
        axis.legend(fontsize=8)


def _spread(count: int, wanted: int) -> list[int]:
    return sorted({round(i) for i in np.linspace(0, count - 1, min(count, wanted))})
