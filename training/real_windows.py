"""Windows of real images with truth: for choosing between trainings, never for training.

The folders hold data that is not free; nothing of it is copied. Three layouts are known:

* `color/NNNN.jpg`, `depth/NNNN.png` (uint16 mm, 0 unknown, any whole fraction of the image's
  size), `pose.txt` (`tx ty tz qx qy qz qw`, world_from_cam) and `camera.txt` (`fx fy cx cy`);
* `N.png` and `condition.npz` with `poses`, `depths` and `intrinsics`;
* `images/` and `cameras.json` with `K` and `world_from_cam` of each image; no depth.
"""

from __future__ import annotations

from collections.abc import Iterator
import json
from pathlib import Path

import cv2
from jaxtyping import Float32, UInt8
import numpy as np

from vggt_ros.errors import SourceError
from vggt_ros.evaluation.truth_window import TruthWindow
from vggt_ros.geometry.rotation import matrix_from_quat_xyzw
from vggt_ros.geometry.se3 import inverse, rigid

NUM_FRAMES = 8
_MM_PER_M = 1000.0


def real_windows(folder: Path, *, spacing: int = 1) -> Iterator[TruthWindow]:
    """Yield windows of 8 images of a folder, one after the other.

    Args:
        folder: In one of the layouts above.
        spacing: Every how manyth image of a long sequence is taken; short ones are taken whole.

    Raises:
        SourceError: The folder has none of the layouts, or an image cannot be read.
    """
    if (folder / 'pose.txt').is_file():
        yield from _of_sequence(folder, spacing)
    elif (folder / 'condition.npz').is_file():
        yield _of_arrays(folder)
    elif (folder / 'cameras.json').is_file():
        yield _of_survey(folder)
    else:
        raise SourceError(f'{folder} has no pose.txt, condition.npz or cameras.json')


def _of_sequence(folder: Path, spacing: int) -> Iterator[TruthWindow]:
    rows = np.loadtxt(folder / 'pose.txt')
    world_from_cam = rigid(matrix_from_quat_xyzw(rows[:, 3:]), rows[:, :3])
    fx, fy, cx, cy = np.loadtxt(folder / 'camera.txt')
    K = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1.0]])
    colors, depths = (sorted((folder / name).iterdir()) for name in ('color', 'depth'))
    taken = range(0, len(rows), spacing)
    for start in range(0, len(taken) - NUM_FRAMES + 1, NUM_FRAMES):
        chosen = list(taken[start : start + NUM_FRAMES])
        images = np.stack([_image(colors[i]) for i in chosen])
        depth = np.stack([_depth(depths[i], images.shape[1]) for i in chosen])
        yield TruthWindow(
            name=f'{folder.name} {chosen[0]}..{chosen[-1]}',
            images=images,
            depth=depth,
            cam_from_world=inverse(world_from_cam[chosen]),
            K=K,
        )


def _of_arrays(folder: Path) -> TruthWindow:
    truth = np.load(folder / 'condition.npz')
    depth = truth['depths'].astype(np.float32)
    depth[depth <= 0] = np.nan
    return TruthWindow(
        name=folder.name,
        images=np.stack([_image(folder / f'{i}.png') for i in range(len(depth))]),
        depth=depth,
        cam_from_world=inverse(truth['poses'].astype(np.float64)),
        K=truth['intrinsics'][0].astype(np.float64),
    )


def _of_survey(folder: Path) -> TruthWindow:
    cameras = json.loads((folder / 'cameras.json').read_text())
    names = sorted(cameras)
    images = np.stack([_image(folder / 'images' / name) for name in names])
    return TruthWindow(
        name=folder.name,
        images=images,
        depth=np.full(images.shape[:3], np.nan, np.float32),
        cam_from_world=inverse(np.array([cameras[name]['world_from_cam'] for name in names])),
        K=np.array(cameras[names[0]]['K']),
    )


def _image(path: Path) -> UInt8[np.ndarray, 'H W 3']:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise SourceError(f'{path} is no image that can be read')
    return np.ascontiguousarray(image[..., ::-1])


def _depth(path: Path, height: int) -> Float32[np.ndarray, 'H W']:
    millimeters = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if millimeters is None or millimeters.dtype != np.uint16:
        raise SourceError(f'{path} is no depth image of uint16 millimeters')
    depth = millimeters.astype(np.float32) / np.float32(_MM_PER_M)
    depth[millimeters == 0] = np.nan
    factor = height // len(depth)
    return depth.repeat(factor, axis=0).repeat(factor, axis=1)
