"""7-Scenes: one sequence, `<scene>/seq-NN`.

`frame-000000.color.png` (or .jpg), `.depth.png` (uint16 millimeters, 0 and 65535 where unknown)
and `.pose.txt` (4 x 4, world_from_cam, meters, of the depth camera as KinectFusion tracked it).
Shotton et al., "Scene coordinate regression forests for camera relocalization in RGB-D images",
CVPR 2013. No calibration is published for the color camera: 525 pixels with the center of 640 x
480 as the principal point is what is used for it, 585 is the depth camera's; `camera.txt` (`fx fy
cx cy`) in the folder or above overrules. Depth is moved to the color camera's focal length; the
2.5 cm between the two cameras are left as they are.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import cv2
from jaxtyping import Float, Float32
import numpy as np

from vggt_ros.errors import SourceError
from vggt_ros.sources.calibration import read_calibration
from vggt_ros.sources.dataset import Dataset, DatasetRecord
from vggt_ros.sources.depth_file import read_depth
from vggt_ros.sources.numbered_files import by_number, number_of, numbered_files
from vggt_ros.sources.picture_size import sizes_in_header
from vggt_ros.sources.pose_matrices import read_pose
from vggt_ros.sources.source import stamp_ns_at

LAYOUT = '7scenes'
CONTENT = 'frame-000000.color.png'
_SIZE = 640, 480
_K = np.array([[525.0, 0, 319.5], [0, 525.0, 239.5], [0, 0, 1]])
_K_DEPTH = np.array([[585.0, 0, 319.5], [0, 585.0, 239.5], [0, 0, 1]])


def matches(path: Path) -> bool:
    """Return whether a folder has this layout."""
    return any(path.glob('frame-*.color.*'))


def read(path: Path, rate_hz: float) -> Dataset:
    """List the files and read the poses.

    Args:
        path: The folder of the sequence.
        rate_hz: Images a second; the files carry no time. They were taken at 30.

    Raises:
        SourceError: A file is unreadable, or the camera is unknown because of another size.
    """
    files = numbered_files(path, ('.png', '.jpg', '.jpeg'))
    color = [file for file in files if file.stem.endswith('.color')]
    depth = by_number([file for file in files if file.stem.endswith('.depth')])
    K = _camera(path, color[0])
    records = []
    for index, file in enumerate(color):
        number = number_of(file)
        measured = depth.get(number)
        pose = path / f'{file.stem.removesuffix(".color")}.pose.txt'
        records.append(
            DatasetRecord(
                image=file,
                stamp_ns=stamp_ns_at((number or (index,))[0] + 1, rate_hz),
                K=K,
                read_depth=None if measured is None else partial(_in_color, measured, K),
                world_from_cam=read_pose(pose) if pose.is_file() else None,
            )
        )
    return Dataset(
        f'{path.parent.name}/{path.name}',
        LAYOUT,
        records,
        rate_hz=rate_hz,
        truth='the depth camera, 2.5 cm beside the color camera, with centimeters of drift',
        notes=['depth is that of a camera beside: edges are off by 2.5 cm'],
    )


def _camera(path: Path, image: Path) -> Float[np.ndarray, '3 3']:
    sizes = sizes_in_header(image)
    size = None if sizes is None else sizes[0]
    own = next(
        (f / 'camera.txt' for f in (path, path.parent) if (f / 'camera.txt').is_file()), None
    )
    if own is not None:
        calibration = read_calibration(own)
        calibration.check(size, path.name)
        return calibration.K
    if size is not None and size != _SIZE:
        raise SourceError(
            f'{image} has {size[0]} x {size[1]} pixels, the camera of 7-Scenes 640 x 480; give '
            f'camera.txt with fx fy cx cy of these images'
        )
    return _K.copy()


def _in_color(file: Path, K: Float[np.ndarray, '3 3']) -> Float32[np.ndarray, 'H W']:
    """Read depth and show it with the focal length of the color camera, nearest readings."""
    depth = read_depth(file)
    height, width = depth.shape
    if (width, height) != _SIZE:
        raise SourceError(f'{file} is {width} x {height}; depth of 7-Scenes is 640 x 480')
    v, u = np.mgrid[:height, :width]
    at_u = (u - K[0, 2]) * (_K_DEPTH[0, 0] / K[0, 0]) + _K_DEPTH[0, 2]
    at_v = (v - K[1, 2]) * (_K_DEPTH[1, 1] / K[1, 1]) + _K_DEPTH[1, 2]
    return np.asarray(
        cv2.remap(
            depth,
            at_u.astype(np.float32),
            at_v.astype(np.float32),
            cv2.INTER_NEAREST,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=float('nan'),
        )
    )
