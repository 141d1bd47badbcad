"""Outputs of a run: everything that is written into its folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
import json
from pathlib import Path
from typing import Any

from vggt_ros import __version__
from vggt_ros.errors import VggtRosError
from vggt_ros.mapping.session.session_folder import write_session
from vggt_ros.offline.depth_files import DepthFiles
from vggt_ros.offline.export_colmap import write_colmap
from vggt_ros.offline.export_mesh import write_mesh
from vggt_ros.offline.export_rosbag import write_rosbag
from vggt_ros.offline.export_transforms import write_transforms
from vggt_ros.offline.map_files import write_map
from vggt_ros.offline.pictures import draw_pictures
from vggt_ros.offline.report_page import summary_of, write_report
from vggt_ros.offline.result import Result
from vggt_ros.offline.trajectory_files import write_euroc, write_kitti, write_tum
from vggt_ros.offline.tsdf_volume import imported_open3d

# Returns what run.json says about it, if anything.
Export = Callable[[Path, Result], dict[str, Any] | None]


def _of(path: Path, camera: int) -> Path:
    """Return the name for a camera beyond the first."""
    return path.with_stem(f'{path.stem}_{camera}') if camera else path


def _kitti(folder: Path, result: Result) -> None:
    for camera in range(result.poses.num_cameras):
        write_kitti(_of(folder / 'trajectory.kitti', camera), result.poses.of_camera(camera))


def _euroc(folder: Path, result: Result) -> None:
    for camera in range(result.poses.num_cameras):
        poses = result.poses.of_camera(camera)
        write_euroc(_of(folder / 'trajectory_euroc.csv', camera), poses)


# What can be asked for beside what is always written.
EXPORTS: dict[str, Export] = {
    'kitti': _kitti,
    'euroc': _euroc,
    'transforms': write_transforms,
    'colmap': write_colmap,
    'mcap': write_rosbag,
    'mesh': write_mesh,
}


def check_exports(exports: Sequence[str]) -> None:
    """Refuse exports whose library is not there, before anything is done for them.

    Raises:
        ConfigError: What is missing, and where it is from.
    """
    if 'mesh' in exports:
        imported_open3d()


def write_outputs(
    result: Result,
    record: Mapping[str, Any],
    folder: Path,
    *,
    depth: DepthFiles | None = None,
    exports: Sequence[str] = (),
) -> list[str]:
    """Write a usable result; return sentences on exports that could not be made.

    Args:
        result: With at least one keyframe.
        record: Of `run_record`; its warnings are completed.
        folder: Is there.
        depth: Files of the depth, None if it was not asked for.
        exports: Names of `EXPORTS`.

    Raises:
        OSError: A file cannot be written.
    """
    unit = 'meters' if result.scale.is_metric else 'map units'
    for camera in range(result.poses.num_cameras):
        poses = result.poses.of_camera(camera)
        write_tum(_of(folder / 'trajectory.tum', camera), poses, unit=unit)
        write_tum(_of(folder / 'keyframes.tum', camera), poses, unit=unit, kinds=('keyframe',))
    write_map(folder, result.points)
    if result.session is not None:
        write_session(
            folder,
            result.session,
            software=f'vggt_ros {__version__}',
            settings=record['settings'],
        )
    if depth is not None:
        depth.finish(result)
    failures, facts = [], {}
    for name in exports:
        try:
            facts[name] = EXPORTS[name](folder, result)
        except VggtRosError as error:
            failures.append(f'the export {name} is missing: {error}')
    record = {**record, 'exports': facts, 'warnings': [*record['warnings'], *failures]}
    name = Path(record['input']['path']).name
    title = f'{name}, {record["network"]["checkpoint"]}'
    pictures = draw_pictures(result, folder, title)
    (folder / 'run.json').write_text(
        json.dumps(record, indent=2, allow_nan=False) + '\n', encoding='utf-8'
    )
    write_report(folder / 'report.html', record, [folder / each for each in pictures])
    return failures


def summary_lines(record: Mapping[str, Any]) -> list[str]:
    """Return what a person is told in the end."""
    return [summary_of(record), *(f'NOTE: {each}' for each in record['warnings'])]
