"""A line for every stretch of steps, and a picture of all of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
import json
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

mpl.use('Agg')
_PANELS = (
    ('camera loss', ('camera',)),
    ('depth and point losses', ('depth', 'points', 'patch_depth', 'patch_points')),
    ('flow (patches), tracks', ('patch_flow', 'track')),
    ('attention: matched patches, own frame', ('accuracy', 'own_frame')),
    ('validation: rotation, direction (deg)', ('val_rotation_deg', 'val_direction_deg')),
    ('validation: depth AbsRel', ('val_depth_abs_rel', 'val_patch_depth_abs_rel')),
)


class TrainingLog:
    """Appends to a file with one JSON object a line."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)

    def write(self, record: Mapping[str, float | int]) -> None:
        """Append a line."""
        with self._path.open('a') as file:
            file.write(json.dumps(dict(record)) + '\n')

    def read(self) -> list[dict[str, float]]:
        """Return all lines, those of earlier pieces of the training first."""
        if not self._path.exists():
            return []
        return [json.loads(line) for line in self._path.read_text().splitlines()]


def draw_curves(records: list[dict[str, float]], path: Path) -> None:
    """Draw losses and validation errors over hours of training.

    Args:
        records: Lines of a log, with `trained_s`.
        path: A .png file.
    """
    curves: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for record in records:
        for name, value in record.items():
            curves[name].append((record['trained_s'] / 3600, value))
    figure = Figure(figsize=(12, 7), layout='constrained')
    for axes, (title, names) in zip(figure.subplots(2, 3).flat, _PANELS, strict=True):
        for name in names:
            if curves[name]:
                axes.plot(*zip(*curves[name], strict=True), label=name, linewidth=1)
        axes.set_title(title, fontsize=10)
        axes.set_xlabel('hours of training', fontsize=8)
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend(fontsize=7)
    figure.savefig(path, dpi=90)
