"""Replica, as rendered for NICE-SLAM: one scene.

`results/frame000000.jpg`, `results/depth000000.png` (uint16) and `traj.txt`: a line of 16 numbers
for each image, world_from_cam, meters, OpenCV axes. `cam_params.json` in the folder or above holds
the camera and what 1 m is in the depth images; without it they are those of the published scenes:
1200 x 680, 600 600 599.5 339.5, 6553.5. Straub et al., "The Replica dataset", 2019; Zhu et al.,
"NICE-SLAM", CVPR 2022.
"""

from __future__ import annotations

from functools import partial
import json
from pathlib import Path

import numpy as np

from vggt_ros.errors import SourceError
from vggt_ros.sources.calibration import Calibration
from vggt_ros.sources.dataset import Dataset, DatasetRecord
from vggt_ros.sources.depth_file import read_depth
from vggt_ros.sources.number_lines import read_text
from vggt_ros.sources.numbered_files import by_number, number_of, numbered_files
from vggt_ros.sources.picture_size import sizes_in_header
from vggt_ros.sources.pose_matrices import read_pose_lines
from vggt_ros.sources.source import stamp_ns_at

LAYOUT = 'replica'
CONTENT = 'results/ and traj.txt'
_NAMES = 'w', 'h', 'fx', 'fy', 'cx', 'cy', 'scale'
_PUBLISHED = dict(zip(_NAMES, (1200, 680, 600.0, 600.0, 599.5, 339.5, 6553.5), strict=True))


def matches(path: Path) -> bool:
    """Return whether a folder has this layout."""
    return (path / 'results').is_dir() and (path / 'traj.txt').is_file()


def read(path: Path, rate_hz: float) -> Dataset:
    """List the files and read the poses.

    Args:
        path: The folder of the scene.
        rate_hz: Images a second; the files carry no time.

    Raises:
        SourceError: A file is unreadable, or numbers of images and poses or sizes differ.
    """
    files = numbered_files(path / 'results', ('.jpg', '.jpeg', '.png'))
    color = [file for file in files if file.name.startswith('frame')]
    depth = by_number([file for file in files if file.name.startswith('depth')])
    poses = read_pose_lines(path / 'traj.txt', 16)
    if len(color) != len(poses):
        raise SourceError(
            f'{path} has {len(color)} images and {len(poses)} poses; give one line of traj.txt '
            f'for each image'
        )
    calibration, units_per_m = _camera(path)
    sizes = sizes_in_header(color[0])
    calibration.check(None if sizes is None else sizes[0], path.name)
    records = []
    for index, file in enumerate(color):
        rendered = depth.get(number_of(file))
        records.append(
            DatasetRecord(
                image=file,
                stamp_ns=stamp_ns_at(index + 1, rate_hz),
                K=calibration.K,
                read_depth=None
                if rendered is None
                else partial(read_depth, rendered, units_per_m),
                world_from_cam=poses[index],
            )
        )
    return Dataset(
        path.name,
        LAYOUT,
        records,
        rate_hz=rate_hz,
        truth='the rendered camera, exact',
        notes=['images are rendered: no blur, no noise, exact depth'],
    )


def _camera(path: Path) -> tuple[Calibration, float]:
    """Return the camera and what 1 m is in the depth images."""
    file = next(
        (
            folder / 'cam_params.json'
            for folder in (path, path.parent)
            if (folder / 'cam_params.json').is_file()
        ),
        None,
    )
    values = dict(_PUBLISHED)
    origin = 'the camera of the published scenes (cam_params.json is missing)'
    if file is not None:
        origin = str(file)
        try:
            read = json.loads(read_text(file))['camera']
            values = {name: float(read[name]) for name in _NAMES}
        except (json.JSONDecodeError, KeyError, TypeError, ValueError) as error:
            raise SourceError(
                f'{file} must hold camera with {", ".join(_NAMES)}: {error!r}'
            ) from error
    if not min(values['fx'], values['fy'], values['scale']) > 0:
        raise SourceError(f'{origin}: fx, fy and scale must be above 0')
    K = np.array([[values['fx'], 0, values['cx']], [0, values['fy'], values['cy']], [0, 0, 1.0]])
    size = int(values['w']), int(values['h'])
    return Calibration(K=K, size=size, origin=origin), values['scale']
