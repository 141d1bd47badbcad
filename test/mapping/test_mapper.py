import threading

import numpy as np
import pytest

from vggt_ros.errors import (
    AlignmentError,
    ConfigError,
    DeviceMemoryError,
    InputError,
    PredictionError,
    VerificationError,
)
from vggt_ros.geometry.rotation import angle_between
from vggt_ros.geometry.sim3 import align_sim3
from vggt_ros.mapping.frontend.frame import UndecodedFrame
from vggt_ros.mapping.mapper import Mapper
from vggt_ros.mapping.predicted_window import Wanted

DEPTH_ONLY = Wanted(tracks=False)


@pytest.fixture
def mapper(predictor, make_config):
    return Mapper(predictor, make_config(), offline=True)


@pytest.fixture(autouse=True)
def no_frame_is_unaccounted_for(mapper):
    yield
    assert_accounted_for(mapper.snapshot())


def assert_accounted_for(snapshot):
    counts = snapshot.counts
    assert counts.frames_in == counts.frames_used + counts.num_dropped + snapshot.frames_pending


def run(mapper, frames, wanted=DEPTH_ONLY):
    """Feed the frames and process each window as soon as there is one."""
    updates = []
    for frame in frames:
        mapper.add_frame(frame)
        assert_accounted_for(mapper.snapshot())
        while (window := mapper.wait_for_window(0.0)) is not None:
            updates.append(mapper.process(window, wanted))
            assert_accounted_for(mapper.snapshot())
    return updates


def results_of(updates):
    return [result for update in updates for result in update.new_frames]


def assert_true_up_to_one_similarity(results, true_pose, tolerance=1e-4):
    positions = np.stack([result.map_from_cam[:3, 3] for result in results])
    truth = np.stack([true_pose(result.frame.id) for result in results])
    truth_from_map = align_sim3(positions, truth[:, :3, 3])
    errors = truth_from_map.apply(positions) - truth[:, :3, 3]
    assert np.abs(errors).max() < tolerance
    for result, pose in zip(results, truth, strict=True):
        turned = truth_from_map.rotation @ result.map_from_cam[:3, :3]
        assert angle_between(turned, pose[:3, :3]) < tolerance
    return truth_from_map


def test_twenty_windows_chain_to_the_true_trajectory(mapper, make_frame, true_pose):
    updates = run(mapper, map(make_frame, range(6 + 19 * 3)))
    assert len(updates) == 20
    results = results_of(updates)
    assert [result.frame.id for result in results] == list(range(63))
    assert_true_up_to_one_similarity(results, true_pose)
    assert max(update.scale_residual for update in updates) < 1e-5


def test_depth_of_all_windows_is_in_one_unit_that_of_the_poses(mapper, make_frame, true_pose):
    results = results_of(run(mapper, map(make_frame, range(30))))
    scale = assert_true_up_to_one_similarity(results, true_pose).scale
    for result in results:
        points_in_world = scale * result.points_in_cam[result.keep].astype(float)
        pose = true_pose(result.frame.id)
        points_in_world = points_in_world @ pose[:3, :3].T + pose[:3, 3]
        distance_to_walls = np.abs(np.abs(points_in_world) - (4.0, 1.5, 3.0)).min(axis=1)
        assert distance_to_walls.max() < 1e-3


def test_the_map_is_z_up_with_the_first_camera_at_its_origin_looking_along_x(mapper, make_frame):
    first = results_of(run(mapper, map(make_frame, range(6))))[0]
    expected = [[0, 0, 1, 0], [-1, 0, 0, 0], [0, -1, 0, 0], [0, 0, 0, 1]]
    np.testing.assert_allclose(first.map_from_cam, expected, atol=1e-9)


def test_windows_share_their_overlap_by_frame_id(mapper, predictor, make_frame):
    run(mapper, map(make_frame, range(12)))
    assert predictor.windows == [
        [0, 1, 2, 3, 4, 5],
        [3, 4, 5, 6, 7, 8],
        [6, 7, 8, 9, 10, 11],
    ]


def test_a_late_network_costs_frames_but_never_a_seam(
    predictor, make_config, make_frame, true_pose
):
    mapper = Mapper(predictor, make_config())
    results, index = [], 0
    for _ in range(20):
        for _ in range(11):  # far more than the three that fit
            mapper.add_frame(make_frame(index))
            index += 1
        window = mapper.wait_for_window(0.0)
        results += mapper.process(window, DEPTH_ONLY).new_frames
        assert results[-1].frame.id == index - 1, 'the newest frame is always in the window'
        assert_accounted_for(mapper.snapshot())
    assert_true_up_to_one_similarity(results, true_pose)
    snapshot = mapper.snapshot()
    assert snapshot.counts.drops == {'late': 20 * 11 - 6 - 19 * 3}
    assert snapshot.frames_pending == 0


def test_offline_uses_every_frame_however_late_the_network_is(
    mapper, predictor, make_frame, true_pose
):
    for index in range(50):
        mapper.add_frame(make_frame(index))
    mapper.stream.flush()
    results = []
    while (window := mapper.wait_for_window(0.0)) is not None:
        results += mapper.process(window, DEPTH_ONLY).new_frames
    assert [result.frame.id for result in results] == list(range(50))
    assert_true_up_to_one_similarity(results, true_pose)
    assert mapper.snapshot().counts.drops == {}


def test_a_wrong_focal_length_is_put_right_by_the_calibrated_one(
    mapper, predictor, make_frame, true_pose, true_K
):
    predictor.focal_error = 1.25
    updates = run(mapper, (make_frame(index, K=true_K) for index in range(15)))
    assert [update.focal_ratio for update in updates] == pytest.approx([1.25] * len(updates))
    results = results_of(updates)
    scale = assert_true_up_to_one_similarity(results, true_pose).scale
    for result in results:
        np.testing.assert_allclose(result.K[0, 0], true_K[0, 0] / 2)
        pose = true_pose(result.frame.id)
        points = scale * result.points_in_cam[result.keep] @ pose[:3, :3].T + pose[:3, 3]
        assert np.abs(np.abs(points) - (4.0, 1.5, 3.0)).min(axis=1).max() < 1e-3


def test_without_calibration_the_focal_ratio_is_unknown(mapper, make_frame):
    (update,) = run(mapper, map(make_frame, range(6)))
    assert np.isnan(update.focal_ratio)


def test_points_of_the_point_head_are_those_of_the_depth(predictor, make_config, make_frame):
    sources = {}
    for source in ('depth', 'point_head'):
        predictor.rng = np.random.default_rng(3)
        mapper = Mapper(predictor, make_config(cloud__point_source=source), offline=True)
        sources[source] = results_of(run(mapper, map(make_frame, range(9))))
        assert predictor.requests[-1].point_head == (source == 'point_head')
    for depth, head in zip(*sources.values(), strict=True):
        np.testing.assert_allclose(head.points_in_cam, depth.points_in_cam, rtol=1e-3, atol=1e-3)


def test_a_failed_window_costs_its_frames_and_the_chain_goes_on(
    mapper, predictor, make_frame, true_pose
):
    results = results_of(run(mapper, map(make_frame, range(6))))
    predictor.failures = [PredictionError('broken')]
    with pytest.raises(PredictionError, match='broken'):
        run(mapper, map(make_frame, range(6, 9)))
    snapshot = mapper.snapshot()
    assert snapshot.state == 'lost'
    assert snapshot.counts.drops == {'window_failed': 3}
    assert snapshot.counts.windows_failed == 1
    assert snapshot.num_map_points > 0
    results += results_of(run(mapper, map(make_frame, range(9, 15))))
    assert predictor.windows[-2][:3] == [3, 4, 5], 'the overlap of the last good window stays'
    assert_true_up_to_one_similarity(results, true_pose)
    assert mapper.snapshot().state == 'tracking'


def test_a_window_that_images_do_not_confirm_is_lost_and_counted_under_its_own_reason(
    mapper, predictor, make_frame
):
    predictor.failures = [VerificationError('the images confirm none of the 6 new frames')]
    with pytest.raises(VerificationError):
        run(mapper, map(make_frame, range(6)))
    snapshot = mapper.snapshot()
    assert snapshot.state == 'lost'
    assert snapshot.counts.drops == {'not_verified': 6}
    assert snapshot.counts.refinements == {'not_verified': 1}
    assert snapshot.counts.windows_failed == 1


def test_an_unexpected_error_is_counted_like_any_other(mapper, predictor, make_frame):
    predictor.failures = [RuntimeError('out of memory')]
    with pytest.raises(RuntimeError, match='out of memory'):
        run(mapper, map(make_frame, range(6)))
    assert mapper.snapshot().counts.drops == {'window_failed': 6}


@pytest.mark.parametrize(
    ('part', 'value', 'error', 'message'),
    [
        ('cam_from_world', np.nan, PredictionError, 'cam_from_world .* not finite'),
        ('K_model', np.inf, PredictionError, 'K_model .* not finite'),
        ('depth', np.nan, PredictionError, 'no pixel of the window has a positive finite depth'),
        ('depth', 1e9, AlignmentError, 'changed by a factor'),
    ],
)
def test_unusable_numbers_never_enter_the_map(
    mapper, predictor, make_frame, part, value, error, message
):
    run(mapper, map(make_frame, range(6)))
    before = mapper.map.points()[0]
    predictor.spoil = lambda parts: parts[part].fill(value)
    with pytest.raises(error, match=message):
        run(mapper, map(make_frame, range(6, 9)))
    np.testing.assert_array_equal(mapper.map.points()[0].points_in_map, before.points_in_map)
    assert len(mapper.map.path().stamps_ns) == 6


def test_a_seam_without_common_depth_is_refused(mapper, predictor, make_frame):
    run(mapper, map(make_frame, range(6)))

    def hide_overlap(parts):
        parts['depth'][:3] = np.nan

    predictor.spoil = hide_overlap
    with pytest.raises(AlignmentError, match='0 pixels have a depth in both windows'):
        run(mapper, map(make_frame, range(6, 9)))


def test_an_absurd_focal_length_is_refused(mapper, predictor, make_frame, true_K):
    predictor.focal_error = 1e4
    with pytest.raises(PredictionError, match='10000 times the calibrated one'):
        run(mapper, (make_frame(index, K=true_K) for index in range(6)))


def test_an_answer_about_fewer_frames_is_refused(mapper, predictor, make_frame):
    def forget_the_last(parts):
        for name, value in parts.items():
            if isinstance(value, np.ndarray):
                parts[name] = value[:-1]

    predictor.spoil = forget_the_last
    with pytest.raises(PredictionError, match='about 5 frames, the window has 6'):
        run(mapper, map(make_frame, range(6)))


def test_reset_while_the_network_works_voids_its_answer(mapper, predictor, make_frame):
    run(mapper, map(make_frame, range(6)))
    for index in range(6, 9):
        mapper.add_frame(make_frame(index))
    window = mapper.wait_for_window(0.0)
    predictor.entered.clear()
    predictor.release = threading.Event()
    answers = []
    thread = threading.Thread(target=lambda: answers.append(mapper.process(window, DEPTH_ONLY)))
    thread.start()
    assert predictor.entered.wait(10)
    mapper.add_frame(make_frame(9))
    mapper.reset()
    predictor.release.set()
    thread.join(10)
    assert answers == [None]
    snapshot = mapper.snapshot()
    assert snapshot.counts.drops == {'reset': 4}
    assert snapshot.epoch == 1
    assert snapshot.state == 'waiting'
    assert len(mapper.map.points()[0].points_in_map) == 0
    assert len(mapper.map.path().stamps_ns) == 0


def test_a_failure_of_a_voided_window_is_no_failure(mapper, predictor, make_frame):
    for index in range(6):
        mapper.add_frame(make_frame(index))
    window = mapper.wait_for_window(0.0)

    def reset_then_fail(parts):
        mapper.reset()
        raise PredictionError('too late to matter')

    predictor.spoil = reset_then_fail
    assert mapper.process(window, DEPTH_ONLY) is None
    assert mapper.snapshot().counts.drops == {'reset': 6}
    assert mapper.snapshot().state == 'waiting'


def test_a_window_from_before_a_reset_does_not_trouble_the_network(mapper, predictor, make_frame):
    for index in range(6):
        mapper.add_frame(make_frame(index))
    window = mapper.wait_for_window(0.0)
    mapper.reset()
    assert mapper.process(window, DEPTH_ONLY) is None
    assert predictor.windows == []


def test_a_new_map_starts_after_a_reset(mapper, predictor, make_frame, true_pose):
    run(mapper, map(make_frame, range(9)))
    mapper.reset()
    results = results_of(run(mapper, map(make_frame, range(20, 32))))
    assert predictor.windows[2] == list(range(20, 26))
    assert_true_up_to_one_similarity(results, true_pose)
    np.testing.assert_allclose(results[0].map_from_cam[:3, 3], 0, atol=1e-9)


def test_a_new_image_size_starts_a_segment_at_the_last_pose(mapper, predictor, make_frame):
    before = run(mapper, map(make_frame, range(8)))
    with pytest.raises(InputError, match='100 x 60 pixels after 80 x 60') as caught:
        mapper.add_frame(make_frame(8, size=(100, 60)))
    assert caught.value.reason == 'size_changed'
    after = run(mapper, (make_frame(index, size=(100, 60)) for index in range(9, 18)))
    assert predictor.windows[1:] == [[9, 10, 11, 12, 13, 14], [12, 13, 14, 15, 16, 17]]
    last, first = before[0].new_frames[-1], after[0].new_frames[0]
    np.testing.assert_allclose(first.map_from_cam, last.map_from_cam, atol=1e-9)
    # Nothing tells its unit: things are taken to be as far away as they were.
    depths = [np.nanmedian(update.new_frames[0].depth) for update in (before[0], after[0])]
    assert depths[1] == pytest.approx(depths[0], rel=0.5)
    assert np.isnan(after[0].scale_residual)
    snapshot = mapper.snapshot()
    assert snapshot.counts.drops == {'size_changed': 3}, 'the frame itself and two that waited'
    assert len(mapper.map.path().stamps_ns) == 6 + 9, 'the map is kept'


def test_a_new_size_while_the_network_works_on_the_old_one_is_no_error(mapper, make_frame):
    for index in range(6):
        mapper.add_frame(make_frame(index))
    window = mapper.wait_for_window(0.0)
    with pytest.raises(InputError):
        mapper.add_frame(make_frame(6, size=(100, 60)))
    for index in range(7, 13):
        mapper.add_frame(make_frame(index, size=(100, 60)))
    assert mapper.process(window, DEPTH_ONLY) is not None
    assert run(mapper, [make_frame(13, size=(100, 60))])[0].new_frames[0].frame.id == 7


def run_again_from_an_earlier_time(mapper, make_frame):
    """Send frames, then frames whose stamps begin again; return what the latter brought."""
    run(mapper, map(make_frame, range(30, 38)))
    with pytest.raises(InputError, match=r'see input\.on_time_jump') as caught:
        mapper.add_frame(make_frame(38, stamp_ns=100_000_000))
    assert caught.value.reason == 'stamp_outlier'
    return run(mapper, (make_frame(index, stamp_ns=index * 10_000_000) for index in range(39, 45)))


def test_the_map_begins_again_when_the_stamps_do(predictor, make_config, make_frame):
    mapper = Mapper(predictor, make_config(window__size=6, window__overlap=3))
    updates = run_again_from_an_earlier_time(mapper, make_frame)
    assert predictor.windows == [list(range(30, 36)), list(range(39, 45))]
    assert len(updates) == 1
    assert len(mapper.map.path().stamps_ns) == 6
    snapshot = mapper.snapshot()
    assert snapshot.epoch == 1
    assert snapshot.counts.drops == {'stamp_outlier': 1, 'reset': 2}


def test_the_map_is_kept_in_a_segment_of_its_own_when_only_the_buffers_are_cleared(
    predictor, make_config, make_frame
):
    config = make_config(window__size=6, window__overlap=3, input__on_time_jump='clear')
    mapper = Mapper(predictor, config)
    updates = run_again_from_an_earlier_time(mapper, make_frame)
    assert predictor.windows[1] == list(range(39, 45)), 'no frame is shared'
    assert not updates[0].is_connected
    assert len(mapper.map.path().stamps_ns) == 12
    assert mapper.snapshot().epoch == 0
    assert mapper.snapshot().counts.drops == {'stamp_outlier': 1, 'time_jump': 2}


def test_a_jump_of_time_may_be_ignored(predictor, make_config, make_frame):
    config = make_config(window__size=6, window__overlap=3, input__on_time_jump='ignore')
    mapper = Mapper(predictor, config)
    run_again_from_an_earlier_time(mapper, make_frame)
    assert predictor.windows[1] == [33, 34, 35, 36, 37, 39]
    assert mapper.snapshot().counts.drops == {'stamp_outlier': 1}


def test_a_frame_that_contradicts_its_window_is_left_out_of_the_map_and_of_the_next_seam(
    predictor, make_config, make_frame
):
    mapper = Mapper(predictor, make_config(window__size=6, window__overlap=2), offline=True)

    def spoil(parts):
        if predictor.windows[-1][0] == 0:
            parts['depth'][5] *= 2.0  # the newest one, which the next window would share

    predictor.spoil = spoil
    for index in range(10):
        mapper.add_frame(make_frame(index))
    first = mapper.process(mapper.wait_for_window(0.0), Wanted(tracks=False))
    assert [result.frame.id for result in first.new_frames] == [0, 1, 2, 3, 4]
    second = mapper.process(mapper.wait_for_window(0.0), Wanted(tracks=False))
    assert predictor.windows[1] == [3, 4, 6, 7, 8, 9]
    assert [result.frame.id for result in second.new_frames] == [6, 7, 8, 9]
    snapshot = mapper.snapshot()
    assert snapshot.counts.drops == {'inconsistent': 1}
    assert snapshot.counts.frames_used == 9
    assert snapshot.frames_pending == 0


def undecoded(frame, reads):
    def read_rows(rows):
        reads.append((frame.id, rows == slice(0, frame.size[1])))
        return frame.image[rows]

    return UndecodedFrame(
        id=frame.id,
        stamp_ns=frame.stamp_ns,
        camera_frame=frame.camera_frame,
        size=frame.size,
        read_rows=read_rows,
    )


def test_only_keyframes_are_decoded_as_a_whole(predictor, make_config, make_frame):
    mapper = Mapper(predictor, make_config(keyframe__min_parallax=8.0), offline=True)
    image = make_frame(0).image.repeat(8, axis=0).repeat(8, axis=1)
    still = [make_frame(i, image=image) for i in range(3)]
    moved = make_frame(3, image=np.roll(image, 60, axis=1))
    reads = []
    for frame in (*still, moved):
        mapper.add_frame(undecoded(frame, reads))
    assert [frame_id for frame_id, is_all in reads if is_all] == [0, 3]
    assert mapper.snapshot().counts.drops == {'not_keyframe': 2}


def test_a_frame_whose_pixels_can_not_be_read_is_counted(mapper, make_frame):
    def fail(rows):
        raise InputError('bad_encoding', 'no picture')

    waiting = UndecodedFrame(id=0, stamp_ns=1, camera_frame='cam', size=(8, 6), read_rows=fail)
    with pytest.raises(InputError, match='no picture'):
        mapper.add_frame(waiting)
    mapper.add_frame(make_frame(1, size=(8, 6), image=np.zeros((6, 8, 3), np.uint8)))
    snapshot = mapper.snapshot()
    assert snapshot.counts.drops == {'bad_encoding': 1}
    assert (snapshot.counts.frames_in, snapshot.frames_pending) == (2, 1)


def test_a_paused_mapper_drops_frames_and_keeps_the_map(mapper, make_frame):
    run(mapper, map(make_frame, range(8)))
    mapper.stream.set_enabled(False)
    assert mapper.snapshot().state == 'paused'
    run(mapper, map(make_frame, range(8, 20)))
    assert mapper.snapshot().counts.drops == {'paused': 2 + 12}
    mapper.stream.set_enabled(True)
    assert mapper.snapshot().state == 'tracking'
    assert len(run(mapper, map(make_frame, range(20, 23)))) == 1


def test_states_follow_what_happens(mapper, make_frame):
    assert mapper.snapshot().state == 'waiting'
    mapper.add_frame(make_frame(0))
    assert mapper.snapshot().state == 'buffering'
    run(mapper, map(make_frame, range(1, 6)))
    assert mapper.snapshot().state == 'tracking'


def test_frames_that_stand_still_are_counted_not_used(predictor, make_config, make_frame):
    mapper = Mapper(predictor, make_config(keyframe__min_parallax=8.0))
    image = make_frame(0).image
    for index in range(20):
        mapper.add_frame(make_frame(index, image=image))
    assert mapper.snapshot().counts.drops == {'not_keyframe': 19}
    assert mapper.snapshot().frames_pending == 1


@pytest.mark.parametrize('cause', ['reset', 'pause', 'restart'])
def test_after_an_interruption_the_first_frame_is_a_keyframe(
    predictor, make_config, make_frame, cause
):
    mapper = Mapper(predictor, make_config(keyframe__min_parallax=8.0))
    image = make_frame(0).image
    mapper.add_frame(make_frame(100, image=image))
    if cause == 'reset':
        mapper.reset()
    elif cause == 'pause':
        mapper.stream.set_enabled(False)
        mapper.stream.set_enabled(True)
    else:
        with pytest.raises(InputError):
            mapper.add_frame(make_frame(101, image=image, stamp_ns=1))
    assert mapper.snapshot().frames_pending == (1 if cause == 'restart' else 0)
    stamp_ns = 2 if cause == 'restart' else None
    mapper.add_frame(make_frame(102, image=image, stamp_ns=stamp_ns))
    snapshot = mapper.snapshot()
    assert snapshot.frames_pending == 1
    assert 'not_keyframe' not in snapshot.counts.drops


def test_what_never_became_a_frame_is_counted_too(mapper):
    mapper.stream.count_refused('bad_encoding')
    counts = mapper.snapshot().counts
    assert (counts.frames_in, counts.drops) == (1, {'bad_encoding': 1})


def test_points_keep_their_ids_from_window_to_window(mapper, make_frame, true_pose):
    results = results_of(run(mapper, map(make_frame, range(12)), Wanted(tracks=True)))
    truth_from_map = assert_true_up_to_one_similarity(results, true_pose)
    places, num_common = {}, 0
    for result in results:
        in_map = result.tracks.points_in_cam @ result.map_from_cam[:3, :3].T
        in_world = truth_from_map.apply(in_map + result.map_from_cam[:3, 3])
        for point_id, place in zip(result.tracks.ids.tolist(), in_world, strict=True):
            if np.isnan(place).any():
                continue
            if point_id in places and result.frame.id - places[point_id][0] > 5:
                num_common += 1
            _, known = places.setdefault(point_id, (result.frame.id, place))
            # The depth is that of the nearest pixel: half a pixel of 4 m at a grazing angle.
            assert np.linalg.norm(known - place) < 0.5
    assert num_common > 20


def test_tracks_are_computed_only_when_wanted(mapper, predictor, make_frame):
    results = results_of(run(mapper, map(make_frame, range(6))))
    assert predictor.requests[-1].query_points is None
    assert results[0].tracks is None


def test_new_settings_hold_from_the_next_window_on(mapper, make_config, make_frame):
    run(mapper, map(make_frame, range(6)))
    mapper.update_config(
        make_config(cloud__max_depth=1e-3, path__max_size=2, map__max_points=1000)
    )
    assert len(mapper.map.path().stamps_ns) == 2
    assert len(mapper.map.points()[0].points_in_map) <= 1000
    (update,) = run(mapper, map(make_frame, range(6, 9)))
    assert not any(result.keep.any() for result in update.new_frames)


def test_a_setting_that_can_not_change_is_refused(mapper, make_config):
    with pytest.raises(ConfigError, match=r'window\.size'):
        mapper.update_config(make_config(window__size=7))


def test_a_disabled_map_stays_empty(predictor, make_config, make_frame):
    mapper = Mapper(predictor, make_config(map__enable=False), offline=True)
    run(mapper, map(make_frame, range(6)))
    assert mapper.snapshot().num_map_points == 0
    assert len(mapper.map.path().stamps_ns) == 6


def test_the_map_lies_on_the_walls(mapper, make_frame, true_pose):
    results = results_of(run(mapper, map(make_frame, range(30))))
    truth_from_map = assert_true_up_to_one_similarity(results, true_pose)
    points = mapper.map.points()[0]
    in_world = truth_from_map.apply(points.points_in_map.astype(float))
    off_walls = np.abs(np.abs(in_world) - (4.0, 1.5, 3.0)).min(axis=1)
    # A voxel in an edge of the room averages points of two walls.
    assert np.quantile(off_walls, 0.95) < 1e-3
    assert len(points.points_in_map) == mapper.snapshot().num_map_points > 1000


def test_add_frame_does_not_wait_for_the_network(mapper, predictor, make_frame):
    for index in range(6):
        mapper.add_frame(make_frame(index))
    window = mapper.wait_for_window(0.0)
    predictor.release = threading.Event()
    thread = threading.Thread(target=mapper.process, args=(window, DEPTH_ONLY))
    thread.start()
    assert predictor.entered.wait(10)
    mapper.add_frame(make_frame(6))  # would hang here
    assert mapper.snapshot().frames_pending == 7
    predictor.release.set()
    thread.join(10)
    assert not thread.is_alive()


def test_frames_are_encoded_while_their_window_is_not_complete(mapper, predictor, make_frame):
    for index in range(4):
        mapper.add_frame(make_frame(index))
    assert mapper.wait_for_window(0.0) is None
    assert predictor.encoded == [0, 1, 2, 3]
    assert predictor.windows == []


def test_a_frame_that_cannot_be_encoded_is_left_to_its_window(
    mapper, predictor, make_frame, monkeypatch
):
    def refuse(frame_id, image):
        raise PredictionError('no memory')

    monkeypatch.setattr(predictor, 'encode', refuse)
    updates = run(mapper, map(make_frame, range(6)))
    assert len(updates) == 1
    assert len(updates[0].new_frames) == 6


def test_depth_is_asked_for_new_frames_and_the_ends_of_the_seam(mapper, predictor, make_frame):
    run(mapper, map(make_frame, range(9)))
    assert [request.depth_frames for request in predictor.requests] == [
        (0, 1, 2, 3, 4, 5),
        (0, 2, 3, 4, 5),
    ]


def test_a_long_overlap_is_joined_by_depth_of_earlier_windows(
    predictor, make_config, make_frame, true_pose
):
    config = make_config(window__overlap=5)
    mapper = Mapper(predictor, config, offline=True)
    results = results_of(run(mapper, map(make_frame, range(24))))
    assert [result.frame.id for result in results] == list(range(24))
    assert_true_up_to_one_similarity(results, true_pose)


def test_out_of_memory_the_window_is_halved_and_tried_once_more(
    mapper, predictor, make_frame, true_pose
):
    predictor.failures = [DeviceMemoryError('20 GiB')]
    results = results_of(run(mapper, map(make_frame, range(24))))
    assert [len(window) for window in predictor.windows[:3]] == [6, 3, 3]
    assert max(len(window) for window in predictor.windows[1:]) == 3
    snapshot = mapper.snapshot()
    assert snapshot.window_limit == 3
    assert snapshot.counts.drops == {'out_of_memory': 3}
    assert snapshot.counts.windows_failed == 0
    assert_true_up_to_one_similarity(results, true_pose)


def test_memory_that_does_not_suffice_for_half_a_window_either_fails_it(
    mapper, predictor, make_frame
):
    predictor.failures = [DeviceMemoryError('20 GiB'), DeviceMemoryError('10 GiB')]
    for index in range(6):
        mapper.add_frame(make_frame(index))
    with pytest.raises(DeviceMemoryError, match='10 GiB'):
        mapper.process(mapper.wait_for_window(0.0), DEPTH_ONLY)
    snapshot = mapper.snapshot()
    assert snapshot.state == 'lost'
    assert snapshot.counts.drops == {'out_of_memory': 3, 'window_failed': 3}


def test_a_reset_lets_windows_be_large_again(mapper, predictor, make_frame):
    predictor.failures = [DeviceMemoryError('20 GiB')]
    run(mapper, map(make_frame, range(6)))
    mapper.reset()
    assert mapper.snapshot().window_limit is None
    predictor.windows.clear()
    run(mapper, map(make_frame, range(100, 106)))
    assert [len(window) for window in predictor.windows] == [6]


@pytest.mark.parametrize('policy', ['skip', 'shutdown'])
def test_other_policies_give_the_window_up(predictor, make_config, make_frame, policy):
    mapper = Mapper(predictor, make_config(model__oom_policy=policy), offline=True)
    predictor.failures = [DeviceMemoryError('20 GiB')]
    for index in range(6):
        mapper.add_frame(make_frame(index))
    with pytest.raises(DeviceMemoryError):
        mapper.process(mapper.wait_for_window(0.0), DEPTH_ONLY)
    assert len(predictor.windows) == 1
    assert mapper.snapshot().counts.drops == {'window_failed': 6}
    assert mapper.snapshot().window_limit is None


def test_after_three_failed_windows_the_map_goes_on_in_a_segment_until_a_seam_holds_again(
    predictor, make_config, make_frame
):
    mapper = Mapper(predictor, make_config(), offline=True)
    for index in range(6):
        mapper.add_frame(make_frame(index))
    run_windows(mapper)
    predictor.failures = [PredictionError('dark')] * 3
    for index in range(6, 15):
        mapper.add_frame(make_frame(index))
    with pytest.raises(PredictionError):
        run_windows(mapper)
    with pytest.raises(PredictionError):
        run_windows(mapper)
    with pytest.raises(PredictionError):
        run_windows(mapper)
    assert mapper.snapshot().state == 'lost'
    for index in range(15, 21):
        mapper.add_frame(make_frame(index))
    (update,) = run_windows(mapper)
    assert not update.is_connected
    assert [result.frame.id for result in update.new_frames] == list(range(15, 21))
    assert all(result.covariance[0, 0] > 1000 for result in update.new_frames)
    assert mapper.snapshot().state == 'relocalizing', 'its place is a guess'
    assert len(mapper.map.path().stamps_ns) == 12, 'nothing that was there is gone'


def run_windows(mapper):
    """Work off what waits; return what it brought."""
    updates = []
    while (window := mapper.wait_for_window(0.0)) is not None:
        updates.append(mapper.process(window, Wanted(tracks=False)))
    return updates
