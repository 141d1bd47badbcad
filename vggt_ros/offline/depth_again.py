"""Depth once more: every keyframe compared with those that show the same place best.

A window knows the frames around one in time and poses as they were then. With the poses of the
end a keyframe is swept against others from anywhere in the recording: those that share most
matches with it, and of them those whose parallax tells most. Depth by which keyframes agree more
is used, else what was there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from threading import Lock
import time

from jaxtyping import Float, Float32
import numpy as np
import torch

from vggt_ros.inference.pixel_filter import keep_mask
from vggt_ros.mapping.frame_results import is_in_range
from vggt_ros.mapping.refinement.depth_confidence import swept_confidence
from vggt_ros.mapping.refinement.depth_consistency import count_views, ViewCounts
from vggt_ros.mapping.refinement.depth_field import CorrectedDepth, DepthCorrection
from vggt_ros.mapping.refinement.depth_sweep import sweep_depth, SweepWindow
from vggt_ros.mapping.refinement.lone_thread import compute_alone
from vggt_ros.mapping.refinement.source_frames import select_sources
from vggt_ros.offline.keyframe_store import KeyframeStore, MeasuredDepth
from vggt_ros.settings.config import CloudSettings

MAX_SOURCES = 5
# Of the logarithm of depth before. On 88 keyframes of a real kitchen (nano) the mean relative
# error went from 0.090 to 0.062, 0.061 and 0.063 with 0.1, 0.15 and 0.25; with 0.03 and 0.05,
# and multiples of the prior instead of planes (`depth_sweep`), to 0.071 and 0.069.
_SIGMA = 0.12
# A pixel is kept for the cloud if so many others say the same.
_MIN_AGREEING = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthReport:
    """What came of it.

    Attributes:
        num_keyframes: That were compared with others.
        num_used: Whose new depth is used.
        consistency_before: Share of comparable pixels, over pairs of keyframes, whose depths were
            the same to 3 %.
        consistency_after: The same of the depth that is used now.
        seconds: That it took.
    """

    num_keyframes: int = 0
    num_used: int = 0
    consistency_before: float = float('nan')
    consistency_after: float = float('nan')
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FinalViews:
    """Where keyframes are in the end.

    Attributes:
        map_from_cam: Their poses, by frame.
        growth: How much longer what each measured when it came is now, by frame.
        focal_px: Focal lengths of the camera's images now, by frame.
        neighbors: For each frame those that share matches with it, most first.
    """

    map_from_cam: Mapping[int, Float[np.ndarray, '4 4']]
    growth: Mapping[int, float]
    focal_px: Mapping[int, float]
    neighbors: Mapping[int, Sequence[int]]


class DepthAgain:
    """Sweeps keyframes of a store; images and depth of a few of them are in memory at a time."""

    def __init__(
        self,
        keyframes: KeyframeStore,
        views: FinalViews,
        settings: CloudSettings,
        device: torch.device,
    ) -> None:
        """Prepare.

        Args:
            keyframes: Images and depth; proposals are made there.
            views: Where they are.
            settings: `cloud.*`, for the pixels that are kept.
            device: Where images are compared.
        """
        self._keyframes, self._views = keyframes, views
        self._settings, self._device = settings, device
        self._sources: dict[int, list[int]] = {}
        self._file = Lock()

    def work(self) -> tuple[DepthReport, list[int]]:
        """Sweep all; return what came of it, and the frames whose new depth is used now."""
        start_s = time.perf_counter()
        ids = list(self._views.map_from_cam)
        with ThreadPoolExecutor(torch.get_num_threads(), initializer=compute_alone) as pool:
            compared = [
                i for i, swept in zip(ids, pool.map(self._sweep, ids), strict=True) if swept
            ]
            judged = list(pool.map(self._judge, compared))
        used = [i for i, (before, after) in zip(compared, judged, strict=True) if after > before]
        # The new depth of a keyframe was compared with the new depth of all others.
        final = dict(zip(compared, self._shares(compared, set(used)), strict=True))
        before, after = (
            float(np.mean(values)) if compared else float('nan')
            for values in ([each[0] for each in judged], list(final.values()))
        )
        if not after > before:
            used, after = [], before
        for frame_id in used:
            self._keyframes.accept(frame_id)
        report = DepthReport(
            num_keyframes=len(compared),
            num_used=len(used),
            consistency_before=before,
            consistency_after=after,
            seconds=time.perf_counter() - start_s,
        )
        return report, used

    def _sweep(self, frame_id: int) -> bool:
        """Propose the depth that others show; return whether they show any."""
        prior = self._depth(frame_id, is_new=False)
        near = [
            i
            for i in self._views.neighbors.get(frame_id, ())
            if self._keyframes.shape(i) == prior.shape
        ]
        rows = [frame_id, *near]
        if not near or not np.isfinite(prior).any():
            return False
        chosen = select_sources(prior, self._K(rows), self._poses(rows), 0, MAX_SOURCES)
        sources = [rows[i] for i in chosen]
        if not sources:
            return False
        rows = [frame_id, *sources]
        with self._file:
            images = np.stack([self._keyframes.image(i) for i in rows])
        window = SweepWindow.of_images(images, self._K(rows), self._poses(rows), self._device)
        swept = sweep_depth(window, 0, _as_prior(prior))
        if not swept.sources:
            return False
        self._sources[frame_id] = sources
        proposed = MeasuredDepth(
            depth=swept.depth / np.float32(self._views.growth[frame_id]),
            confidence=swept.score,  # until it is known who agrees
            keep=np.isfinite(swept.depth),
        )
        with self._file:
            self._keyframes.propose(frame_id, proposed)
        return True

    def _judge(self, frame_id: int) -> tuple[float, float]:
        """Return how well depth agrees before and after; complete what was proposed."""
        before = self._counts(frame_id, set())
        after = self._counts(frame_id, None)
        with self._file:
            swept = self._keyframes.proposed(frame_id)
        assert swept is not None, 'only what was swept is judged'
        nothing = np.zeros_like(swept.depth)
        confidence = swept_confidence(after.agreeing, swept.confidence, nothing)
        keep = keep_mask(
            torch.from_numpy(swept.depth)[None],
            torch.from_numpy(confidence)[None],
            torch.from_numpy(np.isfinite(swept.depth)),
            self._settings,
        )[0].numpy()
        now = swept.depth * np.float32(self._views.growth[frame_id])
        keep &= (after.agreeing >= _MIN_AGREEING) & is_in_range(now, self._settings)
        with self._file:
            self._keyframes.propose(frame_id, replace(swept, confidence=confidence, keep=keep))
        return _share(before), _share(after)

    def _shares(self, ids: Sequence[int], used: set[int]) -> list[float]:
        return [_share(self._counts(frame_id, used)) for frame_id in ids]

    def _counts(self, frame_id: int, used: set[int] | None) -> ViewCounts:
        """Compare with the sources; the depth of `used` is the new one, None for all."""
        rows = [frame_id, *self._sources[frame_id]]
        depths = [self._depth(i, is_new=used is None or i in used) for i in rows]
        return count_views(np.stack(depths), self._K(rows), self._poses(rows), 0)

    def _depth(self, frame_id: int, *, is_new: bool) -> Float32[np.ndarray, 'H W']:
        """Return the depth of a keyframe in the unit of the map now."""
        with self._file:
            proposed = self._keyframes.proposed(frame_id) if is_new else None
            measured = self._keyframes.measured(frame_id) if proposed is None else proposed
        return measured.depth * np.float32(self._views.growth[frame_id])

    def _K(self, ids: Sequence[int]) -> Float[np.ndarray, 'S 3 3']:
        return np.stack([self._keyframes.K(i, self._views.focal_px[i]) for i in ids])

    def _poses(self, ids: Sequence[int]) -> Float[np.ndarray, 'S 4 4']:
        return np.stack([self._views.map_from_cam[i] for i in ids])


def _as_prior(depth: Float32[np.ndarray, 'H W']) -> CorrectedDepth:
    """Return depth that is right but for some percent, whatever points say."""
    return CorrectedDepth(
        depth=depth,
        support=np.zeros_like(depth),
        sigma=np.full_like(depth, _SIGMA),
        correction=DepthCorrection.FACTOR,
        reason='',
        num_points=0,
        factor=1.0,
        # Not to be taken for a shape that only needs a factor.
        spread=_SIGMA,
        residual=_SIGMA,
    )


def _share(counts: ViewCounts) -> float:
    """Return the share of comparable pixels that agree; 0 if none can be compared."""
    return float(counts.agreeing.sum() / max(int(counts.comparable.sum()), 1))
