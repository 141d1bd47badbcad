import numpy as np
import pytest

from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import matrix_from_rotation_vector, quat_xyzw_from_matrix
from vggt_ros.offline.sparse_model import SparseImage, SparseModel, write_binary, write_text
from vggt_ros.offline.sparse_rigs import SparseFrame, SparseRig

RIGHT_FROM_LEFT = se3.rigid(
    matrix_from_rotation_vector(np.array([0.0, 0.1, 0.02])), np.array([-0.12, 0.01, 0.0])
)
LEFT_FROM_WORLD = se3.rigid(
    matrix_from_rotation_vector(np.array([0.3, -0.2, 1.0])), np.array([1.0, 2.0, 3.0])
)


def image(camera, cam_from_world):
    return SparseImage(
        name=f'{camera}.png',
        camera=camera,
        quat_wxyz=np.roll(quat_xyzw_from_matrix(cam_from_world[:3, :3]), 1),
        translation=cam_from_world[:3, 3],
        xy=np.array([[10.0, 20.0]]),
        points=np.array([0]),
    )


@pytest.mark.parametrize('write', [write_text, write_binary])
def test_pycolmap_finds_the_rig_its_calibration_and_one_pose_for_both_images(write, tmp_path):
    pycolmap = pytest.importorskip('pycolmap', reason='pycolmap is the extra offline')
    places = np.stack([np.eye(4), RIGHT_FROM_LEFT])
    model = SparseModel(
        cameras=[(64, 48, 60.0, 60.0, 32.0, 24.0)] * 2,
        images=[image(0, LEFT_FROM_WORLD), image(1, RIGHT_FROM_LEFT @ LEFT_FROM_WORLD)],
        xyz=np.array([[0.0, 0.0, 5.0]]),
        rgb=np.zeros((1, 3), np.uint8),
        rigs=[SparseRig(cameras=(0, 1), cam_from_rig=places)],
        frames=[SparseFrame(rig=0, rig_from_world=LEFT_FROM_WORLD, images=((0, 0), (1, 1)))],
    )
    write(tmp_path, model)
    found = pycolmap.Reconstruction(str(tmp_path))
    assert (found.num_rigs(), found.num_frames(), found.num_reg_images()) == (1, 1, 2)
    rig = found.rigs[1]
    assert rig.ref_sensor_id.id == 1
    right = found.cameras[2].sensor_id
    np.testing.assert_allclose(
        rig.sensor_from_rig(right).matrix(), RIGHT_FROM_LEFT[:3], atol=1e-10
    )
    np.testing.assert_allclose(
        found.images[2].cam_from_world().matrix(),
        (RIGHT_FROM_LEFT @ LEFT_FROM_WORLD)[:3],
        atol=1e-10,
    )
    # What pycolmap writes is what is written here.
    other = tmp_path / 'other'
    other.mkdir()
    if write is write_binary:
        found.write_binary(other)
        for name in ('rigs.bin', 'frames.bin'):
            mine, its = (
                np.frombuffer((folder / name).read_bytes(), np.uint8)
                for folder in (tmp_path, other)
            )
            assert len(mine) == len(its)
            # Rounding of quaternions apart.
            assert (mine != its).mean() < 0.2
