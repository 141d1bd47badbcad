import shutil

import numpy as np
import pytest

from vggt_ros.geometry import se3
from vggt_ros.offline.sparse_model import SparseImage, SparseModel, write_binary, write_text
from vggt_ros.offline.sparse_rigs import SparseFrame, SparseRig

POINTS = np.array([[0.0, 0.0, 5.0], [1.0, 0.5, 6.0], [-1.0, 0.25, 4.0]])


def image(number, points):
    translation = np.array([0.1 * number, 0.0, 0.0])
    x, y, z = (POINTS[points] + translation).T
    return SparseImage(
        name=f'{number}.png',
        camera=number % 2,
        quat_wxyz=np.array([1.0, 0.0, 0.0, 0.0]),
        translation=translation,
        xy=np.stack([100 * x / z + 50.5, 100 * y / z + 40.5], axis=1),
        points=np.array(points),
    )


@pytest.fixture
def model():
    return SparseModel(
        cameras=[(101, 81, 100.0, 100.0, 50.5, 40.5), (101, 81, 100.0, 100.0, 50.5, 40.5)],
        images=[image(0, [0, 1]), image(1, [2, 0, 1]), image(2, [1, 2])],
        xyz=POINTS,
        rgb=np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]], np.uint8),
        rigs=[SparseRig(cameras=(row,), cam_from_rig=np.eye(4)[None]) for row in range(2)],
        frames=[
            SparseFrame(
                rig=row % 2,
                rig_from_world=se3.rigid(np.eye(3), np.array([0.1 * row, 0.0, 0.0])),
                images=((row, row % 2),),
            )
            for row in range(3)
        ],
    )


def test_tracks_say_which_images_show_a_point_and_where(model):
    tracks = [track.tolist() for track in model.tracks()]
    assert tracks == [[(1, 0), (2, 1)], [(1, 1), (2, 2), (3, 0)], [(2, 0), (3, 1)]]


@pytest.mark.parametrize('write', [write_text, write_binary])
def test_pycolmap_reads_either_kind_of_files(model, write, tmp_path):
    pycolmap = pytest.importorskip('pycolmap', reason='pycolmap is the extra offline')
    write(tmp_path, model)
    found = pycolmap.Reconstruction(str(tmp_path))
    assert (found.num_cameras(), found.num_reg_images(), found.num_points3D()) == (2, 3, 3)
    assert sorted(each.name for each in found.images.values()) == ['0.png', '1.png', '2.png']
    found.update_point_3d_errors()
    assert found.compute_mean_reprojection_error() < 1e-3
    np.testing.assert_array_equal(found.points3D[2].color, [4, 5, 6])
    np.testing.assert_allclose(found.points3D[3].xyz, POINTS[2])
    assert found.points3D[2].track.length() == 3
    for number in (1, 2, 3):
        pose = found.images[number].cam_from_world()
        np.testing.assert_allclose(pose.translation, [0.1 * (number - 1), 0, 0], atol=1e-12)
    # Each image is a frame of its own, and each camera a rig.
    assert (found.num_frames(), found.num_rigs()) == (3, 2)


def test_a_reader_that_finds_both_takes_the_binary_files(model, tmp_path):
    pycolmap = pytest.importorskip('pycolmap', reason='pycolmap is the extra offline')
    write_text(tmp_path, model)
    write_binary(tmp_path, model)
    shutil.move(tmp_path / 'points3D.txt', tmp_path / 'other.txt')
    assert pycolmap.Reconstruction(str(tmp_path)).num_points3D() == 3
