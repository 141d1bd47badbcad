import numpy as np
import pytest

from vggt_ros.geometry.rotation import matrix_from_quat_xyzw
from vggt_ros.geometry.sim3 import Sim3


@pytest.fixture(scope='session')
def random_rotation():
    def make(rng):
        return matrix_from_quat_xyzw(rng.normal(size=4))

    return make


@pytest.fixture(scope='session')
def random_sim3(random_rotation):
    def make(rng):
        scale = float(np.exp(rng.normal()))
        return Sim3(scale, random_rotation(rng), rng.normal(size=3))

    return make
