from dataclasses import replace

import numpy as np
import pytest

from vggt_ros.errors import SaveError
from vggt_ros.geometry.rotation import matrix_from_quat_xyzw
from vggt_ros.offline.trajectory_files import write_euroc, write_kitti, write_tum
from vggt_ros.sources.tum_file import read_tum


def without(poses, row):
    unknown = poses.map_from_cam.copy()
    unknown[row] = np.nan
    kind = list(poses.kind)
    kind[row] = 'none'
    return replace(poses, map_from_cam=unknown, kind=tuple(kind))


def test_tum_has_every_frame_with_a_pose_and_all_nine_decimals(mapped, tmp_path):
    write_tum(tmp_path / 't.tum', without(mapped.poses, 3), unit='meters')
    found = read_tum(tmp_path / 't.tum')
    known = [i for i in range(len(mapped.poses)) if i != 3]
    assert found.stamps_ns.tolist() == mapped.poses.stamps_ns[known].tolist()
    np.testing.assert_allclose(found.world_from_cam, mapped.poses.map_from_cam[known], atol=1e-7)
    text = (tmp_path / 't.tum').read_text()
    assert 'optical frame of the camera' in text
    assert 'lengths in meters' in text
    assert '\n1700000000.123456789 ' in text


def test_tum_of_keyframes_has_these_alone(mapped, tmp_path):
    write_tum(tmp_path / 'k.tum', mapped.poses, unit='map units', kinds=('keyframe',))
    stamps_ns = read_tum(tmp_path / 'k.tum').stamps_ns
    assert stamps_ns.tolist() == mapped.poses.stamps_ns[mapped.keyframes].tolist()


def test_kitti_begins_at_the_first_camera(mapped, tmp_path):
    write_kitti(tmp_path / 'k.txt', mapped.poses)
    rows = np.loadtxt(tmp_path / 'k.txt').reshape(-1, 3, 4)
    assert len(rows) == len(mapped.poses)
    np.testing.assert_allclose(rows[0], np.eye(4)[:3], atol=1e-9)
    motion = np.linalg.inv(mapped.poses.map_from_cam[0]) @ mapped.poses.map_from_cam[-1]
    np.testing.assert_allclose(rows[-1], motion[:3], atol=1e-7)


def test_kitti_needs_a_pose_for_every_frame(mapped, tmp_path):
    with pytest.raises(SaveError, match=r'1 of \d+ frames have no pose'):
        write_kitti(tmp_path / 'k.txt', without(mapped.poses, 3))


def test_euroc_has_nanoseconds_and_the_scalar_first(mapped, tmp_path):
    write_euroc(tmp_path / 'e.csv', mapped.poses)
    lines = (tmp_path / 'e.csv').read_text().splitlines()
    assert lines[0].startswith('#timestamp [ns],p_RS_R_x')
    words = lines[-1].split(',')
    assert int(words[0]) == mapped.poses.stamps_ns[-1]
    x, y, z, qw, qx, qy, qz = map(float, words[1:])
    pose = mapped.poses.map_from_cam[-1]
    np.testing.assert_allclose((x, y, z), pose[:3, 3], atol=1e-7)
    rotation = matrix_from_quat_xyzw(np.array([qx, qy, qz, qw]))
    np.testing.assert_allclose(rotation, pose[:3, :3], atol=1e-7)


def test_evo_reads_what_is_written(mapped, tmp_path):
    file_interface = pytest.importorskip('evo.tools.file_interface', reason='evo not installed')
    write_tum(tmp_path / 't.tum', mapped.poses, unit='meters')
    write_kitti(tmp_path / 'k.txt', mapped.poses)
    write_euroc(tmp_path / 'e.csv', mapped.poses)
    tum = file_interface.read_tum_trajectory_file(str(tmp_path / 't.tum'))
    kitti = file_interface.read_kitti_poses_file(str(tmp_path / 'k.txt'))
    euroc = file_interface.read_euroc_csv_trajectory(str(tmp_path / 'e.csv'))
    for read in (tum, kitti, euroc):
        assert read.num_poses == len(mapped.poses)
    np.testing.assert_allclose(tum.positions_xyz, mapped.poses.map_from_cam[:, :3, 3], atol=1e-7)
    np.testing.assert_allclose(euroc.positions_xyz, tum.positions_xyz, atol=1e-7)
    assert tum.path_length == pytest.approx(kitti.path_length, rel=1e-6)
