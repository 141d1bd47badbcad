import numpy as np
import pytest
import torch

from vggt_ros.evaluation.sparsification import sparsification
from vggt_ros.mapping.refinement.depth_agreement import correct_depths, SeenPoints, sweep_depths
from vggt_ros.mapping.refinement.depth_field import DepthCorrection

ROWS = (2, 3, 4)


@pytest.fixture(scope='module')
def given(room):
    """Depth bent as a network's; the frames that are not asked for are right already."""
    depth = room.depth.copy()
    for row in ROWS:
        depth[row] = room.bent(row)
    points = [
        SeenPoints(uv=uv, z=z, sigma=sigma)
        for uv, z, sigma in (room.points(i, 60) for i in range(len(depth)))
    ]
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


def test_points_alone_straighten_the_depth_and_leave_the_confidence(room, given, relative_error):
    for row, agreed in zip(ROWS, correct_depths(**given), strict=True):
        assert agreed.correction.correction is DepthCorrection.FIELD
        assert agreed.sweep is None
        assert relative_error(agreed.depth, room.depth[row]) < 0.06
        np.testing.assert_array_equal(agreed.confidence, given['confidence'][row])


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


def test_without_parallax_depth_is_of_the_points_and_confidence_of_the_network(room, given):
    poses = np.repeat(room.world_from_cam[2:3], len(room.depth), axis=0)
    found = sweep_depths(
        images=room.images, K=room.K, world_from_cam=poses, device=torch.device('cpu'), **given
    )
    for row, agreed in zip(ROWS, found, strict=True):
        assert agreed.sweep is not None
        assert 'parallax' in agreed.sweep.reason
        np.testing.assert_array_equal(agreed.depth, agreed.correction.depth)
        np.testing.assert_array_equal(agreed.confidence, given['confidence'][row])


def test_the_arrays_that_were_given_stay_as_they_were(room, given, swept):
    np.testing.assert_array_equal(given['depth'][2], room.bent(2))
    np.testing.assert_array_equal(given['depth'][0], room.depth[0])
