from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial import cKDTree

from vggt_ros.errors import SaveError
from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import matrix_from_rotation_vector
from vggt_ros.offline import export_mesh
from vggt_ros.offline.depth_files import DepthFiles
from vggt_ros.offline.export_mesh import write_mesh


@pytest.fixture
def open3d():
    return pytest.importorskip('open3d', reason="needs Open3D: pip install 'vggt_ros[mesh]'")


@pytest.fixture(scope='module')
def mapped_with_files(walk, truthful_map, tmp_path_factory):
    folder = tmp_path_factory.mktemp('mesh')
    files = DepthFiles(folder / 'frames')
    result = truthful_map(walk, on_keyframe=files.add)
    files.finish(result)
    return folder, result


@pytest.fixture
def with_depth(mapped_with_files, tmp_path):
    folder, result = mapped_with_files
    (tmp_path / 'frames').symlink_to(folder / 'frames')
    return result


def off_surfaces(points, walk, result):
    """The distance of points of the map from the surfaces of the hall, meters."""
    world_from_map = walk.world_from_cam[0] @ se3.inverse(result.poses.map_from_cam[0])
    points = se3.transform(world_from_map, np.asarray(points, np.float64))
    hall, distance = walk.world.hall, np.inf
    distance = np.minimum(np.abs(points - hall[0]), np.abs(points - hall[1])).min(axis=1)
    for low, high in walk.world.boxes:
        beyond = np.abs(points - (low + high) / 2) - (high - low) / 2
        outside = np.linalg.norm(np.maximum(beyond, 0.0), axis=1)
        distance = np.minimum(distance, np.abs(outside + np.minimum(beyond.max(axis=1), 0.0)))
    return distance


def test_the_surface_is_that_of_the_place_and_open3d_reads_both_files(
    with_depth, walk, open3d, tmp_path
):
    facts = write_mesh(tmp_path, with_depth)
    mesh = open3d.io.read_triangle_mesh(str(tmp_path / 'mesh.ply'))
    vertices = np.asarray(mesh.vertices)
    assert (len(vertices), len(mesh.triangles)) == (facts['num_vertices'], facts['num_triangles'])
    assert facts['num_triangles'] > 2000
    assert mesh.has_vertex_colors()
    off = np.median(off_surfaces(vertices, walk, with_depth))
    of_cloud = np.median(off_surfaces(with_depth.points.points_in_map, walk, with_depth))
    assert off < 0.5 * facts['voxel_size']
    assert off < of_cloud + 0.25 * facts['voxel_size']

    other = open3d.io.read_triangle_mesh(str(tmp_path / 'mesh.glb'))
    x, y, z = np.asarray(other.vertices).T
    assert len(other.triangles) == facts['num_triangles']
    assert other.has_vertex_colors()
    # Its reader has an order of its own.
    assert cKDTree(vertices).query(np.stack([x, -z, y], axis=1))[0].max() < 1e-5


def test_poses_that_are_wrong_are_seen_in_the_surface(with_depth, walk, open3d, tmp_path):
    right = write_mesh(tmp_path, with_depth)
    vertices = np.asarray(open3d.io.read_triangle_mesh(str(tmp_path / 'mesh.ply')).vertices)
    poses = with_depth.poses.map_from_cam.copy()
    for number, frame_id in enumerate(with_depth.keyframes):
        bend = np.array([0.0, 0.0, 0.04 * (-1) ** number])
        poses[frame_id, :3, :3] = matrix_from_rotation_vector(bend) @ poses[frame_id, :3, :3]
    bent = replace(with_depth, poses=replace(with_depth.poses, map_from_cam=poses))
    write_mesh(tmp_path, bent)
    wrong = np.asarray(open3d.io.read_triangle_mesh(str(tmp_path / 'mesh.ply')).vertices)
    off, off_wrong = (np.median(off_surfaces(v, walk, with_depth)) for v in (vertices, wrong))
    assert off_wrong > 2 * off
    assert right['voxel_size'] > 0


def test_what_the_filters_left_out_is_in_no_mesh(with_depth, open3d, tmp_path, monkeypatch):
    whole = write_mesh(tmp_path, with_depth)
    keep = export_mesh.KeyframeFiles.keep

    def upper_half(keyframe):
        kept = keep(keyframe)
        kept[len(kept) // 2 :] = False
        return kept

    monkeypatch.setattr(export_mesh.KeyframeFiles, 'keep', upper_half)
    assert write_mesh(tmp_path, with_depth)['num_triangles'] < 0.7 * whole['num_triangles']


def test_memory_is_bounded_by_larger_voxels(with_depth, open3d, tmp_path, monkeypatch):
    fine = write_mesh(tmp_path, with_depth)
    monkeypatch.setattr(export_mesh, 'MAX_BLOCKS', 60)
    coarse = write_mesh(tmp_path, with_depth)
    assert coarse['voxel_size'] >= 2 * fine['voxel_size']
    assert coarse['num_vertices'] < fine['num_vertices'] / 2


def test_voxels_follow_the_size_of_the_place_where_the_setting_does_not(
    with_depth, open3d, tmp_path
):
    footprint = write_mesh(tmp_path, replace(with_depth, voxel_size=1e-3))['voxel_size']
    largest = write_mesh(tmp_path, replace(with_depth, voxel_size=1e3))['voxel_size']
    assert largest == pytest.approx(8 * footprint)
    given = 2 * footprint
    assert write_mesh(tmp_path, replace(with_depth, voxel_size=given))['voxel_size'] == given


def test_without_files_of_keyframes_there_is_no_mesh(mapped, tmp_path):
    with pytest.raises(SaveError, match='give --depth'):
        write_mesh(tmp_path, mapped)
