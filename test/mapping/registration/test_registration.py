from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from vggt_ros.errors import AlignmentError
from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import angle_between, matrix_from_quat_xyzw
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.mapping.registration.registration import continue_from, register
from vggt_ros.mapping.registration.submap import Submap

S, H, W = 4, 12, 16
seeds = given(seed=st.integers(0, 2**32 - 1))


def random_submap(rng, with_points=False):
    depth = rng.uniform(1, 5, (S, H, W)).astype(np.float32)
    poses = se3.rigid(matrix_from_quat_xyzw(rng.normal(size=(S, 4))), rng.normal(size=(S, 3)))
    ones = np.ones((S, H, W), np.float32)
    points = np.full((S, H, W, 3), np.nan, np.float32)
    if with_points:
        points = rng.uniform(-2, 2, (S, H, W, 3)).astype(np.float32)
    return Submap(
        frame_ids=tuple(range(S)),
        depth=depth,
        confidence=ones,
        points_in_cam=points,
        points_confidence=ones,
        K=np.stack([np.eye(3)] * S),
        ref_from_cam=poses,
        focal_ratio=float('nan'),
    )


def changed(submap, **arrays):
    parts = {name: getattr(submap, name) for name in Submap.__slots__}
    return Submap(**(parts | arrays))


def seam_of(rng, with_points=False):
    in_submap = random_submap(rng, with_points)
    truth = Sim3(
        float(np.exp(rng.normal())), matrix_from_quat_xyzw(rng.normal(size=4)), rng.normal(size=3)
    )
    return in_submap.moved(truth), in_submap, truth


def assert_close(estimate, truth, tolerance):
    assert estimate.scale == pytest.approx(truth.scale, rel=tolerance)
    assert angle_between(estimate.rotation, truth.rotation) < tolerance
    np.testing.assert_allclose(estimate.translation, truth.translation, atol=5 * tolerance)


@seeds
def test_the_similarity_between_two_predictions_is_found(seed):
    in_map, in_submap, truth = seam_of(np.random.default_rng(seed))
    seam = register(in_map, in_submap)
    assert_close(seam.map_from_submap, truth, 1e-5)
    assert seam.scale_residual < 1e-5
    assert seam.rotation_residual_rad < 1e-6
    assert seam.num_pixels == S * H * W


def with_wrong_camera(submap, row):
    poses = submap.ref_from_cam.copy()
    turn = matrix_from_quat_xyzw(np.array([0.0, 0.2, 0.0, 1.0]))
    poses[row] = poses[row] @ se3.rigid(turn, np.array([0.5, 0.0, 0.0]))
    return changed(submap, ref_from_cam=poses)


def with_wrong_depth(submap, row):
    depth = submap.depth.copy()
    depth[row] *= 2
    return changed(submap, depth=depth)


@seeds
@pytest.mark.parametrize('spoil', [with_wrong_camera, with_wrong_depth])
def test_one_wrong_frame_in_four_is_left_out(spoil, seed):
    in_map, in_submap, truth = seam_of(np.random.default_rng(seed))
    seam = register(in_map, spoil(in_submap, 1))
    assert seam.frame_ids == (0, 2, 3)
    assert_close(seam.map_from_submap, truth, 1e-5)


@pytest.mark.parametrize('spoil', [with_wrong_camera, with_wrong_depth])
@pytest.mark.parametrize('wrong', [0, 1])
def test_of_two_inconsistent_frames_the_outlier_is_left_out(spoil, wrong):
    in_map, in_submap, truth = seam_of(np.random.default_rng(0))
    in_map, in_submap = in_map.select([0, 1]), in_submap.select([0, 1])
    inconsistency = np.array([0.02, 0.02])
    inconsistency[wrong] = 0.08
    seam = register(in_map, spoil(in_submap, wrong), inconsistency)
    assert seam.frame_ids == (1 - wrong,)
    assert_close(seam.map_from_submap, truth, 1e-5)


def test_two_frames_that_are_inconsistent_with_equal_scores_cannot_be_registered():
    in_map, in_submap, _ = seam_of(np.random.default_rng(0))
    in_map, in_submap = in_map.select([0, 1]), in_submap.select([0, 1])
    with pytest.raises(AlignmentError, match=r'contradict each other: .* raise window\.overlap'):
        register(in_map, with_wrong_depth(in_submap, 0), np.array([0.02, 0.02]))


def test_a_network_that_is_bad_throughout_keeps_its_frames():
    rng = np.random.default_rng(3)
    in_map, in_submap, truth = seam_of(rng)
    factors = np.exp(0.1 * rng.normal(size=(S, 1, 1)))
    seam = register(in_map, changed(in_submap, depth=(in_submap.depth * factors).astype('f4')))
    assert len(seam.frame_ids) == S
    assert seam.map_from_submap.scale == pytest.approx(truth.scale, rel=0.2)


def test_the_scale_does_not_favor_either_side():
    # Both sides doubt where they are too far by their own error: no side may win by being first.
    logs = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        in_map, in_submap, truth = seam_of(rng)
        sides = []
        for side in (in_map, in_submap):
            error = 0.2 * rng.exponential(size=side.depth.shape)
            depth = (side.depth * np.exp(error)).astype('f4')
            sides.append(changed(side, depth=depth, confidence=(9 - error).astype('f4')))
        logs.append(np.log(register(*sides).map_from_submap.scale / truth.scale))
    assert abs(np.mean(logs)) < 3 * np.std(logs) / np.sqrt(len(logs))


def test_the_error_of_the_scale_is_about_as_large_as_it_is_said_to_be():
    normalized = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        in_map, in_submap, truth = seam_of(rng)
        fields = 0.05 * rng.normal(size=(S, 4, 4))
        field = fields.repeat(H // 4, axis=1).repeat(W // 4, axis=2)
        depth = (in_submap.depth * np.exp(field)).astype('f4')
        seam = register(in_map, changed(in_submap, depth=depth))
        error = np.log(seam.map_from_submap.scale / truth.scale)
        normalized.append(error / seam.log_scale_sigma)
    assert 0.6 < np.sqrt(np.mean(np.square(normalized))) < 1.6


def test_wild_depth_in_a_third_of_the_pixels_hardly_changes_the_scale():
    rng = np.random.default_rng(0)
    in_map, in_submap, truth = seam_of(rng)
    depth = in_submap.depth * np.exp(0.01 * rng.normal(size=in_submap.depth.shape))
    depth[rng.random(depth.shape) < 0.33] *= 100
    seam = register(in_map, changed(in_submap, depth=depth.astype(np.float32)))
    assert seam.map_from_submap.scale == pytest.approx(truth.scale, rel=0.02)


@pytest.mark.parametrize('doubtful', ['map', 'submap'])
def test_what_either_prediction_doubts_has_no_say(doubtful):
    rng = np.random.default_rng(0)
    in_map, in_submap, truth = seam_of(rng)
    depth = in_submap.depth.copy()
    depth[:, :7] *= 3  # more than half of the twelve rows
    confidence = rng.uniform(2, 3, depth.shape).astype(np.float32)
    confidence[:, :7] -= 1
    in_submap = changed(in_submap, depth=depth)
    if doubtful == 'map':
        in_map = changed(in_map, confidence=confidence)
    else:
        in_submap = changed(in_submap, confidence=confidence)
    seam = register(in_map, in_submap)
    assert seam.map_from_submap.scale == pytest.approx(truth.scale)
    assert seam.scale_residual < 1e-5


def test_pixels_without_depth_are_left_out():
    in_map, in_submap, truth = seam_of(np.random.default_rng(0))
    depth = in_submap.depth.copy()
    depth[:, ::2] = np.nan
    seam = register(in_map, changed(in_submap, depth=depth))
    assert seam.map_from_submap.scale == pytest.approx(truth.scale)
    assert seam.num_pixels == S * H * W // 2


def test_one_shared_frame_is_enough():
    in_map, in_submap, truth = seam_of(np.random.default_rng(0))
    seam = register(in_map.select([2]), in_submap.select([2]))
    assert_close(seam.map_from_submap, truth, 1e-5)


def on_the_spot(submap):
    poses = submap.ref_from_cam.copy()
    poses[:, :3, 3] = poses[0, :3, 3]
    return changed(submap, ref_from_cam=poses)


def without_motion(submap):
    poses = np.repeat(submap.ref_from_cam[:1], S, axis=0)
    return changed(submap, ref_from_cam=poses)


def of_one_plane(submap):
    rows = np.linspace(1, 3, H, dtype=np.float32)[None, :, None]
    return changed(submap, depth=np.broadcast_to(rows, submap.depth.shape).copy())


@seeds
@pytest.mark.parametrize('degenerate', [on_the_spot, without_motion, of_one_plane])
def test_scale_needs_no_baseline_no_motion_and_no_relief(degenerate, seed):
    rng = np.random.default_rng(seed)
    in_submap = degenerate(random_submap(rng))
    truth = Sim3(
        float(np.exp(rng.normal())), matrix_from_quat_xyzw(rng.normal(size=4)), rng.normal(size=3)
    )
    found = register(in_submap.moved(truth), in_submap)
    assert_close(found.map_from_submap, truth, 1e-5)
    assert found.log_scale_sigma < 0.01


def test_confident_points_have_half_a_say_in_the_translation():
    in_map, in_submap, truth = seam_of(np.random.default_rng(0), with_points=True)
    assert_close(register(in_map, in_submap).map_from_submap, truth, 1e-5)
    poses = in_map.ref_from_cam.copy()
    shift = np.array([0.05, 0.0, 0.0])
    poses[:, :3, 3] += shift  # the cameras of the map, but not what they see
    turned = poses[:, :3, :3].swapaxes(1, 2) @ -shift
    points = in_map.points_in_cam + turned[:, None, None].astype(np.float32)
    moved = changed(in_map, ref_from_cam=poses, points_in_cam=points)
    found = register(moved, in_submap).map_from_submap
    np.testing.assert_allclose(found.translation, truth.translation + 0.5 * shift, atol=1e-3)


def test_points_that_are_not_trusted_have_no_say_in_the_translation():
    in_map, in_submap, truth = seam_of(np.random.default_rng(0), with_points=True)
    points, confidence = in_submap.points_in_cam.copy(), in_submap.points_confidence.copy()
    points[:, :5] += 1.0
    confidence[:, :5] = 0.5
    spoilt = changed(in_submap, points_in_cam=points, points_confidence=confidence)
    assert_close(register(in_map, spoilt).map_from_submap, truth, 1e-5)


def test_too_few_common_pixels_are_refused():
    in_map, in_submap, _ = seam_of(np.random.default_rng(0))
    depth = np.full_like(in_submap.depth, np.nan)
    depth.flat[:63] = 1
    with pytest.raises(AlignmentError, match='63 pixels'):
        register(in_map, changed(in_submap, depth=depth))


def test_a_pose_that_is_not_finite_is_refused():
    in_map, in_submap, _ = seam_of(np.random.default_rng(0))
    poses = in_submap.ref_from_cam.copy()
    poses[0, 0, 3] = np.nan
    with pytest.raises(AlignmentError, match='not finite'):
        register(in_map, changed(in_submap, ref_from_cam=poses))


def test_different_pixels_are_refused():
    in_map, in_submap, _ = seam_of(np.random.default_rng(0))
    cut = {
        name: getattr(in_submap, name)[:, 1:]
        for name in ('depth', 'confidence', 'points_in_cam', 'points_confidence')
    }
    with pytest.raises(AlignmentError, match='pixels must be the same'):
        register(in_map, changed(in_submap, **cut))


@seeds
def test_a_segment_without_a_seam_starts_at_the_last_pose(seed):
    rng = np.random.default_rng(seed)
    submap, last = random_submap(rng), random_submap(rng).ref_from_cam[0]
    continued = continue_from(last, 2.5, submap)
    assert continued.scale == 2.5
    first = submap.moved(continued).ref_from_cam[0]
    np.testing.assert_allclose(first, last, atol=1e-9)
