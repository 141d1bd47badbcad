from dataclasses import replace

import numpy as np
import pytest

from vggt_ros.geometry.pinhole import unproject
from vggt_ros.mapping.layers.occupancy_scan import scan_from_frame
from vggt_ros.mapping.layers.occupancy_votes import cell_votes, free_sectors, HIT, MISS
from vggt_ros.settings.world_config import OccupancySettings
from vggt_ros.synthetic.box_world import BoxWorld
from vggt_ros.synthetic.walk import look

WIDTH, HEIGHT = 160, 120
K = np.array([[145.0, 0, 79.5], [0, 145.0, 59.5], [0, 0, 1]])  # 58 by 45 degrees
HALL = np.array([[-10.0, -10.0, 0.0], [10.0, 10.0, 2.8]])
SETTINGS = OccupancySettings()
RES = SETTINGS.resolution
WALL = [[3.0, -10.0, 0.0], [3.2, 10.0, 2.8]]


def scan_of(*boxes, height_m=1.1, pitch=-0.1, keep=None):
    """The view along x from the origin."""
    world = BoxWorld(hall=HALL, boxes=np.array(boxes, dtype=float).reshape(-1, 2, 3))
    pose = look(np.array([[0.0, 0.0, height_m]]), np.zeros(1), np.array([pitch]))[0]
    uv = np.stack(np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT)), axis=-1).astype(float)
    depth = world.depth(pose, K, WIDTH, HEIGHT).astype(float)
    points = unproject(uv, depth, K).astype(np.float32)
    if keep is None:
        keep = np.ones((HEIGHT, WIDTH), dtype=bool)
    return scan_from_frame(0, 0, points, keep, pose)


def vote_at(scan, x, y, settings=SETTINGS):
    first, votes = cell_votes(scan, settings, 1000)
    row, column = np.floor(np.array([y, x]) / settings.resolution).astype(int) - first
    inside = 0 <= row < votes.shape[0] and 0 <= column < votes.shape[1]
    return int(votes[row, column]) if inside else 0


def marked(scan, settings=SETTINGS):
    """x and y of the middles of cells with a hit."""
    first, votes = cell_votes(scan, settings, 1000)
    return ((np.argwhere(votes == HIT) + first)[:, ::-1] + 0.5) * settings.resolution


def test_a_wall_is_marked_where_it_is_and_free_space_ends_before_it():
    scan = scan_of(WALL)
    xy = marked(scan)
    assert len(xy) > 50
    assert (np.abs(xy[:, 0] - 3.0) <= RES).all()
    assert vote_at(scan, 2.8, 0.0) < 0
    assert all(vote_at(scan, x, 0.0) == 0 for x in np.arange(3.1, 5.0, RES))


def test_floor_and_ceiling_are_no_obstacles():
    assert not len(marked(scan_of()))


def test_the_floor_below_the_view_is_not_free():
    scan = scan_of()
    lowest_rad = 0.1 + np.arctan(59.5 / 145)
    begin_m = (1.1 - SETTINGS.min_height) / np.tan(lowest_rad)
    assert vote_at(scan, begin_m - 0.2, 0.0) == 0
    assert vote_at(scan, begin_m + 0.2, 0.0) < 0


def test_nothing_is_free_where_a_near_wall_hides_the_floor():
    scan = scan_of([[1.2, -10.0, 0.0], [1.4, 10.0, 2.8]])
    assert len(marked(scan))
    assert not (cell_votes(scan, SETTINGS, 1000)[1] < 0).any()


def test_a_vote_for_free_counts_by_the_share_of_the_height_in_view():
    scan = scan_of()
    assert MISS < vote_at(scan, 2.0, 0.0) < vote_at(scan, 2.0, 10.0) == 0
    assert vote_at(scan, 4.5, 0.0) == MISS


def test_nothing_is_drawn_beyond_the_range():
    scan = scan_of([[4.0, -10.0, 0.0], [4.2, 10.0, 2.8]])
    near = replace(SETTINGS, max_range=3.0)
    assert not len(marked(scan, near))
    assert vote_at(scan, 2.9, 0.0, near) < 0
    assert vote_at(scan, 3.1, 0.0, near) == 0
    _, votes = cell_votes(scan, SETTINGS, 40)
    assert max(votes.shape) <= 81


def test_a_table_hides_what_is_below_it():
    scan = scan_of([[2.5, -1.0, 0.7], [3.5, 1.0, 0.75]])
    assert vote_at(scan, 2.3, 0.0) < 0
    assert all(vote_at(scan, x, 0.0) >= 0 for x in np.arange(2.55, 3.45, RES))


def test_what_is_passed_under_is_free():
    scan = scan_of([[2.5, -1.0, 2.2], [3.5, 1.0, 2.3]])
    assert vote_at(scan, 3.0, 0.0) < 0


def test_what_was_filtered_out_is_neither_obstacle_nor_free_nor_looked_through():
    box = [[2.5, -0.2, 0.0], [2.7, 0.2, 0.3]]  # the floor behind it is in view
    whole = scan_of(box)
    x, y, z = (whole.offsets_in_map() + whole.center_in_map).T
    in_box = (np.abs(x - 2.6) < 0.11) & (np.abs(y) < 0.21) & (z > 0.01)
    scan = replace(whole, is_kept=~in_box)
    assert len(marked(whole))
    assert not len(marked(scan))
    assert vote_at(scan, 2.3, 0.0) < 0
    assert all(vote_at(scan, x, 0.0) == 0 for x in np.arange(2.5, 5.0, RES))


def test_a_scan_keeps_the_filter_of_its_frame():
    keep = np.zeros((HEIGHT, WIDTH), dtype=bool)
    assert cell_votes(scan_of(WALL, keep=keep), SETTINGS, 1000) is None


@pytest.mark.parametrize('wall_m', [4.4, 4.45, 4.5, 4.55])
def test_free_space_reaches_up_to_a_far_wall(wall_m):
    scan = scan_of([[wall_m, -10.0, 0.0], [4.7, 10.0, 2.8]])
    # Although rows of the image are 0.14 m apart on the floor there.
    assert all(vote_at(scan, wall_m - 0.09, y) < 0 for y in np.arange(-1.0, 1.0, RES))


def test_a_single_point_is_not_an_obstacle_but_not_free_either():
    scan = scan_of()
    lone = scan.points_in_cam.copy()
    middle = np.argmin(np.abs(lone[:, 0] / lone[:, 2]) + np.abs(lone[:, 1] / lone[:, 2]))
    lone[middle] *= np.float32(3.0 / lone[middle, 2])
    scan = replace(scan, points_in_cam=lone)
    assert not len(marked(scan))
    assert vote_at(scan, 2.8, 0.0) < 0
    assert vote_at(scan, 3.5, 0.0) == 0


def test_a_camera_below_the_lower_height_sees_free_space_upwards():
    settings = replace(SETTINGS, min_height=0.4, max_height=0.8)
    scan = scan_of(WALL, height_m=0.2, pitch=0.0)
    assert vote_at(scan, 2.5, 0.0, settings) == MISS
    assert vote_at(scan, 0.2, 0.0, settings) == 0
    assert (np.abs(marked(scan, settings)[:, 0] - 3.0) <= RES).all()


def test_a_camera_above_the_upper_height_sees_free_space_downwards():
    settings = replace(SETTINGS, max_height=0.6)
    scan = scan_of([[2.5, -0.5, 0.0], [2.9, 0.5, 0.5]], height_m=1.5, pitch=-0.5)
    assert vote_at(scan, 2.0, 0.0, settings) == MISS
    assert vote_at(scan, 2.51, 0.0, settings) == HIT
    assert vote_at(scan, 3.1, 0.0, settings) == 0


def test_sectors_cover_the_view_and_nothing_else():
    sectors = free_sectors(scan_of(WALL), SETTINGS)
    half_rad = np.arctan(79.5 / 145)
    azimuth = (sectors.azimuth_rad + np.pi) % (2 * np.pi) - np.pi
    # Looking down, rows below the horizon span a little more of the azimuth.
    assert half_rad - 0.05 < np.abs(azimuth).max() < half_rad + 0.2
    np.testing.assert_allclose(np.diff(np.sort(azimuth)), sectors.width_rad, atol=1e-9)


def test_an_empty_scan_votes_on_nothing():
    scan = scan_of()
    empty = replace(scan, points_in_cam=scan.points_in_cam[:0], is_kept=scan.is_kept[:0])
    assert cell_votes(empty, SETTINGS, 1000) is None


@pytest.mark.parametrize('resolution', [0.02, 0.1, 0.3])
def test_free_space_has_no_holes_at_any_resolution(resolution):
    settings = replace(SETTINGS, resolution=resolution)
    first, votes = cell_votes(scan_of(), settings, 1000)
    row, column = np.floor(np.array([-0.6, 2.5]) / resolution).astype(int) - first
    rows, columns = int(1.2 / resolution), int(2.0 / resolution)
    assert (votes[row : row + rows, column : column + columns] < 0).all()
