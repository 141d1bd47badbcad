import numpy as np
import pytest

from vggt_ros.mapping.pose_noise import PoseNoise


def learn_from(noise, rotation_rad, translation, count, rng):
    for _ in range(count):
        way = rng.uniform(0.02, 0.5)
        turns = way**0.75 * rotation_rad * rng.normal(size=(2, 3))
        shifts = way**0.75 * translation * rng.normal(size=(2, 3))
        noise.learn(
            way,
            float(np.linalg.norm(turns[0] - turns[1])),
            float(np.linalg.norm(shifts[0] - shifts[1])),
        )


@pytest.mark.parametrize(('rotation_rad', 'translation'), [(0.003, 0.01), (0.03, 0.1)])
def test_the_noise_of_the_network_is_found(rotation_rad, translation):
    noise = PoseNoise()
    learn_from(noise, rotation_rad, translation, 300, np.random.default_rng(0))
    assert noise.rotation_rad == pytest.approx(rotation_rad, rel=0.35)
    assert noise.translation == pytest.approx(translation, rel=0.35)
    assert noise.over(1.0) == (noise.rotation_rad, noise.translation)
    assert noise.over(0.1)[0] < 0.3 * noise.over(1.0)[0]


def test_one_absurd_seam_is_not_the_usual_noise():
    noise = PoseNoise()
    learn_from(noise, 0.005, 0.01, 100, np.random.default_rng(1))
    before = noise.rotation_rad
    noise.learn(0.1, 3.0, 50.0)
    assert noise.rotation_rad < 1.6 * before


@pytest.mark.parametrize(
    'seam', [(0.0, 1.0, 1.0), (float('nan'), 1.0, 1.0), (0.1, float('nan'), 0.0)]
)
def test_a_seam_that_says_nothing_changes_nothing(seam):
    noise = PoseNoise()
    before = noise.rotation_rad, noise.translation
    noise.learn(*seam)
    assert (noise.rotation_rad, noise.translation) == before
