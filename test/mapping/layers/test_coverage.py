import numpy as np
import pytest

from vggt_ros.geometry.pinhole import unproject
from vggt_ros.mapping.layers.coverage import coverage
from vggt_ros.mapping.layers.occupancy_grid import OccupancyCells, OccupancyGridMap
from vggt_ros.mapping.layers.occupancy_scan import scan_from_frame
from vggt_ros.settings.world_config import OccupancySettings
from vggt_ros.synthetic.course import make_course

RES = 0.05
ROBOT = 0.5
ORIGIN = np.array([-2.0, 3.0])
# In the middle of the room that `room` makes, 4 x 3 m.
INSIDE = ORIGIN + RES * np.array([[60.0, 50.0]])


def room():
    """Walls around 80 x 60 free cells, and nothing known beyond."""
    cells = np.full((100, 120), -1, dtype=np.int8)
    cells[19:81, 19:101] = 100
    cells[20:80, 20:100] = 0
    return cells


def measured(cells, path=INSIDE, robot=ROBOT, resolution=RES):
    grid = OccupancyCells(cells=cells, origin_xy_m=ORIGIN, resolution_m=resolution)
    return coverage(grid, path, robot)


def test_a_closed_room_is_closed():
    found = measured(room())
    assert found.closed == 1.0
    assert (found.frontier_m, found.num_frontiers) == (0.0, 0)
    assert found.free_m2 == pytest.approx(4.0 * 3.0)
    assert found.observed_m2 == pytest.approx(4.1 * 3.1)


@pytest.mark.parametrize('width', [14, 20, 30])
def test_a_door_into_the_unknown_is_a_frontier_as_wide_as_it(width):
    cells = room()
    cells[40 : 40 + width, 100] = 0
    found = measured(cells)
    assert found.num_frontiers == 1
    assert found.frontier_m == pytest.approx(RES * width, abs=2.01 * RES)
    assert found.closed == pytest.approx(1.0 - found.frontier_m / 14.0, abs=0.02)


def test_a_gap_that_a_robot_does_not_fit_through_leads_nowhere():
    cells = room()
    cells[40:48, 100] = 0
    assert measured(cells).closed == 1.0
    assert measured(cells, robot=0.2).num_frontiers == 1


def test_two_doors_are_two_frontiers():
    cells = room()
    cells[40:56, 100] = 0
    cells[19, 30:50] = 0
    found = measured(cells)
    assert found.num_frontiers == 2
    assert found.frontier_m == pytest.approx(RES * 36, abs=4.01 * RES)


def test_a_cell_that_is_not_known_before_a_wall_is_no_frontier():
    cells = room()
    cells[20, 20:100] = -1
    assert measured(cells).closed == 1.0


def test_the_edge_of_the_grid_is_no_wall():
    found = measured(np.zeros((60, 80), dtype=np.int8), ORIGIN[None] + 1.0)
    assert found.closed == 0.0
    assert found.frontier_m == pytest.approx(RES * (2 * 60 + 2 * 80 - 4))


def test_what_cannot_be_reached_is_not_counted():
    cells = room()
    cells[85:95, 50:90] = 0  # seen through a window, say
    far = ORIGIN + RES * np.array([[60.0, 22.0]])
    assert measured(cells, far).free_m2 == pytest.approx(4.0 * 3.0)
    assert measured(cells, far).closed == 1.0


def test_where_the_robot_was_is_free():
    cells = np.full((100, 120), -1, dtype=np.int8)
    path = ORIGIN + RES * np.array([[20.0 + x, 50.0] for x in range(60)])
    found = measured(cells, path)
    assert found.free_m2 == pytest.approx(60 * RES * ROBOT, rel=0.25)
    assert found.observed_m2 == 0.0


def test_without_free_space_nothing_is_said_of_how_closed_it_is():
    found = measured(np.full((10, 12), -1, dtype=np.int8), np.zeros((0, 2)))
    assert np.isnan(found.closed)
    assert (found.free_m2, found.num_frontiers) == (0.0, 0)


def test_lengths_are_those_of_the_map_whatever_the_cells_are():
    coarse, fine = room(), np.kron(room(), np.ones((2, 2), dtype=np.int8))
    coarse[40:60, 100] = 0
    fine[80:120, 200:202] = 0
    one, other = measured(coarse), measured(fine, resolution=RES / 2)
    assert other.frontier_m == pytest.approx(one.frontier_m, abs=2 * RES)
    assert other.free_m2 == pytest.approx(one.free_m2, rel=0.01)


def test_what_was_seen_grows_along_a_course():
    width, height = 96, 72
    course = make_course('corridor_loop', 60, 0)
    K = course.K * np.array([[3.0], [3.0], [1.0]])
    uv = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).astype(float)
    grid = OccupancyGridMap(OccupancySettings(enable=True), 600)
    found = []
    for index in range(0, len(course), 2):
        pose = course.world_from_cam[index]
        depth = course.world.depth(pose, K, width, height).astype(float)
        points = unproject(uv, depth, K).astype(np.float32)
        grid.add(scan_from_frame(0, index, points, np.isfinite(depth), pose))
        path = np.stack([scan.center_in_map[:2] for scan in grid.scans()])
        found.append(coverage(grid.grid(), path, ROBOT))
    for name, slack in (('observed_m2', 0.01), ('free_m2', 0.02)):
        values = np.array([getattr(each, name) for each in found])
        assert values[-1] > 2 * values[2]
        assert (np.diff(values) >= -slack * values[:-1]).all(), name
    assert 0.0 < found[-1].closed < 1.0
    assert found[-1].frontier_m > ROBOT
