from dataclasses import replace
from time import thread_time

import numpy as np
import pytest

from vggt_ros.geometry.pinhole import unproject
from vggt_ros.geometry.rotation import matrix_from_rotation_vector
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.mapping.layers.occupancy_grid import FREE, OccupancyGridMap, OCCUPIED, UNKNOWN
from vggt_ros.mapping.layers.occupancy_scan import scan_from_frame
from vggt_ros.settings.world_config import OccupancySettings
from vggt_ros.synthetic.box_world import BoxWorld
from vggt_ros.synthetic.course import make_course
from vggt_ros.synthetic.walk import look

WIDTH, HEIGHT = 160, 120
K = np.array([[145.0, 0, 79.5], [0, 145.0, 59.5], [0, 0, 1]])
SETTINGS = OccupancySettings()
RES = SETTINGS.resolution
HALL = np.array([[-10.0, -10.0, 0.0], [10.0, 10.0, 2.8]])
WALL = [[3.0, -10.0, 0.0], [3.2, 10.0, 2.8]]
PERSON = [[2.8, -0.2, 0.0], [3.2, 0.2, 1.7]]
STILL = Sim3(1.0, np.eye(3), np.zeros(3))


def scan_in(world, pose, submap_id=0, unit=1.0):
    """What a camera sees, with lengths in a unit that is so much shorter than a meter."""
    uv = np.stack(np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT)), axis=-1).astype(float)
    depth = world.depth(pose, K, WIDTH, HEIGHT).astype(float)
    points = (unit * unproject(uv, depth, K)).astype(np.float32)
    pose = pose.copy()
    pose[:3, 3] *= unit
    keep = np.ones((HEIGHT, WIDTH), dtype=bool)
    return scan_from_frame(submap_id, 0, points, keep, pose)


def scan_of(*boxes, xy=(0.0, 0.0), yaw=0.0, hall=HALL, **kwargs):
    world = BoxWorld(hall=hall, boxes=np.array(boxes, dtype=float).reshape(-1, 2, 3))
    pose = look(np.array([[*xy, 1.1]]), np.array([yaw]), np.array([-0.1]))[0]
    return scan_in(world, pose, **kwargs)


def value_at(cells, xy):
    """Values of cells at (n, 2) places, unknown outside."""
    index = np.floor((np.atleast_2d(xy) - cells.origin_xy_m) / cells.resolution_m).astype(int)
    shape = cells.cells.shape[::-1]
    inside = ((index >= 0) & (index < shape)).all(axis=1)
    index = np.where(inside[:, None], index, 0)
    return np.where(inside, cells.cells[index[:, 1], index[:, 0]], UNKNOWN)


def places(cells, value):
    """Middles of the cells that have a value."""
    index = np.argwhere(cells.cells == value)[:, ::-1]
    return cells.origin_xy_m + (index + 0.5) * cells.resolution_m


def map_of(*scans, settings=SETTINGS, max_scans=100, **kwargs):
    occupancy = OccupancyGridMap(settings, max_scans, **kwargs)
    for scan in scans:
        occupancy.add(scan)
    return occupancy


def same(a, b):
    """Whether two grids say the same everywhere, however large they are."""
    for value in (FREE, OCCUPIED):
        first = {tuple(p) for p in np.rint(places(a, value) / (0.5 * RES)).astype(int).tolist()}
        if first != {
            tuple(p) for p in np.rint(places(b, value) / (0.5 * RES)).astype(int).tolist()
        }:
            return False
    return True


@pytest.fixture(scope='module')
def course():
    return make_course('figure_eight', 90, 3)


@pytest.fixture(scope='module')
def course_scans(course):
    return [scan_in(course.world, pose) for pose in course.world_from_cam[::5]]


@pytest.fixture(scope='module')
def course_cells(course_scans):
    return map_of(*course_scans).grid()


def outside_m(course, xy):
    """Distance of places to the nearest box or out of the hall, negative within."""
    half = 0.5 * (course.world.boxes[:, 1, :2] - course.world.boxes[:, 0, :2])
    middle = course.world.boxes.mean(axis=1)[:, :2]
    gap = np.abs(xy[:, None] - middle) - half
    to_box = np.linalg.norm(np.maximum(gap, 0), axis=-1) + np.minimum(gap.max(axis=-1), 0)
    low, high = course.world.hall[:, :2]
    to_hall = np.minimum(xy - low, high - xy).min(axis=1)
    return np.minimum(to_box.min(axis=1), to_hall)


def test_every_obstacle_of_a_course_is_a_box_or_a_wall(course, course_cells):
    xy = places(course_cells, OCCUPIED)
    assert len(xy) > 200
    assert outside_m(course, xy).max() < 1.5 * RES


def test_no_free_cell_of_a_course_is_in_a_box_or_behind_a_wall(course, course_cells):
    xy = places(course_cells, FREE)
    assert len(xy) * RES**2 > 15.0
    assert outside_m(course, xy).min() > -RES


def test_obstacles_that_were_seen_on_a_course_are_occupied(course_scans, course_cells):
    num_seen, num_marked = 0, 0
    for scan in course_scans:
        offsets = scan.offsets_in_map()
        z = offsets[:, 2] + scan.center_in_map[2]
        is_seen = (z > 0.2) & (z < 1.9) & (np.hypot(*offsets[:, :2].T) < 4.0)
        values = value_at(course_cells, offsets[is_seen, :2] + scan.center_in_map[:2])
        num_seen, num_marked = num_seen + len(values), num_marked + (values == OCCUPIED).sum()
        assert (values != FREE).mean() > 0.98
    assert num_marked > 0.85 * num_seen


def test_the_way_of_the_robot_is_free(course, course_cells):
    # It begins below the first view, and the robot turns into what it did not see before.
    values = value_at(course_cells, course.world_from_cam[25:, :2, 3])
    assert (values != OCCUPIED).all()
    assert (values == FREE).mean() > 0.9


def test_nothing_is_known_before_the_first_scan():
    assert map_of().grid() is None


def test_clear_forgets_everything():
    occupancy = map_of(scan_of(WALL))
    occupancy.clear()
    assert len(occupancy) == 0
    assert occupancy.grid() is None


def test_a_person_who_walked_away_is_forgotten():
    occupancy = map_of(*[scan_of(PERSON)] * 20)
    front = [2.81, 0.0]
    assert value_at(occupancy.grid(), front) == OCCUPIED
    for _ in range(15):
        occupancy.add(scan_of())
    assert value_at(occupancy.grid(), front) == FREE
    assert not len(places(occupancy.grid(), OCCUPIED))


def test_a_person_who_came_is_an_obstacle_after_two_views():
    occupancy = map_of(*[scan_of()] * 50, scan_of(PERSON), scan_of(PERSON))
    assert value_at(occupancy.grid(), [2.81, 0.0]) == OCCUPIED


def test_a_glimpse_below_an_obstacle_does_not_outvote_it():
    near = look(np.array([[0.9, 0.0, 0.9]]), np.zeros(1), np.array([-0.5]))[0]
    hall = BoxWorld(hall=HALL, boxes=np.zeros((0, 2, 3)))
    occupancy = map_of(*[scan_of(PERSON)] * 3, *[scan_in(hall, near)] * 3)
    assert value_at(occupancy.grid(), [2.81, 0.0]) == OCCUPIED


def test_a_correction_moves_the_walls_of_its_submap_only():
    kept = scan_of(WALL, submap_id=1)
    behind = scan_of([[-3.2, -10.0, 0.0], [-3.0, 10.0, 2.8]], yaw=np.pi, submap_id=2)
    occupancy = map_of(kept, behind)
    turn = matrix_from_rotation_vector(np.array([0.0, 0.0, 0.5 * np.pi]))
    occupancy.correct({2: Sim3(1.0, turn, np.array([0.0, -0.5, 0.0])), 9: STILL})
    xy = places(occupancy.grid(), OCCUPIED)
    on_kept = np.abs(xy[:, 0] - 3.0) <= RES
    on_moved = np.abs(xy[:, 1] + 3.5) <= RES
    assert on_kept.sum() > 40
    assert on_moved.sum() > 40
    assert (on_kept | on_moved).all()


def test_a_map_that_becomes_metric_is_as_if_it_had_been_so_from_the_beginning():
    # In units of 3 m the box is as low as a floor, and the ceiling of the hall is an obstacle.
    box = [[2.5, -0.5, 0.0], [3.0, 0.5, 0.25]]
    occupancy = map_of(scan_of(box, unit=1 / 3), scan_of(box, xy=(0.5, 0.2), unit=1 / 3))
    truth = map_of(scan_of(box), scan_of(box, xy=(0.5, 0.2))).grid()
    assert not same(occupancy.grid(), truth)
    occupancy.correct({0: Sim3(3.0, np.eye(3), np.zeros(3))})
    found = occupancy.grid()
    ours, theirs = places(found, OCCUPIED), places(truth, OCCUPIED)
    # Rounding may put a point on the other side of an edge.
    assert len(ours) == pytest.approx(len(theirs), rel=0.1)
    gaps = np.abs(ours[:, None] - theirs).max(axis=-1)
    assert gaps.min(axis=0).max() <= 1.01 * RES
    assert gaps.min(axis=1).max() <= 1.01 * RES


def test_scans_are_drawn_again_as_they_were_drawn_first(course_scans, course_cells):
    occupancy = map_of(*course_scans)
    occupancy.correct({0: STILL})
    assert same(occupancy.grid(), course_cells)


def test_a_scan_that_comes_between_a_correction_and_the_grid_counts_once():
    occupancy = map_of(scan_of(WALL, submap_id=1))
    occupancy.correct({1: STILL})
    occupancy.add(scan_of(WALL, submap_id=2))
    assert same(occupancy.grid(), map_of(scan_of(WALL), scan_of(WALL)).grid())


def test_new_heights_judge_old_scans():
    occupancy = map_of(scan_of([[2.5, -0.5, 0.0], [3.0, 0.5, 0.25]]))
    assert len(places(occupancy.grid(), OCCUPIED))
    occupancy.update_settings(replace(SETTINGS, min_height=0.3))
    assert not len(places(occupancy.grid(), OCCUPIED))


def test_the_number_of_scans_is_bounded_and_what_went_stays_drawn_until_a_correction():
    scans = [scan_of(PERSON, submap_id=1), scan_of(submap_id=1), scan_of(PERSON, submap_id=2)]
    occupancy = map_of(*scans, max_scans=2)
    assert len(occupancy) == 2
    before = occupancy.grid()
    assert same(before, map_of(*scans).grid())
    occupancy.correct({2: STILL})
    assert not same(occupancy.grid(), before)


def test_no_place_vanishes_because_another_one_is_seen_often():
    once, often = scan_of(PERSON, submap_id=1), scan_of(WALL, yaw=0.5 * np.pi, submap_id=2)
    occupancy = map_of(once, *[often] * 20, max_scans=8)
    assert len(occupancy) <= 8
    occupancy.correct({2: STILL})
    assert value_at(occupancy.grid(), [2.81, 0.0]) == OCCUPIED


def test_a_scan_of_a_submap_that_left_moves_with_another_one():
    occupancy = map_of(scan_of(WALL, submap_id=1))
    occupancy.reassign({1: 5})
    assert [scan.submap_id for scan in occupancy.scans()] == [5]


def test_the_extent_is_bounded_and_the_farthest_is_cut_off():
    hall = np.array([[-10.0, -10.0, 0.0], [90.0, 10.0, 2.8]])
    occupancy = OccupancyGridMap(SETTINGS, 100, max_side=300)
    for x in np.arange(0.0, 40.0, 2.0):
        occupancy.add(scan_of(hall=hall, xy=(x, 0.0)))
        assert max(occupancy.grid().cells.shape) <= 300
    cells = occupancy.grid()
    assert value_at(cells, [[41.0, 0.0], [34.0, 0.0]]).tolist() == [FREE, FREE]
    assert value_at(cells, [4.0, 0.0]) == UNKNOWN
    assert (value_at(cells, np.array([[30.0, 0.0], [42.0, 0.0]])) == FREE).all()


def test_a_jump_out_of_the_extent_begins_anew():
    hall = np.array([[-10.0, -10.0, 0.0], [990.0, 10.0, 2.8]])
    occupancy = map_of(scan_of(hall=hall), scan_of(hall=hall, xy=(900.0, 0.0)), max_side=300)
    cells = occupancy.grid()
    assert cells.cells.shape[1] <= 300
    assert value_at(cells, [[903.0, 0.0], [3.0, 0.0]]).tolist() == [FREE, UNKNOWN]


def test_the_grid_is_a_copy():
    occupancy = map_of(scan_of(WALL))
    occupancy.grid().cells[:] = 7
    assert set(np.unique(occupancy.grid().cells).tolist()) == {UNKNOWN, FREE, OCCUPIED}


def test_a_scan_is_drawn_in_a_few_milliseconds():
    scan = scan_of(WALL)
    occupancy = map_of(scan)
    times_s = []
    for _ in range(10):
        start = thread_time()
        occupancy.add(scan)
        times_s.append(thread_time() - start)
    assert np.median(times_s) < 0.01  # 2 ms; twice the aim, for the checks of shapes in tests


def below_the_eye(*boxes, xy=(0.0, 0.0), yaw=0.0):
    """A scan of a map that began at the camera: its z = 0 is 1.1 m above the floor."""
    drop = np.array([0.0, 0.0, 1.1])
    world = BoxWorld(hall=HALL - drop, boxes=np.array(boxes, dtype=float).reshape(-1, 2, 3) - drop)
    return scan_in(world, look(np.array([[*xy, 0.0]]), np.array([yaw]), np.array([-0.35]))[0])


def test_a_map_that_began_at_the_camera_counts_heights_from_the_floor_that_it_shows():
    views = [(0.0, 0.0), (0.1, 0.4), (0.2, -0.4), (0.3, 0.2), (0.4, -0.2)]
    occupancy, plain = (OccupancyGridMap(SETTINGS, 100) for _ in range(2))
    occupancy.seeks_floor = True
    for x, yaw in views:
        for grid in (occupancy, plain):
            grid.add(below_the_eye(PERSON, xy=(x, 0.0), yaw=yaw))
            grid.seek_floor()
    assert occupancy.floor_z == pytest.approx(-1.1, abs=RES)
    ground = value_at(occupancy.grid(), np.array([[2.0, 0.0], [2.0, 0.5]]))
    assert (ground == FREE).all()
    assert (value_at(occupancy.grid(), [[2.83, 0.0]]) == OCCUPIED).all()
    assert plain.floor_z == 0.0
    occupancy.update_settings(replace(SETTINGS, floor='zero'))
    assert occupancy.floor_z == 0.0
    assert same(occupancy.grid(), plain.grid())


def test_the_floor_of_a_map_that_becomes_metric_goes_with_it():
    occupancy = OccupancyGridMap(SETTINGS, 100)
    occupancy.seeks_floor = True
    for x, yaw in [(0.0, 0.0), (0.1, 0.4), (0.2, -0.4), (0.3, 0.2), (0.4, -0.2)]:
        occupancy.add(below_the_eye(xy=(x, 0.0), yaw=yaw))
        occupancy.seek_floor()
    occupancy.correct({0: Sim3(2.0, np.eye(3), np.zeros(3))})
    assert occupancy.floor_z == pytest.approx(-2.2, abs=2 * RES)
