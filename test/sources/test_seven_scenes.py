import cv2
import numpy as np
import pytest

from vggt_ros.errors import SourceError
from vggt_ros.sources.seven_scenes import matches, read

POSE = '0 -1 0 {x}\n1 0 0 2\n0 0 1.0001 3\n0 0 0 1\n'


@pytest.fixture
def sequence(tmp_path, write_image, write_depth):
    for index in (0, 1, 10):
        name = f'chess/seq-01/frame-{index:06d}'
        write_image(f'{name}.color.png', index, (640, 480))
        (tmp_path / f'{name}.pose.txt').write_text(POSE.format(x=index))
    write_depth('chess/seq-01/frame-000010.depth.png', 1500, (640, 480))
    return tmp_path / 'chess/seq-01'


def test_images_depth_and_poses_belong_together_by_their_numbers(sequence):
    assert matches(sequence)
    dataset = read(sequence, 30.0)
    assert dataset.name == 'chess/seq-01'
    assert dataset.stamps_ns.tolist() == [33_333_333, 66_666_667, 366_666_667]
    frames = list(dataset)
    assert [int(frame.image[0, 0, 0]) for frame in frames] == [0, 1, 10]
    assert [frame.depth is not None for frame in frames] == [False, False, True]
    assert [frame.world_from_cam[0, 3] for frame in frames] == [0, 1, 10]
    np.testing.assert_allclose(frames[0].world_from_cam[2, :3], [0, 0, 1], atol=1e-12)
    assert 'depth camera' in dataset.truth


def test_depth_is_moved_to_the_focal_length_of_the_color_camera(sequence):
    units = np.full((480, 640), 1000, np.uint16)
    units[200:280, 400:] = 3000
    units[0, 0] = 65535
    units[240, 330:340] = 65535
    assert cv2.imwrite(str(sequence / 'frame-000000.depth.png'), units)
    frame = read(sequence, 30.0).frame(0)
    assert frame.K[0, 0] == frame.K[1, 1] == 525.0
    # The edge at column 400 of a camera of 585 pixels is at 319.5 + (399.5 - 319.5) * 525 / 585.
    row = frame.depth[240]
    assert np.flatnonzero(row > 2)[0] == pytest.approx(319.5 + 80 * 525 / 585, abs=1)
    assert np.isnan(row[330]), '65535 is no reading'
    assert np.isnan(frame.depth[0]).all(), 'beside what the depth camera sees'


def test_a_pose_that_is_missing_or_not_finite_is_unknown(sequence):
    (sequence / 'frame-000000.pose.txt').unlink()
    (sequence / 'frame-000001.pose.txt').write_text(POSE.format(x='-inf'))
    known = np.isfinite(read(sequence, 30.0).world_from_cam).all(axis=(1, 2))
    assert known.tolist() == [False, False, True]


def test_a_camera_file_overrules_and_other_sizes_need_one(sequence, write_image):
    (sequence.parent / 'camera.txt').write_text('500 501 320 240')
    assert read(sequence, 30.0).K[1, 1] == 501
    (sequence.parent / 'camera.txt').unlink()
    write_image('chess/seq-01/frame-000000.color.png', size=(320, 240))
    with pytest.raises(SourceError, match='320 x 240 pixels, the camera of 7-Scenes 640 x 480'):
        read(sequence, 30.0)
