import json

import numpy as np
import pytest

from vggt_ros.errors import SourceError
from vggt_ros.sources.replica import matches, read

CAMERA = {'w': 64, 'h': 48, 'fx': 60.0, 'fy': 61.0, 'cx': 31.5, 'cy': 23.5, 'scale': 6553.5}


@pytest.fixture
def scene(tmp_path, write_image, write_depth):
    lines = []
    for index in range(3):
        write_image(f'office0/results/frame{index:06d}.jpg', 50 * index)
        lines.append(f'0 0 1 {index} 0 1 0 2 -1 0 0 3 0 0 0 1')
    write_depth('office0/results/depth000001.png', 13107)
    (tmp_path / 'office0/traj.txt').write_text('\n'.join(lines))
    (tmp_path / 'cam_params.json').write_text(json.dumps({'camera': CAMERA}))
    return tmp_path / 'office0'


def test_images_and_depth_have_their_poses(scene):
    assert matches(scene)
    dataset = read(scene, 10.0)
    frames = list(dataset)
    assert [round(frame.image.mean(), -1) for frame in frames] == [0, 50, 100]
    assert [frame.depth is None for frame in frames] == [True, False, True]
    assert frames[1].depth[2, 2] == pytest.approx(2.0), '6553.5 is 1 m'
    assert np.isnan(frames[1].depth[0, 0])
    np.testing.assert_allclose(frames[2].world_from_cam[:3, 3], [2, 2, 3])
    np.testing.assert_allclose(frames[2].world_from_cam[:3, 2], [1, 0, 0])
    np.testing.assert_array_equal(dataset.K[[0, 1, 0, 1], [0, 1, 2, 2]], [60, 61, 31.5, 23.5])


@pytest.mark.parametrize(
    ('camera', 'match'),
    [
        (None, r'cam_params\.json is missing\) is of images of 1200 x 680, those of office0 have'),
        ({'camera': {**CAMERA, 'scale': 0}}, 'fx, fy and scale must be above 0'),
        ({'camera': {'w': 1}}, "must hold camera with w, h, fx.*KeyError\\('h'"),
        ([], 'must hold camera'),
        ({'camera': {**CAMERA, 'w': 128}}, 'is of images of 128 x 48'),
    ],
)
def test_a_camera_that_does_not_fit_is_refused(scene, camera, match):
    file = scene.parent / 'cam_params.json'
    file.unlink() if camera is None else file.write_text(json.dumps(camera))
    with pytest.raises(SourceError, match=match):
        read(scene, 10.0)


def test_a_pose_too_few_is_refused(scene):
    (scene / 'traj.txt').write_text('1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1')
    with pytest.raises(SourceError, match='3 images and 1 poses'):
        read(scene, 10.0)
