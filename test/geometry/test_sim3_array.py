import numpy as np

from vggt_ros.geometry.sim3_array import Sim3Array
from vggt_ros.geometry.twist import sim3_of, twist_of
from vggt_ros.geometry.uncertainty import compose

TWISTS = np.random.default_rng(0).normal(size=(20, 7))
SINGLES = [sim3_of(twist) for twist in TWISTS]
OTHERS = [sim3_of(twist) for twist in np.random.default_rng(1).normal(size=(20, 7))]


def same(array, singles):
    for a, b in zip(array.singles(), singles, strict=True):
        np.testing.assert_allclose(a.scale, b.scale)
        np.testing.assert_allclose(a.rotation, b.rotation, atol=1e-12)
        np.testing.assert_allclose(a.translation, b.translation, atol=1e-12)


def test_what_is_done_to_all_is_what_is_done_to_each():
    array, others = Sim3Array.of(SINGLES), Sim3Array.of(OTHERS)
    same(array @ others, [a @ b for a, b in zip(SINGLES, OTHERS, strict=True)])
    same(array.inverse(), [each.inverse() for each in SINGLES])
    same(array[np.array([3, 1])], [SINGLES[3], SINGLES[1]])
    same(Sim3Array.of_twists(TWISTS), SINGLES)
    np.testing.assert_allclose(array.twists(), [twist_of(each) for each in SINGLES], atol=1e-9)


def test_an_adjoint_turns_an_error_on_the_right_into_one_on_the_left():
    small = 1e-6 * np.random.default_rng(2).normal(size=(20, 7))
    array = Sim3Array.of(SINGLES)
    left = (array.adjoints() @ small[:, :, None])[:, :, 0]
    on_left = (Sim3Array.of_twists(left) @ array).singles()
    same(array @ Sim3Array.of_twists(small), on_left)


def test_covariances_are_turned_as_by_compose():
    covariance = np.diag(np.arange(1.0, 8.0))
    for single, adjoint in zip(SINGLES, Sim3Array.of(SINGLES).adjoints(), strict=True):
        expected = compose(covariance, single.inverse(), np.zeros((7, 7)))
        np.testing.assert_allclose(adjoint @ covariance @ adjoint.T, expected, atol=1e-9)
