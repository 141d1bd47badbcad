import numpy as np
import pytest

from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import matrix_from_rotation_vector, rotation_angle
from vggt_ros.inference.prediction import Request
from vggt_ros.mapping.frontend.window import Window
from vggt_ros.mapping.registration.rig import measure_by_rig, on_rig
from vggt_ros.mapping.registration.submap import submap_from_prediction
from vggt_ros.synthetic.simulated_rig import make_rig

UNIT = 2.5  # meters


def rig_window(rng, num_sets, num_cameras, *, noise_m=0.0, turn_rad=0.0):
    """Poses of a rig in a unit of their own, the rows of its sets and where its cameras are."""
    rig = make_rig(num_cameras, 0.4)
    poses, rows = [], []
    for index in range(num_sets):
        turn = matrix_from_rotation_vector(0.1 * index * np.array([0.1, 1.0, 0.0]))
        world_from_rig = se3.rigid(turn, np.array([0.2 * index, 0.0, 0.3]))
        rows.append(tuple(range(len(poses), len(poses) + num_cameras)))
        for place in rig:
            pose = world_from_rig @ place
            pose[:3, :3] = (
                matrix_from_rotation_vector(turn_rad * rng.normal(size=3)) @ pose[:3, :3]
            )
            pose[:3, 3] = (pose[:3, 3] + noise_m * rng.normal(size=3)) / UNIT
            poses.append(pose)
    return np.stack(poses), rows, tuple(rig) * num_sets


def everything(poses):
    return np.ones(len(poses), dtype=bool)


@pytest.mark.parametrize('num_cameras', [2, 4, 8])
def test_the_distances_of_the_cameras_tell_meters(rng, num_cameras):
    poses, rows, places = rig_window(rng, 5, num_cameras)
    found = measure_by_rig(poses, rows, places, everything(poses))
    assert found.meters_per_unit == pytest.approx(UNIT, rel=1e-9)
    assert found.source == 'rig'
    assert found.residual < 1e-9


def test_noise_of_position_makes_lengths_no_longer(rng):
    found = []
    for _ in range(200):
        poses, rows, places = rig_window(rng, 8, 2, noise_m=0.05)
        found.append(measure_by_rig(poses, rows, places, everything(poses)))
    scales = np.array([each.meters_per_unit for each in found])
    assert np.median(scales) == pytest.approx(UNIT, rel=0.03)
    errors = np.log(scales / UNIT) / np.array([each.log_sigma for each in found])
    assert 0.5 < np.median(np.abs(errors)) / 0.6745 < 1.6, 'the sigma is that of the errors'


def test_a_shape_that_is_not_the_rig_has_a_large_residual(rng):
    poses, rows, places = rig_window(rng, 5, 2)
    # The network sees the second camera above the first, in truth it is beside it.
    for i in range(1, len(poses), 2):
        turned = poses[i - 1] @ np.array([0.16, 0.3, 0.0, 1.0])
        poses[i, :3, 3] = turned[:3]
    assert measure_by_rig(poses, rows, places, everything(poses)).residual > 0.3


def test_cameras_that_the_network_sees_in_one_place_tell_nothing(rng):
    poses, rows, places = rig_window(rng, 8, 2)
    poses[1::2] = poses[0::2]
    poses[:, :3, 3] += 0.01 * rng.normal(size=(16, 3))
    assert measure_by_rig(poses, rows, places, everything(poses)) is None


def test_frames_that_are_not_believed_tell_nothing(rng):
    poses, rows, places = rig_window(rng, 5, 2)
    poses[3, :3, 3] += 10.0
    is_inlier = everything(poses)
    is_inlier[3] = False
    found = measure_by_rig(poses, rows, places, is_inlier)
    assert found.meters_per_unit == pytest.approx(UNIT, rel=1e-9)


@pytest.mark.parametrize('how', ['one camera', 'unknown places', 'no baseline'])
def test_without_a_known_baseline_there_is_no_measurement(rng, how):
    poses, rows, places = rig_window(rng, 4, 2)
    if how == 'one camera':
        rows = [(i,) for i in range(len(poses))]
    elif how == 'unknown places':
        places = (places[0], None) * 4
    else:
        places = (np.eye(4),) * 8
    assert measure_by_rig(poses, rows, places, everything(poses)) is None


def test_on_the_rig_the_cameras_are_where_they_must_be_and_nearer_to_the_truth(
    rng, predictor, make_frame
):
    frames = tuple(make_frame(i) for i in range(6))
    window = Window.of_frames(frames)
    submap = submap_from_prediction(
        window, predictor.predict([f.image for f in frames], Request())
    )
    true_poses, rows, places = rig_window(rng, 3, 2)
    errors = []
    for _ in range(50):
        noisy, _, _ = rig_window(rng, 3, 2, noise_m=0.05, turn_rad=0.02)
        object.__setattr__(submap, 'ref_from_cam', noisy)
        put = on_rig(submap, rows, places, everything(noisy), UNIT)
        for i, j in rows:
            way = (se3.inverse(put.ref_from_cam[i]) @ put.ref_from_cam[j])[:3, 3] * UNIT
            np.testing.assert_allclose(way, places[j][:3, 3], atol=1e-9)
        for poses in (noisy, put.ref_from_cam):
            shift = np.linalg.norm(poses[:, :3, 3] - true_poses[:, :3, 3], axis=1)
            turn = rotation_angle(np.swapaxes(poses[:, :3, :3], 1, 2) @ true_poses[:, :3, :3])
            errors.append((shift.mean(), turn.mean()))
    before, after = np.array(errors[::2]).mean(axis=0), np.array(errors[1::2]).mean(axis=0)
    assert (after < 0.8 * before).all(), (before, after)


def test_a_set_with_one_known_camera_stays(rng, predictor, make_frame):
    frames = tuple(make_frame(i) for i in range(4))
    submap = submap_from_prediction(
        Window.of_frames(frames), predictor.predict([f.image for f in frames], Request())
    )
    places = (np.eye(4), None, np.eye(4), None)
    put = on_rig(submap, [(0, 1), (2, 3)], places, np.ones(4, dtype=bool), 1.0)
    np.testing.assert_array_equal(put.ref_from_cam, submap.ref_from_cam)
