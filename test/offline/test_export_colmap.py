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
from vggt_ros.offline.recorded_priors import RecordedPriors, RecordedRig
from vggt_ros.offline.result import UNKNOWN_SCALE
from vggt_ros.synthetic.course_camera import CourseCamera
from vggt_ros.synthetic.simulated_rig import make_rig

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


@pytest.fixture
def stereo(walk, config, source_of, truthful, tmp_path):
    """A walk of two cameras 0.3 m apart, mapped in meters, with its files and its rig."""
    places = make_rig(2, 0.3)
    course = replace(walk, world_from_cam=walk.world_from_cam[:13]).with_rig(places)
    files = DepthFiles(tmp_path / 'frames')
    rig = RecordedRig(first_from_cam=tuple(places), base_from_cam=(None, None))
    result = map_sequence(
        source_of(course, stop=26),
        config=config,
        predictor=truthful(course),
        priors=RecordedPriors(rig),
        on_keyframe=files.add,
    )
    # The network tells the truth in meters, of which there are too few windows to be sure.
    result = replace(result, scale=METRIC)
    files.finish(result)
    return places, result


def test_cameras_of_a_rig_share_frames_and_have_the_places_of_the_calibration(stereo, tmp_path):
    pycolmap = pytest.importorskip('pycolmap', reason='pycolmap not installed')
    places, result = stereo
    facts = write_colmap(tmp_path, result)
    assert (facts['num_rigs'], facts['num_images']) == (1, 2 * facts['num_frames'])
    assert facts['largest_move_to_rig'] < 0.02
    model = pycolmap.Reconstruction(str(tmp_path / 'colmap' / 'sparse' / '0'))
    assert (model.num_rigs(), model.num_frames()) == (1, facts['num_frames'])
    right = next(each.sensor_id for each in model.cameras.values() if each.camera_id == 2)
    np.testing.assert_allclose(
        model.rigs[1].sensor_from_rig(right).matrix(), se3.inverse(places[1])[:3], atol=1e-9
    )
    for frame in model.frames.values():
        names = sorted(model.images[each.id].name for each in frame.image_ids)
        assert [name.endswith('_1.png') for name in names] == [False, True]
        assert names[0][:-4] == names[1][:-6], 'they were taken at once'
    model.update_point_3d_errors()
    assert model.compute_mean_reprojection_error() < 1e-4


def test_pycolmap_adjusts_the_model_with_the_rig_constant(stereo, tmp_path):
    pycolmap = pytest.importorskip('pycolmap', reason='pycolmap not installed')
    _, result = stereo
    write_colmap(tmp_path, result)
    model = pycolmap.Reconstruction(str(tmp_path / 'colmap' / 'sparse' / '0'))
    true = {i: each.cam_from_world().matrix() for i, each in model.images.items()}
    frames = sorted(model.frames)
    for frame_id in frames[1:]:
        pose = model.frames[frame_id].rig_from_world
        shaken = np.array(pose.translation) + 0.02
        model.frames[frame_id].rig_from_world = pycolmap.Rigid3d(pose.rotation, shaken)
    options = pycolmap.BundleAdjustmentOptions()
    options.refine_focal_length = options.refine_extra_params = False
    options.refine_sensor_from_rig = options.print_summary = False
    config = pycolmap.BundleAdjustmentConfig()
    for image_id in model.reg_image_ids():
        config.add_image(image_id)
    config.set_constant_rig_from_world_pose(frames[0])
    pycolmap.create_default_bundle_adjuster(options, config, model).solve()
    for i, each in model.images.items():
        np.testing.assert_allclose(each.cam_from_world().matrix(), true[i], atol=1e-3)


def test_without_meters_or_places_every_camera_is_a_rig_of_its_own(stereo, tmp_path):
    _, result = stereo
    unknown = replace(result, scale=UNKNOWN_SCALE)
    facts = write_colmap(tmp_path, unknown)
    assert (facts['num_rigs'], facts['num_frames']) == (2, facts['num_images'])
    assert facts['largest_move_to_rig'] == 0.0


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
