from dataclasses import replace

import numpy as np
import pytest

from vggt_ros.errors import PredictionError, VerificationError, VggtRosError
from vggt_ros.inference.backbone import Capabilities
from vggt_ros.mapping import map_builder
from vggt_ros.mapping.frontend.window import Window
from vggt_ros.mapping.map_builder import MapBuilder, Wanted
from vggt_ros.mapping.registration import window_estimate
from vggt_ros.mapping.registration.pose_priors import NoPriors
from vggt_ros.synthetic.simulated_predictor import Errors, SimulatedPredictor


@pytest.fixture
def builder(predictor, make_config):
    return MapBuilder(predictor, NoPriors(), make_config())


def build(builder, window, is_void=lambda: False):
    added = []
    predicted = builder.predict(window, Wanted(tracks=False), 0.0, is_void)
    update = builder.add(predicted, is_void, lambda update, ids: added.append(list(ids)))
    return update, added


def window_of(make_frame, first, num_overlap, count=6):
    frames = tuple(make_frame(first + k) for k in range(count))
    return Window.of_frames(frames, num_overlap, 0)


def test_a_window_goes_all_the_way_into_the_map(builder, make_frame):
    update, added = build(builder, window_of(make_frame, 0, 0))
    assert [result.frame.id for result in update.new_frames] == list(range(6))
    assert added == [list(range(6))]
    assert update.is_connected
    assert update.correction is None
    update, added = build(builder, window_of(make_frame, 3, 3))
    assert [result.frame.id for result in update.new_frames] == [6, 7, 8]
    assert added == [list(range(3, 9))]
    assert len(builder.map.graph) == 2


@pytest.mark.parametrize('can', [True, False])
def test_what_a_network_cannot_do_is_not_asked_of_it(builder, predictor, make_frame, can):
    predictor.capabilities = Capabilities(follows_points=can, encodes_on_arrival=can)
    builder.encode(make_frame(0))
    assert predictor.encoded == ([0] if can else [])
    for first, overlap in ((0, 0), (3, 3)):
        window = window_of(make_frame, first, overlap)
        predicted = builder.predict(window, Wanted(tracks=True), 0.0, lambda: False)
        builder.add(predicted, lambda: False, lambda update, ids: None)
    asked = [request.query_points is not None for request in predictor.requests]
    assert asked == [can, can]


def test_a_window_without_a_frame_to_believe_leaves_the_map_as_it_was(
    builder, make_frame, monkeypatch
):
    build(builder, window_of(make_frame, 0, 0))
    before = len(builder.map.graph), len(builder.map.voxels), builder.map.last
    only_the_old = np.array([True, True, True, False])
    monkeypatch.setattr(
        window_estimate, 'consistent_frames', lambda inconsistency, submap: only_the_old
    )
    with pytest.raises(PredictionError, match='none of the 1 new frames agrees'):
        build(builder, window_of(make_frame, 3, 3, count=4))
    assert (len(builder.map.graph), len(builder.map.voxels), builder.map.last) == before


@pytest.mark.parametrize('asked', [1, 2, 3])
def test_a_reset_at_any_time_voids_the_window(builder, make_frame, asked):
    build(builder, window_of(make_frame, 0, 0))
    answers = iter([False] * (asked - 1) + [True] * 9)
    update, added = build(builder, window_of(make_frame, 3, 3), lambda: next(answers))
    assert update is None
    assert added == []
    assert len(builder.map.trajectory) == 6


def test_where_the_way_closes_a_loop_the_map_is_corrected_once(builder, predictor, make_frame):
    # The walk comes back to its beginning; on the way the network errs.
    rng = np.random.default_rng(0)

    def drift(parts):
        steps = np.linspace(0, 1, len(parts['cam_from_world']))[:, None]
        parts['cam_from_world'][:, :3, 3] += 0.02 * steps * rng.normal(size=3)

    predictor.spoil = drift
    corrections = []
    for first in range(0, 600, 3):
        update, _ = build(builder, window_of(make_frame, first, 3 if first else 0))
        corrections.append(update.correction is not None)
    assert builder.map.graph.num_loops == sum(corrections) > 0
    assert not any(corrections[:40])


def test_with_images_that_are_asked_loops_need_no_network(
    builder, predictor, make_frame, true_pose, point_scene, monkeypatch
):
    """Features of things in the room, at the true poses, beside what the network says."""
    rng = np.random.default_rng(0)
    room = point_scene.room(1, count=1500, center=(0, 0, 0), size=(8, 3, 6))
    estimate = builder._estimate

    def asked(predicted, prediction):
        view = estimate(predicted, prediction)
        ids = [frame.id for frame in predicted.window.frames]
        true_steps = np.linalg.norm(true_pose(ids[-1])[:3, 3] - true_pose(ids[0])[:3, 3])
        steps = view.submap.ref_from_cam[[0, -1], :3, 3]
        unit = float(np.linalg.norm(steps[1] - steps[0])) / true_steps
        features = {i: room.seen_from(true_pose(i), rng).features.scaled(unit) for i in ids}
        return replace(view, features=features)

    monkeypatch.setattr(builder, '_estimate', asked)
    for first in range(0, 330, 3):
        build(builder, window_of(make_frame, first, 3 if first else 0))
    statistics = builder.loop_statistics
    assert statistics.num_queries > 0
    assert builder.map.graph.num_loops == statistics.num_confirmed > 0
    assert all(ids == sorted(set(ids)) for ids in predictor.windows), 'no window over two places'
    assert len(predictor.windows) == 110
    assert all(place.jpeg == b'' for place in map(builder.map.places.__getitem__, range(9)))


def test_windows_of_which_the_images_say_nothing_are_not_shown_to_the_network_again(
    builder, predictor, make_frame, monkeypatch
):
    estimate = builder._estimate
    monkeypatch.setattr(builder, '_estimate', lambda *args: replace(estimate(*args), features={}))
    for first in range(0, 330, 3):
        build(builder, window_of(make_frame, first, 3 if first else 0))
    assert len(predictor.windows) == 110
    assert builder.map.graph.num_loops == 0
    assert builder.loop_statistics.refusals['no_features'] == 110


def test_the_robot_is_asked_once_a_frame_and_the_refinement_hears_what_it_said(
    predictor, make_config, make_frame, true_pose, monkeypatch
):
    asked, heard = [], []

    class Wheels(NoPriors):
        def odom_from_cam(self, stamp_ns, camera_frame):
            asked.append(stamp_ns)
            return true_pose(stamp_ns // 100_000_000 - 1)

    def refuse(self, window, prediction, submap, last, motion, followed):
        heard.append(motion)
        raise VerificationError('noise')

    monkeypatch.setattr(map_builder.WindowRefiner, 'refine', refuse)
    builder = MapBuilder(predictor, Wheels(), make_config(refine__mode='poses'))
    with pytest.raises(VerificationError):
        build(builder, window_of(make_frame, 0, 0))
    assert len(asked) == 6
    assert len(heard[0].relative) == 5
    assert np.isnan(heard[0].meters_per_unit)


@pytest.fixture
def grainy(hall):
    """Windows of the hall in images so grainy that their features are hardly found again."""

    def make(*indices, num_overlap=0):
        window = hall.window(*indices, num_overlap=num_overlap)
        frames = []
        for frame in window.frames:
            rng = np.random.default_rng(frame.id)
            image = frame.image + 40.0 * rng.normal(size=frame.image.shape)
            frames.append(replace(frame, image=np.clip(image, 0, 255).astype(np.uint8)))
        return Window.of_frames(frames, num_overlap)

    return make


def confirmed(hall, grainy, make_config, tracks):
    """Return how many new frames of three windows the images confirm."""
    errors = Errors(outliers=0.0, failures=0.0, rotation_rad=0.03, translation=0.06)
    config = make_config(
        refine__mode='poses', refine__tracks=tracks, refine__max_features=200, model__device='cpu'
    )
    builder = MapBuilder(SimulatedPredictor(hall.course, errors), NoPriors(), config)
    # The first answer tells what the network sees.
    builder.predict(grainy(0, 2), Wanted(tracks=False), 0.0, lambda: False)
    number = 0
    for indices in ((0, 2, 4, 6, 8), (6, 8, 10, 12, 14), (12, 14, 16, 18, 20)):
        window = grainy(*indices, num_overlap=2 if indices[0] else 0)
        try:
            update, _ = build(builder, window)
        except VggtRosError:
            break
        number += len(update.new_frames)
    return number


def test_where_features_are_not_found_again_tracks_of_the_network_confirm_more(
    hall, grainy, make_config
):
    by_features, by_both = (
        confirmed(hall, grainy, make_config, tracks) for tracks in ('features', 'both')
    )
    assert by_both == 11
    assert by_features < by_both


@pytest.mark.parametrize('is_published', [True, False])
def test_features_that_are_followed_are_no_published_tracks(
    predictor, make_config, make_frame, is_published
):
    answers = []
    for tracks in ('features', 'both'):
        asked = type(predictor)()
        builder = MapBuilder(
            asked, NoPriors(), make_config(refine__mode='poses', refine__tracks=tracks)
        )
        predicted = [
            builder.predict(
                window_of(make_frame, first, 3), Wanted(tracks=is_published), 0.0, lambda: False
            )
            for first in (0, 3)
        ]
        answers.append((asked, predicted))
    (_, alone), (asked, both) = answers
    assert [each.followed for each in alone] == [None, None]
    # The first answer tells what the network sees.
    assert both[0].followed is None
    count = len(both[1].followed.feature)
    assert count > 20
    for one, other in zip(alone, both, strict=True):
        if not is_published:
            assert one.answer.tracks is other.answer.tracks is one.queries is None
            continue
        np.testing.assert_array_equal(one.queries.ids, other.queries.ids)
        for name in ('positions', 'visibility', 'confidence'):
            np.testing.assert_array_equal(
                getattr(one.answer.tracks, name), getattr(other.answer.tracks, name)
            )
    num_published = len(alone[1].queries.ids) if is_published else 0
    assert len(asked.requests[1].query_points) == num_published + count
