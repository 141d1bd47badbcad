import numpy as np

from vggt_ros.synthetic.shaken_rig import ShakenRig, uneven_motion


def test_the_motion_is_uneven_bounded_and_the_same_for_a_seed():
    place_px = uneven_motion(400, 1)
    steps_px = np.abs(np.diff(place_px, axis=0))
    assert 1.0 < np.median(steps_px) < 6.0
    assert steps_px.std() > 0.5 * steps_px.mean()
    assert np.abs(place_px).max() < 400
    np.testing.assert_array_equal(place_px, uneven_motion(400, 1))
    assert (place_px != uneven_motion(400, 2)).all()


def test_the_images_move_together_each_in_its_direction():
    rig = ShakenRig(np.array([[0.0, 0.0], [10.0, 0.0]]), noise_gray=0.0)
    before, after = rig.image(0, 0), rig.image(0, 1)
    assert before.shape == (126, 168, 3)
    np.testing.assert_array_equal(after[:, :-10], before[:, 10:])
    before, after = rig.image(1, 0), rig.image(1, 1)
    np.testing.assert_array_equal(after[:-10], before[10:])
    assert (rig.image(0, 0) != rig.image(1, 0)).mean() > 0.9


def test_a_rig_that_stands_differs_by_noise_alone():
    rig = ShakenRig(np.zeros((2, 2)), noise_gray=2.0)
    difference = rig.image(0, 0).astype(float) - rig.image(0, 1)
    assert 1.0 < difference.std() < 5.0
    np.testing.assert_array_equal(rig.image(0, 0), rig.image(0, 0))
