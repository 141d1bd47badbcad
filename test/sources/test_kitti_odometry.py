import numpy as np
import pytest

from vggt_ros.errors import SourceError
from vggt_ros.sources.kitti_odometry import matches, read, read_camera

# Camera 2 is 6 cm to the left of camera 0: P[0, 3] = f * 0.06. Camera 3 is to the right of both.
CALIB = """P0: 70 0 31 0 0 70 23 0 0 0 1 0
P2: 70 0 31 4.2 0 70 23 0 0 0 1 0
P3: 70 0 31 -33.6 0 70 23 0 0 0 1 0
Tr: 1 0 0 0 0 1 0 0 0 0 1 0
"""
# The car turns right by 90 degrees in place, at (1, 2, 3).
POSES = """1 0 0 0 0 1 0 0 0 0 1 0
1 0 0 0 0 1 0 0 0 0 1 1.5
0 0 1 1 0 1 0 2 -1 0 0 3
"""


@pytest.fixture
def sequence(tmp_path, write_image):
    folder = tmp_path / 'sequences/07'
    for camera in (0, 2, 3):
        for index in range(3):
            write_image(f'sequences/07/image_{camera}/{index:06d}.png', 10 * camera + index)
    (folder / 'calib.txt').write_text(CALIB)
    (folder / 'times.txt').write_text('0.000000e+00\n1.036224e-01\n2.072567e-01\n')
    (tmp_path / 'poses').mkdir()
    (tmp_path / 'poses/07.txt').write_text(POSES)
    return folder


def test_the_truth_of_camera_0_is_moved_to_the_color_camera(sequence):
    assert matches(sequence)
    dataset = read(sequence, 10.0)
    assert dataset.cameras == ('image_2',)
    assert dataset.stamps_ns.tolist() == [0, 103_622_400, 207_256_700]
    assert dataset.frame(1).image[0, 0, 0] == 21
    np.testing.assert_array_equal(dataset.K, [[70, 0, 31], [0, 70, 23], [0, 0, 1]])
    poses = dataset.world_from_cam
    np.testing.assert_allclose(poses[0, :3, 3], [-0.06, 0, 0], atol=1e-12)
    # 6 cm to the left of a car that looks along the world's x is along +z.
    np.testing.assert_allclose(poses[2, :3, 3], [1, 2, 3.06], atol=1e-12)
    np.testing.assert_allclose(poses[2, :3, 2], [1, 0, 0], atol=1e-12)
    assert 'camera 2' in dataset.truth


@pytest.mark.parametrize(('camera', 'x_m'), [(0, 0.0), (3, 0.48)])
def test_each_camera_has_its_place_and_images(sequence, camera, x_m):
    dataset = read_camera(sequence, 10.0, camera)
    assert dataset.world_from_cam[0, 0, 3] == pytest.approx(x_m)
    assert dataset.frame(0).image[0, 0, 0] == 10 * camera


def test_a_sequence_without_truth_and_a_missing_image(sequence, tmp_path, caplog):
    (tmp_path / 'poses/07.txt').unlink()
    (sequence / 'image_2/000001.png').unlink()
    dataset = read(sequence, 10.0)
    assert np.isnan(dataset.world_from_cam).all()
    assert dataset.truth == ''
    assert dataset.stamps_ns.tolist() == [0, 207_256_700], 'the third keeps its time'
    assert dataset.frame(1).image[0, 0, 0] == 22
    assert dataset.drops == {'missing_file': 1}
    assert 'lacks 1 of 3 images' in caplog.text


def test_a_camera_that_is_not_there_is_refused_with_those_that_are(sequence):
    with pytest.raises(SourceError, match='no image_1; its cameras are 0, 2, 3'):
        read_camera(sequence, 10.0, 1)


@pytest.mark.parametrize(
    ('name', 'text', 'match'),
    [
        ('times.txt', '0.0\n0.1\n', r'07\.txt has 3 poses, .*times\.txt 2 times'),
        ('times.txt', '0.0\nx\n', "holds 'x'"),
        ('calib.txt', CALIB.replace('P2', 'P5'), '0 numbers for P2; give 12'),
        ('calib.txt', CALIB.replace('70', '-70'), 'focal lengths -70'),
        ('calib.txt', CALIB.replace('31 ', '900 '), 'principal point .* outside of the images'),
    ],
)
def test_lists_that_do_not_fit_are_refused(sequence, name, text, match):
    (sequence / name).write_text(text)
    with pytest.raises(SourceError, match=match):
        read(sequence, 10.0)
