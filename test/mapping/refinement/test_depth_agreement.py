import numpy as np
import pytest
import torch

from vggt_ros.evaluation.sparsification import sparsification
from vggt_ros.mapping.refinement.depth_agreement import correct_depths, SeenPoints, sweep_depths
from vggt_ros.mapping.refinement.depth_field import DepthCorrection

ROWS = (2, 3, 4)


def seen_points(room, row, num_points):
    uv, z, sigma = room.points(row, num_points)
    return SeenPoints(uv=uv, z=z, sigma=sigma)


@pytest.fixture(scope='module')
def given(room):
    """Depth bent as a network's; the frames that are not asked for are right already."""
    depth = room.depth.copy()
    for row in ROWS:
        depth[row] = room.bent(row)
    points = [seen_points(room, i, 60) for i in range(len(depth))]
    confidence = np.random.default_rng(0).uniform(1, 3, depth.shape).astype(np.float32)
    return {'depth': depth, 'confidence': confidence, 'points': points, 'rows': ROWS}


@pytest.fixture(scope='module')
def swept(room, given):
    return sweep_depths(
        images=room.images,
        K=room.K,
        world_from_cam=room.world_from_cam,
        device=torch.device('cpu'),
        **given,
    )


def test_points_alone_straighten_the_depth_and_raise_the_confidence_near_them(
    room, given, relative_error
):
    for row, agreed in zip(ROWS, correct_depths(**given), strict=True):
        assert agreed.correction.correction is DepthCorrection.FIELD
        assert agreed.sweep is None
        assert relative_error(agreed.depth, room.depth[row]) < 0.06
        raised = agreed.confidence / given['confidence'][row]
        assert raised.min() >= 1
        near, far = agreed.correction.support > 0.5, agreed.correction.support < 0.01
        assert raised[near].min() > 1.5 * raised[far].max()


def test_a_factor_leaves_the_confidence_of_the_network(room, given, relative_error):
    (agreed,) = correct_depths(room.depth / 2, given['confidence'], given['points'], [2])
    assert agreed.correction.correction is DepthCorrection.FACTOR
    np.testing.assert_array_equal(agreed.confidence, given['confidence'][2])


def test_images_make_it_better_still(room, swept, relative_error):
    for row, agreed in zip(ROWS, swept, strict=True):
        by_points = relative_error(agreed.correction.depth, room.depth[row])
        assert relative_error(agreed.depth, room.depth[row]) < 0.9 * by_points


def test_the_confidence_ranks_the_errors_better_than_chance(room, given, swept):
    for row, agreed in zip(ROWS, swept, strict=True):
        errors = np.abs(agreed.depth / room.depth[row] - 1).ravel().astype(np.float64)
        assert agreed.confidence.min() >= 1
        ours = sparsification(errors, agreed.confidence.ravel().astype(np.float64)).ause
        chance = sparsification(errors, given['confidence'][row].ravel().astype(np.float64)).ause
        assert ours < 0.75 * chance


def test_without_parallax_depth_and_confidence_are_those_of_the_points(room, given):
    poses = np.repeat(room.world_from_cam[2:3], len(room.depth), axis=0)
    found = sweep_depths(
        images=room.images, K=room.K, world_from_cam=poses, device=torch.device('cpu'), **given
    )
    for agreed, by_points in zip(found, correct_depths(**given), strict=True):
        assert agreed.sweep is not None
        assert 'parallax' in agreed.sweep.reason
        np.testing.assert_array_equal(agreed.depth, by_points.depth)
        np.testing.assert_array_equal(agreed.confidence, by_points.confidence)


def test_a_sweep_that_the_points_contradict_is_not_used(room, given):
    # The scene is 8 % larger than the points say: all images agree on the wrong depth.
    poses = room.world_from_cam.copy()
    poses[:, :3, 3] *= 1.08
    given = given | {'points': [seen_points(room, i, 400) for i in range(len(poses))]}
    found = sweep_depths(
        images=room.images, K=room.K, world_from_cam=poses, device=torch.device('cpu'), **given
    )
    for agreed, by_points in zip(found, correct_depths(**given), strict=True):
        assert agreed.sweep is not None
        assert 'off by' in agreed.sweep.reason
        assert agreed.sweep.sources == ()
        np.testing.assert_array_equal(agreed.depth, by_points.depth)
        np.testing.assert_array_equal(agreed.confidence, by_points.confidence)


def test_the_arrays_that_were_given_stay_as_they_were(room, given, swept):
    np.testing.assert_array_equal(given['depth'][2], room.bent(2))
    np.testing.assert_array_equal(given['depth'][0], room.depth[0])
