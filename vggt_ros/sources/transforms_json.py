"""`transforms.json` of nerfstudio and instant-ngp, which many capture apps export.

`frames`, each with `file_path` and `transform_matrix` (4 x 4, world_from_cam in OpenGL's axes: x
right, y up, z backward; here OpenCV's), maybe `depth_file_path`; for all or for each `fl_x fl_y cx
cy w h k1 k2 p1 p2 k3 k4` and `camera_model`, or `camera_angle_x`. Lengths are in the file's unit,
meters or not. Depth in a PNG or in integers is millimeters (`depth_unit_scale_factor` overrules),
in floating-point numbers it is in the file's unit. The center of the first pixel is (0.5, 0.5)
there, (0, 0) here.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
import json
import logging
import math
from pathlib import Path
from typing import Any

from jaxtyping import Float, Float32
import numpy as np

from vggt_ros.errors import SourceError
from vggt_ros.sources.calibration import Calibration
from vggt_ros.sources.camera_list import checked_pose
from vggt_ros.sources.dataset import Dataset, DatasetRecord
from vggt_ros.sources.depth_file import read_depth
from vggt_ros.sources.image_folder import natural_order
from vggt_ros.sources.lens_models import lens_camera
from vggt_ros.sources.number_lines import read_text
from vggt_ros.sources.picture_size import sizes_in_header
from vggt_ros.sources.source import Distortion, stamp_ns_at

LAYOUT = 'transforms'
CONTENT = 'transforms.json'
_CV_FROM_GL = np.diag([1.0, -1.0, -1.0, 1.0])
_MODELS = 'PINHOLE', 'SIMPLE_PINHOLE', 'OPENCV', 'OPENCV_FISHEYE'
_LENS = 'k1', 'k2', 'k3', 'k4', 'p1', 'p2'
_MM = 1e-3
_log = logging.getLogger(__name__)


def matches(path: Path) -> bool:
    """Return whether a folder has this layout."""
    return (path / 'transforms.json').is_file()


def read(path: Path, rate_hz: float) -> Dataset:
    """Read the list; an image that is listed and not there is left out.

    Args:
        path: The folder.
        rate_hz: Images a second; the files carry no time.

    Raises:
        SourceError: The list is unreadable, or a camera makes no sense.
    """
    file = path / 'transforms.json'
    try:
        listed = json.loads(read_text(file))
    except (json.JSONDecodeError, RecursionError) as error:
        raise SourceError(f'{file} is not JSON: {error}') from error
    frames = listed.get('frames') if isinstance(listed, dict) else None
    if not isinstance(frames, list) or not all(isinstance(each, dict) for each in frames):
        raise SourceError(f'{file} holds no frames; it must have a list of them')
    found = []
    for frame in frames:
        image = _image(path, frame, file)
        if image is not None:
            found.append((image, frame))
    found.sort(key=lambda each: (each[0].parent, natural_order(each[0])))
    num_missing = len(frames) - len(found)
    if num_missing:
        _log.warning('%s names %d files that are not there', file, num_missing)
    records = []
    for index, (image, frame) in enumerate(found):
        where = f'{file}, {frame["file_path"]}'
        K, distortion = _camera({**listed, **frame}, image, where)
        records.append(
            DatasetRecord(
                image=image,
                stamp_ns=stamp_ns_at(index + 1, rate_hz),
                K=K,
                distortion=distortion,
                read_depth=_depth_reader(path, {**listed, **frame}),
                world_from_cam=_pose(frame, where),
            )
        )
    return Dataset(
        path.name,
        LAYOUT,
        records,
        rate_hz=rate_hz,
        truth='the camera, in the unit of the file, which need not be meters',
        drops={'missing_file': num_missing},
    )


def _image(path: Path, frame: Mapping[str, Any], file: Path) -> Path | None:
    """Return the file of a frame; None if it is not there. Some lists leave out `.png`."""
    name = frame.get('file_path')
    if not isinstance(name, str) or not name:
        raise SourceError(f'{file} has a frame with the file_path {name!r}; give a name')
    try:
        return next((each for each in (path / name, path / f'{name}.png') if each.is_file()), None)
    except ValueError:  # a null character
        return None


def _camera(
    values: Mapping[str, Any], image: Path, where: str
) -> tuple[Float[np.ndarray, '3 3'], Distortion | None]:
    sizes = sizes_in_header(image)
    size = None if sizes is None else sizes[0]
    width = _number(values, 'w', where, None if size is None else float(size[0]))
    height = _number(values, 'h', where, None if size is None else float(size[1]))
    if 'fl_x' in values:
        fx = _number(values, 'fl_x', where)
    elif 'camera_angle_x' in values:
        fx = 0.5 * width / math.tan(0.5 * _angle(values, 'camera_angle_x', where))
    else:
        raise SourceError(f'{where} has neither fl_x nor camera_angle_x; give one of them')
    fy = _number(values, 'fl_y', where, fx)
    if 'fl_y' not in values and 'camera_angle_y' in values:
        fy = 0.5 * height / math.tan(0.5 * _angle(values, 'camera_angle_y', where))
    named = {'fx': fx, 'fy': fy}
    named['cx'] = _number(values, 'cx', where, width / 2)
    named['cy'] = _number(values, 'cy', where, height / 2)
    lens = {name: _number(values, name, where, 0.0) for name in _LENS}
    model = values.get('camera_model', 'OPENCV')
    if model not in _MODELS:
        raise SourceError(
            f'{where} has the camera_model {model!r}; known are {", ".join(_MODELS)}'
        )
    if model == 'OPENCV' and lens['k4']:
        raise SourceError(f'{where} has k4 of {lens["k4"]}; a lens of the model OPENCV has none')
    K, distortion = lens_camera(model, {**named, **lens}, where)
    said = Calibration(K=K, size=(round(width), round(height)), origin=where)
    said.check(size, image.name)
    return K, distortion


def _number(
    values: Mapping[str, Any], name: str, where: str, otherwise: float | None = None
) -> float:
    found = values.get(name, otherwise)
    is_number = isinstance(found, (int, float)) and not isinstance(found, bool)
    if not is_number or not math.isfinite(found):
        raise SourceError(f'{where} has {name} {found!r}; give a number')
    return float(found)


def _angle(values: Mapping[str, Any], name: str, where: str) -> float:
    angle = _number(values, name, where)
    if not 0.0 < angle < math.pi:
        raise SourceError(f'{where} has {name} {angle}; give radians between 0 and pi')
    return angle


def _pose(frame: Mapping[str, Any], where: str) -> Float[np.ndarray, '4 4'] | None:
    """Return the pose in OpenCV's axes; None if its numbers are not finite."""
    try:
        matrix = np.array(frame['transform_matrix'], dtype=np.float64)
    except (KeyError, TypeError, ValueError) as error:
        raise SourceError(f'{where} must have transform_matrix, 4 x 4 numbers: {error}') from error
    if matrix.shape != (4, 4):
        raise SourceError(f'{where}: transform_matrix has the shape {matrix.shape}, not (4, 4)')
    if not np.isfinite(matrix).all():
        return None
    return checked_pose(matrix @ _CV_FROM_GL, where)


def _depth_reader(
    path: Path, values: Mapping[str, Any]
) -> partial[Float32[np.ndarray, 'H W']] | None:
    name = values.get('depth_file_path')
    if not isinstance(name, str) or not (path / name).is_file():
        return None
    file = path / name
    factor = _number(values, 'depth_unit_scale_factor', str(file), _MM)
    if factor <= 0:
        raise SourceError(f'{file}: depth_unit_scale_factor is {factor}; it must be above 0')
    if file.suffix.lower() == '.npy':
        return partial(_read_array, file, factor)
    return partial(read_depth, file, 1.0 / factor)


def _read_array(file: Path, factor: float) -> Float32[np.ndarray, 'H W']:
    try:
        with file.open('rb') as opened:
            depth = np.squeeze(np.load(opened, allow_pickle=False))
    except (OSError, ValueError, EOFError) as error:
        raise SourceError(f'{file} cannot be read as an array of depth: {error}') from error
    if depth.ndim != 2 or depth.dtype.kind not in 'fiu':
        raise SourceError(f'{file} holds {depth.dtype} {depth.shape}; depth is (H, W) numbers')
    in_unit = depth.astype(np.float32)
    if depth.dtype.kind != 'f':
        in_unit *= np.float32(factor)
    is_known = np.isfinite(in_unit) & (in_unit > 0)
    return np.where(is_known, in_unit, np.float32(np.nan))
