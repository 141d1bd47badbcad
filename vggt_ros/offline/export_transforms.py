"""Export to transforms.json: cameras and points as nerfstudio and its relatives read them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from vggt_ros.errors import SaveError
from vggt_ros.mapping.export.ply import write_ply
from vggt_ros.offline.result import Result

# From OpenGL's camera axes (x right, y up, z backward) to ours (x right, y down, z forward).
_CAM_FROM_GL = np.diag([1.0, -1.0, -1.0, 1.0])


def write_transforms(folder: Path, result: Result) -> None:
    """Write transforms/transforms.json and points.ply beside it.

    Images are those of the camera that `--depth` writes: the file names them relative to itself,
    with the intrinsics of their size. The world is the map.

    Args:
        folder: Of the run.
        result: What came out.

    Raises:
        SaveError: There are no images: `--depth` was not given.
    """
    listed = folder / 'frames' / 'cameras.txt'
    if not listed.exists():
        raise SaveError('transforms.json names images, which --depth writes; give --depth, too')
    target = folder / 'transforms'
    target.mkdir(exist_ok=True)
    row_of = {result.poses.name(i): i for i in result.keyframes.tolist()}
    frames: list[dict[str, Any]] = []
    for line in listed.read_text(encoding='ascii').splitlines()[1:]:
        stamp, fx, fy, cx, cy, width, height = line.split()
        pose = result.poses.map_from_cam[row_of[stamp]] @ _CAM_FROM_GL
        frames.append(
            {
                'file_path': f'../frames/images/{stamp}.png',
                'depth_file_path': _depth_file(folder, stamp),
                'fl_x': float(fx),
                'fl_y': float(fy),
                # The corner of the image is 0 there, the center of the first pixel here.
                'cx': float(cx) + 0.5,
                'cy': float(cy) + 0.5,
                'w': int(width),
                'h': int(height),
                'transform_matrix': pose.tolist(),
            }
        )
    points = result.points
    write_ply(target / 'points.ply', points.points_in_map, points.colors, points.confidence)
    model = {'camera_model': 'OPENCV', 'ply_file_path': 'points.ply', 'frames': frames}
    text = json.dumps(model, indent=1, allow_nan=False) + '\n'
    (target / 'transforms.json').write_text(text, encoding='utf-8')


def _depth_file(folder: Path, stamp: str) -> str:
    suffix = 'png' if (folder / 'frames' / 'depth' / f'{stamp}.png').exists() else 'npy'
    return f'../frames/depth/{stamp}.{suffix}'
