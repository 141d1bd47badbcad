"""Data set formats: a folder's layout is told by its files, or named."""

from __future__ import annotations

from pathlib import Path
import re

from vggt_ros.errors import OptionError, SourceError
from vggt_ros.sources import (
    camera_list,
    colmap_images,
    condition_file,
    euroc,
    kitti_odometry,
    kitti_raw,
    replica,
    rgbd_folder,
    scannet,
    seven_scenes,
    tartanair,
    transforms_json,
    tum_rgbd,
)
from vggt_ros.sources.dataset import Dataset
from vggt_ros.sources.source import check_rate

_FORMATS = {
    module.LAYOUT: module
    for module in (
        rgbd_folder,
        tum_rgbd,
        euroc,
        camera_list,
        condition_file,
        kitti_odometry,
        kitti_raw,
        seven_scenes,
        scannet,
        replica,
        tartanair,
        transforms_json,
        colmap_images,
    )
}
LAYOUTS = tuple(_FORMATS)
DEFAULT_RATE_HZ = 10.0
# Sequences are one or two folders below the one that a data set is unpacked into.
_SEARCH_DEPTH = 3
_MAX_FOLDERS = 2000


def open_dataset(
    path: Path,
    *,
    layout: str | None = None,
    rate_hz: float = DEFAULT_RATE_HZ,
    camera: int | None = None,
) -> Dataset:
    """Open the data set in a folder.

    Args:
        path: The folder.
        layout: One of `LAYOUTS`; None to tell it by the files.
        rate_hz: Images a second of layouts that carry no time.
        camera: Which camera, as the layout counts them; None for its usual one.

    Raises:
        SourceError: There is no data set of a known layout, or of that one, or it is unreadable.
        ConfigError: The rate is out of range.
    """
    check_rate(rate_hz)
    if not path.is_dir():
        raise SourceError(f'{path} is not a folder; give the folder that contains a data set')
    path = path.absolute()  # so that '.' has a name
    if layout is None:
        layout = _layout(path)
    elif layout not in _FORMATS:
        raise OptionError(f'there is no layout {layout!r}; known are {", ".join(LAYOUTS)}')
    elif not _FORMATS[layout].matches(path):
        raise OptionError(
            f'{path} is not of the layout {layout}: {_FORMATS[layout].CONTENT} is missing'
        )
    module = _FORMATS[layout]
    if camera is None:
        return module.read(path, rate_hz)
    read_camera = getattr(module, 'read_camera', None)
    if read_camera is None:
        raise OptionError(
            f'{path} is of the layout {layout}, which has one camera; leave out the camera '
            f'{camera}'
        )
    chosen: Dataset = read_camera(path, rate_hz, camera)
    return chosen


def layouts_of(path: Path) -> list[str]:
    """Return the layouts that a folder has the files of."""
    return [name for name, module in _FORMATS.items() if module.matches(path)]


def sequences_in(path: Path) -> list[Path]:
    """Return the folders below a folder that hold a data set each, ordered with 2 before 10.

    Not looked into are folders of data sets, hidden ones, and all after the first 2000.
    """
    found: list[Path] = []
    waiting = [(path, 0)]
    for _ in range(_MAX_FOLDERS):
        if not waiting:
            break
        folder, depth = waiting.pop(0)
        if folder != path and layouts_of(folder):
            found.append(folder)
        elif depth < _SEARCH_DEPTH:
            waiting += [(each, depth + 1) for each in _folders(folder)]
    return sorted(found, key=_by_numbers)


def _folders(folder: Path) -> list[Path]:
    try:
        return sorted(
            each for each in folder.iterdir() if each.is_dir() and not each.name.startswith('.')
        )
    except OSError:
        return []


def _by_numbers(path: Path) -> list[str | int]:
    parts = re.split('([0-9]+)', str(path))
    return [int(part) if index % 2 else part for index, part in enumerate(parts)]


def _layout(path: Path) -> str:
    found = layouts_of(path)
    if not found:
        known = '; '.join(f'{name}: {module.CONTENT}' for name, module in _FORMATS.items())
        raise SourceError(f'{path} holds no data set of a known layout ({known})')
    if len(found) > 1:
        raise SourceError(
            f'{path} has the files of {len(found)} layouts, {", ".join(found)}; name one of them '
            f'(--format)'
        )
    return found[0]
