"""Data set formats: a folder's layout is told by its files, or named."""

from __future__ import annotations

from pathlib import Path

from vggt_ros.errors import SourceError
from vggt_ros.sources import camera_list, condition_file, euroc, rgbd_folder, tum_rgbd
from vggt_ros.sources.dataset import Dataset
from vggt_ros.sources.source import check_rate

_FORMATS = {
    module.LAYOUT: module for module in (rgbd_folder, tum_rgbd, euroc, camera_list, condition_file)
}
LAYOUTS = tuple(_FORMATS)
DEFAULT_RATE_HZ = 10.0


def open_dataset(
    path: Path, *, layout: str | None = None, rate_hz: float = DEFAULT_RATE_HZ
) -> Dataset:
    """Open the data set in a folder.

    Args:
        path: The folder.
        layout: One of `LAYOUTS`; None to tell it by the files.
        rate_hz: Images a second of layouts that carry no time.

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
        raise SourceError(f'there is no layout {layout!r}; known are {", ".join(LAYOUTS)}')
    elif not _FORMATS[layout].matches(path):
        raise SourceError(
            f'{path} is not of the layout {layout}: {_FORMATS[layout].CONTENT} is missing'
        )
    return _FORMATS[layout].read(path, rate_hz)


def _layout(path: Path) -> str:
    found = [name for name, module in _FORMATS.items() if module.matches(path)]
    if not found:
        known = '; '.join(f'{name}: {module.CONTENT}' for name, module in _FORMATS.items())
        raise SourceError(f'{path} holds no data set of a known layout ({known})')
    if len(found) > 1:
        raise SourceError(
            f'{path} has the files of {len(found)} layouts, {", ".join(found)}; name one of them '
            f'(--format)'
        )
    return found[0]
