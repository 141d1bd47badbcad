import numpy as np
import pytest
import torch

from vggt_ros.synthetic.point_tracks import random_queries, track_points
from vggt_ros.synthetic.room import furnished_room
from vggt_ros.synthetic.walk import look

K = torch.tensor([[100.0, 0, 79.5], [0, 100, 59.5], [0, 0, 1]])


@pytest.fixture(scope='module')
def scene():
    """An empty room with one thick post on the x axis."""
    room = furnished_room(0).scene
    half = room.box_half.clone()
    half[:, 1:] = -1
    half[:, 1] = torch.tensor([0.2, 0.2, 1.0])
    center = room.box_center.clone()
    center[:, 1] = torch.tensor([1.5, 0.0, 1.0])
    changed = {name: getattr(room, name) for name in type(room).__dataclass_fields__}
    empty = -torch.ones_like(room.sphere_radius)
    changed |= {'box_half': half, 'box_center': center, 'sphere_radius': empty}
    changed |= {'cylinder_size': -torch.ones_like(room.cylinder_size)}
    return type(room)(**changed)


def tracked(scene, centers, query_uv):
    poses = torch.from_numpy(
        look(np.array(centers), np.zeros(len(centers)), np.zeros(len(centers)))
    ).float()
    return track_points(
        scene,
        K.expand(len(centers), 3, 3),
        poses,
        0,
        torch.tensor([query_uv], dtype=torch.float32),
        height=120,
        width=160,
    )


def test_a_point_on_the_wall_is_hidden_when_the_post_comes_between(scene):
    # From y = 0.8 the wall straight ahead is free; from y = -0.8 the post is in the way.
    tracks = tracked(scene, [(0.0, 0.8, 1.0), (0.0, -0.25, 1.0), (0.0, 0.9, 1.0)], (79.5, 59.5))
    wall_m = float(scene.box_half[0, 0, 0])
    hidden_from_y = 0.8 - 0.8 * wall_m / (wall_m - 1.5)  # ray through the axis of the post
    assert hidden_from_y < 0
    hidden = tracked(scene, [(0.0, 0.8, 1.0), (0.0, hidden_from_y, 1.0)], (79.5, 59.5))
    assert bool(tracks.is_visible[0, 0])
    assert bool(tracks.is_visible[2, 0])
    assert not bool(hidden.is_visible[1, 0])


def test_a_point_outside_the_image_is_not_visible(scene):
    tracks = tracked(scene, [(0.0, 0.8, 1.0), (0.0, -2.3, 1.0)], (2.0, 59.5))
    assert tracks.positions[1, 0, 0] < -0.5
    assert not bool(tracks.is_visible[1, 0])


def test_a_point_behind_the_camera_is_not_visible(scene):
    tracks = tracked(scene, [(0.0, 0.0, 1.0), (2.5, 0.0, 1.0)], (79.5, 59.5))
    assert bool(tracks.is_visible[0, 0])
    assert not bool(tracks.is_visible[1, 0])


def test_positions_are_the_projection_of_the_point(scene):
    tracks = tracked(scene, [(0.0, 0.0, 1.0), (0.5, 0.1, 1.0)], (79.5, 59.5))
    expected_u = 79.5 + 100 * 0.1 / (1.5 - 0.2 - 0.5)
    assert float(tracks.positions[1, 0, 0]) == pytest.approx(expected_u, abs=1e-2)


def test_random_queries_lie_in_the_image():
    queries = random_queries(torch.Generator().manual_seed(0), 200, 30, 40)
    assert queries.min() >= 0
    assert queries[:, 0].max() < 40
    assert queries[:, 1].max() < 30
