from dataclasses import replace

import numpy as np
import pytest
import torch

from vggt_ros.errors import VerificationError
from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import rotation_angle
from vggt_ros.mapping.frontend.window import Window
from vggt_ros.mapping.refinement import feature_store
from vggt_ros.mapping.refinement.anchor import anchor
from vggt_ros.mapping.refinement.landmarks import Landmarks
from vggt_ros.mapping.registration import window_refiner
from vggt_ros.mapping.registration.known_motion import known_motion, NO_MOTION
from vggt_ros.mapping.registration.metric_scale import ScaleState
from vggt_ros.mapping.registration.placement import OverlapReference
from vggt_ros.mapping.registration.submap import submap_from_prediction
from vggt_ros.mapping.registration.window_priors import WindowPriors
from vggt_ros.mapping.registration.window_refiner import WindowRefiner
from vggt_ros.settings.refine_config import RefineSettings
from vggt_ros.synthetic.simulated_predictor import Errors

INDICES = (0, 2, 4, 6, 8)
# Errors like VGGT's, of windows that are answered.
ERRORS = Errors(outliers=0.0, failures=0.0)
LARGE = replace(ERRORS, rotation_rad=0.05, translation=0.1)


def refiner(mode='poses', **settings):
    usual = {'max_features': 500, 'budget_ms': 60_000}
    settings = RefineSettings(mode=mode, **(usual | settings))
    return WindowRefiner(settings, 40, 12, torch.device('cpu'))


def refine(hall, with_refiner, *indices, last=None, num_overlap=0, errors=ERRORS, **frame):
    window = hall.window(*indices, num_overlap=num_overlap, **frame)
    prediction = hall.predict(window, errors, seed=indices[0])
    submap = submap_from_prediction(window, prediction)
    return with_refiner.refine(window, prediction, submap, last), submap


def errors_of(hall, indices, ref_from_cam):
    """Largest turn, degrees, and shift, meters, after bringing both to their first camera."""
    truth, found = hall.world_from_cam(indices), ref_from_cam
    truth, found = se3.inverse(truth[0]) @ truth, se3.inverse(found[0]) @ found
    scale = (truth[:, :3, 3] * found[:, :3, 3]).sum() / (found[:, :3, 3] ** 2).sum()
    turns = rotation_angle(np.swapaxes(truth[:, :3, :3], 1, 2) @ found[:, :3, :3])
    shifts = np.linalg.norm(truth[:, :3, 3] - scale * found[:, :3, 3], axis=1)
    return float(np.degrees(turns.max())), float(shifts.max())


def last_of(refinement, ids, anchors=()):
    return OverlapReference(
        submap_id=0,
        in_map=refinement.submap.select(ids),
        inconsistency=np.zeros(len(ids)),
        map_from_first=refinement.submap.ref_from_cam[0],
        map_from_odom=None,
        unit=refinement.unit,
        landmarks=refinement.landmarks,
        anchors=anchors,
    )


@pytest.fixture(scope='module')
def first(hall):
    """The first window of a map, with the refiner that knows its features."""
    with_refiner = refiner()
    return with_refiner, *refine(hall, with_refiner, *INDICES)


def test_images_correct_the_poses_of_the_network(hall):
    found, submap = refine(hall, refiner(), *INDICES, errors=LARGE)
    before = errors_of(hall, INDICES, submap.ref_from_cam)
    after = errors_of(hall, INDICES, found.submap.ref_from_cam)
    assert found.window.is_verified.all()
    assert after[0] < 0.15
    assert after[0] < 0.3 * before[0]
    assert after[1] < 0.02
    assert after[1] < 0.3 * before[1]
    assert found.unit == 1.0
    assert len(found.shared.in_map) == 0
    assert not found.anchor_poses


def test_new_frames_leave_features_with_points_in_the_unit_of_the_submap(hall, first):
    _, found, _ = first
    assert set(found.features) == set(found.landmarks.of_frame) == set(INDICES)
    for index in INDICES:
        depth = found.landmarks.of_frame[index].depth
        in_cam = found.features[index].points_in_cam[found.features[index].has_point]
        assert len(in_cam) > 50
        known = np.sort(depth[np.isfinite(depth)])
        np.testing.assert_allclose(np.sort(in_cam[:, 2]), known, rtol=1e-5)


def test_a_first_window_that_is_not_confirmed_is_looked_at_more_closely(hall, monkeypatch):
    """Views that are far apart: of 100 features each they share too few."""
    far = (0, 12, 24, 36)
    found, _ = refine(hall, refiner(max_features=100), *far, errors=LARGE)
    assert found.window.is_verified.all()
    assert errors_of(hall, far, found.submap.ref_from_cam)[0] < 0.5
    with pytest.raises(VerificationError):  # there is no time for it
        refine(hall, refiner(max_features=100, budget_ms=1), *far, errors=LARGE)
    monkeypatch.setattr(feature_store.FeatureStore, 'detect_more', lambda *_: False)
    with pytest.raises(VerificationError):
        refine(hall, refiner(max_features=100), *far, errors=LARGE)


def test_features_that_the_map_knows_stay(hall, first, monkeypatch):
    _, begun, _ = first
    few = refiner(max_features=100)
    for index in (6, 8):
        few.prepare(hall.frame(index))
    monkeypatch.setattr(few._store, 'detect_more', lambda _: pytest.fail('looked'))
    last = replace(last_of(begun, (6, 8)), landmarks=Landmarks(of_frame={}))
    with pytest.raises(VerificationError):
        blank = np.full((240, 320, 3), 127, np.uint8)
        refine(hall, few, 6, 8, 10, 12, last=last, num_overlap=2, image=blank)


@pytest.mark.parametrize('image', ['blank', 'noise'])
def test_images_that_confirm_nothing_are_an_error_with_a_remedy(hall, image):
    blank = np.full((240, 320, 3), 127, np.uint8)
    window = hall.window(*INDICES, image=blank)
    if image == 'noise':
        rng = np.random.default_rng(0)
        window = Window.of_frames(
            [
                replace(frame, image=rng.integers(0, 256, blank.shape, dtype=np.uint8))
                for frame in window.frames
            ]
        )
    prediction = hall.predict(window, ERRORS)
    with pytest.raises(
        VerificationError,
        match=r'none of the 5 new frames: too few tracks .*\(\d+ tracks\).*refine.max_features',
    ):
        refiner().refine(window, prediction, submap_from_prediction(window, prediction), None)


def test_a_window_in_the_map_is_in_its_frame_and_unit(hall, first):
    with_refiner, begun, _ = first
    indices = (6, 8, 10, 12, 14)
    last = last_of(begun, (6, 8))
    found, _ = refine(hall, with_refiner, *indices, last=last, num_overlap=2)
    poses = found.submap.ref_from_cam
    np.testing.assert_allclose(poses[:2], begun.submap.ref_from_cam[3:], atol=0.01)
    whole = np.concatenate([begun.submap.ref_from_cam, poses[2:]])
    turn_deg, shift_m = errors_of(hall, (*INDICES, 10, 12, 14), whole)
    assert turn_deg < 0.3
    assert shift_m < 0.04
    # Simulated units are as random as the seed: this one is not that of the first window.
    assert abs(np.log(found.unit)) > 0.05
    assert set(found.features) == {10, 12, 14}
    np.testing.assert_array_equal(found.submap.depth[0], begun.submap.depth[3])


def test_points_that_the_map_has_are_where_they_were(hall, first):
    with_refiner, begun, _ = first
    found, _ = refine(hall, with_refiner, 6, 8, 10, 12, last=last_of(begun, (6, 8)), num_overlap=2)
    shared = found.shared
    assert len(shared.in_map) > 30
    assert np.isfinite(shared.in_map).all()
    assert np.isfinite(shared.log_depth_ratio).all()
    assert abs(np.median(shared.log_depth_ratio)) < 0.01
    away = np.linalg.norm(shared.in_map - shared.in_submap, axis=1)
    assert np.median(away / np.linalg.norm(shared.in_map, axis=1)) < 0.02


def test_anchors_hold_a_window_and_are_confirmed(hall, first):
    with_refiner, begun, _ = first
    poses = begun.submap.ref_from_cam
    anchors = tuple(anchor(hall.frame(INDICES[row]), poses[row]) for row in (1, 2))
    last = last_of(begun, (6, 8), anchors)
    found, _ = refine(hall, with_refiner, 6, 8, 10, 12, last=last, num_overlap=2)
    assert set(found.anchor_poses) == {2, 4}
    np.testing.assert_allclose(found.anchor_poses[2], poses[1], atol=2e-2)
    assert found.submap.frame_ids == (6, 8, 10, 12)
    assert found.window.is_verified.shape == (4,)
    assert np.isfinite(found.shared.in_submap).all()


def test_there_may_be_more_anchors_with_landmarks_than_frames(hall, first):
    with_refiner, begun, _ = first
    poses = begun.submap.ref_from_cam
    anchors = tuple(anchor(hall.frame(INDICES[row]), poses[row]) for row in range(4))
    last = last_of(begun, (8,), anchors)
    found, _ = refine(hall, with_refiner, 8, 10, last=last, num_overlap=1)
    assert set(found.anchor_poses) == {0, 2, 4, 6}
    assert found.window.is_verified.all()


def test_an_anchor_whose_features_are_forgotten_is_left_out(hall, first):
    _, begun, _ = first
    stranger = anchor(replace(hall.frame(2), id=777), begun.submap.ref_from_cam[1])
    last = last_of(begun, (6, 8), (stranger,))
    found, _ = refine(hall, first[0], 6, 8, 10, 12, last=last, num_overlap=2)
    assert not found.anchor_poses


def test_an_overlap_that_the_map_does_not_have_begins_anew(hall, first):
    with_refiner, begun, _ = first
    last = last_of(begun, (0, 2))
    found, _ = refine(hall, with_refiner, 6, 8, 10, 12, last=last, num_overlap=2)
    assert found.unit == 1.0
    assert len(found.shared.in_map) == 0


def test_a_map_without_landmarks_still_holds_a_window(hall, first):
    with_refiner, begun, _ = first
    last = replace(last_of(begun, (6, 8)), landmarks=Landmarks(of_frame={}))
    found, _ = refine(hall, with_refiner, 6, 8, 10, 12, last=last, num_overlap=2)
    assert found.window.is_verified.all()
    np.testing.assert_allclose(
        found.submap.ref_from_cam[:2], begun.submap.ref_from_cam[3:], atol=0.01
    )


def test_to_verify_keeps_poses_and_depth_of_the_network(hall):
    found, submap = refine(hall, refiner('verify'), *INDICES)
    assert found.window.is_verified.all()
    np.testing.assert_array_equal(found.submap.ref_from_cam, submap.ref_from_cam)
    np.testing.assert_array_equal(found.window.geometry.window_from_cam, submap.ref_from_cam)
    np.testing.assert_array_equal(found.submap.depth, submap.depth)


def test_to_verify_does_not_confirm_cameras_that_are_far_off(hall):
    window = hall.window(*INDICES)
    prediction = hall.predict(window, ERRORS)
    cam_from_world = prediction.cam_from_world.copy()
    cam_from_world[3, :3, 3] += 1.0 * np.median(prediction.depth)
    prediction = replace(prediction, cam_from_world=cam_from_world)
    submap = submap_from_prediction(window, prediction)
    found = refiner('verify').refine(window, prediction, submap, None)
    np.testing.assert_array_equal(found.window.is_verified, np.arange(5) != 3)
    assert 6 not in found.features


def test_depth_is_swept_only_if_asked_for_and_in_time(hall, monkeypatch):
    from vggt_ros.mapping.registration import window_refiner

    asked = []
    original = window_refiner.agreeing_depth

    def agreeing_depth(*arguments, sweeps, **options):
        asked.append(sweeps)
        return original(*arguments, sweeps=False, **options)

    monkeypatch.setattr(window_refiner, 'agreeing_depth', agreeing_depth)
    refine(hall, refiner('poses'), 0, 2, 4)
    refine(hall, refiner('depth'), 0, 2, 4)
    of_window = window_refiner.refine_window

    def late(*arguments):
        found = of_window(*arguments)
        return replace(found, report=replace(found.report, duration_s=61.0))

    monkeypatch.setattr(window_refiner, 'refine_window', late)
    refine(hall, refiner('depth'), 0, 2, 4)
    assert asked == [False, True, False]


def test_an_uncalibrated_camera_has_one_focal_length_in_all_windows(hall, monkeypatch):
    with_refiner, given = refiner(), []
    of_store = with_refiner._store.window

    def window(frames, K_predicted):
        given.append(K_predicted[:, 0, 0])
        return of_store(frames, K_predicted)

    monkeypatch.setattr(with_refiner._store, 'window', window)
    wrong = replace(ERRORS, focal=0.06)
    lengths = []
    for start in (0, 2):
        indices = range(start, start + 6, 2)
        found, _ = refine(hall, with_refiner, *indices, errors=wrong, is_calibrated=False)
        lengths.append(found.window.geometry.K[0, 0, 0])
    np.testing.assert_allclose(given[1], lengths[0])
    assert with_refiner._focal == pytest.approx(np.sqrt(lengths[0] * lengths[1]))
    with_refiner.clear()
    refine(hall, with_refiner, 0, 2, 4, errors=wrong, is_calibrated=False)
    np.testing.assert_array_equal(given[2], given[0])


def test_a_frame_that_was_prepared_is_not_detected_again(hall, monkeypatch):
    with_refiner = refiner()
    for index in INDICES:
        with_refiner.prepare(hall.frame(index))
    monkeypatch.setattr(feature_store, 'detect_features', lambda *_: pytest.fail('again'))
    found, _ = refine(hall, with_refiner, *INDICES)
    assert found.window.is_verified.all()


def test_a_cleared_refiner_has_forgotten_the_features(hall):
    with_refiner = refiner()
    with_refiner.prepare(hall.frame(0))
    assert 0 in with_refiner._store
    with_refiner.clear()
    assert 0 not in with_refiner._store


def motion_of(hall, window, factor=1.0, **scale):
    """What wheels say of a window; a map of which a unit is a meter unless said otherwise."""
    poses = hall.world_from_cam([frame.id for frame in window.frames])
    poses[:, :3, 3] *= factor
    nothing = (None,) * len(poses)
    view = WindowPriors(
        odom_from_cam=tuple(poses),
        base_from_cam=nothing,
        first_from_cam=nothing,
        depth_m=nothing,
    )
    known = {'meters_per_unit': 1.0, 'log_sigma': 0.01} | scale
    state = ScaleState(is_metric=True, source='odometry', num_rejected=0, **known)
    return known_motion(window, view, state)


def test_wheels_are_asked_in_the_unit_of_the_map_beside_its_anchors(hall, first, monkeypatch):
    with_refiner, begun, _ = first
    asked = []
    original = window_refiner.refine_window

    def spy(seen, estimate, priors, budget_s):
        asked.append(priors)
        return original(seen, estimate, priors, budget_s)

    monkeypatch.setattr(window_refiner, 'refine_window', spy)
    poses = begun.submap.ref_from_cam
    unit = np.linalg.norm(poses[-1, :3, 3] - poses[0, :3, 3])
    truth = hall.world_from_cam(INDICES)
    meters_per_unit = np.linalg.norm(truth[-1, :3, 3] - truth[0, :3, 3]) / unit
    window = hall.window(6, 8, 10, 12, num_overlap=2)
    motion = motion_of(hall, window, meters_per_unit=meters_per_unit)
    last = last_of(begun, (6, 8), (anchor(hall.frame(4), poses[2]),))
    prediction = hall.predict(window, ERRORS)
    submap = submap_from_prediction(window, prediction)
    found = with_refiner.refine(window, prediction, submap, last, motion)
    assert [(each.row_a, each.row_b) for each in asked[0].relative] == [(1, 2), (2, 3), (3, 4)]
    steps = se3.inverse(found.submap.ref_from_cam[:-1]) @ found.submap.ref_from_cam[1:]
    for each, step in zip(asked[0].relative, steps, strict=True):
        assert each.tells_length
        np.testing.assert_allclose(each.a_from_b, step, atol=0.03)
    with_refiner.refine(window, prediction, submap, None, motion)
    assert not any(each.tells_length for each in asked[1].relative), 'the first window of a map'


def test_wheels_that_lie_do_not_bend_what_the_images_show(hall, first):
    with_refiner, begun, _ = first
    window = hall.window(6, 8, 10, 12, num_overlap=2)
    prediction = hall.predict(window, ERRORS)
    submap = submap_from_prediction(window, prediction)
    last = last_of(begun, (6, 8))
    motions = NO_MOTION, motion_of(hall, window, factor=10.0)
    found = [with_refiner.refine(window, prediction, submap, last, each) for each in motions]
    np.testing.assert_allclose(
        found[0].submap.ref_from_cam, found[1].submap.ref_from_cam, atol=0.01
    )


def test_features_that_the_network_follows_are_those_of_the_frame(hall):
    frame, grid = hall.frame(0), hall.course.grid
    found = refiner().queries(frame, grid)
    np.testing.assert_array_equal(found.uv_image, refiner().queries(frame, grid).uv_image)
    assert len(found.feature) == 200
    assert refiner().queries(frame, replace(grid, image_width=640)) is None


def foreign(frame):
    """A mirrored image: nothing in it is where anything is in the hall."""
    return replace(frame, image=np.ascontiguousarray(frame.image[:, ::-1]))


@pytest.mark.parametrize('strange', [(1, 3), (0, 2), (5, 6, 7)])
def test_images_of_another_world_in_a_window_are_not_verified(hall, strange):
    """Whatever the network says: it sees the hall in all of them."""
    indices = tuple(range(8))
    window = hall.window(*indices)
    prediction = hall.predict(window, ERRORS)
    submap = submap_from_prediction(window, prediction)
    frames = [
        foreign(frame) if row in strange else frame for row, frame in enumerate(window.frames)
    ]
    found = refiner().refine(Window.of_frames(frames), prediction, submap, None)
    assert not found.window.is_verified[list(strange)].any()
    assert found.window.is_verified.sum() == len(indices) - len(strange)


def test_a_cut_to_another_world_verifies_nothing_at_once(hall):
    # A refiner of its own: it knows features by the ids of frames, and these have strange images.
    with_refiner = refiner()
    found, _ = refine(hall, with_refiner, *INDICES)
    window = hall.window(4, 6, 8, 10, 12, 14, num_overlap=3)
    prediction = hall.predict(window, ERRORS)
    submap = submap_from_prediction(window, prediction)
    frames = [*window.frames[:3], *map(foreign, window.frames[3:])]
    cut = Window.of_frames(frames, 3)
    with pytest.raises(VerificationError, match='confirm none of the 3 new frames'):
        with_refiner.refine(cut, prediction, submap, last_of(found, (4, 6, 8)))


def test_images_that_are_upside_down_from_one_moment_on_are_a_camera_that_is_or_nothing(hall):
    """Whatever the network says; never a camera that is where it was and sees another world."""
    indices = tuple(range(8))
    window = hall.window(*indices)
    prediction = hall.predict(window, ERRORS)
    submap = submap_from_prediction(window, prediction)
    frames = [
        replace(frame, image=np.ascontiguousarray(frame.image[::-1, ::-1])) if row >= 5 else frame
        for row, frame in enumerate(window.frames)
    ]
    found = refiner().refine(Window.of_frames(frames), prediction, submap, None)
    assert found.window.is_verified[:5].all()
    poses = found.window.geometry.window_from_cam
    for row in np.flatnonzero(found.window.is_verified[5:]) + 5:
        turn = poses[row, :3, :3].T @ poses[4, :3, :3]
        assert np.degrees(rotation_angle(turn)) > 150.0
