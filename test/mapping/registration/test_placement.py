from dataclasses import replace

import numpy as np
import pytest

from vggt_ros.errors import AlignmentError
from vggt_ros.geometry import se3
from vggt_ros.inference.prediction import Request
from vggt_ros.mapping.frontend.window import Window
from vggt_ros.mapping.registration.placement import (
    check_unit,
    map_from_odom,
    OverlapReference,
    place_by_odometry,
    place_by_overlap,
    place_first,
)
from vggt_ros.mapping.registration.pose_error_model import PoseErrorModel


@pytest.fixture
def view_of(make_frame, predictor, make_view):
    def make(indices, num_overlap=0, **said):
        frames = tuple(make_frame(index) for index in indices)
        window = Window.of_frames(frames, num_overlap, 0)
        prediction = predictor.predict([frame.image for frame in frames], Request())
        return make_view(window, prediction, **said)

    return make


@pytest.fixture
def last_of(view_of):
    """The first window of a map, one map unit a unit of its own."""

    def make(scale=1.0, odom_from_cam=None):
        view = view_of(range(6), odom_from_cam=odom_from_cam)
        placement = place_first(view.submap, view.is_inlier, view.priors, scale)
        in_map = view.submap.moved(placement.map_from_submap)
        last = OverlapReference(
            submap_id=0,
            in_map=in_map.select((3, 4, 5)),
            inconsistency=np.full(3, 0.02),
            map_from_first=in_map.ref_from_cam[0],
            map_from_odom=map_from_odom(in_map, view.is_inlier, view.priors, 1.0),
            unit=scale,
        )
        return last, in_map

    return make


def joined(view, last, noise=None):
    noise = PoseErrorModel() if noise is None else noise
    return place_by_overlap(
        view.window, view.submap, view.is_inlier, view.inconsistency, last, noise
    )


def test_a_window_is_joined_where_its_frames_are(view_of, last_of):
    last, in_map = last_of()
    view = view_of(range(3, 9), num_overlap=3)
    placement = joined(view, last)
    moved = view.submap.moved(placement.map_from_submap)
    np.testing.assert_allclose(moved.ref_from_cam[:3], in_map.ref_from_cam[3:], atol=1e-5)
    np.testing.assert_allclose(moved.depth[0], in_map.depth[3], rtol=1e-4)
    sigmas = np.sqrt(np.diag(placement.covariance))
    assert (sigmas > 0).all()
    assert sigmas[:3].max() < 0.02, 'radians'


def test_frames_that_nobody_believes_decide_nothing(view_of, last_of):
    last, _ = last_of()
    is_inlier = np.array([False, False, False, True, True, True])
    view = view_of(range(3, 9), num_overlap=3, is_inlier=is_inlier)
    with pytest.raises(AlignmentError, match='none of the 3 frames that the window shares'):
        joined(view, last)


def test_a_seam_whose_predictions_differ_teaches_how_bad_poses_are(view_of, last_of, predictor):
    last, _ = last_of()
    rng = np.random.default_rng(0)

    def shake(parts):
        parts['cam_from_world'][:, :3, 3] += 0.05 * rng.normal(size=(6, 3))

    noise = PoseErrorModel()
    before = noise.over(0.1)[1]
    predictor.spoil = shake
    placement = joined(view_of(range(3, 9), num_overlap=3), last, noise)
    assert noise.over(0.1)[1] > 1.2 * before
    assert np.sqrt(placement.covariance[3, 3]) > 0.005


def test_odometry_bridges_a_gap_in_any_unit(view_of, last_of, true_pose):
    odom = [true_pose(i) for i in range(6)]
    last, in_map = last_of(odom_from_cam=odom)
    np.testing.assert_allclose(in_map.ref_from_cam[0], odom[0], atol=1e-9)
    later = [true_pose(i) for i in range(20, 26)]
    view = view_of(range(20, 26), odom_from_cam=later)
    meters_per_unit = 2.0
    in_units = true_pose(20)
    in_units[:3, 3] /= meters_per_unit
    placement = place_by_odometry(
        view.submap, view.is_inlier, view.priors, last, meters_per_unit, 0.7, 1.0
    )
    moved = placement.map_from_submap.apply_to_pose(view.submap.ref_from_cam)
    np.testing.assert_allclose(moved[0], last.map_from_odom @ in_units, atol=1e-9)
    assert placement.map_from_submap.scale == 0.7
    assert placement.covariance is not None


@pytest.mark.parametrize('missing', ['odometry', 'scale'])
def test_without_odometry_or_scale_a_gap_stays_a_guess(view_of, last_of, true_pose, missing):
    odom = [true_pose(i) for i in range(6)]
    last, _ = last_of(odom_from_cam=odom)
    known = missing != 'odometry'
    view = view_of(range(20, 26), odom_from_cam=[true_pose(20)] * 6 if known else None)
    unit = float('nan') if missing == 'scale' else 1.0
    placement = place_by_odometry(view.submap, view.is_inlier, view.priors, last, unit, None, 1.0)
    assert placement.covariance is None
    moved = placement.map_from_submap.apply_to_pose(view.submap.ref_from_cam)
    np.testing.assert_allclose(moved[0], last.in_map.ref_from_cam[-1], atol=1e-9)


def test_the_odometry_is_where_its_newest_known_pose_says(view_of, true_pose):
    odom_from_cam = [true_pose(i) for i in range(6)]
    odom_from_cam[5] = None
    view = view_of(range(6), odom_from_cam=odom_from_cam)
    placement = place_first(view.submap, view.is_inlier, view.priors, 0.5)
    in_map = view.submap.moved(placement.map_from_submap)
    found = map_from_odom(in_map, view.is_inlier, view.priors, 1.0)
    np.testing.assert_allclose(found @ odom_from_cam[4], in_map.ref_from_cam[4], atol=1e-9)
    assert se3.is_rigid(found)
    assert map_from_odom(in_map, view.is_inlier, view.priors, float('nan')) is None


def test_a_first_frame_that_nobody_believes_does_not_decide_where_a_window_is(
    view_of, last_of, true_pose, predictor
):
    odom = [true_pose(i) for i in range(6)]
    last, _ = last_of(odom_from_cam=odom)

    def spoil(parts):
        parts['cam_from_world'][0, :3, 3] += 5.0

    predictor.spoil = spoil
    later = [true_pose(i) for i in range(20, 26)]
    is_inlier = np.arange(6) > 0
    view = view_of(range(20, 26), odom_from_cam=later, is_inlier=is_inlier)
    bridged = place_by_odometry(
        view.submap, view.is_inlier, view.priors, last, 1.0, 0.7, 1.0
    ).map_from_submap
    begun = place_first(view.submap, view.is_inlier, view.priors, 0.7).map_from_submap
    for placed, expected in ((bridged, last.map_from_odom @ later[1]), (begun, later[1])):
        moved = placed.apply_to_pose(view.submap.ref_from_cam)
        np.testing.assert_allclose(moved[1], expected, atol=1e-6)


def test_after_a_gap_without_motion_things_are_as_far_away_as_usual(view_of, last_of, true_pose):
    last, _ = last_of(scale=2.0, odom_from_cam=[true_pose(i) for i in range(6)])
    view = view_of(range(20, 26), odom_from_cam=[true_pose(20)] * 6)
    placement = place_by_odometry(view.submap, view.is_inlier, view.priors, last, 1.0, None, 7.0)
    depth = view.submap.moved(placement.map_from_submap).depth
    assert np.nanmedian(depth) == pytest.approx(7.0, rel=1e-3)
    assert placement.log_scale_sigma > 0.3


@pytest.mark.parametrize('step', [1 / 29.0, 1.0, 29.0])
def test_units_that_what_is_in_sight_explains_are_taken(step):
    check_unit(2.0 * step, 2.0)


@pytest.mark.parametrize('step', [1 / 31.0, 31.0, float('nan')])
def test_a_unit_that_jumps_is_refused(step):
    with pytest.raises(AlignmentError, match='changed by a factor of'):
        check_unit(2.0 * step, 2.0)


@pytest.mark.parametrize('way', [1e8, 1e155, np.inf, np.nan])
def test_a_window_beyond_all_bounds_has_no_place(view_of, way):
    view = view_of(range(6))
    placement = place_first(view.submap, view.is_inlier, view.priors, 1.0)
    assert placement.in_map(view.submap).frame_ids == view.submap.frame_ids
    place = placement.map_from_submap
    far = replace(placement, map_from_submap=replace(place, translation=np.array([way, 0.0, 0.0])))
    with pytest.raises(AlignmentError, match='no place in the map: of a camera its translation'):
        far.in_map(view.submap)
