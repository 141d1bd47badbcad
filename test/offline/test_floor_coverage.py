from dataclasses import replace

import numpy as np
import pytest

from vggt_ros.mapping.layers.occupancy_scan import OccupancyScan
from vggt_ros.offline.floor_coverage import floor_coverage
from vggt_ros.settings.world_config import OccupancySettings

SETTINGS = OccupancySettings(enable=True)


def scan(x, floor_z):
    """Looks down on a floor of 2 x 3 m before it from 1 m above it."""
    down = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
    pose = np.eye(4)
    pose[:3, :3] = down
    pose[:3, 3] = x, 0.0, floor_z + 1.0
    ahead, left = np.meshgrid(np.arange(0.5, 2.5, 0.02), np.arange(-1.5, 1.5, 0.02))
    points = np.stack([-left, np.ones_like(left), ahead], axis=-1).reshape(-1, 3)
    return OccupancyScan(
        submap_id=0,
        stamp_ns=0,
        map_from_cam=pose,
        points_in_cam=points.astype(np.float32),
        is_kept=np.ones(len(points), dtype=bool),
        spacing_rad=0.02,
    )


@pytest.fixture
def session(mapped):
    scans = tuple(scan(0.1 * step, 0.0) for step in range(6))
    return replace(mapped.session, scans=scans, is_upright=False)


def test_it_is_that_of_the_grid_that_the_scans_draw(session):
    found = floor_coverage(session, SETTINGS)
    assert 3.0 < found.free_m2 < 8.0
    assert found.num_frontiers == 1
    assert found.closed == pytest.approx(0.0, abs=0.1)


def test_heights_count_from_the_floor_of_a_map_that_begins_at_the_camera(session):
    on_floor = floor_coverage(session, SETTINGS)
    below = tuple(scan(0.1 * step, -1.0) for step in range(6))
    found = floor_coverage(
        replace(session, scans=below, is_upright=True, origin_in_map=np.zeros(3)), SETTINGS
    )
    assert found.free_m2 == pytest.approx(on_floor.free_m2, rel=0.1)


def test_without_scans_there_is_none(session):
    assert floor_coverage(replace(session, scans=()), SETTINGS) is None
    assert floor_coverage(None, SETTINGS) is None
