"""Model picture: what a network makes of a few images, beside the truth."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jaxtyping import Float32
import matplotlib as mpl

mpl.use('Agg')  # there may be no screen

from matplotlib.figure import Figure
import numpy as np

from vggt_ros.evaluation.model_evaluation import WindowSample

_MAX_ERROR = 0.5
_UNKNOWN = '0.75'  # gray, which no color scale below has
_ROWS = 'input', 'predicted depth', 'true depth', 'relative error'


def draw_model_picture(samples: Sequence[WindowSample], path: Path, *, title: str) -> None:
    """Write a PNG with a column for each sample: input, depth, true depth, relative error.

    Both depths of a column share one color scale, the range of the true one in meters; errors
    are from none (black) to 50 % and more (pale yellow). Gray is where the truth is unknown.

    Args:
        samples: At least one.
        path: Where to write the picture.
        title: One line above the picture.
    """
    num_columns = len(samples)
    figure = Figure(figsize=(max(5.0, 1.0 + 2.6 * num_columns), 8.6), layout='constrained')
    figure.suptitle(title, fontsize=11)
    axes: Any = figure.subplots(len(_ROWS), num_columns, squeeze=False)
    for axis in axes.flat:
        axis.set_xticks([])
        axis.set_yticks([])
        axis.set_facecolor(_UNKNOWN)
    for axis, words in zip(axes[:, 0], _ROWS, strict=True):
        axis.set_ylabel(words)
    for column, sample in enumerate(samples):
        draw_sample(axes[:, column], sample)
    figure.savefig(path, dpi=80)


def draw_sample(axes: Any, sample: WindowSample) -> None:
    """Draw input, depth, true depth and relative error on four axes, one below the other."""
    axes[0].imshow(sample.image)
    axes[0].set_title(sample.name, fontsize=9)
    low, high = _range(sample.true_depth)
    for axis, depth in ((axes[1], sample.depth), (axes[2], sample.true_depth)):
        axis.imshow(depth, cmap='turbo', vmin=low, vmax=high)
    axes[2].set_xlabel(f'{low:.2f} .. {high:.2f} m', fontsize=8)
    error = np.abs(sample.depth / sample.true_depth - 1.0)
    axes[3].imshow(error, cmap='magma', vmin=0.0, vmax=_MAX_ERROR)
    known = error[np.isfinite(error)]
    if known.size:
        axes[3].set_xlabel(f'mean {100 * known.mean():.0f} %', fontsize=8)


def _range(depth: Float32[np.ndarray, 'H W']) -> tuple[float, float]:
    valid = depth[np.isfinite(depth)]
    low, high = np.percentile(valid, (2, 98)) if valid.size else (0.0, 1.0)
    return float(low), float(high)
