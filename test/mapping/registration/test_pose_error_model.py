import numpy as np
import pytest

from vggt_ros.mapping.registration.pose_error_model import PoseErrorModel


def learn_from(noise, bend, shake, ways, count, rng):
    """Let it see overlaps of two predictions whose errors are known: rotation as translation."""
    for _ in range(count):
        sigma = np.sqrt((bend * ways) ** 2 + shake**2)[:, None]
        errors = [sigma * rng.normal(size=(len(ways), 3)) for _ in range(4)]
        turns, shifts = errors[0] - errors[1], errors[2] - errors[3]
        noise.learn(ways, np.linalg.norm(turns, axis=1), np.linalg.norm(shifts, axis=1))


def sigma_over(noise, way):
    return noise.over(way)[0]


@pytest.mark.parametrize(('bend', 'shake'), [(0.003, 0.001), (0.03, 0.001), (0.006, 0.01)])
def test_bend_and_shake_are_told_apart_by_ways_of_different_lengths(bend, shake):
    noise = PoseErrorModel()
    ways = np.array([0.05, 0.3, 1.0])
    learn_from(noise, bend, shake, ways, 40, np.random.default_rng(0))
    for way in (0.0, 0.3, 1.0):
        assert noise.over(way) == pytest.approx([np.hypot(bend * way, shake)] * 2, rel=0.6)


def test_short_ways_alone_do_not_tell_how_windows_are_bent():
    """What single cameras are shaken by must not be taken for more over longer ways."""
    noise = PoseErrorModel()
    ways = np.full(1, 0.03)
    learn_from(noise, 0.006, 0.002, ways, 40, np.random.default_rng(0))
    assert sigma_over(noise, 0.03) == pytest.approx(0.002, rel=0.3)
    assert sigma_over(noise, 0.5) == pytest.approx(np.hypot(0.003, 0.002), rel=0.5)


@pytest.mark.parametrize('factor', [0.3, 10.0, 100.0])
def test_a_network_of_any_quality_is_learned_over_the_ways_that_are_seen(factor):
    noise = PoseErrorModel()
    ways = np.array([0.1, 0.3])
    learn_from(noise, 0.01 * factor, 0.001 * factor, ways, 40, np.random.default_rng(1))
    expected = np.hypot(0.003 * factor, 0.001 * factor)
    assert sigma_over(noise, 0.3) == pytest.approx(expected, rel=0.4)


def test_a_mean_of_cameras_is_shaken_less():
    noise = PoseErrorModel()
    alone, four = noise.over(0.0), noise.over(0.0, num_cameras=4)
    assert four == pytest.approx([0.5 * each for each in alone])
    assert noise.over(10.0, num_cameras=4) == pytest.approx(noise.over(10.0), rel=0.01)


def test_one_absurd_overlap_is_not_the_usual_noise():
    noise, ways = PoseErrorModel(), np.array([0.1, 0.5])
    learn_from(noise, 0.005, 0.001, ways, 40, np.random.default_rng(1))
    before = sigma_over(noise, 0.1)
    noise.learn(np.array([0.1]), np.array([3.0]), np.array([50.0]))
    assert sigma_over(noise, 0.1) < 1.6 * before


@pytest.mark.parametrize(
    'overlap', [([np.nan], [1.0], [1.0]), ([0.1], [np.nan], [0.0]), ([0.1], [0.1], [np.inf])]
)
def test_an_overlap_that_says_nothing_changes_nothing(overlap):
    noise = PoseErrorModel()
    before = noise.over(0.3)
    noise.learn(*map(np.array, overlap))
    assert noise.over(0.3) == before
