import numpy as np
import pytest

from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import matrix_from_rotation_vector, rotation_angle
from vggt_ros.geometry.sim3 import align_sim3
from vggt_ros.offline import global_refinement
from vggt_ros.offline.global_refinement import carried, refine_globally

pytest.importorskip('pycolmap', reason='pycolmap is the extra offline')


def drifting(poses, size):
    """The same walk as a map has it that drifts steadily."""
    drifted = poses.copy()
    for row in range(len(poses)):
        bend = matrix_from_rotation_vector(size * row * np.array([0.2, 1.0, 0.1]))
        drifted[row, :3, :3] = bend @ poses[row, :3, :3]
        drifted[row, :3, 3] = bend @ poses[row, :3, 3] + size * row * np.array([0.5, 0.2, 0.3])
    return drifted


def errors(found, truth):
    truth_from_map = align_sim3(found[:, :3, 3], truth[:, :3, 3])
    shifts = truth_from_map.apply(found[:, :3, 3]) - truth[:, :3, 3]
    turns = truth_from_map.rotation @ found[:, :3, :3]
    angles = rotation_angle(np.swapaxes(truth[:, :3, :3], 1, 2) @ turns)
    return float(np.linalg.norm(shifts, axis=1).max()), float(np.degrees(angles).max())


def test_a_map_that_drifts_is_put_right_by_all_images_at_once(make_room, along_wall):
    room, truth = make_room(), along_wall()
    keyframes = [room.keyframe(pose) for pose in truth]
    map_from_cam = drifting(truth, 0.01)
    assert errors(map_from_cam, truth)[0] > 0.03
    found = refine_globally(keyframes, map_from_cam, is_calibrated=True)
    shift, turn_deg = errors(found.map_from_cam, truth)
    assert shift < 0.005
    assert turn_deg < 0.2
    report = found.report
    assert report.method in ('images', 'poses')
    assert report.num_placed == report.num_keyframes == len(truth)
    assert report.support_after > 1.5 * report.support_before
    assert report.error_px < 0.5
    # Unit and axes are still those of the map, as far as it had any.
    assert (
        np.linalg.norm(found.map_from_cam[:, :3, 3] - map_from_cam[:, :3, 3], axis=1).max() < 0.3
    )


def test_depth_that_was_too_long_somewhere_is_made_shorter_there(make_room, along_wall):
    room, truth = make_room(1), along_wall()
    factors = np.where(np.arange(len(truth)) < 7, 1.0, 1.3)
    keyframes = [room.keyframe(p, float(f)) for p, f in zip(truth, factors, strict=True)]
    found = refine_globally(keyframes, drifting(truth, 0.01), is_calibrated=True)
    growth = found.growth * factors
    np.testing.assert_allclose(growth / growth.mean(), 1.0, atol=0.03)


def test_a_map_that_is_right_is_kept(make_room, along_wall):
    room, truth = make_room(2), along_wall()
    keyframes = [room.keyframe(pose) for pose in truth]
    found = refine_globally(keyframes, truth, is_calibrated=True)
    assert found.report.method == 'none'
    assert 'no more than the map' in found.report.why
    assert found.map_from_cam is truth
    np.testing.assert_array_equal(found.growth, 1.0)


def test_images_that_have_nothing_in_common_change_nothing(make_room, along_wall):
    poses = along_wall(6)
    keyframes = [make_room(10 + row).keyframe(pose) for row, pose in enumerate(poses)]
    found = refine_globally(keyframes, poses, is_calibrated=True)
    assert found.report.method == 'none'
    assert found.map_from_cam is poses


def test_a_keyframe_that_nothing_ties_to_the_others_goes_with_the_next_one(make_room, along_wall):
    room, truth = make_room(3), along_wall()
    keyframes = [room.keyframe(pose) for pose in truth]
    keyframes[5] = make_room(99).keyframe(truth[5])
    before = drifting(truth, 0.01)
    found = refine_globally(keyframes, before, is_calibrated=True)
    assert found.report.num_placed == len(truth) - 1
    step = se3.inverse(found.map_from_cam[4]) @ found.map_from_cam[5]
    old_step = se3.inverse(before[4]) @ before[5]
    np.testing.assert_allclose(step[:3, :3], old_step[:3, :3], atol=1e-9)
    np.testing.assert_allclose(step[:3, 3], found.growth[4] * old_step[:3, 3], atol=1e-9)


def test_too_few_or_too_many_keyframes_are_kept_as_they_are(make_room, along_wall, monkeypatch):
    room, truth = make_room(), along_wall(4)
    keyframes = [room.keyframe(pose) for pose in truth]
    for rows, limit in ((2, 1000), (4, 3)):
        monkeypatch.setattr(global_refinement, 'MAX_KEYFRAMES', limit)
        found = refine_globally(keyframes[:rows], truth[:rows], is_calibrated=True)
        assert (found.report.method, found.report.num_keyframes) == ('none', rows)
        assert f'{rows} keyframes' in found.report.why


def test_what_is_beside_a_keyframe_is_carried_with_it(along_wall):
    old, new = along_wall(9)[[2, 7]]
    beside = old @ se3.rigid(np.eye(3), np.array([0.1, 0.0, 0.0]))
    moved = se3.inverse(new) @ carried(beside, old, new, 2.0)
    np.testing.assert_allclose(moved[:3, 3], [0.2, 0.0, 0.0], atol=1e-12)
