from dataclasses import replace

import cv2
import numpy as np
import pytest

from vggt_ros.errors import SaveError
from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import matrix_from_quat_xyzw
from vggt_ros.mapping.registration.metric_scale import ScaleState
from vggt_ros.offline import export_colmap
from vggt_ros.offline.depth_files import DepthFiles
from vggt_ros.offline.export_colmap import write_colmap
from vggt_ros.offline.map_sequence import map_sequence
from vggt_ros.synthetic.course_camera import CourseCamera

METRIC = ScaleState(is_metric=True, meters_per_unit=1.0, log_sigma=0.01, source='depth')


@pytest.fixture
def with_depth(walk, config, source_of, truthful, tmp_path):
    files = DepthFiles(tmp_path / 'frames')
    result = map_sequence(
        source_of(walk), config=config, predictor=truthful(walk), on_keyframe=files.add
    )
    return files, result


def rows_of(path):
    lines = path.read_text().splitlines()
    return [line.split() for line in lines if not line.startswith('#')]


def model_in(folder):
    """Cameras, images and points by their ids, read by the rules of COLMAP's text format."""
    sparse = folder / 'colmap' / 'sparse' / '0'
    cameras = {int(row[0]): row[1:] for row in rows_of(sparse / 'cameras.txt')}
    images, lines = {}, rows_of(sparse / 'images.txt')
    for head, body in zip(lines[::2], lines[1::2], strict=True):
        w, x, y, z, *translation = map(float, head[1:8])
        rotation = matrix_from_quat_xyzw(np.array([x, y, z, w]))
        pose = se3.rigid(rotation, np.array(translation))
        seen = np.array(body, dtype=float).reshape(-1, 3)
        images[int(head[0])] = (pose, int(head[8]), head[9], seen)
    points = {int(row[0]): row[1:] for row in rows_of(sparse / 'points3D.txt')}
    return cameras, images, points


def test_every_observation_is_where_its_camera_sees_the_point(with_depth, tmp_path, walk):
    files, result = with_depth
    files.finish(result)
    write_colmap(tmp_path, result)
    cameras, images, points = model_in(tmp_path)
    assert len(images) == len(result.keyframes)
    assert len(points) > 500
    for pose, camera_id, name, seen in images.values():
        model, width, height, *numbers = cameras[camera_id]
        image = cv2.imread(str(tmp_path / 'colmap' / 'images' / name))
        assert (model, int(height), int(width)) == ('PINHOLE', *image.shape[:2])
        assert image.shape == CourseCamera(walk).image(0).shape, 'the resolution of the camera'
        fx, fy, cx, cy = map(float, numbers)
        xyz = np.array([points[int(i)][:3] for i in seen[:, 2]], dtype=float)
        x, y, z = se3.transform(pose, xyz).T
        assert z.min() > 0
        uv = np.stack([fx * x / z + cx, fy * y / z + cy], axis=1)
        assert np.abs(uv - seen[:, :2]).max() < 0.01
        assert cx == pytest.approx(walk.K_image[0, 2] + 0.5, abs=1e-3)


def test_tracks_and_observations_name_each_other(with_depth, tmp_path):
    files, result = with_depth
    files.finish(result)
    write_colmap(tmp_path, result)
    _, images, points = model_in(tmp_path)
    for point_id, row in points.items():
        track = [int(word) for word in row[7:]]
        assert len(track) >= 4, 'two images at least'
        for image_id, place in zip(track[::2], track[1::2], strict=True):
            assert int(images[image_id][3][place, 2]) == point_id
    num_observations = sum(len(seen) for *_, seen in images.values())
    assert num_observations == sum(len(row[7:]) // 2 for row in points.values())


def test_the_images_are_those_of_the_model_and_no_others(with_depth, tmp_path):
    files, result = with_depth
    files.finish(result)
    write_colmap(tmp_path, result)
    names = sorted(path.name for path in (tmp_path / 'colmap' / 'images').iterdir())
    assert names == sorted(image[2] for image in model_in(tmp_path)[1].values())


def test_metric_depth_is_read_in_meters(with_depth, tmp_path):
    files, result = with_depth
    metric = replace(result, scale=METRIC)
    files.finish(metric)
    write_colmap(tmp_path, metric)
    assert len(model_in(tmp_path)[2]) > 500


def test_a_large_cloud_is_subsampled(with_depth, tmp_path, monkeypatch):
    monkeypatch.setattr(export_colmap, 'MAX_POINTS', 100)
    files, result = with_depth
    files.finish(result)
    write_colmap(tmp_path, result)
    assert 20 < len(model_in(tmp_path)[2]) <= 100


def test_points_that_no_depth_confirms_make_no_model(with_depth, tmp_path):
    files, result = with_depth
    files.finish(replace(result, growth=1.5 * result.growth))
    with pytest.raises(SaveError, match='a COLMAP model would be empty'):
        write_colmap(tmp_path, result)


def test_without_images_there_is_no_model(mapped, tmp_path):
    with pytest.raises(SaveError, match='--depth'):
        write_colmap(tmp_path, mapped)


def test_pycolmap_reads_the_model(with_depth, tmp_path):
    pycolmap = pytest.importorskip('pycolmap', reason='pycolmap not installed')
    files, result = with_depth
    files.finish(result)
    write_colmap(tmp_path, result)
    model = pycolmap.Reconstruction(str(tmp_path / 'colmap' / 'sparse' / '0'))
    assert model.num_reg_images() == len(result.keyframes)
    assert model.compute_mean_track_length() >= 2
    model.update_point_3d_errors()
    assert model.compute_mean_reprojection_error() < 1e-4, 'of the binary files'
    for path in (tmp_path / 'colmap' / 'sparse' / '0').glob('*.bin'):
        path.unlink()
    text = pycolmap.Reconstruction(str(tmp_path / 'colmap' / 'sparse' / '0'))
    assert text.num_points3D() == model.num_points3D()
    text.update_point_3d_errors()
    assert text.compute_mean_reprojection_error() < 0.01
