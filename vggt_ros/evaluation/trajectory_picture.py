"""A trajectory beside the true one, as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from jaxtyping import Float
from matplotlib.figure import Figure
import numpy as np


def draw_trajectories(
    truth: Float[np.ndarray, 'N 3'],
    aligned: Mapping[str, Float[np.ndarray, 'N 3']],
    seconds: Float[np.ndarray, ' N'],
    path: Path,
    *,
    title: str,
) -> None:
    """Draw the two main directions of the path, and the distance from the truth over time.

    Args:
        truth: (N, 3) true positions, meters.
        aligned: By name, (N, 3) estimated positions in the frame of the truth.
        seconds: (N,) since the first pose.
        path: Of the PNG.
        title: Headline.
    """
    figure = Figure(figsize=(11, 5), layout='constrained')
    plan, course = figure.subplots(1, 2)
    # The plane in which the path is widest, whatever the axes of the truth are.
    axes = np.argsort(np.ptp(truth, axis=0))[:0:-1]
    first, second = sorted(int(axis) for axis in axes)
    plan.plot(truth[:, first], truth[:, second], 'k', linewidth=2.5, label='truth')
    for name, positions in aligned.items():
        plan.plot(positions[:, first], positions[:, second], linewidth=1.2, label=name)
        course.plot(seconds, np.linalg.norm(positions - truth, axis=1), label=name)
    plan.set_xlabel(f'{"xyz"[first]} [m]')
    plan.set_ylabel(f'{"xyz"[second]} [m]')
    plan.set_aspect('equal', adjustable='datalim')
    course.set_xlabel('time [s]')
    course.set_ylabel('distance from the truth [m]')
    course.set_ylim(bottom=0)
    for axes_ in (plan, course):
        axes_.grid(visible=True, alpha=0.3)
        axes_.legend()
    figure.suptitle(title)
    figure.savefig(path, dpi=100)
