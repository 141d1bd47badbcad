import numpy as np
import pytest
import torch

from training.detailed_places import detailed_place
from training.free_motion import free_poses, rotations
from training.solid_cast import cast_all
from training.solids import Solids

B, S = 48, 8


@pytest.fixture(scope='module')
def solids(pictures):
    rng = np.random.default_rng(1)
    places = [detailed_place(rng, pictures) for _ in range(B)]
    bounds = np.stack([place.bounds_m for place in places])
    return Solids.stack([place.solids for place in places]), bounds


@pytest.fixture(scope='module')
def reach(solids):
    return lambda origin, direction: cast_all(solids[0], origin, direction)


@pytest.fixture(scope='module')
def poses(solids, reach):
    return free_poses(np.random.default_rng(0), reach, solids[1], np.full(B, 1.2), S)


def test_poses_are_rigid(poses):
    rotation = poses[..., :3, :3]
    np.testing.assert_allclose(
        rotation @ rotation.swapaxes(-1, -2), np.broadcast_to(np.eye(3), rotation.shape), atol=1e-9
    )
    np.testing.assert_allclose(np.linalg.det(rotation), 1.0)
    np.testing.assert_array_equal(poses[..., 3, :], np.broadcast_to([0, 0, 0, 1], (B, S, 4)))


def test_cameras_are_in_free_space(poses, reach):
    """A camera within a solid would see it from inside, at once in all directions."""
    rays = torch.from_numpy(np.random.default_rng(0).normal(size=(B, S, 200, 3))).float()
    rays /= rays.norm(dim=-1, keepdim=True)
    distance = reach(torch.from_numpy(poses[..., :3, 3]).float(), rays)
    assert (distance.amin(dim=-1) > 0.02).float().mean() > 0.97
    assert torch.isfinite(distance).all()


def test_nothing_is_between_the_first_camera_and_the_others(poses, reach):
    start, end = poses[:, :1, :3, 3], poses[:, 1:, :3, 3]
    origin, direction = (torch.from_numpy(v).float() for v in (start, end - start))
    assert (reach(origin, direction[:, None]) > 1.0)[:, 0].all()


def test_views_are_level_tilted_and_upside_down(poses):
    up = -poses[:, 0, 2, 1]  # of the camera's upward axis, in the world
    assert (up > 0.95).mean() > 0.3
    assert (up < 0.8).mean() > 0.05
    assert np.ptp(np.degrees(np.arcsin(poses[:, 0, 2, 2]))) > 80


def test_steps_are_from_small_to_large_and_some_windows_only_turn(poses):
    moved = np.linalg.norm(poses[:, -1, :3, 3] - poses[:, 0, :3, 3], axis=-1)
    assert (moved < 1e-3).mean() > 0.02
    assert np.percentile(moved, 20) < 0.1
    assert np.percentile(moved, 90) > 0.3


def test_the_same_seed_gives_the_same_poses(solids, reach, poses):
    again = free_poses(np.random.default_rng(0), reach, solids[1], np.full(B, 1.2), S)
    np.testing.assert_array_equal(again, poses)


def test_a_rotation_vector_turns_about_itself():
    turn = rotations(np.array([[0.0, 0.0, 0.5 * np.pi], [0.0, 0.0, 0.0]]))
    np.testing.assert_allclose(turn[0] @ [1, 0, 0], [0, 1, 0], atol=1e-12)
    np.testing.assert_array_equal(turn[1], np.eye(3))
