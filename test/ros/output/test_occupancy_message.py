import numpy as np
import pytest

from vggt_ros.mapping.layers.occupancy_change import OccupancyPatch
from vggt_ros.mapping.layers.occupancy_grid import OccupancyCells
from vggt_ros.ros.middleware.messages import header_of
from vggt_ros.ros.middleware.stamps import ns_from_stamp
from vggt_ros.ros.output.occupancy_message import occupancy_grid, occupancy_update

STAMP_NS = 1_700_000_000_123_456_789
CELLS = OccupancyCells(
    cells=np.array([[-1, 0, 100], [50, -1, 0]], dtype=np.int8),
    origin_xy_m=np.array([-1.5, 2.25]),
    resolution_m=0.05,
)


def message_of(cells=CELLS):
    return occupancy_grid(header_of(STAMP_NS, 'map'), cells)


def test_rows_follow_each_other_from_the_origin():
    message = message_of()
    assert (message.info.width, message.info.height) == (3, 2)
    assert message.data.tolist() == [-1, 0, 100, 50, -1, 0]


def test_a_view_is_packed():
    turned = OccupancyCells(
        cells=CELLS.cells.T, origin_xy_m=CELLS.origin_xy_m, resolution_m=CELLS.resolution_m
    )
    message = message_of(turned)
    assert (message.info.width, message.info.height) == (2, 3)
    assert message.data.tolist() == [-1, 50, 0, -1, 100, 0]


def test_the_grid_lies_level_in_the_map():
    info = message_of().info
    assert info.resolution == pytest.approx(0.05)
    position, orientation = info.origin.position, info.origin.orientation
    assert (position.x, position.y, position.z) == (-1.5, 2.25, 0.0)
    assert (orientation.x, orientation.y, orientation.z, orientation.w) == (0.0, 0.0, 0.0, 1.0)


def test_header_and_load_time_have_every_nanosecond():
    message = message_of()
    assert message.header.frame_id == 'map'
    assert ns_from_stamp(message.header.stamp) == STAMP_NS
    assert ns_from_stamp(message.info.map_load_time) == STAMP_NS


def test_an_update_says_in_cells_where_its_rows_belong():
    patch = OccupancyPatch(cells=CELLS.cells, row=7, column=4)
    message = occupancy_update(header_of(STAMP_NS, 'map'), patch)
    assert (message.x, message.y, message.width, message.height) == (4, 7, 3, 2)
    assert message.data.tolist() == [-1, 0, 100, 50, -1, 0]
    assert message.header == header_of(STAMP_NS, 'map')


def test_messages_do_not_share_their_cells():
    first, second = message_of(), message_of()
    first.data[0] = 7
    assert second.data[0] == -1
