"""A network, what its images make of it, and two baselines on the same windows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
import time
from typing import Any

from jaxtyping import Float32, UInt8
import numpy as np
import torch

from vggt_ros.errors import PredictionError
from vggt_ros.evaluation.refined_answer import refined_answer, RefinedAnswer
from vggt_ros.evaluation.truth_window import TruthWindow
from vggt_ros.evaluation.window_answer import answer_of, mean_depth, no_motion
from vggt_ros.evaluation.window_errors import summarize, window_errors, WindowErrors
from vggt_ros.inference.backbone import Predicts
from vggt_ros.inference.prediction import Request
from vggt_ros.settings.refine_config import RefineSettings

MODEL, NO_MOTION, MEAN_DEPTH = 'model', 'no_motion', 'mean_depth'
REFINED = 'refined'
CONTESTANTS = MODEL, NO_MOTION, MEAN_DEPTH


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WindowSample:
    """One frame of a window, to look at; all on the network's image.

    Attributes:
        name: Which window it is of.
        image: (H, W, 3) RGB.
        depth: (H, W) predicted, and refined if it was, with the window's scale applied: meters.
        true_depth: (H, W) meters, NaN where unknown.
    """

    name: str
    image: UInt8[np.ndarray, 'H W 3']
    depth: Float32[np.ndarray, 'H W']
    true_depth: Float32[np.ndarray, 'H W']


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EvaluatedWindow:
    """What came of one window.

    Attributes:
        name: Which window it is.
        num_frames: S.
        errors: By contestant.
        sample: The middle frame.
        predict_s: Wall time of the network.
        refined: What the images made of the answer; None if they were not asked.
    """

    name: str
    num_frames: int
    errors: dict[str, WindowErrors]
    sample: WindowSample
    predict_s: float
    refined: RefinedAnswer | None = None


def evaluate_window(
    predictor: Predicts,
    window: TruthWindow,
    *,
    with_tracks: bool,
    refine: RefineSettings | None = None,
    device: torch.device | None = None,
) -> EvaluatedWindow:
    """Run a network and the baselines on one window.

    Args:
        predictor: The network.
        window: Images and the truth about them.
        with_tracks: False for a network without a track head.
        refine: How to refine the window; None not to do so.
        device: Where images are compared for that; None for the CPU.

    Raises:
        PredictionError: The network cannot answer; the message names the window.
        AlignmentError: No pixel of the window has a true depth.
    """
    queries = window.tracks.positions[0] if with_tracks and window.tracks is not None else None
    started = time.perf_counter()
    try:
        prediction = predictor.predict(list(window.images), Request(query_points=queries))
    except PredictionError as error:
        raise PredictionError(f'{window.name}: {error}') from error
    predict_s = time.perf_counter() - started
    grid = prediction.grid
    answers = {
        MODEL: answer_of(prediction),
        NO_MOTION: no_motion(window, grid),
        MEAN_DEPTH: mean_depth(window, grid),
    }
    refined = None
    if refine is not None:
        where = torch.device('cpu') if device is None else device
        refined = refined_answer(window, prediction, refine, where)
        answers[REFINED] = refined.answer
    errors = {name: window_errors(answer, window, grid) for name, answer in answers.items()}
    shown = MODEL if refined is None else REFINED
    depth_error, depth = errors[shown].depth, answers[shown].depth
    assert depth is not None, 'a prediction has depth, a refined one too'
    assert depth_error is not None, 'a prediction has depth'
    middle = len(window.images) // 2
    return EvaluatedWindow(
        name=window.name,
        num_frames=len(window.images),
        errors=errors,
        sample=WindowSample(
            name=window.name,
            image=prediction.images[middle],
            depth=depth[middle] * np.float32(depth_error.scale),
            true_depth=window.depth_on(grid)[middle],
        ),
        predict_s=predict_s,
        refined=refined,
    )


class ModelEvaluation:
    """Collects evaluated windows; keeps the pictures of the first few only."""

    def __init__(self, num_samples: int) -> None:
        self._num_samples = num_samples
        self._rows: list[dict[str, Any]] = []
        self._errors: dict[str, list[WindowErrors]] = {name: [] for name in CONTESTANTS}
        self._predict_s: list[float] = []
        self._refined: list[RefinedAnswer] = []
        self.samples: list[WindowSample] = []

    def add(self, window: EvaluatedWindow) -> None:
        """Take the next window."""
        for name, errors in window.errors.items():
            self._errors.setdefault(name, []).append(errors)
        row: dict[str, Any] = {
            'name': window.name,
            'num_frames': window.num_frames,
            **summarize([window.errors[MODEL]]),
        }
        if window.refined is not None:
            self._refined.append(window.refined)
            row[REFINED] = summarize([window.errors[REFINED]])
        self._rows.append(row)
        self._predict_s.append(window.predict_s)
        if len(self.samples) < self._num_samples:
            self.samples.append(window.sample)

    def results(self) -> dict[str, Any]:
        """Return everything measured, ready for JSON; at least one window is needed."""
        return {
            'num_windows': len(self._rows),
            'predict_s_median': float(np.median(self._predict_s)),
            **{name: summarize(errors) for name, errors in self._errors.items()},
            **self._refinement(),
            'windows': self._rows,
        }

    def _refinement(self) -> dict[str, Any]:
        if not self._refined:
            return {}
        is_verified = np.concatenate([each.is_verified for each in self._refined])
        return {
            'refinement': {
                'share_of_frames_verified': float(is_verified.mean()),
                'windows_by_start': dict(Counter(each.refined_from for each in self._refined)),
                'refine_s_median': float(np.median([each.duration_s for each in self._refined])),
            }
        }
