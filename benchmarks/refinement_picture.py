"""Depth before and after the refinement, on the demo's walk: docs/refinement_depth.png.

    .venv/bin/python -m benchmarks.refinement_picture [--output docs/refinement_depth.png]

The room is made up and the truth exact. Every row is a frame: what the camera shows, the depth of
nano, the same bent to the adjusted points (`refine.mode: poses`), after the sweep (`depth`), and
the truth. Depth has one scale a frame; the number is its mean relative error.
"""

from __future__ import annotations

import argparse
from pathlib import Path
import sys

from matplotlib.figure import Figure
import numpy as np

from vggt_ros.evaluation.course_run import stamp_ns
from vggt_ros.inference.predictor import Predictor
from vggt_ros.mapping.frontend.frame import Frame
from vggt_ros.mapping.mapper import Mapper
from vggt_ros.mapping.predicted_window import Wanted
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.parameter_tree import with_values
from vggt_ros.synthetic.sequence import SyntheticSequence

_SIZE_PX = {'width': 640, 'height': 480}
_NUM_FRAMES, _SHOWN = 28, (10, 17, 25)
_MODES = {'off': 'nano', 'poses': 'bent to points', 'depth': 'and swept'}


def published_depth(sequence: SyntheticSequence, mode: str) -> dict[int, np.ndarray]:
    """Return the depth of the frames that are shown, as the chain publishes it."""
    config = with_values(
        VggtConfig(),
        {
            'model.checkpoint': 'nano',
            'refine.mode': mode,
            'refine.budget_ms': 60_000,
            'keyframe.min_parallax': 0.0,
            'loop.enable': False,
        },
    )
    mapper = Mapper(Predictor.load(config.model), config, offline=True)
    found: dict[int, np.ndarray] = {}
    for index in range(_NUM_FRAMES):
        (image,) = sequence.render([index]).rgb
        frame = Frame(
            id=index, stamp_ns=stamp_ns(index), camera_frame='', image=image, K=sequence.K
        )
        mapper.add_frame(frame)
        while (window := mapper.wait_for_window(0.0)) is not None:
            update = mapper.process(window, Wanted(tracks=False))
            for result in () if update is None else update.new_frames:
                found[result.frame.id] = result.depth
    return {index: found[index] for index in _SHOWN}


def main() -> int:
    """Draw."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    parser.add_argument('--output', type=Path, default=Path('docs/refinement_depth.png'))
    options = parser.parse_args()
    sequence = SyntheticSequence(seed=0, num_frames=200, rate_hz=10.0, **_SIZE_PX)
    by_mode = {mode: published_depth(sequence, mode) for mode in _MODES}
    figure = Figure(figsize=(10.0, 1.55 * len(_SHOWN) + 0.2), dpi=80, layout='constrained')
    axes = figure.subplots(len(_SHOWN), len(_MODES) + 2)
    for row, index in enumerate(_SHOWN):
        view = sequence.render([index])
        height, width = by_mode['off'][index].shape
        v = (np.arange(height) + 0.5) * view.depth.shape[1] / height
        u = (np.arange(width) + 0.5) * view.depth.shape[2] / width
        truth = view.depth[0][v.astype(int)[:, None], u.astype(int)]
        low, high = np.nanpercentile(truth, (1, 99))
        axes[row, 0].imshow(view.rgb[0])
        for column, (mode, title) in enumerate(_MODES.items(), 1):
            depth = by_mode[mode][index]
            depth = depth * np.nanmedian(truth / depth)
            error = float(np.nanmean(np.abs(depth / truth - 1)))
            axes[row, column].imshow(depth, cmap='turbo', vmin=low, vmax=high)
            axes[row, column].set_title(f'{title}: {100 * error:.1f} %', fontsize=8)
        axes[row, -1].imshow(truth, cmap='turbo', vmin=low, vmax=high)
        axes[row, -1].set_title('truth', fontsize=8)
    for axis in axes.flat:
        axis.set_axis_off()
    figure.savefig(options.output)
    return 0


if __name__ == '__main__':
    sys.exit(main())
