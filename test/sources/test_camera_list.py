import json

import cv2
import numpy as np
import pytest

from vggt_ros.errors import SourceError
from vggt_ros.sources.camera_list import checked_pose, matches, read


@pytest.fixture
def folder(views, tmp_path):
    (tmp_path / 'images').mkdir()
    cameras = {}
    for index in (10, 9, 2):  # neither in the order of numbers nor of the alphabet
        name = f'{index}.jpg'
        cv2.imwrite(str(tmp_path / 'images' / name), views.images[index % 10][..., ::-1])
        K = views.K.copy()
        K[0, 0] += index
        cameras[name] = {
            'K': K.tolist(),
            'world_from_cam': np.round(views.world_from_cam[index % 10], 4).tolist(),
        }
    (tmp_path / 'cameras.json').write_text(json.dumps(cameras))
    return tmp_path


def rewrite(folder, change):
    cameras = json.loads((folder / 'cameras.json').read_text())
    change(cameras)
    (folder / 'cameras.json').write_text(json.dumps(cameras))


def test_every_image_has_its_own_camera(folder, views):
    dataset = read(folder, 10.0)
    assert matches(folder)
    assert [frame.K[0, 0] - views.K[0, 0] for frame in dataset] == [2, 9, 10]
    poses = dataset.world_from_cam
    np.testing.assert_allclose(poses, views.world_from_cam[[2, 9, 0]], atol=1e-4)
    # Rounded in the file, orthonormal when read.
    np.testing.assert_allclose(
        poses[:, :3, :3] @ np.swapaxes(poses[:, :3, :3], 1, 2), [np.eye(3)] * 3, atol=1e-12
    )


@pytest.mark.parametrize(
    ('change', 'match'),
    [
        (lambda cameras: cameras.update({'77.jpg': cameras['9.jpg']}), '77.jpg, which is not'),
        (lambda cameras: cameras['9.jpg'].pop('K'), "9.jpg must have K and .*'K'"),
        (lambda cameras: cameras['9.jpg'].update(K=[[1, 2]]), r'\(1, 2\)'),
        (lambda cameras: cameras['9.jpg'].update(K=np.zeros((3, 3)).tolist()), 'focal'),
        (lambda cameras: cameras['9.jpg'].update(world_from_cam=np.ones((4, 4)).tolist()), 'rot'),
        (lambda cameras: cameras.clear(), 'no cameras'),
    ],
)
def test_a_list_that_makes_no_sense_is_refused(folder, change, match):
    rewrite(folder, change)
    with pytest.raises(SourceError, match=match):
        read(folder, 10.0)


def test_a_list_that_is_no_json_is_refused(folder):
    (folder / 'cameras.json').write_text('{')
    with pytest.raises(SourceError, match='not JSON'):
        read(folder, 10.0)


def test_a_matrix_that_is_far_from_a_rotation_is_no_pose():
    with pytest.raises(SourceError, match=r'somewhere: the pose is 0\.05 off'):
        checked_pose(np.diag([1.05, 1.05, 1.05, 1.0]), 'somewhere')
