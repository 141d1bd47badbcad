import time

import numpy as np
import pytest

from vggt_ros.errors import SaveError
from vggt_ros.geometry import se3
from vggt_ros.geometry.pinhole import project
from vggt_ros.geometry.rotation import matrix_from_quat_xyzw
from vggt_ros.mapping.export.colmap_model import write_colmap_model
from vggt_ros.mapping.layers.camera_view import CameraView
from vggt_ros.mapping.layers.voxel_map import MapPoints

WIDTH, HEIGHT = 640, 480
K = np.array([[500.25, 0.0, 321.5], [0.0, 490.125, 238.75], [0.0, 0.0, 1.0]])
STAMP_NS = 1_700_000_000_123_456_789


def points_of(num, rng):
    return MapPoints(
        points_in_map=rng.normal(size=(num, 3)).astype(np.float32),
        colors=rng.integers(0, 256, (num, 3), np.uint8),
        confidence=np.ones(num, np.float32),
        hits=np.ones(num, np.int64),
    )


def view_of(rng, stamp_ns=STAMP_NS, K=K, width=WIDTH):
    """A camera that looks roughly at the origin from 5 units away, rolled and off-center."""
    cam_from_map = se3.rigid(
        matrix_from_quat_xyzw(rng.normal(size=4)), np.append(rng.uniform(-0.5, 0.5, 2), 5.0)
    )
    return CameraView(
        stamp_ns=stamp_ns, map_from_cam=se3.inverse(cam_from_map), K=K, width=width, height=HEIGHT
    )


def read_model(folder):
    """Read as COLMAP does: comments are skipped, an image is a line and the one after it."""
    cameras, images = {}, {}
    for line in (folder / 'cameras.txt').read_text().splitlines():
        if not line.startswith('#'):
            camera_id, model, width, height, *parameters = line.split()
            assert model == 'PINHOLE'
            cameras[int(camera_id)] = (int(width), int(height), *map(float, parameters))
    text = (folder / 'images.txt').read_text()
    assert text.endswith('\n')
    lines = [line for line in text.splitlines() if not line.startswith('#')]
    for first, second in zip(lines[::2], lines[1::2], strict=True):
        assert second == ''
        image_id, *pose, camera_id, name = first.split()
        images[name] = (int(image_id), np.array(pose, float), int(camera_id))
    rows = (folder / 'points3D.txt').read_text().splitlines()
    rows = [line.split() for line in rows if not line.startswith('#')]
    return cameras, images, rows


def rotated(quat_wxyz, vectors):
    """Rotate by Hamilton's formula, which knows nothing of matrices."""
    w, axis = quat_wxyz[0], quat_wxyz[1:]
    return vectors + 2 * np.cross(axis, np.cross(axis, vectors) + w * vectors)


def test_points_are_seen_half_a_pixel_from_where_we_see_them(tmp_path, rng):
    points = points_of(50, rng)
    views = [view_of(rng, STAMP_NS + i) for i in range(5)]
    write_colmap_model(tmp_path, points, views)
    cameras, images, rows = read_model(tmp_path)
    xyz = np.array([row[1:4] for row in rows], float)
    for view in views:
        _, pose, camera_id = images[f'0/{view.stamp_ns}.png']
        width, height, fx, fy, cx, cy = cameras[camera_id]
        assert (width, height) == (WIDTH, HEIGHT)
        x, y, z = (rotated(pose[:4], xyz) + pose[4:]).T
        in_colmap = np.stack([fx * x / z + cx, fy * y / z + cy], axis=-1)
        in_cam = se3.transform(view.cam_from_map, points.points_in_map.astype(np.float64))
        ours = project(in_cam, view.K)
        assert np.isfinite(ours).all()
        np.testing.assert_allclose(in_colmap, ours + 0.5, atol=1e-8)


def test_points_come_back_exactly_and_without_tracks(tmp_path, rng):
    points = points_of(1000, rng)
    write_colmap_model(tmp_path, points, [])
    cameras, images, rows = read_model(tmp_path)
    assert not cameras and not images
    assert [int(row[0]) for row in rows] == list(range(1, 1001))
    xyz = np.array([row[1:4] for row in rows], float).astype(np.float32)
    np.testing.assert_array_equal(xyz, points.points_in_map)
    np.testing.assert_array_equal(np.array([row[4:7] for row in rows], int), points.colors)
    assert {tuple(row[7:]) for row in rows} == {('-1',)}


def test_views_with_the_same_intrinsics_and_size_share_a_camera(tmp_path, rng):
    other_K = K.copy()
    other_K[0, 0] += 1e-9
    views = [
        view_of(rng, 1),
        view_of(rng, 2, K=other_K),
        view_of(rng, 3, width=WIDTH + 1),
        view_of(rng, 4, K=K.copy()),
    ]
    write_colmap_model(tmp_path, points_of(0, rng), views)
    cameras, images, rows = read_model(tmp_path)
    assert len(cameras) == 3
    assert rows == []
    assert [images[f'0/{stamp}.png'][2] for stamp in (1, 2, 3, 4)] == [1, 2, 3, 1]
    assert [images[f'0/{stamp}.png'][0] for stamp in (1, 2, 3, 4)] == [1, 2, 3, 4]
    assert cameras[2][2] == other_K[0, 0]


def test_a_skew_that_moves_pixels_is_refused_and_one_that_does_not_is_not(tmp_path, rng):
    skewed = K.copy()
    skewed[0, 1] = 0.05
    write_colmap_model(tmp_path, points_of(1, rng), [view_of(rng, K=skewed)])
    skewed[0, 1] = -3.0
    with pytest.raises(SaveError, match=r'skew K\[0, 1\] .* -3 px .*0\.1 px is the limit'):
        write_colmap_model(tmp_path, points_of(1, rng), [view_of(rng, K=skewed)])


def test_a_large_map_is_complete_and_fast(tmp_path, rng):
    points = points_of(200_000, rng)
    begin_s = time.process_time()
    write_colmap_model(tmp_path, points, [view_of(rng)])
    # A third of a second or so; a line at a time through numpy takes ten times as long.
    assert time.process_time() - begin_s < 3.0
    rows = np.loadtxt(tmp_path / 'points3D.txt', dtype=np.float64)
    np.testing.assert_array_equal(rows[:, 0], np.arange(1, 200_001))
    np.testing.assert_array_equal(rows[:, 1:4].astype(np.float32), points.points_in_map)


def test_a_folder_that_is_not_there_is_an_error(tmp_path, rng):
    with pytest.raises(FileNotFoundError):
        write_colmap_model(tmp_path / 'no', points_of(1, rng), [])
