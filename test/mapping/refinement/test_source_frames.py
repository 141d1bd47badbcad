import numpy as np
import pytest

from vggt_ros.geometry.se3 import rigid
from vggt_ros.mapping.refinement.source_frames import select_sources

HEIGHT, WIDTH = 120, 160
DEPTH = np.full((HEIGHT, WIDTH), 2.0, np.float32)


def intrinsics(num_frames):
    K = np.array([[140.0, 0, 79.5], [0, 140, 59.5], [0, 0, 1]])
    return np.repeat(K[None], num_frames, axis=0)


def turned(angle_rad):
    cosine, sine = np.cos(angle_rad), np.sin(angle_rad)
    return np.array([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]])


def test_the_frames_with_the_best_angle_come_first(sideways):
    # About 1.5, 5 and 45 degrees at 2 m.
    poses = sideways(0, 0.05, 0.175, 2.0)
    assert select_sources(DEPTH, intrinsics(4), poses, 0, 2) == [2, 1]


def test_no_more_are_taken_than_asked_for(sideways):
    poses = sideways(0, 0.1, 0.2, 0.3, 0.4)
    for max_sources in (1, 3):
        assert len(select_sources(DEPTH, intrinsics(5), poses, 2, max_sources)) == max_sources
    assert 2 not in select_sources(DEPTH, intrinsics(5), poses, 2, 9)


def test_a_camera_that_only_turned_tells_no_depth():
    poses = rigid(np.stack([turned(0.0), turned(0.1), turned(-0.2)]), np.zeros((3, 3)))
    assert select_sources(DEPTH, intrinsics(3), poses, 0, 4) == []


def test_what_is_too_far_for_the_baseline_has_no_sources(sideways):
    poses = sideways(0, 0.1)
    assert select_sources(DEPTH, intrinsics(2), poses, 0, 4) == [1]
    assert select_sources(100 * DEPTH, intrinsics(2), poses, 0, 4) == []


def test_a_camera_that_looks_away_is_left_out(sideways):
    poses = sideways(0, 0.2, 0.2)
    poses[2, :3, :3] = turned(np.pi)
    assert select_sources(DEPTH, intrinsics(3), poses, 0, 4) == [1]


@pytest.mark.parametrize('depth', [np.nan, 0.0])
def test_a_frame_without_depth_has_no_sources(sideways, depth):
    empty = np.full_like(DEPTH, depth)
    assert select_sources(empty, intrinsics(2), sideways(0, 0.2), 0, 4) == []
