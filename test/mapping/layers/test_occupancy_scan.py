import numpy as np
import pytest

from vggt_ros.geometry import se3
from vggt_ros.geometry.pinhole import unproject
from vggt_ros.geometry.rotation import matrix_from_rotation_vector
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.mapping.layers.occupancy_scan import scan_from_frame
from vggt_ros.synthetic.walk import look

K = np.array([[300.0, 0, 199.5], [0, 300.0, 149.5], [0, 0, 1]])
POSE = look(np.array([[3.0, -2.0, 1.1]]), np.array([0.7]), np.array([-0.2]))[0]


def points_of(depth, K=K):
    height, width = depth.shape
    uv = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1)
    return unproject(uv.astype(float), depth.astype(float), K).astype(np.float32)


def scan_of(points, keep=None, pose=POSE):
    if keep is None:
        keep = np.ones(points.shape[:2], dtype=bool)
    return scan_from_frame(3, 17, points, keep, pose)


def test_a_scan_is_small_and_made_of_points_of_the_frame(rng):
    points = points_of(rng.uniform(1.0, 4.0, (300, 400)))
    scan = scan_of(points)
    assert (scan.submap_id, scan.stamp_ns) == (3, 17)
    assert 4000 < len(scan.points_in_cam) < 12000
    assert scan.points_in_cam.nbytes + scan.is_kept.nbytes < 150_000
    seen = {tuple(point) for point in points.reshape(-1, 3).tolist()}
    assert {tuple(point) for point in scan.points_in_cam.tolist()} <= seen


def test_a_small_image_keeps_every_point():
    assert len(scan_of(points_of(np.ones((60, 80)))).points_in_cam) == 60 * 80


def test_points_without_depth_are_left_out_and_filtered_ones_are_known():
    depth = np.ones((60, 80))
    depth[:, :40] = np.nan
    keep = np.zeros((60, 80), dtype=bool)
    keep[:30] = True
    scan = scan_of(points_of(depth), keep)
    assert len(scan.points_in_cam) == 60 * 40
    assert np.isfinite(scan.points_in_cam).all()
    assert scan.is_kept.sum() == 30 * 40


def test_a_frame_without_any_depth_is_an_empty_scan():
    scan = scan_of(points_of(np.full((6, 8), np.nan)))
    assert scan.points_in_cam.shape == (0, 3)
    assert np.isfinite(scan.spacing_rad)


def test_the_spacing_is_the_angle_between_the_points_kept():
    scan = scan_of(points_of(np.full((300, 400), 2.0)))
    step = np.sqrt(300 * 400 / len(scan.points_in_cam))
    assert scan.spacing_rad == pytest.approx(step / 300, rel=0.15)


def test_offsets_are_what_the_camera_sees_along_the_axes_of_the_map(rng):
    points = points_of(rng.uniform(1.0, 4.0, (30, 40)))
    scan = scan_of(points)
    found = scan.offsets_in_map() + scan.center_in_map
    np.testing.assert_allclose(found, se3.transform(POSE, points.reshape(-1, 3)), atol=1e-5)


def test_a_correction_moves_turns_and_scales_every_point(rng):
    scan = scan_of(points_of(rng.uniform(1.0, 4.0, (30, 40))))
    turn = matrix_from_rotation_vector(np.array([0.1, -0.2, 2.0]))
    correction = Sim3(2.5, turn, np.array([1.0, 2.0, -0.3]))
    moved = scan.moved(correction)
    expected = correction.apply(scan.offsets_in_map() + scan.center_in_map)
    np.testing.assert_allclose(moved.offsets_in_map() + moved.center_in_map, expected, atol=1e-5)
    assert se3.is_rigid(moved.map_from_cam)
    assert (moved.submap_id, moved.stamp_ns, moved.spacing_rad) == (3, 17, scan.spacing_rad)


def test_a_scan_does_not_change_with_the_frame_it_came_from():
    points, pose = points_of(np.ones((6, 8))), POSE.copy()
    scan = scan_of(points, pose=pose)
    points[:], pose[:] = 7.0, 7.0
    assert scan.points_in_cam.max() < 7.0
    assert scan.map_from_cam.max() < 7.0
