"""A mapper sent over a data set, frame by frame, dropping nothing for lack of time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
import logging
import time

from jaxtyping import Float, Float32, Int64
import numpy as np

from vggt_ros.errors import InputError
from vggt_ros.evaluation.frame_sample import FrameSample
from vggt_ros.evaluation.model_evaluation import WindowSample
from vggt_ros.evaluation.published_depth import FrameDepthError, published_depth_error
from vggt_ros.evaluation.window_notes import NotingPredictor, WindowNote
from vggt_ros.inference.backbone import Predicts
from vggt_ros.mapping.backend.submap_graph import ClosedLoop
from vggt_ros.mapping.frontend.frame import Frame
from vggt_ros.mapping.layers.map_update import MapUpdate
from vggt_ros.mapping.mapper import Mapper
from vggt_ros.mapping.offline import finish_windows
from vggt_ros.mapping.predicted_window import Wanted
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.parameter_tree import with_values
from vggt_ros.sources.dataset import Dataset

MAX_SAMPLES = 24
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WindowRun:
    """What became of one window.

    Attributes:
        frame_ids: Numbers of its frames.
        note: What the network said of it; None if it said nothing.
        submap: Id of its submap, None if it did not enter the map.
        is_connected: Whether its place in the map is known.
        process_s: Wall time from taking it to its update.
        failure: Why it did not enter the map; empty if it did.
    """

    frame_ids: tuple[int, ...]
    note: WindowNote | None
    submap: int | None
    is_connected: bool
    process_s: float
    failure: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SequenceRun:
    """What a mapper made of a data set; frames are known by their numbers in it.

    Attributes:
        frame_index: (M,) frames that have a pose in the end, ascending.
        map_from_cam: (M, 4, 4) their poses, after all corrections.
        windows: All windows, in order.
        focal_px: Published focal length along u of each frame that has one, by frame.
        true_focal_px: The same of the camera, by frame; empty if unknown.
        depths: Errors of the published depth of the frames whose depth was measured.
        samples: An even choice of these frames, at most `MAX_SAMPLES`, to look at.
        loops: Places that were recognized and moved the map.
        drops: Frames that got no pose, by reason.
        wall_s: Time of the whole run, reading of the files included.
    """

    frame_index: Int64[np.ndarray, ' M']
    map_from_cam: Float[np.ndarray, 'M 4 4']
    windows: tuple[WindowRun, ...]
    focal_px: dict[int, float]
    true_focal_px: dict[int, float]
    depths: tuple[FrameDepthError, ...]
    samples: tuple[WindowSample, ...]
    loops: tuple[ClosedLoop, ...]
    drops: dict[str, int]
    wall_s: float

    @property
    def keyframes(self) -> tuple[int, ...]:
        """Numbers of all frames that were in a window."""
        return tuple(sorted({i for window in self.windows for i in window.frame_ids}))

    @property
    def frames_of_submap(self) -> dict[int, tuple[int, ...]]:
        """Numbers of the frames of each window, by submap."""
        return {w.submap: w.frame_ids for w in self.windows if w.submap is not None}


def run_sequence(
    dataset: Dataset,
    predictor: Predicts,
    config: VggtConfig,
    *,
    is_calibrated: bool = True,
    on_frame: Callable[[], object] = lambda: None,
) -> SequenceRun:
    """Send a mapper over all images of a data set.

    Args:
        dataset: The images.
        predictor: The network.
        config: The settings; the path is kept whole, whatever its bound.
        is_calibrated: Whether the mapper is told the intrinsics.
        on_frame: Called after each image.

    Raises:
        SourceError: An image cannot be read.
    """
    started_s = time.perf_counter()
    bound = max(config.path.max_size, len(dataset))
    config = with_values(config, {'path.max_size': bound})
    noting = NotingPredictor(predictor)
    run = _Run(dataset, Mapper(noting, config, offline=True), noting)
    for index in range(len(dataset)):
        run.add(index, is_calibrated=is_calibrated)
        run.work()
        on_frame()
    run.finish()
    path = run.mapper.map.path()
    return SequenceRun(
        frame_index=np.searchsorted(dataset.stamps_ns, path.stamps_ns),
        map_from_cam=path.map_from_cam,
        windows=tuple(run.windows),
        focal_px=run.focal_px,
        true_focal_px=run.true_focal_px,
        depths=tuple(run.depths),
        samples=run.samples.frames(),
        loops=run.mapper.map.loops(),
        drops=dict(run.mapper.snapshot().counts.drops),
        wall_s=time.perf_counter() - started_s,
    )


class _Run:
    """A mapper under way, and what is kept of what it publishes."""

    def __init__(self, dataset: Dataset, mapper: Mapper, noting: NotingPredictor) -> None:
        self.mapper = mapper
        self.windows: list[WindowRun] = []
        self.focal_px: dict[int, float] = {}
        self.true_focal_px: dict[int, float] = {}
        self.depths: list[FrameDepthError] = []
        self.samples = FrameSample[WindowSample](MAX_SAMPLES)
        self._dataset = dataset
        self._noting = noting
        # Of frames that wait for a window; windows take them in order.
        self._true_depth: dict[int, Float32[np.ndarray, 'h w']] = {}

    def add(self, index: int, *, is_calibrated: bool) -> None:
        """Give the mapper an image."""
        frame = self._dataset.frame(index)
        if frame.depth is not None:
            self._true_depth[index] = frame.depth
        if frame.K is not None:
            self.true_focal_px[index] = float(frame.K[0, 0])
        try:
            self.mapper.add_frame(
                Frame(
                    id=index,
                    stamp_ns=frame.stamp_ns,
                    camera_frame='camera',
                    image=frame.image,
                    K=frame.K if is_calibrated else None,
                    is_seen=frame.is_seen,
                )
            )
        except InputError as error:
            _log.warning('image %d is not used: %s', index, error)

    def finish(self) -> None:
        """Work on what waits: there are no more images."""
        self.mapper.stream.flush()
        self.work()

    def work(self) -> None:
        """Process the windows that are complete."""
        first_note, started_s = len(self._noting.notes), time.perf_counter()
        for finished in finish_windows(self.mapper, Wanted(tracks=False)):
            process_s = time.perf_counter() - started_s
            notes, update = self._noting.notes[first_note:], finished.update
            if finished.error is not None:
                _log.info('a window failed: %s', finished.error)
            if update is not None:
                self._take(update)
            ids = tuple(frame.id for frame in finished.window.frames)
            self.windows.append(
                WindowRun(
                    frame_ids=ids,
                    # Further passes of the same window look for places that are seen again.
                    note=notes[0] if notes and notes[0].frame_ids == ids else None,
                    submap=None if update is None else self.mapper.snapshot().num_submaps - 1,
                    is_connected=update is not None and update.is_connected,
                    process_s=process_s,
                    failure='' if finished.error is None else str(finished.error),
                )
            )
            first_note, started_s = len(self._noting.notes), time.perf_counter()

    def _take(self, update: MapUpdate) -> None:
        for result in update.new_frames:
            index = result.frame.id
            self.focal_px[index] = float(result.K_image[0, 0])
            truth = self._true_depth.get(index)
            if truth is None:
                continue
            found = published_depth_error(result, truth, f'image {index}')
            if found is not None:
                self.depths.append(found[0])
                self.samples.add(found[1])
        newest = update.new_frames[-1].frame.id
        self._true_depth = {i: d for i, d in self._true_depth.items() if i > newest}
