"""KITTI's raw recordings: one drive, rectified, `<date>/<date>_drive_NNNN_sync`.

`image_00` to `image_03` with `data/0000000000.png` and `timestamps.txt`; `oxts/data/*.txt` of the
inertial and GPS unit, one file for each image; and in the folder of the date
`calib_cam_to_cam.txt` (`P_rect_02`, `R_rect_00`), `calib_velo_to_cam.txt` and
`calib_imu_to_velo.txt`. Geiger et al., "Vision meets robotics: The KITTI dataset", IJRR 2013. The
truth is that of the unit, moved to the camera; its world has x east, y north, z up and begins
where the unit was at first. The unit's places are fixes of satellites, too, with the accuracy that
it states (column 24, horizontal).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
import re

from jaxtyping import Float
import numpy as np

from vggt_ros.errors import OptionError, SourceError
from vggt_ros.geometry.se3 import inverse, rigid
from vggt_ros.sources.camera_list import checked_pose
from vggt_ros.sources.dataset import Dataset, DatasetRecord
from vggt_ros.sources.kitti_odometry import projection, read_entries
from vggt_ros.sources.number_lines import read_text
from vggt_ros.sources.position_fixes import fixes_of, GeodeticFix

LAYOUT = 'kitti_raw'
CONTENT = 'image_02/timestamps.txt (or image_00, 01, 03)'
_PREFERRED = 2, 0, 3, 1
_EARTH_RADIUS_M = 6_378_137.0
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
# Of `oxts/data/*.txt`: horizontal accuracy, meters.
_ACCURACY_COLUMN, _VERTICAL = 23, 2.0
_STAMP = re.compile(r'(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(?:\.(\d{1,9}))?')
_CALIBRATIONS = 'calib_cam_to_cam.txt', 'calib_velo_to_cam.txt', 'calib_imu_to_velo.txt'


def matches(path: Path) -> bool:
    """Return whether a folder has this layout."""
    return bool(_cameras(path))


def read(path: Path, rate_hz: float) -> Dataset:
    """Read the left color camera, or another one without it; see `read_camera`."""
    return read_camera(path, rate_hz, None)


def read_camera(path: Path, rate_hz: float, camera: int | None) -> Dataset:
    """List the images of a camera and compute the truth.

    Args:
        path: The folder of the drive.
        rate_hz: Not used: the files carry the time.
        camera: 0 to 3; None for the left color camera, or another one without it.

    Raises:
        SourceError: A file is missing or unreadable, or the images are not rectified.
    """
    if path.name.endswith('_extract'):
        raise SourceError(f'{path} is not rectified; take the drive that ends with _sync')
    cameras = _cameras(path)
    number = cameras[0] if camera is None else camera
    if number not in cameras:
        raise OptionError(
            f'{path} has no image_0{number}; its cameras are '
            f'{", ".join(map(str, sorted(cameras)))}'
        )
    file = path.parent / _CALIBRATIONS[0]
    if not file.is_file():
        raise SourceError(f'{file} is missing; unpack the calibration of this date beside it')
    entries = read_entries(file)
    K, rect_from_cam = projection(entries, f'P_rect_0{number}', file)
    imu_from_rect = _imu_from_rect(path.parent, entries)
    imu_from_cam = np.eye(4) if imu_from_rect is None else imu_from_rect @ rect_from_cam
    told = {} if imu_from_rect is None else _oxts(path / 'oxts' / 'data')
    unit = _world_from_imu(told)
    stamps_ns = _stamps_ns(path / f'image_0{number}' / 'timestamps.txt')
    fixes = fixes_of(_fixes(told, stamps_ns))
    antenna_in_cam = inverse(imu_from_cam)[:3, 3].copy()
    records, num_missing = [], 0
    for index, stamp_ns in enumerate(stamps_ns):
        image = path / f'image_0{number}' / 'data' / f'{index:010d}.png'
        if not image.is_file():
            num_missing += 1
            continue
        pose = unit.get(index)
        records.append(
            DatasetRecord(
                image=image,
                stamp_ns=stamp_ns,
                K=K,
                world_from_cam=None if pose is None else pose @ imu_from_cam,
                fix=None if fixes is None else fixes.at(stamp_ns, antenna_in_cam),
            )
        )
    return Dataset(
        path.name,
        LAYOUT,
        records,
        camera=f'image_0{number}',
        body_from_cam=rect_from_cam,
        truth=f'camera {number}, moved there from the GPS unit; the world has z up',
        notes=['times are those of the files, taken as UTC'],
        drops={'missing_file': num_missing},
    )


def _cameras(path: Path) -> list[int]:
    return [n for n in _PREFERRED if (path / f'image_0{n}' / 'timestamps.txt').is_file()]


def _stamps_ns(file: Path) -> list[int]:
    """Return the times; the files have nine digits of a second, strptime takes six."""
    stamps_ns = []
    for line in filter(None, map(str.strip, read_text(file).splitlines())):
        found = _STAMP.fullmatch(line)
        try:
            date = datetime.strptime(found.group(1) if found else '', '%Y-%m-%d %H:%M:%S')
        except ValueError as error:
            raise SourceError(
                f'{file} holds {line!r}; a line is a time like 2011-09-26 13:02:25.964389445'
            ) from error
        assert found is not None, 'a date was read of it'
        seconds = (date.replace(tzinfo=timezone.utc) - _EPOCH) // timedelta(seconds=1)
        stamps_ns.append(seconds * 1_000_000_000 + int((found.group(2) or '').ljust(9, '0')))
    return stamps_ns


def _imu_from_rect(
    folder: Path, camera: dict[str, list[float]]
) -> Float[np.ndarray, '4 4'] | None:
    """Return where the first rectified camera is, seen from the unit; None if it is not told."""
    if not all((folder / name).is_file() for name in _CALIBRATIONS):
        return None
    cam_from_velo = _rigid_entry(folder / _CALIBRATIONS[1])
    velo_from_imu = _rigid_entry(folder / _CALIBRATIONS[2])
    numbers = camera.get('R_rect_00', [])
    if len(numbers) != 9:
        raise SourceError(
            f'{folder / _CALIBRATIONS[0]} has {len(numbers)} numbers for R_rect_00; give 9'
        )
    rect_from_cam = checked_pose(
        rigid(np.array(numbers).reshape(3, 3), np.zeros(3)), f'{folder}, R_rect_00'
    )
    return inverse(rect_from_cam @ cam_from_velo @ velo_from_imu)


def _rigid_entry(file: Path) -> Float[np.ndarray, '4 4']:
    entries = read_entries(file)
    rotation, translation = entries.get('R', []), entries.get('T', [])
    if len(rotation) != 9 or len(translation) != 3:
        raise SourceError(
            f'{file} has {len(rotation)} numbers for R and {len(translation)} for T; give 9 and 3'
        )
    return checked_pose(
        rigid(np.array(rotation).reshape(3, 3), np.array(translation)), f'{file}, R and T'
    )


def _oxts(folder: Path) -> dict[Path, list[str]]:
    """Return the words of the unit's files, in order."""
    files = sorted(folder.glob('[0-9]*.txt'), key=lambda each: int(each.stem))
    return {file: read_text(file).split() for file in files}


def _world_from_imu(told: Mapping[Path, list[str]]) -> dict[int, Float[np.ndarray, '4 4']]:
    """Return the unit's poses by index: Mercator's projection at the first latitude."""
    poses: dict[int, Float[np.ndarray, '4 4']] = {}
    scale = 0.0
    for file, words in told.items():
        try:
            lat_deg, lon_deg, altitude_m, *angles = (float(word) for word in words[:6])
            roll, pitch, yaw = angles
        except ValueError as error:
            raise SourceError(
                f'{file} holds {len(words)} words; the first six are latitude, longitude, '
                f'altitude, roll, pitch, yaw'
            ) from error
        if not np.isfinite([lat_deg, lon_deg, altitude_m, *angles]).all() or abs(lat_deg) > 89.0:
            raise SourceError(f'{file} holds {" ".join(words[:6])}, which is no place on a road')
        lat, lon = np.deg2rad([lat_deg, lon_deg])
        scale = scale or float(np.cos(lat))
        east_m = scale * _EARTH_RADIUS_M * lon
        north_m = scale * _EARTH_RADIUS_M * np.log(np.tan(np.pi / 4 + lat / 2))
        place = np.array([east_m, north_m, altitude_m])
        poses[int(file.stem)] = rigid(_rotation(roll, pitch, yaw), place)
    if poses:
        start = poses[min(poses)][:3, 3].copy()
        for pose in poses.values():
            pose[:3, 3] -= start
    return poses


def _fixes(told: Mapping[Path, list[str]], stamps_ns: Sequence[int]) -> Iterator[GeodeticFix]:
    """Yield the unit's places at the stamps of the images, which it has a file for each of."""
    for file, words in told.items():
        index = int(file.stem)
        if index >= len(stamps_ns) or len(words) <= _ACCURACY_COLUMN:
            continue
        try:
            sigma_m = float(words[_ACCURACY_COLUMN])
        except ValueError:
            continue
        # Heights of satellites are worse than places; the unit states no accuracy of them.
        sigmas_m = np.array([sigma_m, sigma_m, _VERTICAL * sigma_m])
        yield GeodeticFix(
            stamp_ns=stamps_ns[index],
            place=np.array([float(word) for word in words[:3]]),
            covariance=np.diag(sigmas_m**2),
        )


def _rotation(roll: float, pitch: float, yaw: float) -> Float[np.ndarray, '3 3']:
    (sr, sp, sy), (cr, cp, cy) = np.sin([roll, pitch, yaw]), np.cos([roll, pitch, yaw])
    about_x = np.array([[1, 0, 0], [0, cr, -sr], [0, sr, cr]])
    about_y = np.array([[cp, 0, sp], [0, 1, 0], [-sp, 0, cp]])
    about_z = np.array([[cy, -sy, 0], [sy, cy, 0], [0, 0, 1]])
    turned: Float[np.ndarray, '3 3'] = about_z @ about_y @ about_x
    return turned
