"""A course or a recording cut in two sessions: the second one goes on with the map of the first.

    .venv/bin/python -m benchmarks.two_sessions [--courses corridor_loop figure_eight]
        [--seeds 3] [--first-seed 0] [--frames 300]
    .venv/bin/python -m benchmarks.two_sessions --part localization | elsewhere [...]
    .venv/bin/python -m benchmarks.two_sessions --recording path/to/a/sequence

The second session begins with the last frames of the first, after its map was stored and loaded.
Of courses the network is simulated and images are painted; of recordings it is nano. Prints for
each: windows until the place is known, and the ATE of the joined map, of one session over all,
and of saying that all cameras are in one place. `localization` walks a course again in its stored
map and prints the median error of the published poses; `elsewhere` walks another building of the
same kind, painted otherwise, where no place may be recognized.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
import sys
import tempfile

from jaxtyping import Float
import numpy as np

from vggt_ros.evaluation.trajectory import trajectory_error
from vggt_ros.inference.backbone import Predicts
from vggt_ros.inference.backbones import load_backbone
from vggt_ros.mapping.frontend.frame import Frame
from vggt_ros.mapping.mapper import Mapper
from vggt_ros.mapping.offline import map_frames
from vggt_ros.mapping.session.session_folder import read_session, write_session
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.parameter_tree import with_values
from vggt_ros.sources.detection import open_sequence
from vggt_ros.synthetic.course import Course, COURSES, make_course
from vggt_ros.synthetic.course_camera import CourseCamera
from vggt_ros.synthetic.simulated_predictor import SimulatedPredictor

_PERIOD_NS = 100_000_000
_SETTINGS = {'keyframe.min_parallax': 0.0, 'refine.mode': 'poses', 'map.enable': False}
# Of all frames, what both sessions see.
_SHARED = 0.1


@dataclass(frozen=True, kw_only=True)
class TwoSessions:
    """What came of a cut.

    Attributes:
        windows_until_known: Of the second session; infinite if it never knew where it is.
        joined_percent: ATE of the map after both sessions, percent of the way.
        whole_percent: Of one session over all frames.
        nothing_percent: Of saying that all cameras are in one place.
        num_bytes: Of the stored session.
    """

    windows_until_known: float
    joined_percent: float
    whole_percent: float
    nothing_percent: float
    num_bytes: int


def two_sessions(
    frames: Sequence[Frame],
    truth: Float[np.ndarray, 'N 4 4'],
    predictor: Predicts,
    config: VggtConfig,
) -> TwoSessions:
    """Map frames in two sessions and in one.

    Args:
        frames: N of them; their stamps tell them apart.
        truth: (N, 4, 4) world_from_cam.
        predictor: The network.
        config: The settings.
    """
    cut, shared = len(frames) // 2, max(1, round(_SHARED * len(frames)))
    whole = Mapper(predictor, config, offline=True)
    for _ in map_frames(whole, frames):
        pass
    first = Mapper(predictor, config, offline=True)
    for _ in map_frames(first, frames[: cut + shared // 2]):
        pass
    second = Mapper(predictor, config, offline=True)
    with tempfile.TemporaryDirectory() as folder:
        num_bytes = write_session(
            Path(folder), first.map.session(), software='two_sessions', settings={}
        )
        second.load(read_session(Path(folder)))
    rest = frames[cut - shared // 2 :]
    is_known = [update.is_connected for update in map_frames(second, rest)]
    return TwoSessions(
        windows_until_known=1.0 + is_known.index(True) if True in is_known else float('inf'),
        joined_percent=_ate_percent(second, frames, truth),
        whole_percent=_ate_percent(whole, frames, truth),
        nothing_percent=_nothing_percent(truth),
        num_bytes=num_bytes,
    )


def _ate_percent(mapper: Mapper, frames: Sequence[Frame], truth: np.ndarray) -> float:
    rows = {frame.stamp_ns: row for row, frame in enumerate(frames)}
    views = {view.stamp_ns: view.map_from_cam for view in mapper.map.views()}
    known = sorted(views)
    poses = np.stack([views[stamp_ns] for stamp_ns in known])
    return trajectory_error(poses, truth[[rows[each] for each in known]]).ate_percent


def _nothing_percent(truth: np.ndarray) -> float:
    positions = truth[:, :3, 3]
    way = float(np.linalg.norm(np.diff(positions, axis=0), axis=1).sum())
    spread = float(np.sqrt(((positions - positions.mean(axis=0)) ** 2).sum(axis=1).mean()))
    return 100.0 * spread / way


def of_course(name: str, seed: int, num_frames: int) -> TwoSessions:
    """Cut a course with painted images."""
    course = make_course(name, num_frames, seed).with_pictures(seed=seed)
    predictor = SimulatedPredictor(course, seed=seed)
    config = with_values(VggtConfig(), _SETTINGS)
    return two_sessions(_frames(course), course.world_from_cam, predictor, config)


@dataclass(frozen=True, kw_only=True)
class Localized:
    """What came of a walk in a stored map.

    Attributes:
        windows_until_known: As in `TwoSessions`.
        median_error_m: Of the published poses from then on, after the similarity that brings the
            stored path to the truth; NaN if there are none.
        path_error_m: Median error of the stored path itself.
    """

    windows_until_known: float
    median_error_m: float
    path_error_m: float


def localized(name: str, seed: int, num_frames: int, *, elsewhere: bool = False) -> Localized:
    """Map a course, and walk it again, or another one like it, in its stored map.

    Args:
        name: Of the course.
        seed: Of the place and of the network's errors.
        num_frames: Of the course.
        elsewhere: Whether the second walk is in another building.
    """
    course = make_course(name, num_frames, seed).with_pictures(seed=seed)
    first = Mapper(
        SimulatedPredictor(course, seed=seed), with_values(VggtConfig(), _SETTINGS), offline=True
    )
    for _ in map_frames(first, _frames(course)):
        pass
    session = first.map.session()
    views = [each.view for each in session.path.values()]
    rows = [view.stamp_ns // _PERIOD_NS - 1 for view in views]
    truth_from_map = trajectory_error(
        np.stack([view.map_from_cam for view in views]), course.world_from_cam[rows]
    ).truth_from_map
    again = course
    if elsewhere:
        again = make_course(name, num_frames, seed + 1000).with_pictures(seed=seed + 1000)
    values = _SETTINGS | {'mode': 'localization', 'map.load_path': 'stored'}
    second = Mapper(
        SimulatedPredictor(again, seed=seed + 1), with_values(VggtConfig(), values), offline=True
    )
    second.load(session)
    is_known, errors_m = [], []
    for update in map_frames(second, _frames(again)):
        is_known.append(update.is_connected)
        for result in update.new_frames if update.is_connected else ():
            position = truth_from_map.apply(result.map_from_cam[:3, 3])
            errors_m.append(
                np.linalg.norm(position - again.world_from_cam[result.frame.id, :3, 3])
            )
    stored = [
        np.linalg.norm(
            truth_from_map.apply(view.map_from_cam[:3, 3]) - course.world_from_cam[row, :3, 3]
        )
        for view, row in zip(views, rows, strict=True)
    ]
    return Localized(
        windows_until_known=1.0 + is_known.index(True) if True in is_known else float('inf'),
        median_error_m=float(np.median(errors_m)) if errors_m else float('nan'),
        path_error_m=float(np.median(stored)),
    )


def _frames(course: Course) -> list[Frame]:
    camera = CourseCamera(course)
    return [
        Frame(
            id=index,
            stamp_ns=_PERIOD_NS * (index + 1),
            camera_frame='camera',
            image=camera.image(index),
            K=course.K_image,
        )
        for index in range(len(course))
    ]


def of_recording(path: Path) -> TwoSessions:
    """Cut a recording with truth."""
    found = list(open_sequence(path))
    frames = [
        Frame(
            id=index,
            stamp_ns=each.stamp_ns or _PERIOD_NS * (index + 1),
            camera_frame='camera',
            image=each.image,
            K=each.K,
        )
        for index, each in enumerate(found)
    ]
    truth = np.stack([each.world_from_cam for each in found if each.world_from_cam is not None])
    config = with_values(VggtConfig(), {'model.checkpoint': 'nano', 'model.device': 'cpu'})
    predictor = load_backbone(config.model)
    try:
        return two_sessions(frames, truth, predictor, config)
    finally:
        predictor.close()


def main(arguments: list[str] | None = None) -> int:
    """Print a line for each; 1 if a place was not recognized, or one that is none was."""
    parser = argparse.ArgumentParser(description=(__doc__ or '').splitlines()[0])
    moving = [each for each in COURSES if each != 'parked']
    parser.add_argument('--part', choices=('two', 'localization', 'elsewhere'), default='two')
    parser.add_argument('--courses', nargs='*', default=moving, choices=moving)
    parser.add_argument('--seeds', type=int, default=3)
    parser.add_argument('--first-seed', type=int, default=0, help='to go on where a run ended')
    parser.add_argument('--frames', type=int, default=300)
    parser.add_argument('--recording', type=Path)
    options = parser.parse_args(arguments)
    if options.recording is not None:
        return int(_print_two(options.recording.name, of_recording(options.recording)))
    num_wrong = 0
    for name in options.courses:
        for seed in range(options.first_seed, options.first_seed + options.seeds):
            title = f'{name} {seed}'
            if options.part == 'two':
                num_wrong += _print_two(title, of_course(name, seed, options.frames))
                continue
            elsewhere = options.part == 'elsewhere'
            found = localized(name, seed, options.frames, elsewhere=elsewhere)
            num_wrong += bool(np.isfinite(found.windows_until_known)) == elsewhere
            _print(
                f'{title:24} known after {found.windows_until_known:4.0f} windows; median error '
                f'{found.median_error_m:.3f} m, of the stored path {found.path_error_m:.3f} m'
            )
    return int(num_wrong > 0)


def _print_two(title: str, found: TwoSessions) -> bool:
    """Print a line; return whether the second session never knew where it was."""
    _print(
        f'{title:24} known after {found.windows_until_known:4.0f} windows; ATE '
        f'{found.joined_percent:.3f} % in two sessions, {found.whole_percent:.3f} % in one, '
        f'{found.nothing_percent:.1f} % of one place; {found.num_bytes / 1e6:.1f} MB'
    )
    return not np.isfinite(found.windows_until_known)


def _print(line: str) -> None:
    sys.stdout.write(line + '\n')
    sys.stdout.flush()


if __name__ == '__main__':
    sys.exit(main())
