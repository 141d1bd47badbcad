import json

import cv2
import numpy as np
import pytest

from vggt_ros.errors import SaveError
from vggt_ros.geometry import se3
from vggt_ros.offline.depth_files import DepthFiles
from vggt_ros.offline.export_transforms import write_transforms
from vggt_ros.offline.map_sequence import map_sequence
from vggt_ros.synthetic.course_camera import CourseCamera


@pytest.fixture
def exported(walk, config, source_of, truthful, tmp_path):
    files = DepthFiles(tmp_path / 'frames')
    result = map_sequence(
        source_of(walk, stop=14), config=config, predictor=truthful(walk), on_keyframe=files.add
    )
    files.finish(result)
    write_transforms(tmp_path, result)
    return result, json.loads((tmp_path / 'transforms' / 'transforms.json').read_text())


def image_width(walk):
    return CourseCamera(walk).image(0).shape[1]


def test_every_keyframe_is_there_with_image_depth_and_size(exported, walk, tmp_path):
    result, model = exported
    assert len(model['frames']) == len(result.keyframes)
    for frame in model['frames']:
        image = cv2.imread(str(tmp_path / 'transforms' / frame['file_path']))
        assert image.shape == (frame['h'], frame['w'], 3)
        depth = np.load(tmp_path / 'transforms' / frame['depth_file_path'], allow_pickle=False)
        assert depth.shape == (walk.height, walk.width)
        assert (frame['fl_x'], frame['w']) == (walk.K_image[0, 0], image_width(walk))
    assert (tmp_path / 'transforms' / model['ply_file_path']).stat().st_size > 1000


def test_points_land_in_the_images_by_the_conventions_of_opengl(exported, walk, tmp_path):
    """x right, y up, looking along -z; pixels from the corner of the image."""
    result, model = exported
    frame = model['frames'][1]
    depth = np.load(tmp_path / 'transforms' / frame['depth_file_path'], allow_pickle=False)
    gl_from_map = np.linalg.inv(np.array(frame['transform_matrix']))
    row, column = 20, 50
    ours = np.linalg.inv(walk.K) @ (column, row, 1.0) * depth[row, column]
    in_map = se3.transform(result.poses.map_from_cam[result.keyframes[1]], ours)
    x, y, z = se3.transform(gl_from_map, in_map)
    assert z < 0
    u = frame['fl_x'] * x / -z + frame['cx']
    v = frame['fl_y'] * -y / -z + frame['cy']
    seen = walk.K_image @ np.linalg.inv(walk.K) @ (column, row, 1.0)
    np.testing.assert_allclose((u, v), seen[:2] + 0.5, atol=1e-3)


def test_without_images_there_is_no_export(mapped, tmp_path):
    with pytest.raises(SaveError, match='--depth'):
        write_transforms(tmp_path, mapped)
