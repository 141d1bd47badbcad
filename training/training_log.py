"""A line for every stretch of steps, and a picture of all of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
import json
from pathlib import Path

_PANELS = (
    ('camera loss', ('camera',)),
    ('depth and point losses', ('depth', 'points', 'patch_depth', 'patch_points')),
    ('flow (patches), tracks', ('patch_flow', 'track')),
    ('attention: matched patches, own frame', ('accuracy', 'own_frame')),
)
# By what their names end with; one curve for each validation set.
_VALIDATION_PANELS = (
    ('validation: rotation (deg)', '_rotation_deg'),
    ('validation: direction (deg)', '_direction_deg'),
    ('validation: pose AUC@30', '_pose_auc_30'),
    ('validation: depth AbsRel', '_depth_abs_rel'),
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

    def read(self) -> list[dict[str, float | int]]:
        """Return all lines, those of earlier pieces of the training first."""
        if not self._path.exists():
            return []
        return [json.loads(line) for line in self._path.read_text().splitlines()]


def draw_curves(records: list[dict[str, float | int]], path: Path) -> None:
    """Draw losses and validation errors over the steps of a training.

    Args:
        records: Lines of a log, with `num_steps`.
        path: A .png file.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    mpl.use('Agg')
    curves: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for record in records:
        for name, value in record.items():
            curves[name].append((record['num_steps'], value))
    validated = [
        (title, tuple(name for name in curves if name.startswith('val_') and name.endswith(end)))
        for title, end in _VALIDATION_PANELS
    ]
    figure = Figure(figsize=(15, 7), layout='constrained')
    for axes, (title, names) in zip(
        figure.subplots(2, 4).flat, (*_PANELS, *validated), strict=True
    ):
        for name in names:
            if curves[name]:
                label = name.removeprefix('val_')
                axes.plot(*zip(*curves[name], strict=True), label=label, linewidth=1)
        axes.set_title(title, fontsize=10)
        axes.set_xlabel('steps', fontsize=8)
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend(fontsize=7)
    figure.savefig(path, dpi=90)
