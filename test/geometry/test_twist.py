import numpy as np

from vggt_ros.geometry.twist import sim3_of, twist_of


def test_a_twist_is_rotation_translation_and_log_of_the_scale():
    twist = np.array([0.1, -0.2, 0.3, 1.0, 2.0, 3.0, 0.5])
    similarity = sim3_of(twist)
    np.testing.assert_allclose(similarity.translation, [1, 2, 3])
    assert np.isclose(similarity.scale, np.exp(0.5))
    np.testing.assert_allclose(twist_of(similarity), twist, atol=1e-12)
