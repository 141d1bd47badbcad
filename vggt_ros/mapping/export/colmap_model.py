"""Cameras and points as a sparse model in the text format of COLMAP.

COLMAP's world is the map. Its center of the top-left pixel is (0.5, 0.5), ours is (0, 0): half a
pixel is added to the principal point, here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from vggt_ros.errors import SaveError
from vggt_ros.geometry.rotation import quat_xyzw_from_matrix
from vggt_ros.mapping.layers.camera_view import CameraView
from vggt_ros.mapping.layers.voxel_map import MapPoints

_CAMERA_HEADER = '# CAMERA_ID, MODEL, WIDTH, HEIGHT, fx, fy, cx, cy\n'
_IMAGE_HEADER = (
    '# two lines an image, the second one empty: nothing is known about points seen in it\n'
    '# IMAGE_ID, QW, QX, QY, QZ, TX, TY, TZ, CAMERA_ID, NAME\n'
)
_POINT_HEADER = '# POINT3D_ID, X, Y, Z, R, G, B, ERROR (-1: not known)\n'
# Nine digits give a float32 back exactly. -1 is what COLMAP itself has for an unknown error.
_POINT_LINE = '%d %.9g %.9g %.9g %d %d %d -1\n'
# Bounds the text in memory to some megabytes, however large the map.
_POINTS_AT_ONCE = 50_000
# Where a pixel may land beside its place, at most, because PINHOLE has no skew.
_MAX_SKEW_PX = 0.1


def write_colmap_model(folder: Path, points: MapPoints, views: Sequence[CameraView]) -> None:
    """Write cameras.txt, images.txt and points3D.txt.

    Images are named `<camera>/<stamp_ns>.png`; the images themselves are not stored. Views with
    the same intrinsics and size share a camera. Points have no track: which image saw which is
    not known.

    Args:
        folder: Is there already; files in it are replaced.
        points: N points; N may be 0.
        views: May be empty.

    Raises:
        SaveError: The pixel axes of a camera are not perpendicular, which PINHOLE cannot say.
        OSError: A file cannot be written.
    """
    pinholes = [_pinhole(view) for view in views]
    ids: dict[str, int] = {}
    for pinhole in pinholes:
        ids.setdefault(pinhole, len(ids) + 1)
    with (folder / 'cameras.txt').open('w', encoding='ascii') as file:
        file.write(_CAMERA_HEADER)
        file.writelines(f'{camera_id} {pinhole}\n' for pinhole, camera_id in ids.items())
    with (folder / 'images.txt').open('w', encoding='ascii') as file:
        file.write(_IMAGE_HEADER)
        for image_id, (view, pinhole) in enumerate(zip(views, pinholes, strict=True), start=1):
            file.write(
                f'{image_id} {_pose(view)} {ids[pinhole]} {view.camera}/{view.stamp_ns}.png\n\n'
            )
    with (folder / 'points3D.txt').open('w', encoding='ascii') as file:
        file.write(_POINT_HEADER)
        file.writelines(_point_lines(points))


def _pinhole(view: CameraView) -> str:
    """Return model, size and parameters: a camera without its id."""
    K = view.K
    skew_px = abs(float(K[0, 1])) * view.height / float(K[1, 1])
    if skew_px > _MAX_SKEW_PX:
        raise SaveError(
            f'the skew K[0, 1] of the camera is {K[0, 1]:g} px and moves pixels by up to '
            f'{skew_px:.3g} px; COLMAP has no such camera and {_MAX_SKEW_PX:g} px is the limit; '
            f'rectify the images, or publish a camera_info without skew'
        )
    numbers = (K[0, 0], K[1, 1], K[0, 2] + 0.5, K[1, 2] + 0.5)
    parameters = ' '.join(f'{number:.17g}' for number in numbers)
    return f'PINHOLE {view.width} {view.height} {parameters}'


def _pose(view: CameraView) -> str:
    """Return rotation, scalar first, and translation of cam_from_map."""
    cam_from_map = view.cam_from_map
    x, y, z, w = quat_xyzw_from_matrix(cam_from_map[:3, :3])
    return ' '.join(f'{number:.17g}' for number in (w, x, y, z, *cam_from_map[:3, 3]))


def _point_lines(points: MapPoints) -> Iterator[str]:
    num = len(points.points_in_map)
    for first in range(0, num, _POINTS_AT_ONCE):
        some = slice(first, min(num, first + _POINTS_AT_ONCE))
        rows = zip(
            range(some.start + 1, some.stop + 1),
            *points.points_in_map[some].T.tolist(),
            *points.colors[some].T.tolist(),
            strict=True,
        )
        yield ''.join([_POINT_LINE % row for row in rows])
