import numpy as np
import pytest

from vggt_ros.geometry import se3
from vggt_ros.geometry.pinhole import project
from vggt_ros.geometry.rotation import angle_between, matrix_from_rotation_vector
from vggt_ros.mapping.refinement.features import Features
from vggt_ros.mapping.refinement.keyframe_features import pack_features
from vggt_ros.mapping.refinement.pair_verification import KeyframeView
from vggt_ros.offline.frame_localizer import localize, MIN_INLIERS

SIZE = (640, 480)
K = np.array([[500.0, 0, 319.5], [0, 500.0, 239.5], [0, 0, 1]])


def pose(rotation_vector, translation):
    return se3.rigid(matrix_from_rotation_vector(np.array(rotation_vector)), np.array(translation))


KEY, TRUE = pose((0, 0.1, 0), (1.0, 0, 0)), pose((0.03, 0.14, -0.02), (1.2, 0.05, 0.1))


@pytest.fixture
def scene(rng):
    """A keyframe with points, and features of an image that shows them from elsewhere."""

    def make(num=200, noise_px=0.3, wrong=0):
        uv = rng.uniform((20, 20), (620, 460), (num, 2))
        depth = rng.uniform(2.0, 6.0, num)
        rays = np.concatenate([(uv - K[:2, 2]) / K[0, 0], np.ones((num, 1))], axis=1)
        points = depth[:, None] * rays
        looks = rng.uniform(size=(num, 128)).astype(np.float32) ** 8
        looks /= np.linalg.norm(looks, axis=1, keepdims=True)
        key = pack_features(Features(uv=uv.astype(np.float32), descriptors=looks), points, K, SIZE)
        seen = project(se3.transform(se3.inverse(TRUE) @ KEY, points), K)
        seen += noise_px * rng.normal(size=seen.shape)
        seen[:wrong] = rng.uniform((0, 0), SIZE, (wrong, 2))
        query = Features(uv=seen.astype(np.float32), descriptors=looks)
        return query, KeyframeView(features=key, place_from_cam=KEY)

    return make


def is_true(found):
    off_m = np.linalg.norm(found.map_from_cam[:3, 3] - TRUE[:3, 3])
    return off_m < 0.01 and angle_between(found.map_from_cam[:3, :3], TRUE[:3, :3]) < 0.003


def test_the_pose_that_sees_the_points_is_found_from_near_it(scene):
    query, key = scene()
    found = localize(query, K, SIZE, [key], KEY)
    assert is_true(found)
    assert found.num_inliers > 190
    assert found.median_px < 1.0


def test_it_is_found_without_a_start_and_from_a_wrong_one(scene):
    query, key = scene(wrong=60)
    assert is_true(localize(query, K, SIZE, [key], None))
    assert is_true(localize(query, K, SIZE, [key], pose((0, 2.0, 0), (9.0, 0, 0))))


def test_wrong_matches_do_not_move_it(scene):
    query, key = scene(wrong=70)
    found = localize(query, K, SIZE, [key], KEY)
    assert is_true(found)
    assert found.num_inliers <= 140


def test_it_is_refused_where_most_matches_are_wrong(scene):
    query, key = scene(wrong=150)
    assert localize(query, K, SIZE, [key], KEY) is None


def test_it_is_refused_with_too_few_points(scene):
    query, key = scene(num=MIN_INLIERS - 1)
    assert localize(query, K, SIZE, [key], KEY) is None
    assert localize(query, K, SIZE, [], KEY) is None


def test_it_is_refused_where_all_points_are_in_one_corner(scene):
    query, key = scene(num=400)
    use = ((query.uv > 0) & (query.uv < 200)).all(axis=1)
    corner = Features(uv=query.uv[use], descriptors=query.descriptors[use])
    assert len(corner) > MIN_INLIERS
    assert localize(corner, K, SIZE, [key], KEY) is None
