import logging

import cv2
import numpy as np
import pytest

from vggt_ros.errors import SourceError
from vggt_ros.mapping.layers.trajectory import tum_line
from vggt_ros.sources.tum_rgbd import matches, read

START_NS = 1_305_031_453_359_684_000


def seconds(stamp_ns):
    return f'{stamp_ns // 10**9}.{stamp_ns % 10**9 // 1000:06d}'


def write(folder, views):
    """Four images at 30 Hz; the second one has no depth; truth at 100 Hz, but for the last."""
    for name in ('rgb', 'depth'):
        (folder / name).mkdir(parents=True)
    rgb, depth, truth = ['# color images'], ['# depth maps'], ['# ground truth']
    for index in range(4):
        stamp_ns = START_NS + 33_000_000 * index
        name = f'rgb/{seconds(stamp_ns)}.png'
        cv2.imwrite(str(folder / name), views.images[index][..., ::-1])
        rgb.append(f'{seconds(stamp_ns)} {name}')
        if index != 1:
            full = np.kron(views.depth[index], np.ones((2, 2)))
            later_ns = stamp_ns + 11_000_000
            name = f'depth/{seconds(later_ns)}.png'
            cv2.imwrite(str(folder / name), np.rint(5000 * full).clip(0, 65535).astype(np.uint16))
            depth.append(f'{seconds(later_ns)} {name}')
        if index != 3:
            truth += [tum_line(stamp_ns + d, views.world_from_cam[index]) for d in (-9000, 1000)]
    for name, lines in (('rgb', rgb), ('depth', depth), ('groundtruth', truth)):
        (folder / f'{name}.txt').write_text('\n'.join(lines))


@pytest.fixture
def folder(views, tmp_path):
    folder = tmp_path / 'desk'
    write(folder, views)
    K = views.K
    (folder / 'camera.txt').write_text(f'{K[0, 0]} {K[1, 1]} {K[0, 2]} {K[1, 2]}')
    return folder


def test_images_depth_and_truth_are_matched_by_their_stamps(folder, views):
    assert matches(folder)
    dataset = read(folder, 10.0)
    assert dataset.stamps_ns.tolist() == [START_NS + 33_000_000 * k for k in range(4)]
    np.testing.assert_allclose(dataset.world_from_cam[:3], views.world_from_cam[:3], atol=1e-6)
    assert np.isnan(dataset.world_from_cam[3]).all()
    assert dataset.frame(1).depth is None
    depth = dataset.frame(2).depth
    np.testing.assert_allclose(depth[::2, ::2], views.depth[2], atol=2e-4)


def test_images_and_poses_are_enough(folder):
    (folder / 'depth.txt').unlink()
    assert read(folder, 10.0).num_depths == 0


def test_a_listed_file_that_is_not_there_is_one_image_less(folder, caplog):
    next((folder / 'rgb').iterdir()).unlink()
    with caplog.at_level(logging.WARNING):
        assert len(read(folder, 10.0)) == 3
    assert 'names 1 files that are not there' in caplog.text


def test_the_number_in_the_name_tells_the_camera(views, tmp_path):
    folder = tmp_path / 'rgbd_dataset_freiburg1_desk'
    folder.mkdir()
    image = cv2.resize(views.images[0], (320, 240))
    cv2.imwrite(str(folder / 'a.png'), image)
    (folder / 'rgb.txt').write_text('1.0 a.png')
    dataset = read(folder, 10.0)
    # Half of the size that the calibration is of.
    np.testing.assert_allclose(dataset.K[0], [258.65, 0, (318.6 + 0.5) / 2 - 0.5])
    assert dataset.frame(0).K[0, 0] != dataset.K[0, 0], 'the first camera has a lens'
    third = tmp_path / 'freiburg3'
    folder.rename(third)
    assert read(third, 10.0).frame(0).K[0, 0] == pytest.approx(535.4 / 2), 'the third has none'


def test_a_camera_that_nobody_knows_is_unknown(folder):
    (folder / 'camera.txt').unlink()
    assert read(folder, 10.0).K is None


def test_images_of_another_shape_need_a_camera_file(folder):
    (folder / 'camera.txt').unlink()
    other = folder.with_name('freiburg2')
    folder.rename(other)
    with pytest.raises(SourceError, match=r'168 x 128 pixels.*give camera\.txt'):
        read(other, 10.0)


@pytest.mark.parametrize(
    ('name', 'text', 'match'),
    [
        ('rgb.txt', 'now rgb/a.png', "'now rgb/a.png'"),
        ('rgb.txt', '1.5', 'a line is: stamp file'),
        ('rgb.txt', '1.5 rgb/none.png', 'none of the images'),
        ('camera.txt', '100 100 3', '3 numbers'),
        ('camera.txt', 'a b c d', 'no numbers'),
        ('camera.txt', '-1 100 3 4', 'positive focal'),
    ],
)
def test_a_file_that_makes_no_sense_is_refused(folder, name, text, match):
    (folder / name).write_text(text)
    with pytest.raises(SourceError, match=match):
        read(folder, 10.0)


def test_eth3d_has_a_calibration_of_its_own_and_no_truth_of_some(folder, views):
    (folder / 'camera.txt').unlink()
    (folder / 'calibration.txt').write_text('120.5 121.5 80.25 60.75\n')
    (folder / 'groundtruth.txt').unlink()
    (folder / 'associated.txt').write_text('not needed')
    dataset = read(folder, 10.0)
    np.testing.assert_array_equal(dataset.K, [[120.5, 0, 80.25], [0, 121.5, 60.75], [0, 0, 1]])
    assert dataset.truth == ''
    assert np.isfinite(dataset.frame(0).depth).any()


def test_images_that_are_listed_and_not_there_are_counted(folder):
    next(iter(sorted((folder / 'rgb').iterdir()))).unlink()
    dataset = read(folder, 10.0)
    assert len(dataset) == 3
    assert dataset.drops == {'missing_file': 1}
    assert 'color camera' in dataset.truth
