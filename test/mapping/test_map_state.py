from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial import cKDTree

from vggt_ros.errors import AlignmentError
from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import matrix_from_rotation_vector, rotation_angle
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.geometry.uncertainty import isotropic
from vggt_ros.inference.prediction import Request
from vggt_ros.mapping import map_state
from vggt_ros.mapping.backend.pose_graph import Edge
from vggt_ros.mapping.frame_results import frame_results
from vggt_ros.mapping.frontend.window import Window
from vggt_ros.mapping.layers.occupancy_grid import FREE, OCCUPIED
from vggt_ros.mapping.layers.submap_tiles import place_of
from vggt_ros.mapping.map_state import MapState
from vggt_ros.mapping.registration.up_direction import UpDirection
from vggt_ros.settings.live_config import LiveConfig


@pytest.fixture
def make_window(make_frame):
    def make(indices, num_overlap):
        frames = tuple(make_frame(index) for index in indices)
        return Window.of_frames(frames, num_overlap, 0)

    return make


@pytest.fixture
def add(predictor, make_config, make_view):
    """Predict a window and add it to the map."""

    def add_to(state, window, **view):
        prediction = predictor.predict([frame.image for frame in window.frames], Request())
        entry = state.enter(make_view(window, prediction, **view))
        entry = state.lock_scale(entry)
        results = frame_results(entry, prediction, state.noise, make_config().cloud, None)
        state.add(entry, results)
        return entry.placement, entry.in_map

    return add_to


@pytest.fixture
def state(make_config):
    return MapState(LiveConfig(make_config()))


def test_the_first_window_gives_the_unit_and_starts_at_the_origin(state, add, make_window):
    placement, in_map = add(state, make_window(range(6), 0))
    assert (placement.map_from_submap.scale, placement.scale_residual) == (1.0, 0.0)
    np.testing.assert_allclose(in_map.ref_from_cam[0, :3, 3], 0, atol=1e-12)


def test_the_last_frames_are_kept_for_the_next_seam_in_map_units(state, add, make_window):
    _, in_map = add(state, make_window(range(6), 0))
    assert state.last.in_map.frame_ids == (3, 4, 5)
    np.testing.assert_array_equal(state.last.in_map.depth, in_map.depth[3:])


def test_shared_frames_come_to_the_same_place_again(state, add, make_window):
    _, before = add(state, make_window(range(6), 0))
    _, after = add(state, make_window(range(3, 9), 3))
    np.testing.assert_allclose(after.ref_from_cam[:3], before.ref_from_cam[3:], atol=1e-5)
    np.testing.assert_allclose(after.depth[:3], before.depth[3:], rtol=1e-5)


def test_only_new_frames_enter_path_and_cloud(state, add, make_window):
    add(state, make_window(range(6), 0))
    hits = int(state.layers.voxels.points().hits.sum())
    add(state, make_window(range(3, 9), 3))
    assert len(state.layers.trajectory) == 9
    assert state.layers.voxels.points().hits.sum() == pytest.approx(1.5 * hits, rel=0.1)


def test_a_window_without_shared_frames_says_that_its_seam_is_unknown(state, add, make_window):
    _, in_map = add(state, make_window(range(6), 0))
    second, segment = add(state, make_window(range(20, 26), 0))
    assert np.isnan(second.scale_residual)
    assert np.nanmedian(segment.depth) == pytest.approx(np.nanmedian(in_map.depth), rel=1e-3)
    np.testing.assert_allclose(segment.ref_from_cam[0], in_map.ref_from_cam[-1], atol=1e-9)
    assert state.segments() == [0] * 6 + [1] * 6
    assert len(state.views()) == 12


def test_a_seam_that_can_not_be_registered_is_refused(state, add, make_window, predictor):
    add(state, make_window(range(6), 0))
    predictor.spoil = lambda parts: parts['depth'][:3].fill(np.nan)
    with pytest.raises(AlignmentError):
        add(state, make_window(range(3, 9), 3))


def test_a_cleared_map_starts_again(state, add, make_window):
    add(state, make_window(range(6), 0))
    state.begin(1)
    assert (len(state.layers.voxels), len(state.layers.trajectory), state.last) == (0, 0, None)
    placement, _ = add(state, make_window(range(10, 16), 0))
    assert placement.map_from_submap.scale == 1.0


def test_new_bounds_hold_at_once(state, add, make_window, make_config):
    add(state, make_window(range(6), 0))
    state._config.value = make_config(map__max_points=1000, path__max_size=2)
    state.follow_config()
    assert len(state.layers.trajectory) == 2
    assert len(state.layers.voxels) <= 1000


def odom_of(true_pose, indices, *, unit=1.0):
    """The camera in an odometry whose frame is anywhere; meters."""
    odom_from_world = se3.rigid(np.eye(3)[[2, 0, 1]], np.array([3.0, -1.0, 0.5]))
    poses = [odom_from_world @ true_pose(index) for index in indices]
    for pose in poses:
        pose[:3, 3] *= unit
    return poses


def test_odometry_makes_the_map_metric_once_and_everything_moves(
    add, make_window, make_config, true_pose
):
    state = MapState(LiveConfig(make_config(scale__lock_after=3, scale__source='odometry')))
    add(state, make_window(range(6), 0))  # nothing known: in a unit of its own
    before = state.layers.trajectory.poses().map_from_cam[:, :3, 3]
    num_points = len(state.layers.voxels)
    for k, first in enumerate(range(3, 15, 3)):
        indices = range(first, first + 6)
        add(state, make_window(indices, 3), odom_from_cam=odom_of(true_pose, indices))
        assert state.scale.is_locked == (k >= 2)
        # This world is not z-up: the first odometry turns the map, the third window scales it.
        assert (state.correction is not None) == (k in (0, 2))
    poses = state.layers.trajectory.poses().map_from_cam[:, :3, 3]
    truth = np.stack([true_pose(i)[:3, 3] for i in range(18)])
    lengths = np.linalg.norm(np.diff(poses, axis=0), axis=1)
    np.testing.assert_allclose(
        lengths, np.linalg.norm(np.diff(truth, axis=0), axis=1), rtol=1e-3, atol=1e-6
    )
    unit = np.linalg.norm(before[5] - before[0]) / np.linalg.norm(truth[5] - truth[0])
    assert abs(np.log(unit)) > 0.1, 'the first unit is another one'
    assert len(state.layers.voxels) > num_points
    walls = state.layers.voxels.points().points_in_map
    longest = np.linalg.svd(walls - walls.mean(axis=0), full_matrices=False)[2][0]
    assert np.ptp(walls @ longest) == pytest.approx(8.0, rel=0.3), 'the room is 8 m long'


def test_who_moves_tiles_with_their_submaps_sees_the_map_as_it_is(
    add, make_window, make_config, true_pose
):
    config = make_config(scale__lock_after=3, scale__source='odometry', map__voxel_size=0.1)
    state = MapState(LiveConfig(config))
    held, places, tick, num_sent = {}, {}, 0, []
    for first in range(0, 18, 3):  # the map is turned, and gets another unit
        indices = range(first, first + 6)
        odometry = odom_of(true_pose, indices) if first else None
        add(state, make_window(indices, 3 if first else 0), odom_from_cam=odometry)
        tiled = state.tiled(tick)
        held |= {tile.submap_id: tile for tile in tiled.tiles}
        places, tick = tiled.places, tiled.tick
        num_sent.append(sum(len(tile.confidence) for tile in tiled.tiles))
    assert state.scale.is_locked
    seen = np.concatenate(
        [
            place_of(each, places).apply(tile.points_in_submap.astype(np.float64))
            for each, tile in held.items()
        ]
    )
    walls = state.layers.voxels.points().points_in_map
    # Voxels that met in a correction are one in the map and still two for who looks.
    assert len(walls) <= len(seen) < 1.1 * len(walls)
    assert cKDTree(seen).query(walls)[0].max() < 0.1
    assert (cKDTree(walls).query(seen)[0] < 1e-4).mean() > 0.9


def test_with_odometry_from_the_start_the_map_begins_as_its_frame(
    state, add, make_window, true_pose
):
    odom_from_cam = odom_of(true_pose, range(6))
    _, in_map = add(state, make_window(range(6), 0), odom_from_cam=odom_from_cam)
    np.testing.assert_allclose(in_map.ref_from_cam, odom_from_cam, atol=1e-5)
    assert not state.scale.is_locked


@pytest.mark.parametrize('how', ['odometry', 'mount'])
def test_a_robot_that_tells_late_what_is_up_turns_the_whole_map(
    state, add, make_window, true_pose, caplog, how
):
    add(state, make_window(range(6), 0))  # as if the camera were level
    before = state.layers.trajectory.poses().map_from_cam
    tilt = se3.rigid(matrix_from_rotation_vector(np.array([0.25, 0.1, 0.0])), np.zeros(3))
    # A robot whose camera looks down by a quarter of a radian.
    level_from_cam = tilt @ before[5]
    view = {'base': level_from_cam}
    if how == 'odometry':
        view = {'odom_from_cam': [None] * 2 + [level_from_cam] + [None] * 3}
    points_in_map = state.layers.voxels.points().points_in_map
    _, in_map = add(state, make_window(range(3, 9), 3), is_inlier=only(2), **view)
    up = in_map.ref_from_cam[2, :3, :3] @ level_from_cam[2, :3]
    np.testing.assert_allclose(up, [0, 0, 1], atol=1e-3 if how == 'odometry' else 0.03)
    poses = state.layers.trajectory.poses().map_from_cam
    turn = state.correction.rotation
    assert rotation_angle(turn) == pytest.approx(np.hypot(0.25, 0.1), abs=0.03)
    np.testing.assert_allclose(poses[:6, :3, :3], turn @ before[:, :3, :3], atol=1e-3)
    np.testing.assert_allclose(poses[0, :3, 3], before[0, :3, 3], atol=1e-6)
    assert (
        np.abs(state.layers.voxels.points().points_in_map[:50] - points_in_map[:50]).max() > 0.05
    )
    assert sum('the map is turned by' in record.message for record in caplog.records) == 1
    # Once.
    add(state, make_window(range(6, 12), 3), **view)
    assert state.correction is None


def only(row):
    is_inlier = np.zeros(6, dtype=bool)
    is_inlier[[row, 3, 4, 5]] = True
    return is_inlier


@pytest.fixture
def felt(true_pose):
    """Make what an IMU feels of some frames of the walk, whose floor is across y."""

    def make(indices, off_rad=(0.0, 0.0, 0.0)):
        up = matrix_from_rotation_vector(np.array(off_rad)) @ [0.0, -1.0, 0.0]
        return [
            UpDirection(along_axes=true_pose(k)[:3, :3].T @ up, sigma_rad=0.01) for k in indices
        ]

    return make


def ups_in_map(in_map, felt_ups):
    return np.stack(
        [
            pose[:3, :3] @ up.along_axes
            for pose, up in zip(in_map.ref_from_cam, felt_ups, strict=True)
        ]
    )


def test_a_map_that_begins_with_gravity_is_upright_from_the_first_window(
    state, add, make_window, felt
):
    ups = felt(range(6), (0.3, 0.0, 0.2))  # as if the walk were not level
    _, in_map = add(state, make_window(range(6), 0), up_in_cam=ups)
    np.testing.assert_allclose(ups_in_map(in_map, ups), np.tile([0, 0, 1], (6, 1)), atol=2e-3)
    np.testing.assert_allclose(in_map.ref_from_cam[0, :3, 3], 0, atol=1e-9)
    assert state.graph.newest.up is not None
    assert state.session().is_upright


def test_a_map_that_feels_gravity_late_is_turned_once(state, add, make_window, felt, caplog):
    ups = felt(range(3, 9), (0.3, 0.0, 0.2))
    add(state, make_window(range(6), 0))
    assert state.graph.newest.up is None
    _, in_map = add(state, make_window(range(3, 9), 3), up_in_cam=ups)
    np.testing.assert_allclose(ups_in_map(in_map, ups), np.tile([0, 0, 1], (6, 1)), atol=2e-3)
    assert sum('the map is turned by' in record.message for record in caplog.records) == 1
    add(state, make_window(range(6, 12), 3), up_in_cam=felt(range(6, 12), (0.3, 0.0, 0.2)))
    assert state.correction is None


def test_what_drifts_away_from_gravity_is_brought_back_and_edges_stay_as_measured(
    state, add, make_window, felt
):
    add(state, make_window(range(6), 0), up_in_cam=felt(range(6)))
    measured = state.graph.newest.map_from_submap.inverse()
    # What has drifted since: the second window stands as the first, and gravity says otherwise.
    later = felt(range(3, 9), (0.05, 0.0, 0.0))
    plain = MapState(LiveConfig(state._config.value))
    add(plain, make_window(range(6), 0), up_in_cam=felt(range(6)))
    _, straight = add(plain, make_window(range(3, 9), 3))
    _, leveled = add(state, make_window(range(3, 9), 3), up_in_cam=later)
    turn_rad = rotation_angle(leveled.ref_from_cam[0, :3, :3] @ straight.ref_from_cam[0, :3, :3].T)
    assert 0.0 < turn_rad < 0.05, 'a share of it'
    assert state.leveling.report.error_deg == pytest.approx(np.degrees(0.05), rel=0.05)
    edge = state.graph.edges[-1]
    np.testing.assert_allclose(
        (measured @ plain.graph.newest.map_from_submap).rotation, edge.i_from_j.rotation, atol=1e-9
    )


def test_gravity_that_contradicts_the_base_is_not_used(state, add, make_window, felt):
    base = np.eye(4)
    base[:3, :3] = [[0, 0, 1], [-1, 0, 0], [0, -1, 0]]
    wrong = [replace(each, along_axes=-each.along_axes) for each in felt(range(6))]
    _, in_map = add(state, make_window(range(6), 0), base=base, up_in_cam=wrong)
    assert state.leveling.report.num_refused == 1
    assert state.graph.newest.up is None
    np.testing.assert_allclose(in_map.ref_from_cam[0], base, atol=1e-9)


def test_odometry_bridges_a_gap(state, add, make_window, true_pose):
    for first, num_overlap in ((0, 0), (3, 3)):
        indices = range(first, first + 6)
        view = {'odom_from_cam': odom_of(true_pose, indices)}
        add(state, make_window(indices, num_overlap), **view)
    indices = range(20, 26)
    _, in_map = add(state, make_window(indices, 0), odom_from_cam=odom_of(true_pose, indices))
    np.testing.assert_allclose(in_map.ref_from_cam, odom_of(true_pose, indices), atol=1e-3)
    assert state.graph.is_connected


def test_a_gap_that_nothing_bridges_begins_a_segment(state, add, make_window):
    add(state, make_window(range(6), 0))
    add(state, make_window(range(20, 26), 0))
    assert not state.graph.is_connected
    assert [state.graph[k].segment for k in range(2)] == [0, 1]


def test_a_closed_loop_moves_points_path_and_the_last_window_together(
    add, make_window, make_config, make_view, predictor
):
    state = MapState(LiveConfig(make_config()))
    for first, num_overlap in ((0, 0), (3, 3), (6, 3)):
        add(state, make_window(range(first, first + 6), num_overlap))
    move = Sim3(1.0, np.eye(3), np.array([0.1, 0.0, 0.0]))
    points = state.layers.voxels.points().points_in_map
    path = state.layers.trajectory.poses().map_from_cam
    kept = state.last.in_map.ref_from_cam
    window = make_window(range(9, 15), 3)
    prediction = predictor.predict([frame.image for frame in window.frames], Request())
    entry = state.enter(make_view(window, prediction))
    expected = entry.placed.map_from_submap.translation + 0.1 * np.eye(3)[0]
    moved_entry = state.close(entry, loop_from_first(state, entry, move))
    np.testing.assert_allclose(
        moved_entry.in_map.ref_from_cam[0, :3, 3],
        expected,
        atol=0.002,
    )
    moved = state.layers.trajectory.poses().map_from_cam[:, 0, 3] - path[:, 0, 3]
    np.testing.assert_allclose(moved[:6], 0.0, atol=1e-3)  # of the first submap
    assert (np.diff(moved) >= -1e-6).all()
    assert 0.02 < moved[-1] < 0.1
    last = state.last.in_map.ref_from_cam[:, 0, 3] - kept[:, 0, 3]
    np.testing.assert_allclose(last, moved[-1], atol=1e-3)
    assert state.correction.translation[0] == pytest.approx(moved[-1], abs=0.004)
    after = state.layers.voxels.points().points_in_map
    assert np.abs(after.mean(axis=0) - points.mean(axis=0))[0] > 0.004
    assert state.places[0].in_map.ref_from_cam[0, 0, 3] == pytest.approx(path[0, 0, 3], abs=1e-3)
    assert state.places[5].in_map.ref_from_cam[0, 0, 3] == pytest.approx(
        path[-1, 0, 3] + moved[-1], abs=1e-3
    )


def loop_from_first(state, entry, move):
    """A loop that says that the newest submap is elsewhere than the map has it."""
    first, newest = state.graph[0], entry.placed
    seen = first.map_from_submap.inverse() @ (move @ newest.map_from_submap)
    covariance = isotropic(1e-4, 1e-4, 1e-4)
    return Edge(i=first.id, j=newest.id, i_from_j=seen, covariance=covariance, is_loop=True)


def test_a_rolling_map_forgets_what_is_far(state, add, make_window, make_config):
    def distances():
        center = state.last.in_map.ref_from_cam[-1, :3, 3]
        return np.linalg.norm(state.layers.voxels.points().points_in_map - center, axis=1)

    add(state, make_window(range(6), 0))
    radius = float(np.median(distances()))
    state._config.value = make_config(map__max_radius=radius)
    add(state, make_window(range(3, 9), 3))
    assert 0.9 * radius < distances().max() <= radius


def test_cells_are_drawn_only_if_somebody_wants_them(add, make_window, make_config):
    state = MapState(LiveConfig(make_config(occupancy__enable=True, occupancy__min_height=-0.3)))
    plain = MapState(LiveConfig(make_config()))
    add(state, make_window(range(6), 0))
    add(plain, make_window(range(6), 0))
    assert plain.occupancy() is None
    cells = state.occupancy().cells
    assert {FREE, OCCUPIED} <= set(np.unique(cells).tolist())
    state.begin(1)
    assert state.occupancy() is None


@pytest.mark.parametrize('feels', [True, False])
def test_heights_count_from_the_floor_of_a_map_that_is_known_to_be_upright(
    add, make_window, make_config, felt, feels
):
    state = MapState(LiveConfig(make_config(occupancy__enable=True)))
    for first in range(0, 15, 3):
        indices = range(first, first + 6)
        ups = felt(indices) if feels else ()
        add(state, make_window(indices, 3 if first else 0), up_in_cam=ups)
    assert state.layers.occupancy.seeks_floor == feels
    assert state.layers.occupancy.floor_z <= 0.0


def test_segments_that_always_end_in_front_of_a_wall_do_not_make_the_unit_smaller(
    state, add, make_window, predictor
):
    near = [1.0] * 3 + [0.2] * 3

    def come_near(parts):
        for row, factor in enumerate(near):
            parts['depth'][row] *= factor

    predictor.spoil = come_near
    depths = []
    for begin in range(0, 60, 6):
        _, in_map = add(state, make_window(range(begin, begin + 6), 0))
        depths.append(float(np.nanmedian(in_map.depth)))
    assert depths == pytest.approx([depths[0]] * 10, rel=0.2)


def test_a_window_whose_unit_jumps_is_refused_and_changes_nothing(
    state, add, make_window, predictor
):
    add(state, make_window(range(6), 0))

    def shrink(parts):
        parts['depth'] /= 100.0
        parts['cam_from_world'][:, :3, 3] /= 100.0

    predictor.spoil = shrink
    with pytest.raises(AlignmentError, match='changed by a factor of'):
        add(state, make_window(range(3, 9), 3))
    assert len(state.graph) == 1


def test_a_room_that_is_seen_all_the_time_becomes_no_larger(state, add, make_window):
    sizes = []
    for start in range(0, 400, 5):
        add(state, make_window(range(start, start + 6), 1 if start else 0))
        sizes.append((len(state.graph), len(state.places)))
    assert sizes[-1][0] < 0.7 * len(sizes)
    assert sizes[-1][1] < 0.7 * 2 * len(sizes)
    session = state.session()
    known = {each.id for each in session.submaps}
    assert {each.submap_id for each in session.keyframes} <= known
    assert {each.submap_id for each in session.path.values()} <= known
    assert set(session.voxels.submap_ids.tolist()) <= known
    assert state.last.submap_id in known


def test_what_a_loop_waits_for_stays_and_a_map_that_is_only_looked_at_keeps_all(
    state, add, make_window, monkeypatch
):
    monkeypatch.setattr(
        map_state,
        'surplus_submaps',
        lambda submaps, depth, in_use: [k for k in (3, 4, 5) if k not in in_use],
    )
    state.places.submaps_in_use = frozenset({4})
    for start in range(0, 85, 5):
        add(state, make_window(range(start, start + 6), 1 if start else 0))
    assert [k for k in range(8) if k not in state.graph] == [3, 5]
    state.graph.is_frozen = True
    state.places.submaps_in_use = frozenset()
    for start in range(85, 170, 5):
        add(state, make_window(range(start, start + 6), 1))
    assert 4 in state.graph
