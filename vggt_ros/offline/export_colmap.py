"""Export to COLMAP: images, pinhole cameras, rigs, poses and points with tracks.

Images are those of the camera, rectified, at its resolution. COLMAP's world is the map; its center
of the top-left pixel is (0.5, 0.5), ours is (0, 0). Cameras whose places on each other are known
are one rig, and what they took at once is one frame, if the map is metric; else each is its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
import os
from pathlib import Path
import shutil
from typing import Any

from jaxtyping import Float, Float32
import numpy as np

from vggt_ros.errors import SaveError
from vggt_ros.geometry import se3
from vggt_ros.geometry.pinhole import project
from vggt_ros.geometry.rotation import quat_wxyz_from_matrix
from vggt_ros.mapping.layers.voxel_map import MapPoints
from vggt_ros.offline.keyframe_files import read_keyframes
from vggt_ros.offline.keyframe_rig import KeyframeRig
from vggt_ros.offline.result import Result
from vggt_ros.offline.sparse_model import (
    Pinhole,
    SparseImage,
    SparseModel,
    write_binary,
    write_text,
)
from vggt_ros.offline.sparse_rigs import SparseFrame, SparseRig

# Points of the map that are taken, an even choice: what a splat begins with.
MAX_POINTS = 200_000
# A point is seen where the depth of the image agrees with it.
_MAX_DEPTH_ERROR = 0.02
_MIN_TRACK = 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Image:
    """A keyframe: depth on the network's pixels, and the camera's image."""

    row: int
    camera: int
    name: str
    file: Path
    map_from_cam: Float[np.ndarray, '4 4']
    K: Float[np.ndarray, '3 3']
    depth: Float32[np.ndarray, 'H W']
    K_image: Float[np.ndarray, '3 3']
    size: tuple[int, int]
    moment: int = 0


def write_colmap(folder: Path, result: Result) -> dict[str, Any]:
    """Write colmap/images and colmap/sparse/0, as text and as binary files of the same content.

    A point is in the track of an image that it is projected into where depth there agrees; points
    in fewer than two images are left out, and so are images without points.

    Args:
        folder: Of the run; `--depth` has written its images.
        result: What came out.

    Returns:
        How many rigs, frames and images there are, and how far the map's poses of cameras were
        from where the rig has them, map units.

    Raises:
        SaveError: There are no images, or they share no points.
    """
    images = list(_images(folder, result))
    rig = _rig_of(images, result)
    images, largest_move = _on_rig(images, rig)
    if not images:
        raise SaveError('a COLMAP model has images, which --depth writes; give --depth, too')
    points = _chosen(result.points)
    seen = [_observations(image, points.points_in_map) for image in images]
    length = np.zeros(len(points.points_in_map), np.int64)
    for rows, _ in seen:
        length[rows] += 1
    is_kept = length >= _MIN_TRACK
    if not is_kept.any():
        raise SaveError(
            f'none of {len(length)} points is seen by {_MIN_TRACK} images to within '
            f'{100 * _MAX_DEPTH_ERROR:g} % of their depth; a COLMAP model would be empty'
        )
    seen = [(rows[is_kept[rows]], uv[is_kept[rows]]) for rows, uv in seen]
    used = [k for k, (rows, _) in enumerate(seen) if len(rows)]
    model = _write(
        folder,
        [images[k] for k in used],
        [seen[k] for k in used],
        points,
        is_kept,
        rig,
    )
    return {
        'num_rigs': len(model.rigs),
        'num_frames': len(model.frames),
        'num_images': len(model.images),
        'largest_move_to_rig': largest_move,
    }


def _images(folder: Path, result: Result) -> Iterator[_Image]:
    for each in read_keyframes(folder / 'frames', result.poses, result.keyframes):
        yield _Image(
            row=each.frame_id,
            camera=result.poses.camera_of(each.frame_id),
            name=f'{each.name}.png',
            file=each.image_file,
            map_from_cam=result.poses.map_from_cam[each.frame_id],
            K=each.K,
            depth=each.depth(),
            K_image=each.K_image,
            size=each.image_size,
        )


def _rig_of(images: Sequence[_Image], result: Result) -> KeyframeRig | None:
    """Return the rig of images; None if it is not known in the unit of the map."""
    places = [place for place in result.rig.first_from_cam if place is not None]
    pinholes = {(image.camera, _camera(image)) for image in images}
    is_constant = len(pinholes) == len({camera for camera, _ in pinholes})
    if not (result.scale.is_metric and is_constant and 1 < len(places) == result.rig.num_cameras):
        return None
    stamps_ns = [int(result.poses.stamps_ns[image.row]) for image in images]
    return KeyframeRig.of(stamps_ns, [image.camera for image in images], places)


def _on_rig(images: Sequence[_Image], rig: KeyframeRig | None) -> tuple[list[_Image], float]:
    """Return images where the rig has their cameras, and how far the farthest one has moved."""
    if rig is None:
        return list(images), 0.0
    poses = np.stack([image.map_from_cam for image in images])
    moved = rig.on_rig(poses)
    moves = np.linalg.norm(moved[:, :3, 3] - poses[:, :3, 3], axis=1)
    return [
        replace(image, map_from_cam=pose, moment=int(moment))
        for image, pose, moment in zip(images, moved, rig.moment, strict=True)
    ], float(moves.max())


def _chosen(points: MapPoints) -> MapPoints:
    num = len(points.points_in_map)
    if num <= MAX_POINTS:
        return points
    rows = np.linspace(0, num - 1, MAX_POINTS).astype(int)
    return MapPoints(
        points_in_map=points.points_in_map[rows],
        colors=points.colors[rows],
        confidence=points.confidence[rows],
        hits=points.hits[rows],
    )


def _observations(
    image: _Image, points: Float32[np.ndarray, 'N 3']
) -> tuple[np.ndarray, Float[np.ndarray, 'n 2']]:
    """Return rows of the points that an image sees, and where on the camera's pixels."""
    in_cam = se3.transform(se3.inverse(image.map_from_cam), points.astype(np.float64))
    uv = project(in_cam, image.K)
    height, width = image.depth.shape
    with np.errstate(invalid='ignore'):
        is_inside = ((uv >= -0.5) & (uv < np.array([width, height]) - 0.5)).all(axis=1)
    rows = np.flatnonzero(is_inside)
    column, row = np.rint(uv[rows]).astype(int).T
    ratio = image.depth[row, column] / in_cam[rows, 2]
    agrees = np.abs(ratio - 1.0) <= _MAX_DEPTH_ERROR  # NaN does not
    return rows[agrees], project(in_cam[rows[agrees]], image.K_image)


def _write(
    folder: Path,
    images: list[_Image],
    seen: list[tuple[np.ndarray, np.ndarray]],
    points: MapPoints,
    is_kept: np.ndarray,
    rig: KeyframeRig | None,
) -> SparseModel:
    target, sparse = folder / 'colmap' / 'images', folder / 'colmap' / 'sparse' / '0'
    for path in (target, sparse):
        path.mkdir(parents=True, exist_ok=True)
    row_of = np.cumsum(is_kept) - 1  # of a point in the files
    cameras: dict[tuple[int, Pinhole], int] = {}
    made = []
    for image, (rows, uv) in zip(images, seen, strict=True):
        _link(image.file, target / image.name)
        cam_from_map = se3.inverse(image.map_from_cam)
        made.append(
            SparseImage(
                name=image.name,
                camera=cameras.setdefault((image.camera, _camera(image)), len(cameras)),
                quat_wxyz=quat_wxyz_from_matrix(cam_from_map[:3, :3]),
                translation=cam_from_map[:3, 3],
                xy=uv + 0.5,
                points=row_of[rows],
            )
        )
    rigs, frames = _rigs(images, made, rig)
    model = SparseModel(
        cameras=tuple(pinhole for _, pinhole in cameras),
        images=made,
        xyz=points.points_in_map[is_kept].astype(np.float64),
        rgb=points.colors[is_kept],
        rigs=rigs,
        frames=frames,
    )
    write_text(sparse, model)
    write_binary(sparse, model)
    return model


def _rigs(
    images: Sequence[_Image], made: Sequence[SparseImage], known: KeyframeRig | None
) -> tuple[list[SparseRig], list[SparseFrame]]:
    """Return rigs and frames of the images that are written."""
    if known is None:
        cameras = sorted({each.camera for each in made})
        rigs = [SparseRig(cameras=(row,), cam_from_rig=np.eye(4)[None]) for row in cameras]
        return rigs, [
            SparseFrame(
                rig=cameras.index(each.camera),
                rig_from_world=se3.inverse(image.map_from_cam),
                images=((row, each.camera),),
            )
            for row, (image, each) in enumerate(zip(images, made, strict=True))
        ]
    camera_of = {image.camera: each.camera for image, each in zip(images, made, strict=True)}
    members = sorted(camera_of)
    # The rig is the first of its cameras that has images.
    first_from_rig = known.first_from_cam[members[0]]
    rig = SparseRig(
        cameras=tuple(camera_of[each] for each in members),
        cam_from_rig=np.stack(
            [se3.inverse(known.first_from_cam[each]) @ first_from_rig for each in members]
        ),
    )
    shown: dict[int, list[int]] = {}
    for row, image in enumerate(images):
        shown.setdefault(image.moment, []).append(row)
    frames = []
    for rows in shown.values():
        image = images[rows[0]]
        map_from_rig = (
            image.map_from_cam @ se3.inverse(known.first_from_cam[image.camera]) @ first_from_rig
        )
        frames.append(
            SparseFrame(
                rig=0,
                rig_from_world=se3.inverse(map_from_rig),
                images=tuple((row, made[row].camera) for row in rows),
            )
        )
    return [rig], frames


def _link(source: Path, target: Path) -> None:
    """Let a file have a second name; where there are no such links it is copied."""
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _camera(image: _Image) -> Pinhole:
    (width, height), K = image.size, image.K_image
    fx, fy, cx, cy = (float(number) for number in (K[0, 0], K[1, 1], K[0, 2], K[1, 2]))
    return width, height, fx, fy, cx + 0.5, cy + 0.5
