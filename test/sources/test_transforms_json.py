import json

import numpy as np
import pytest

from vggt_ros.errors import SourceError
from vggt_ros.sources.transforms_json import matches, read

# At (1, 2, 3) of a world with z up: OpenGL's camera has x right, y up, z backward; it looks along
# the world's y.
POSE = [[1, 0, 0, 1], [0, 0, -1, 2], [0, 1, 0, 3], [0, 0, 0, 1]]
CAMERA = {'fl_x': 60.0, 'fl_y': 61.0, 'cx': 32.0, 'cy': 24.0, 'w': 64, 'h': 48}


@pytest.fixture
def folder(tmp_path, write_image):
    """Write the list of three images, changed by keywords of its head and of its second frame."""
    for index in (2, 9, 10):
        write_image(f'images/{index}.png', 10 * index)

    def make(second=None, **head):
        frames = [
            {'file_path': f'images/{index}.png', 'transform_matrix': POSE} for index in (10, 9, 2)
        ]
        frames[1].update(second or {})
        listed = {**CAMERA, 'frames': frames, **head}
        listed = {name: value for name, value in listed.items() if value is not None}
        (tmp_path / 'transforms.json').write_text(json.dumps(listed))
        return tmp_path

    return make


def test_axes_of_opengl_become_those_of_opencv(folder):
    path = folder()
    assert matches(path)
    dataset = read(path, 10.0)
    pose = dataset.world_from_cam[0]
    np.testing.assert_array_equal(pose[:3, 3], [1, 2, 3])
    right, down, forward = pose[:3, :3].T
    np.testing.assert_allclose(forward, [0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(down, [0, 0, -1], atol=1e-12)
    np.testing.assert_allclose(right, [1, 0, 0], atol=1e-12)


def test_images_are_ordered_by_number_and_half_a_pixel_is_taken_off(folder):
    dataset = read(folder(), 10.0)
    assert [int(frame.image[0, 0, 0]) for frame in dataset] == [20, 90, 100]
    np.testing.assert_array_equal(dataset.K, [[60, 0, 31.5], [0, 61, 23.5], [0, 0, 1]])


def test_a_frame_can_have_a_camera_of_its_own(folder):
    dataset = read(folder(second={'fl_x': 70.0, 'k1': 0.1}), 10.0)
    first, second, third = (frame.K[0, 0] for frame in dataset)
    assert first == third == 60
    assert second != 60, 'rectified'
    assert dataset._records[1].K[0, 0] == 70


@pytest.mark.parametrize(
    ('head', 'model', 'D'),
    [
        ({'k1': 0.1, 'k2': 0.2, 'p1': 0.3, 'p2': 0.4, 'k3': 0.5}, 'plumb_bob', 5),
        (
            {'camera_model': 'OPENCV_FISHEYE', 'k1': 0.1, 'k2': 0.2, 'k3': 0.3, 'k4': 0.4},
            'equidistant',
            4,
        ),
    ],
)
def test_coefficients_come_in_the_order_of_opencv(folder, head, model, D):
    distortion = read(folder(**head), 10.0)._records[0].distortion
    assert distortion.model == model
    np.testing.assert_allclose(distortion.D, 0.1 * np.arange(1, D + 1))


def test_an_angle_of_view_tells_the_focal_length(folder):
    head = dict.fromkeys(CAMERA)
    dataset = read(folder(**head, camera_angle_x=np.pi / 2), 10.0)
    np.testing.assert_allclose(dataset.K, [[32, 0, 31.5], [0, 32, 23.5], [0, 0, 1]])
    dataset = read(folder(**head, camera_angle_x=np.pi / 2, camera_angle_y=np.pi / 2), 10.0)
    assert dataset.K[1, 1] == pytest.approx(24)


def test_the_ending_png_can_be_left_out(folder):
    assert len(read(folder(second={'file_path': './images/9'}), 10.0)) == 3


def test_an_image_that_is_not_there_is_left_out(folder, caplog):
    dataset = read(folder(second={'file_path': 'images/11.png'}), 10.0)
    assert len(dataset) == 2
    assert dataset.drops == {'missing_file': 1}
    assert 'names 1 files that are not there' in caplog.text


def test_a_pose_that_is_not_finite_is_unknown(folder):
    lost = [[float('-inf')] * 4] * 4
    known = np.isfinite(read(folder(second={'transform_matrix': lost}), 10.0).world_from_cam)
    assert known.all(axis=(1, 2)).tolist() == [True, False, True]


def test_depth_is_millimeters_of_integers_and_the_unit_of_floats(folder, tmp_path, write_depth):
    write_depth('depth/9.png', 2500)
    np.save(tmp_path / 'depth/9.npy', np.full((48, 64, 1), 2.5))
    np.save(tmp_path / 'depth/9_mm.npy', np.full((48, 64), 2500, np.uint16))
    for name in ('9.png', '9.npy', '9_mm.npy'):
        dataset = read(folder(second={'depth_file_path': f'depth/{name}'}), 10.0)
        assert dataset.num_depths == 1
        assert dataset.frame(1).depth[5, 5] == pytest.approx(2.5)
    second = {'depth_file_path': 'depth/9.png', 'depth_unit_scale_factor': 0.01}
    depth = read(folder(second=second), 10.0).frame(1).depth
    assert depth[5, 5] == pytest.approx(25.0)
    assert np.isnan(depth[0, :2]).all()


@pytest.mark.parametrize(
    ('second', 'head', 'match'),
    [
        ({'transform_matrix': [[1, 2]]}, {}, r'images/9\.png: transform_matrix has the shape'),
        ({'transform_matrix': 'x'}, {}, 'must have transform_matrix, 4 x 4 numbers'),
        ({'transform_matrix': (2 * np.eye(4)).tolist()}, {}, 'off a rotation'),
        ({'file_path': None}, {}, 'file_path None; give a name'),
        ({'fl_x': 'wide'}, {}, "fl_x 'wide'; give a number"),
        ({'k4': 0.1}, {}, 'the model OPENCV has none'),
        ({'depth_file_path': 'images/9.png', 'depth_unit_scale_factor': 0}, {}, 'must be above 0'),
        ({}, {'camera_model': 'EQUIRECTANGULAR'}, "'EQUIRECTANGULAR'; known are"),
        ({}, {'w': 128}, 'is of images of 128 x 48, those of .* have 64 x 48'),
        ({}, {'fl_x': None}, 'neither fl_x nor camera_angle_x'),
        ({}, {'fl_x': None, 'camera_angle_x': 9}, 'between 0 and pi'),
        ({}, {'frames': 3}, 'holds no frames'),
        ({}, {'frames': []}, 'has no images'),
    ],
)
def test_a_list_that_makes_no_sense_is_refused(folder, second, head, match):
    with pytest.raises(SourceError, match=match):
        read(folder(second=second, **head), 10.0)


def test_a_file_that_is_not_json_is_refused(folder):
    path = folder()
    (path / 'transforms.json').write_text('{')
    with pytest.raises(SourceError, match=r'transforms\.json is not JSON'):
        read(path, 10.0)
