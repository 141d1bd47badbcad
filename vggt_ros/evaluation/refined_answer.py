"""Refined answer: the estimate of a window after its images have been used to refine it."""

from __future__ import annotations

from dataclasses import dataclass
import time

from jaxtyping import Bool
import numpy as np
import torch

from vggt_ros.errors import VerificationError
from vggt_ros.evaluation.truth_window import TruthWindow
from vggt_ros.evaluation.window_answer import answer_of, WindowAnswer
from vggt_ros.geometry import se3
from vggt_ros.inference.prediction import Prediction
from vggt_ros.mapping.frontend.frame import Frame
from vggt_ros.mapping.frontend.window import Window
from vggt_ros.mapping.registration.submap import submap_from_prediction
from vggt_ros.mapping.registration.window_refiner import WindowRefiner
from vggt_ros.settings.refine_config import RefineSettings

_PERIOD_NS = 100_000_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RefinedAnswer:
    """A window after refinement.

    Attributes:
        answer: Cameras and depth; where the images confirm nothing, the network's.
        is_verified: (S,) cameras that the images confirm.
        refined_from: What counts for `Counts.refinements`.
        duration_s: Wall time of all of it: features, poses and depth.
    """

    answer: WindowAnswer
    is_verified: Bool[np.ndarray, ' S']
    refined_from: str
    duration_s: float


def refined_answer(
    truth: TruthWindow, prediction: Prediction, settings: RefineSettings, device: torch.device
) -> RefinedAnswer:
    """Refine one window by itself, with the true intrinsics, without a map.

    Args:
        truth: Its images and K are used, nothing else of it.
        prediction: The network's answer.
        settings: `refine.*`.
        device: Where images are compared pixel by pixel.
    """
    frames = [
        Frame(id=i, stamp_ns=(i + 1) * _PERIOD_NS, camera_frame='', image=image, K=truth.K)
        for i, image in enumerate(truth.images)
    ]
    window = Window.of_frames(frames)
    start_s = time.perf_counter()
    try:
        refinement = WindowRefiner(settings, len(frames), len(frames), device).refine(
            window, prediction, submap_from_prediction(window, prediction), None
        )
    except VerificationError:
        return RefinedAnswer(
            answer=answer_of(prediction),
            is_verified=np.zeros(len(frames), dtype=bool),
            refined_from='not_verified',
            duration_s=time.perf_counter() - start_s,
        )
    return RefinedAnswer(
        answer=WindowAnswer(
            cam_from_world=se3.inverse(refinement.submap.ref_from_cam),
            depth=refinement.submap.depth,
        ),
        is_verified=refinement.window.is_verified,
        refined_from=refinement.window.report.refined_from,
        duration_s=time.perf_counter() - start_s,
    )
