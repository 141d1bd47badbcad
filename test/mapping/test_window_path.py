from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest

from vggt_ros.errors import InputError, PredictionError, VerificationError
from vggt_ros.inference.backbone import Capabilities
from vggt_ros.mapping import mapper as mapper_module
from vggt_ros.mapping.mapper import Mapper
from vggt_ros.mapping.predicted_window import Wanted
from vggt_ros.mapping.registration import window_estimate
from vggt_ros.mapping.registration.pose_priors import NoPriors


@pytest.fixture
def mapper(predictor, make_config):
    return Mapper(predictor, make_config(), offline=True)


def run(mapper, frames):
    """Feed the frames, process each window as soon as there is one; return the updates."""
    updates = []
    for frame in frames:
        mapper.add_frame(frame)
        while (window := mapper.wait_for_window(0.0)) is not None:
            updates.append(mapper.process(window, Wanted(tracks=False)))
    return updates


def test_a_window_goes_all_the_way_into_the_map(mapper, predictor, make_frame):
    first, second = run(mapper, map(make_frame, range(9)))
    assert [result.frame.id for result in first.new_frames] == list(range(6))
    assert first.is_connected
    assert first.correction is None
    assert [result.frame.id for result in second.new_frames] == [6, 7, 8]
    assert predictor.windows[1] == list(range(3, 9))
    assert len(mapper.map.graph) == 2


def test_the_scale_of_the_map_is_that_of_a_network_that_means_meters(
    predictor, make_config, make_frame
):
    predictor.capabilities = Capabilities(is_metric=True)
    predictor.max_log_unit = 0.0
    mapper = Mapper(predictor, make_config(), offline=True)
    updates = run(mapper, map(make_frame, range(30)))
    state = updates[-1].scale_state
    assert (state.is_metric, state.source) == (True, 'model')


def test_a_window_without_a_frame_to_believe_leaves_the_map_as_it_was(
    mapper, make_frame, monkeypatch
):
    run(mapper, map(make_frame, range(6)))
    current = mapper.map
    before = len(current.graph), len(current.layers.voxels), current.last
    only_the_old = np.array([True, True, True, False])
    monkeypatch.setattr(
        window_estimate, 'consistent_frames', lambda inconsistency, submap: only_the_old
    )
    mapper.add_frame(make_frame(6))
    mapper.stream.flush()
    with pytest.raises(PredictionError, match='none of the 1 new frames agrees'):
        mapper.process(mapper.wait_for_window(0.0), Wanted(tracks=False))
    assert (len(current.graph), len(current.layers.voxels), current.last) == before


@pytest.mark.parametrize('by', ['reset', 'jump'])
@pytest.mark.parametrize('step', ['_predict', '_estimate', '_register', '_close_loop'])
def test_a_reset_at_any_time_voids_the_window(mapper, make_frame, monkeypatch, step, by):
    run(mapper, map(make_frame, range(100, 106)))
    original = getattr(mapper, step)

    def interrupted(*args):
        answer = original(*args)
        if by == 'reset':
            mapper.reset()
        else:
            with suppress(InputError):  # a second one confirms that time goes on from there
                mapper.add_frame(make_frame(200, stamp_ns=10_000_000))
            mapper.add_frame(make_frame(201, stamp_ns=20_000_000))
        return answer

    monkeypatch.setattr(mapper, step, interrupted)
    for index in (106, 107, 108):
        mapper.add_frame(make_frame(index))
    window = mapper.wait_for_window(0.0)
    assert mapper.process(window, Wanted(tracks=False)) is None
    assert mapper.stream.epoch == mapper.map.epoch == 1
    assert len(mapper.map.path().stamps_ns) == len(mapper.map.graph) == 0
    snapshot = mapper.snapshot()
    assert snapshot.counts.drops['reset'] == 3
    assert snapshot.frames_pending == (0 if by == 'reset' else 1)


def test_a_reset_while_a_window_is_drawn_waits_for_it_and_voids_the_next_one(
    mapper, make_frame, monkeypatch
):
    """The stream begins again at once; the window that was drawn is of the map before."""
    add = mapper.map.add

    def interrupted(*args):
        add(*args)
        mapper.stream.reset()

    monkeypatch.setattr(mapper.map, 'add', interrupted)
    assert run(mapper, map(make_frame, range(6))) == [None]
    assert mapper.snapshot().counts.drops == {'reset': 6}
    monkeypatch.undo()
    (update,) = run(mapper, map(make_frame, range(20, 26)))
    assert len(mapper.map.path().stamps_ns) == len(update.new_frames) == 6


def test_where_the_way_closes_a_loop_the_map_is_corrected_once(mapper, predictor, make_frame):
    # The walk comes back to its beginning; on the way the network errs.
    rng = np.random.default_rng(0)

    def drift(parts):
        steps = np.linspace(0, 1, len(parts['cam_from_world']))[:, None]
        parts['cam_from_world'][:, :3, 3] += 0.02 * steps * rng.normal(size=3)

    predictor.spoil = drift
    updates = run(mapper, map(make_frame, range(603)))
    corrections = [update.correction is not None for update in updates]
    assert mapper.map.graph.num_loops == sum(corrections) > 0
    assert not any(corrections[:40])


def test_with_images_that_are_asked_loops_need_no_network(
    mapper, predictor, make_frame, true_pose, point_scene, monkeypatch
):
    """Features of things in the room, at the true poses, beside what the network says."""
    rng = np.random.default_rng(0)
    room = point_scene.room(1, count=1500, center=(0, 0, 0), size=(8, 3, 6))
    estimate = mapper._estimate

    def asked(predicted, prediction):
        view = estimate(predicted, prediction)
        ids = [frame.id for frame in predicted.window.frames]
        true_steps = np.linalg.norm(true_pose(ids[-1])[:3, 3] - true_pose(ids[0])[:3, 3])
        steps = view.submap.ref_from_cam[[0, -1], :3, 3]
        unit = float(np.linalg.norm(steps[1] - steps[0])) / true_steps
        features = {i: room.seen_from(true_pose(i), rng).features.scaled(unit) for i in ids}
        return replace(view, features=features)

    monkeypatch.setattr(mapper, '_estimate', asked)
    run(mapper, map(make_frame, range(333)))
    statistics = mapper.snapshot().loop_statistics
    assert statistics.num_queries > 0
    assert mapper.map.graph.num_loops == statistics.num_confirmed > 0
    assert all(ids == sorted(set(ids)) for ids in predictor.windows), 'no window over two places'
    assert len(predictor.windows) == 110
    assert all(place.in_map.depth.size <= 64 for place in mapper.map.places.keyframes())


def test_windows_of_which_the_images_say_nothing_are_not_shown_to_the_network_again(
    mapper, predictor, make_frame, monkeypatch
):
    estimate = mapper._estimate
    monkeypatch.setattr(mapper, '_estimate', lambda *args: replace(estimate(*args), features={}))
    run(mapper, map(make_frame, range(333)))
    assert len(predictor.windows) == 110
    assert mapper.map.graph.num_loops == 0
    assert mapper.snapshot().loop_statistics.refusals['no_features'] == 110


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

    monkeypatch.setattr(mapper_module.WindowRefiner, 'refine', refuse)
    mapper = Mapper(predictor, make_config(refine__mode='poses'), priors=Wheels(), offline=True)
    with pytest.raises(VerificationError):
        run(mapper, map(make_frame, range(6)))
    assert len(asked) == 6
    assert len(heard[0].relative) == 5
    assert np.isnan(heard[0].meters_per_unit)
