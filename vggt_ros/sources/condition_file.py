"""Folders of PNG images with an archive of what is known about them.

`condition.npz` holds `poses` (N, 4, 4), world_from_cam in meters with OpenCV axes, `intrinsics`
(N, 3, 3) in pixels with centers at integers, and if there are any `depths` (N, h, w), meters, 0 or
NaN where unknown: the inputs of the examples of Pi3. Images are ordered by the numbers in their
names.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
import zipfile

from jaxtyping import Float32
import numpy as np

from vggt_ros.errors import SourceError
from vggt_ros.sources.camera_list import checked_pose
from vggt_ros.sources.dataset import Dataset, DatasetRecord
from vggt_ros.sources.image_folder import picture_paths
from vggt_ros.sources.source import stamp_ns_at

LAYOUT = 'condition'
CONTENT = 'condition.npz'


def matches(path: Path) -> bool:
    """Return whether a folder has this layout."""
    return (path / 'condition.npz').is_file()


def read(path: Path, rate_hz: float) -> Dataset:
    """Read the archive and list the images.

    Args:
        path: The folder.
        rate_hz: Images a second; the files carry no time.

    Raises:
        SourceError: The archive is unreadable or incomplete, or does not fit the images.
    """
    file = path / 'condition.npz'
    arrays = _read(file)
    images = picture_paths(path)
    missing = {'poses', 'intrinsics'} - set(arrays)
    if missing:
        raise SourceError(
            f'{file} lacks {", ".join(sorted(missing))}; it must hold poses and intrinsics'
        )
    shapes = {'poses': (4, 4), 'intrinsics': (3, 3)}
    for name, shape in shapes.items():
        if arrays[name].shape != (len(images), *shape):
            raise SourceError(
                f'{name} in {file} has the shape {arrays[name].shape}; of {len(images)} images it '
                f'must be {(len(images), *shape)}'
            )
    depths = arrays.get('depths')
    if depths is not None and (depths.ndim != 3 or len(depths) != len(images)):
        raise SourceError(
            f'depths in {file} has the shape {depths.shape}; it must be ({len(images)}, h, w)'
        )
    records = [
        DatasetRecord(
            image=image,
            stamp_ns=stamp_ns_at(index + 1, rate_hz),
            K=arrays['intrinsics'][index].astype(np.float64),
            read_depth=None if depths is None else partial(_known, depths[index]),
            world_from_cam=checked_pose(
                arrays['poses'][index].astype(np.float64), f'{file}, pose {index}'
            ),
        )
        for index, image in enumerate(images)
    ]
    return Dataset(path.name, LAYOUT, records, rate_hz=rate_hz)


def _read(file: Path) -> dict[str, np.ndarray]:
    try:
        # Opened here: numpy leaves a file open that is not an archive.
        with file.open('rb') as opened, np.load(opened, allow_pickle=False) as archive:
            return dict(archive)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise SourceError(f'{file} cannot be read as arrays of numbers: {error}') from error


def _known(depth: np.ndarray) -> Float32[np.ndarray, 'h w']:
    known: Float32[np.ndarray, 'h w'] = np.where(
        np.isfinite(depth) & (depth > 0), depth, np.nan
    ).astype(np.float32)
    return known
