import numpy as np
import pytest

from vggt_ros.errors import SourceError
from vggt_ros.sources.scannet import matches, read

K = '80 0 32 0\n0 81 24 0\n0 0 1 0\n0 0 0 1\n'
POSE = '1 0 0 {x}\n0 1 0 0\n0 0 1 0\n0 0 0 1\n'
LOST = '\n'.join(['-inf -inf -inf -inf'] * 4)


@pytest.fixture
def scene(tmp_path, write_image, write_depth):
    (tmp_path / 'pose').mkdir()
    (tmp_path / 'intrinsic').mkdir()
    for index in (2, 9, 10):
        write_image(f'color/{index}.jpg', 10 * index)
        (tmp_path / f'pose/{index}.txt').write_text(LOST if index == 9 else POSE.format(x=index))
    for index in (9, 10):
        write_depth(f'depth/{index}.png', 100 * index, (32, 24))
    (tmp_path / 'intrinsic/intrinsic_color.txt').write_text(K)
    return tmp_path


def test_ten_comes_after_nine_and_lost_poses_are_unknown(scene):
    assert matches(scene)
    dataset = read(scene, 10.0)
    frames = list(dataset)
    assert [round(frame.image.mean(), -1) for frame in frames] == [20, 90, 100]
    assert frames[1].world_from_cam is None
    assert frames[2].world_from_cam[0, 3] == 10
    assert dataset.stamps_ns.tolist() == [300_000_000, 10**9, 1_100_000_000]
    np.testing.assert_array_equal(dataset.K, [[80, 0, 32], [0, 81, 24], [0, 0, 1]])


def test_depth_is_millimeters_without_0_and_65535(scene):
    frames = list(read(scene, 10.0))
    assert frames[0].depth is None
    assert frames[2].depth.shape == (24, 32)
    assert np.isnan(frames[2].depth[0, :2]).all()
    assert frames[2].depth[1, 1] == pytest.approx(1.0)


def test_intrinsics_of_images_of_another_size_are_refused(scene):
    file = scene / 'intrinsic/intrinsic_color.txt'
    file.write_text(K.replace('32', '640').replace('24', '480'))
    with pytest.raises(SourceError, match=r'intrinsic_color\.txt has the principal point \(640'):
        read(scene, 10.0)
    file.write_text(K.replace('80', '0'))
    with pytest.raises(SourceError, match='not above 0'):
        read(scene, 10.0)
