"""ScanNet, as the reader of its `.sens` files exports it.

`color/N.jpg`, `depth/N.png` (uint16 millimeters, another size of the same view), `pose/N.txt` (4 x
4, world_from_cam, meters; -inf where tracking was lost: those images have no true pose) and
`intrinsic/intrinsic_color.txt` (4 x 4). Dai et al., "ScanNet: Richly-annotated 3D reconstructions
of indoor scenes", CVPR 2017.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from vggt_ros.errors import SourceError
from vggt_ros.sources.calibration import Calibration
from vggt_ros.sources.dataset import Dataset, DatasetRecord
from vggt_ros.sources.depth_file import read_depth
from vggt_ros.sources.image_file import IMAGE_SUFFIXES
from vggt_ros.sources.numbered_files import by_number, number_of, numbered_files
from vggt_ros.sources.picture_size import sizes_in_header
from vggt_ros.sources.pose_matrices import read_matrix, read_pose
from vggt_ros.sources.source import stamp_ns_at

LAYOUT = 'scannet'
CONTENT = 'color/, pose/ and intrinsic/intrinsic_color.txt'


def matches(path: Path) -> bool:
    """Return whether a folder has this layout."""
    has_folders = (path / 'color').is_dir() and (path / 'pose').is_dir()
    return has_folders and (path / 'intrinsic' / 'intrinsic_color.txt').is_file()


def read(path: Path, rate_hz: float) -> Dataset:
    """List the files and read the poses.

    Args:
        path: The folder.
        rate_hz: Images a second; the files carry no time. They were taken at 30.

    Raises:
        SourceError: A file is unreadable, or the intrinsics are of images of another size.
    """
    color = numbered_files(path / 'color', IMAGE_SUFFIXES)
    has_depth = (path / 'depth').is_dir()
    depth = by_number(numbered_files(path / 'depth', ('.png', '.pgm'))) if has_depth else {}
    file = path / 'intrinsic' / 'intrinsic_color.txt'
    K = read_matrix(file)[:3, :3]
    if not K[0, 0] > 0 or not K[1, 1] > 0:
        raise SourceError(f'{file} has the focal lengths {K[0, 0]} and {K[1, 1]}, not above 0')
    sizes = sizes_in_header(color[0])
    Calibration(K=K, origin=str(file)).check(None if sizes is None else sizes[0], path.name)
    records = []
    for index, image in enumerate(color):
        number = number_of(image)
        measured = depth.get(number)
        pose = path / 'pose' / f'{image.stem}.txt'
        records.append(
            DatasetRecord(
                image=image,
                stamp_ns=stamp_ns_at((number or (index,))[0] + 1, rate_hz),
                K=K,
                read_depth=None if measured is None else partial(read_depth, measured),
                world_from_cam=read_pose(pose) if pose.is_file() else None,
            )
        )
    return Dataset(
        path.name,
        LAYOUT,
        records,
        rate_hz=rate_hz,
        truth='the color camera, by BundleFusion; some poses are known to be wrong',
        notes=['color images have black borders of about 10 pixels'],
    )
