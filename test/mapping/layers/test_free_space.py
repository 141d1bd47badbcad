from dataclasses import replace
import time

import numpy as np
import pytest

from vggt_ros.geometry import se3
from vggt_ros.geometry.pinhole import unproject_depth
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.mapping.backend.submap_graph import SubmapGraph
from vggt_ros.mapping.layers.free_space import clear_free_space, DepthView, in_frustum
from vggt_ros.mapping.layers.map_update import FrameResult
from vggt_ros.mapping.layers.voxel_map import VoxelMap

HEIGHT, WIDTH = 60, 80
K = np.array([[60.0, 0, 39.5], [0, 60.0, 29.5], [0, 0, 1.0]])
WALL_M, PERSON_M = 5.0, 2.0
# Rows and columns of the images that show the person.
PERSON = slice(20, 50), slice(30, 45)


def placed_in(graph, sigma_m=0.0):
    """Add a submap; None begins a segment."""
    error = None if sigma_m is None else sigma_m**2 * np.eye(7)
    return graph.add(Sim3(1.0, np.eye(3), np.zeros(3)), error)


@pytest.fixture
def graph():
    return SubmapGraph()


@pytest.fixture
def seen(make_frame):
    """Make what a camera before a wall sees, with or without a person."""

    def make(index, *, person=False, x_m=0.0, noise=0.0, confidence=5.0):
        rng = np.random.default_rng(index)
        depth = np.full((HEIGHT, WIDTH), WALL_M, np.float32)
        if person:
            depth[PERSON] = PERSON_M
        depth *= np.exp(noise * rng.normal(size=depth.shape)).astype(np.float32)
        pose = se3.rigid(np.eye(3), np.array([x_m, 0.0, 0.0]))
        return FrameResult(
            frame=make_frame(index),
            image=np.zeros((HEIGHT, WIDTH, 3), np.uint8),
            depth=depth,
            confidence=np.full((HEIGHT, WIDTH), confidence, np.float32),
            points_in_cam=unproject_depth(depth, K),
            keep=np.ones((HEIGHT, WIDTH), bool),
            K=K,
            K_image=K,
            map_from_cam=pose,
            covariance=np.zeros((6, 6)),
        )

    return make


def draw(voxels, placed, graph, *results):
    for result in results:
        points = se3.transform(result.map_from_cam, result.points_in_cam[result.drawn])
        count = len(points)
        voxels.insert(
            points,
            np.zeros((count, 3), np.uint8),
            np.ones(count, np.float32),
            placed.id,
        )
    return clear_free_space(voxels, placed, results[-1:], graph)


def num_near(voxels):
    return int((voxels.points().points_in_map[:, 2] < 0.5 * (PERSON_M + WALL_M)).sum())


def num_far(voxels):
    return len(voxels) - num_near(voxels)


def test_a_person_who_left_goes_after_three_views_and_the_wall_stays(graph, seen):
    voxels, window = VoxelMap(0.05, 100_000), placed_in(graph)
    draw(voxels, window, graph, seen(0, person=True))
    person = num_near(voxels)
    for index in (1, 2):
        draw(voxels, window, graph, seen(index, x_m=0.02 * index))
        assert num_near(voxels) == person
    wall = num_far(voxels)
    assert draw(voxels, window, graph, seen(3, x_m=0.06)) >= 0.8 * person
    # Those beside the outline of who was there are seen from elsewhere, if at all.
    assert num_near(voxels) <= 0.2 * person
    assert num_far(voxels) >= wall


def test_who_stays_stays(graph, seen):
    voxels, window = VoxelMap(0.05, 100_000), placed_in(graph)
    for index in range(12):
        draw(voxels, window, graph, seen(index, person=True, noise=0.03, x_m=0.03 * index))
    before = VoxelMap(0.05, 100_000)
    draw(before, window, graph, seen(0, person=True))
    assert num_near(voxels) >= num_near(before)


def test_noise_of_depth_eats_no_wall(graph, seen):
    kept, cleared, window = VoxelMap(0.05, 100_000), VoxelMap(0.05, 100_000), placed_in(graph)
    for index in range(15):
        result = seen(index, noise=0.04, x_m=0.05 * index)
        draw(cleared, window, graph, result)
        points = se3.transform(result.map_from_cam, result.points_in_cam[result.keep])
        kept.insert(points, np.zeros(points.shape, np.uint8), np.ones(len(points), np.float32))
    assert len(cleared) > 0.99 * len(kept)


@pytest.mark.parametrize('why', ['submap', 'segment', 'depth', 'confidence'])
def test_who_cannot_tell_removes_nothing(graph, seen, why):
    voxels = VoxelMap(0.05, 100_000)
    draw(voxels, placed_in(graph), graph, seen(0, person=True))
    person = num_near(voxels)
    later = placed_in(graph, sigma_m={'submap': 1.0, 'segment': None}.get(why, 0.0))
    for index in range(1, 8):
        result = seen(index)
        if why == 'depth':
            result = replace(result, depth=np.full_like(result.depth, np.nan))
        elif why == 'confidence':
            keep, confidence = result.keep.copy(), result.confidence.copy()
            keep[PERSON], confidence[PERSON] = False, 1.0
            result = replace(result, keep=keep, confidence=confidence)
        clear_free_space(voxels, later, (result,), graph)
    assert num_near(voxels) >= 0.9 * person


def test_the_frustum_has_all_that_projects_into_the_image(graph, seen, rng):
    voxels = VoxelMap(0.1, 100_000)
    points = rng.uniform(-8, 8, (30_000, 3)).astype(np.float32)
    voxels.insert(points, np.zeros((30_000, 3), np.uint8), np.ones(30_000, np.float32))
    for turn in (
        np.eye(3),
        se3.rigid(np.array([[0, 0, 1.0], [-1, 0, 0], [0, -1, 0]]), np.zeros(3)),
    ):
        result = replace(seen(0), map_from_cam=se3.rigid(turn[:3, :3], np.array([1.0, 0.5, 0])))
        view = DepthView.of(result)
        found = in_frustum(voxels, view)
        everywhere = np.arange(len(voxels))
        in_cam = se3.transform(view.cam_from_map, voxels.points_at(everywhere))
        uv = in_cam[:, :2] / in_cam[:, 2:] * 60.0 + K[:2, 2]
        inside = (in_cam[:, 2] > 0.1) & (in_cam[:, 2] < WALL_M)
        inside &= ((uv > 0) & (uv < (WIDTH - 1, HEIGHT - 1))).all(axis=1)
        assert set(np.flatnonzero(inside)) <= set(found)
        assert len(found) < 0.5 * len(voxels)


def test_a_large_map_costs_a_view_some_ten_milliseconds(graph, seen, rng):
    voxels, window = VoxelMap(0.02, 1_000_000), placed_in(graph)
    points = rng.uniform(-10, 10, (800_000, 3)).astype(np.float32)
    voxels.insert(points, np.zeros((800_000, 3), np.uint8), np.ones(800_000, np.float32))
    times_s = []
    for index in range(5):
        start_s = time.process_time()
        clear_free_space(voxels, window, (seen(index),), graph)
        times_s.append(time.process_time() - start_s)
    assert min(times_s) < 0.15
