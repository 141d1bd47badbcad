import numpy as np
import pytest

from vggt_ros.mapping.refinement.depth_field import correct_depth, DepthCorrection


def test_a_common_factor_is_found_and_no_field_is_made_up(room):
    corrected = correct_depth(room.depth[2] / 3, *room.points(2, 100))
    assert corrected.correction is DepthCorrection.FACTOR
    assert corrected.factor == pytest.approx(3, rel=1e-5)
    assert corrected.num_points == 100
    np.testing.assert_allclose(corrected.depth, room.depth[2], rtol=1e-5)


def test_a_bent_depth_is_straightened(room, relative_error):
    corrected = room.correction(2)
    assert corrected.correction is DepthCorrection.FIELD
    assert corrected.reason == ''
    by_factor = room.bent(2) * np.float32(corrected.factor)
    assert relative_error(corrected.depth, room.depth[2]) < 0.3 * relative_error(
        by_factor, room.depth[2]
    )


def test_a_depth_that_says_nothing_takes_the_shape_of_many_points(room, relative_error):
    flat = np.ones_like(room.depth[2])
    corrected = correct_depth(flat, *room.points(2, 800))
    before = relative_error(np.median(room.depth[2]) * flat, room.depth[2])
    assert relative_error(corrected.depth, room.depth[2]) < 0.35 * before


def test_ratios_without_a_pattern_make_no_field(room, rng):
    uv, z, sigma = room.points(2, 200)
    corrected = correct_depth(room.depth[2], uv, z * np.exp(rng.normal(0, 0.2, 200)), sigma)
    assert corrected.correction is DepthCorrection.FACTOR
    assert 'a field leaves' in corrected.reason
    assert corrected.spread == pytest.approx(0.2, rel=0.25)


def test_few_points_give_a_factor_and_fewer_give_nothing(room):
    corrected = correct_depth(room.bent(2), *room.points(2, 12))
    assert corrected.correction is DepthCorrection.FACTOR
    assert '12 points' in corrected.reason
    corrected = correct_depth(room.bent(2), *room.points(2, 5))
    assert corrected.correction is DepthCorrection.NONE
    assert '5 points' in corrected.reason
    np.testing.assert_array_equal(corrected.depth, room.bent(2))


def test_points_that_contradict_each_other_change_nothing(room, rng):
    uv, z, sigma = room.points(2, 200)
    corrected = correct_depth(room.depth[2], uv, z * np.exp(rng.normal(0, 2.0, 200)), sigma)
    assert corrected.correction is DepthCorrection.NONE
    assert 'spread' in corrected.reason
    np.testing.assert_array_equal(corrected.depth, room.depth[2])


def test_points_far_off_do_not_blow_the_depth_up(room, rng, relative_error):
    uv, z, sigma = room.points(2, 200)
    z[:20] *= np.exp(rng.choice([-4.0, 4.0], 20))
    corrected = correct_depth(room.bent(2), uv, z, sigma)
    clean = room.correction(2, 200)
    error = relative_error(corrected.depth, room.depth[2])
    assert error < 1.5 * relative_error(clean.depth, room.depth[2])
    assert np.abs(np.log(corrected.depth / room.depth[2])).max() < 1


@pytest.mark.parametrize('seed', range(20))
def test_no_pixel_is_bent_further_than_the_points_ask(room, seed):
    rng = np.random.default_rng(seed)
    num_points = int(rng.integers(24, 200))
    # All points in a corner, so that most of the image is far from them.
    uv = rng.uniform(0, 50, (num_points, 2))
    log_ratio = rng.normal(0, 0.3, num_points) + 0.02 * uv[:, 0]
    depth = np.full_like(room.depth[2], 2.0)
    corrected = correct_depth(depth, uv, 2 * np.exp(log_ratio), np.full(num_points, 0.02))
    bend = np.log(corrected.depth / depth)
    assert log_ratio.min() - 1e-5 <= bend.min()
    assert bend.max() <= log_ratio.max() + 1e-5


def test_what_has_no_depth_gets_none_and_tells_nothing(room):
    depth = room.bent(2)
    depth[:, :60] = np.nan
    uv, z, sigma = room.points(2, 200)
    corrected = correct_depth(depth, uv, z, sigma)
    np.testing.assert_array_equal(np.isnan(corrected.depth), np.isnan(depth))
    assert corrected.num_points == (uv[:, 0] >= 60).sum()


@pytest.mark.parametrize(
    ('uv', 'z', 'sigma'),
    [
        ((-5, 3), 1.0, 0.1),
        ((3, 500), 1.0, 0.1),
        ((np.nan, 3), 1.0, 0.1),
        ((3, 3), 0.0, 0.1),
        ((3, 3), -1.0, 0.1),
        ((3, 3), np.nan, 0.1),
        ((3, 3), 1.0, np.inf),
    ],
)
def test_an_unusable_point_is_left_out(room, uv, z, sigma):
    points = room.points(2, 50)
    added = [
        np.concatenate([known, np.array([more], float)])
        for known, more in zip(points, (uv, z, sigma), strict=True)
    ]
    with_it, without = correct_depth(room.bent(2), *added), correct_depth(room.bent(2), *points)
    assert with_it.num_points == 50
    np.testing.assert_array_equal(with_it.depth, without.depth)


def test_points_vouch_for_what_is_near_them(room):
    uv, z, sigma = room.points(2, 400)
    left = uv[:, 0] < 60
    corrected = correct_depth(room.bent(2), uv[left], z[left], sigma[left])
    assert np.median(corrected.support[:, :50]) > 0.3
    assert corrected.support[:, 100:].max() < 1e-3
    assert np.median(corrected.sigma[:, :50]) < 0.8 * np.median(corrected.sigma[:, 100:])
    assert ((corrected.support >= 0) & (corrected.support <= 1)).all()


def test_a_surer_point_counts_more():
    depth = np.ones((60, 80), np.float32)
    uv = np.tile([[20.0, 30.0], [20.0, 31.0], [60.0, 30.0], [60.0, 31.0]], (10, 1))
    log_ratio = np.tile([0.5, -0.5, -0.5, 0.5], 10)
    sigma = np.tile([0.01, 1.0, 0.01, 1.0], 10)
    corrected = correct_depth(depth, uv, np.exp(log_ratio), sigma)
    assert corrected.depth[30, 20] > 1.2
    assert corrected.depth[30, 60] < 0.85
