import numpy as np
import pytest

from vggt_ros.geometry.pinhole import unproject
from vggt_ros.mapping.layers.floor_plane import floor_height, FloorPlane
from vggt_ros.mapping.layers.occupancy_scan import scan_from_frame
from vggt_ros.synthetic.box_world import BoxWorld
from vggt_ros.synthetic.walk import look

WIDTH, HEIGHT, CELL = 160, 120, 0.05
K = np.array([[100.0, 0, 79.5], [0, 100.0, 59.5], [0, 0, 1]])
EYE_M = 1.1


def scans_of(*boxes, pitch=-0.35, floor=-EYE_M, xs=(0.0, 1.0, 2.0), noise=0.01):
    """Scans of a map that began at the camera: z = 0 is as high as its eye."""
    rng = np.random.default_rng(0)
    hall = np.array([[-6.0, -6.0, floor], [6.0, 6.0, floor + 2.8]])
    world = BoxWorld(hall=hall, boxes=np.array(boxes, dtype=float).reshape(-1, 2, 3))
    uv = np.stack(np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT)), axis=-1).astype(float)
    found = []
    for x in xs:
        pose = look(np.array([[x, 0.0, 0.0]]), np.array([0.3 * x]), np.array([pitch]))[0]
        depth = world.depth(pose, K, WIDTH, HEIGHT).astype(float)
        depth *= np.exp(noise * rng.normal(size=depth.shape))
        points = unproject(uv, depth, K).astype(np.float32)
        keep = np.ones((HEIGHT, WIDTH), dtype=bool)
        found.append(scan_from_frame(0, 0, points, keep, pose))
    return found


def test_a_floor_below_the_camera_is_found():
    assert floor_height(scans_of(), CELL) == pytest.approx(-EYE_M, abs=CELL)


def test_clutter_on_it_does_not_move_it():
    rng = np.random.default_rng(3)
    boxes = []
    for _ in range(12):
        x, y = rng.uniform(0.5, 5), rng.uniform(-3, 3)
        size = rng.uniform(0.2, 0.5)
        boxes.append([[x, y, -EYE_M], [x + size, y + size, -EYE_M + rng.uniform(0.1, 0.7)]])
    assert floor_height(scans_of(*boxes), CELL) == pytest.approx(-EYE_M, abs=CELL)


def test_no_floor_is_found_where_none_is_in_view():
    assert floor_height(scans_of(pitch=0.6), CELL) is None
    wall_before_it = [[2.5, -6.0, -EYE_M], [2.7, 6.0, 1.5]]
    assert floor_height(scans_of(wall_before_it, pitch=0.2, xs=(0.0,)), CELL) is None
    assert floor_height([], CELL) is None


def test_of_two_floors_none_is_taken():
    platform = [[0.3, 0.0, -EYE_M], [6.0, 6.0, -EYE_M + 0.4]]
    assert floor_height(scans_of(platform), CELL) is None


def test_a_floor_counts_once_three_estimates_agree():
    floor = FloorPlane()
    assert [floor.note(each, CELL) for each in (-1.1, -1.12)] == [False, False]
    assert floor.z == 0.0
    assert floor.note(-1.09, CELL)
    assert floor.z == -1.1
    assert not floor.note(-1.12, CELL), 'less than a cell'
    assert [floor.note(each, CELL) for each in (-1.3, None, -1.3, -1.3)] == [False] * 4
    assert floor.note(-1.3, CELL)
    assert floor.z == -1.3
    floor.move(-1.5)
    assert floor.z == -1.5
    floor.move(None)
    assert floor.z == -1.5
    floor.clear()
    assert floor.z == 0.0
