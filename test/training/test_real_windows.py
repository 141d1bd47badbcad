import json

import cv2
import numpy as np
import pytest

from training.real_windows import real_windows
from vggt_ros.errors import SourceError


@pytest.fixture
def sequence(tmp_path):
    for name in ('color', 'depth'):
        (tmp_path / name).mkdir()
    for i in range(20):
        image = np.full((48, 64, 3), (10, 20, i), np.uint8)
        cv2.imwrite(str(tmp_path / 'color' / f'{i:04d}.png'), image)
        depth = np.full((24, 32), 1000 + i, np.uint16)
        depth[0, 0] = 0
        cv2.imwrite(str(tmp_path / 'depth' / f'{i:04d}.png'), depth)
    rows = [f'{i} 0 0 0 0 0 1' for i in range(20)]
    (tmp_path / 'pose.txt').write_text('\n'.join(rows))
    (tmp_path / 'camera.txt').write_text('50 51 31.5 23.5')
    return tmp_path


def test_a_sequence_is_cut_into_windows(sequence):
    windows = list(real_windows(sequence))
    assert len(windows) == 2
    second = windows[1]
    assert second.images.shape == (8, 48, 64, 3)
    assert second.images[3, 5, 5].tolist() == [11, 20, 10], 'RGB'
    assert second.depth[3, 20, 20] == pytest.approx(1.011)
    assert np.isnan(second.depth[3, :2, :2]).all()
    assert second.cam_from_world[3, 0, 3] == -11
    assert second.K[1, 1] == 51


def test_frames_may_be_further_apart(sequence):
    (window,) = real_windows(sequence, spacing=2)
    assert window.cam_from_world[:, 0, 3].tolist() == [-2 * i for i in range(8)]


def test_arrays_are_one_window(tmp_path):
    for i in range(3):
        cv2.imwrite(str(tmp_path / f'{i}.png'), np.full((30, 40, 3), i, np.uint8))
    depths = np.ones((3, 30, 40), np.float32)
    depths[0, 0, 0] = 0
    poses = np.tile(np.eye(4), (3, 1, 1))
    poses[:, 1, 3] = np.arange(3)
    K = np.tile(np.diag([30.0, 30.0, 1.0]), (3, 1, 1))
    np.savez(tmp_path / 'condition.npz', poses=poses, depths=depths, intrinsics=K)
    (window,) = real_windows(tmp_path)
    assert window.cam_from_world[2, 1, 3] == -2
    assert np.isnan(window.depth[0, 0, 0])


def test_a_survey_has_no_depth(tmp_path):
    (tmp_path / 'images').mkdir()
    cameras = {}
    for i in range(2):
        cv2.imwrite(str(tmp_path / 'images' / f'{i}.png'), np.zeros((30, 40, 3), np.uint8))
        pose = np.eye(4)
        pose[2, 3] = i
        cameras[f'{i}.png'] = {'K': np.eye(3).tolist(), 'world_from_cam': pose.tolist()}
    (tmp_path / 'cameras.json').write_text(json.dumps(cameras))
    (window,) = real_windows(tmp_path)
    assert np.isnan(window.depth).all()
    assert window.cam_from_world[1, 2, 3] == -1


def test_other_folders_and_unreadable_images_are_refused(tmp_path, sequence):
    with pytest.raises(SourceError, match='has no'):
        list(real_windows(sequence / 'color'))
    (sequence / 'color' / '0003.png').write_text('no')
    with pytest.raises(SourceError, match='no image'):
        list(real_windows(sequence))
    cv2.imwrite(str(sequence / 'color' / '0003.png'), np.zeros((48, 64, 3), np.uint8))
    (sequence / 'depth' / '0003.png').write_text('no')
    with pytest.raises(SourceError, match='no depth image'):
        list(real_windows(sequence))
