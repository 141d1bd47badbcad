from dataclasses import replace

import numpy as np
import pytest

from vggt_ros.errors import PredictionError
from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import rotation_angle
from vggt_ros.inference.backbone import Predicts
from vggt_ros.inference.prediction import Request
from vggt_ros.settings.config import CloudSettings
from vggt_ros.synthetic.busy_course import busy_course
from vggt_ros.synthetic.course import make_course, REPEATED_CORRIDOR
from vggt_ros.synthetic.moving_things import STATIC
from vggt_ros.synthetic.simulated_predictor import Errors, NONE, SimulatedPredictor

IDS = list(range(40, 48))


@pytest.fixture(scope='module')
def course():
    return make_course('figure_eight', 80, 0)


def ask(predictor, course, ids=IDS, **request):
    images = [np.zeros((course.height, course.width, 3), np.uint8)] * len(ids)
    return predictor.predict(images, Request(**request), frame_ids=ids)


def many(course, errors, count=60, **request):
    predictor = SimulatedPredictor(course, errors, seed=1)
    return [ask(predictor, course, **request) for _ in range(count)]


def true_depth(course, ids=IDS):
    return np.stack([course.world.depth(course.world_from_cam[i], course.K, 32, 24) for i in ids])


def test_it_is_what_a_mapper_needs(course):
    assert isinstance(SimulatedPredictor(course), Predicts)


def test_without_errors_it_tells_the_truth_about_the_first_camera(course):
    prediction = ask(SimulatedPredictor(course, NONE), course, point_head=True)
    np.testing.assert_array_equal(prediction.depth, true_depth(course))
    np.testing.assert_allclose(prediction.cam_from_world[0], np.eye(4), atol=1e-12)
    first_from_cam = se3.inverse(course.world_from_cam[40]) @ course.world_from_cam[IDS]
    np.testing.assert_allclose(se3.inverse(prediction.cam_from_world), first_from_cam, atol=1e-9)
    np.testing.assert_allclose(prediction.K_model, [course.K] * 8)
    in_cam = se3.transform(prediction.cam_from_world[5], prediction.points_in_world[5])
    np.testing.assert_allclose(in_cam[..., 2], prediction.depth[5], rtol=1e-4)
    assert prediction.keep.all()


def test_the_unit_differs_from_window_to_window_and_is_the_same_within(course):
    units = []
    for prediction in many(course, replace(NONE, log_scale=0.4)):
        ratio = prediction.depth / true_depth(course)
        np.testing.assert_allclose(ratio, ratio[0, 0, 0], rtol=1e-5)
        moved = prediction.cam_from_world[7, :3, 3]
        truth = se3.inverse(course.world_from_cam[47]) @ course.world_from_cam[40]
        np.testing.assert_allclose(moved, ratio[0, 0, 0] * truth[:3, 3], rtol=1e-4, atol=1e-6)
        units.append(float(ratio[0, 0, 0]))
    assert 0.39 < min(units) < 0.7
    assert 1.6 < max(units) < 2.51
    assert np.std(np.log(units)) == pytest.approx(0.4, rel=0.3)


def test_an_error_of_the_focal_length_goes_into_depth(course):
    ratios = []
    for prediction in many(course, replace(NONE, focal=0.03)):
        ratio = prediction.K_model[0, 0, 0] / course.K[0, 0]
        np.testing.assert_allclose(prediction.depth / true_depth(course), ratio, rtol=1e-5)
        ratios.append(ratio)
    assert np.std(np.log(ratios)) == pytest.approx(0.03, rel=0.3)


def test_the_bias_of_depth_is_smooth(course):
    wrong = np.log(
        [p.depth / true_depth(course) for p in many(course, replace(NONE, depth_bias=0.03))]
    )
    assert wrong.std() == pytest.approx(0.03, rel=0.3)
    assert np.abs(np.diff(wrong, axis=-1)).mean() < 0.2 * wrong.std()


def test_poses_get_worse_with_the_way_from_the_first_camera(course):
    first_from_cam = se3.inverse(course.world_from_cam[40]) @ course.world_from_cam[IDS]
    angles, shifts = [], []
    for prediction in many(course, replace(NONE, rotation_rad=0.01, translation=0.02)):
        wrong = se3.inverse(prediction.cam_from_world) @ se3.inverse(first_from_cam)
        angles.append(rotation_angle(wrong[:, :3, :3]))
        shifts.append(np.linalg.norm(wrong[:, :3, 3], axis=1))
    for errors in (angles, shifts):
        typical = np.sqrt(np.mean(np.square(errors), axis=0))
        assert typical[0] < 1e-9
        assert typical[1] < typical[4] < typical[7]


def test_confidence_tells_a_part_of_the_truth(course):
    prediction = ask(SimulatedPredictor(course, replace(NONE, depth_bias=0.05)), course)
    wrong = np.abs(np.log(prediction.depth / true_depth(course)))
    ranks = [np.argsort(np.argsort(x.ravel())) for x in (wrong, prediction.depth_conf)]
    assert -0.9 < np.corrcoef(ranks)[0, 1] < -0.3
    assert prediction.depth_conf.min() >= 1


def test_some_frames_are_utterly_wrong_and_some_windows_fail(course):
    predictor = SimulatedPredictor(course, replace(NONE, failures=0.2))
    failed = 0
    for _ in range(100):
        try:
            ask(predictor, course)
        except PredictionError:
            failed += 1
    assert 8 < failed < 35
    num_wrong = 0
    for prediction in many(course, replace(NONE, outliers=0.1, rotation_rad=0.006)):
        wrong = se3.inverse(prediction.cam_from_world[1:]) @ se3.inverse(
            se3.inverse(course.world_from_cam[40]) @ course.world_from_cam[IDS[1:]]
        )
        num_wrong += int((rotation_angle(wrong[:, :3, :3]) > np.radians(2)).sum())
    assert 15 < num_wrong < 75  # a tenth of 420


def test_the_same_seed_gives_the_same_answers(course):
    first, again = (ask(SimulatedPredictor(course, Errors(), seed=5), course) for _ in range(2))
    np.testing.assert_array_equal(first.depth, again.depth)
    np.testing.assert_array_equal(first.cam_from_world, again.cam_from_world)


def test_frames_that_were_not_asked_for_have_no_depth_and_the_filter_is_applied(course):
    settings = CloudSettings(confidence_percentile=50.0)
    prediction = ask(SimulatedPredictor(course), course, depth_frames=(0, 6, 7), filter=settings)
    has_depth = np.isfinite(prediction.depth).all(axis=(1, 2))
    assert has_depth.tolist() == [True] + [False] * 5 + [True] * 2
    assert not prediction.keep[1:6].any()
    assert prediction.keep[[0, 6, 7]].mean() <= 0.5


def test_tracks_are_the_truth_and_know_when_they_are_hidden(course):
    rng = np.random.default_rng(0)
    queries = rng.uniform([0, 0], [31, 23], (40, 2)).round().astype(np.float32)
    tracks = ask(SimulatedPredictor(course, NONE), course, query_points=queries).tracks
    assert tracks.positions.shape == (8, 40, 2)
    np.testing.assert_allclose(tracks.positions[0], queries, atol=1.5)
    assert tracks.visibility[0].mean() > 0.9
    assert tracks.visibility[7].mean() < tracks.visibility[0].mean()


def test_images_larger_than_the_grid_are_told_by_the_grid(course):
    pictured = course.with_pictures(width=40, height=30, image_scale=4)
    images = [np.full((120, 160, 3), 7, np.uint8)] * 4
    predictor = SimulatedPredictor(pictured, replace(NONE, focal=0.1))
    queries = np.array([[80.0, 60.0], [20.5, 100.0]], np.float32)
    answer = predictor.predict(images, Request(query_points=queries), frame_ids=IDS[:4])
    assert answer.images.shape == (4, 30, 40, 3)
    assert answer.depth.shape == (4, 30, 40)
    focal = answer.K_model[0, 0, 0] / pictured.K[0, 0]
    assert focal != pytest.approx(1.0, abs=1e-3)
    np.testing.assert_allclose(answer.K_image[0, 0, 0], focal * pictured.K_image[0, 0])
    in_grid = answer.grid.model_from_image(queries.astype(float))
    np.testing.assert_allclose(answer.tracks.positions[0], in_grid, atol=2.0)


def test_places_that_look_alike_are_taken_for_one():
    course = make_course(REPEATED_CORRIDOR, 500, 0)
    shift = course.alias_shift[:, 0]
    late = int(np.flatnonzero(shift > 0)[40])
    seeming = course.world_from_cam[:, :3, 3] - course.alias_shift
    early = int(np.linalg.norm(seeming[: late - 100] - seeming[late], axis=1).argmin())
    predictor = SimulatedPredictor(course, NONE)
    ids = [early, early + 1, late, late + 1]
    answer = ask(predictor, course, ids)
    moved = se3.inverse(answer.cam_from_world)[:, :3, 3]
    assert np.linalg.norm(moved[2]) < 1.0, 'truly they are a corridor apart'
    true_m = np.linalg.norm(np.diff(course.world_from_cam[[early, late], :3, 3], axis=0))
    assert true_m > 5.0
    # Within one corridor nothing is mistaken: windows pass from one to the next.
    border = int(np.flatnonzero(shift > 0)[0])
    passing = list(range(border - 4, border + 4))
    answer = ask(predictor, course, passing)
    truth = se3.inverse(course.world_from_cam[passing[0]]) @ course.world_from_cam[passing]
    np.testing.assert_allclose(se3.inverse(answer.cam_from_world), truth, atol=1e-9)
    near, far = ask(predictor, course, [late]), ask(predictor, course, [early])
    assert float((near.descriptors[0] * far.descriptors[0]).sum()) > 0.8


def test_points_of_what_moves_are_followed_to_where_it_goes():
    busy = busy_course(make_course('figure_eight', 300, 0), 0)
    first = max(range(0, 290, 5), key=lambda i: (busy.moving_seen(i) != STATIC).sum())
    ids = list(range(first, first + 8))
    rows, columns = np.nonzero(busy.moving_seen(first) != STATIC)
    uv = np.stack([columns, rows], axis=1).astype(np.float32)
    prediction = ask(SimulatedPredictor(busy, NONE), busy, ids, query_points=uv)
    is_on_it = []
    for i, found in zip(ids, prediction.tracks.positions, strict=True):
        near = np.rint(found).astype(int).clip(0, [31, 23])
        shown = busy.moving_seen(i)[near[:, 1], near[:, 0]]
        is_on_it.append((shown[prediction.tracks.visibility[i - first] > 0] != STATIC).mean())
    assert min(is_on_it) > 0.7
    np.testing.assert_array_equal(
        prediction.depth[3],
        busy.world_at(ids[3]).depth(busy.world_from_cam[ids[3]], busy.K, 32, 24),
    )
