import numpy as np
import pytest

from vggt_ros.geometry.depth_rectifier import DepthRectifier
from vggt_ros.geometry.lens import Lens, project_with_lens, Rectifier
from vggt_ros.geometry.pinhole import unproject

K = np.array([[60.0, 0, 39.5], [0, 60, 29.5], [0, 0, 1]])


@pytest.fixture
def rectifier():
    D = np.array([-0.25, 0.05, 0.001, -0.001])
    return Rectifier(Lens(model='plumb_bob', K=K, D=D, K_rect=K, width=80, height=60))


def test_each_pixel_shows_the_nearest_recorded_one(rectifier):
    recorded = np.arange(60 * 80, dtype=np.float32).reshape(60, 80)
    found = DepthRectifier(rectifier).rectify(recorded)
    for v, u in ((5, 12), (30, 40), (50, 70)):
        at = project_with_lens(
            rectifier.lens, unproject(np.array([[u, v]], float), np.ones(1), K)
        )[0]
        assert found[v, u] == recorded[round(at[1]), round(at[0])]


def test_readings_are_never_mixed_and_unknown_beside_the_lens(rectifier):
    recorded = np.where(np.arange(80) < 40, 1.0, 5.0)[None].repeat(60, 0).astype(np.float32)
    found = DepthRectifier(rectifier).rectify(recorded)
    assert set(np.unique(found[np.isfinite(found)]).tolist()) == {1.0, 5.0}
    wide = K.copy()
    wide[0, 0] = wide[1, 1] = 30.0
    wider = Rectifier(
        Lens(model='plumb_bob', K=K, D=rectifier.lens.D, K_rect=wide, width=80, height=60)
    )
    assert np.isnan(DepthRectifier(wider).rectify(recorded)[0, 0])
