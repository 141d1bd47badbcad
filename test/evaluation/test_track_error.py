import numpy as np

from vggt_ros.evaluation.track_error import track_errors, TrackErrors

TRUE = np.zeros((3, 2, 2))
TRUE[1:, 0] = [[3.0, 4.0], [6.0, 8.0]]
ALL = np.ones((3, 2), bool)
SURE = np.ones((3, 2))


def test_the_truth_has_no_error():
    errors = track_errors(TRUE, SURE, TRUE, ALL)
    np.testing.assert_array_equal(errors.distance_px, np.zeros(4))
    assert errors.is_visibility_right.all()


def test_points_that_stay_are_off_by_the_true_motion():
    errors = track_errors(np.zeros_like(TRUE), SURE, TRUE, ALL)
    assert sorted(errors.distance_px) == [0, 0, 5, 10]


def test_the_first_frame_does_not_count():
    elsewhere = TRUE.copy()
    elsewhere[0] += 100
    errors = track_errors(elsewhere, SURE, TRUE, ALL)
    assert len(errors.distance_px) == 4
    assert errors.distance_px.max() == 0


def test_hidden_points_count_for_visibility_only():
    is_visible = ALL.copy()
    is_visible[2, 0] = False
    far_off = TRUE.copy()
    far_off[2, 0] += 1000
    errors = track_errors(far_off, SURE, TRUE, is_visible)
    assert len(errors.distance_px) == 3
    assert errors.distance_px.max() == 0
    assert errors.is_visibility_right.tolist() == [True, True, False, True]


def test_a_visibility_of_one_half_is_hidden():
    half = np.full((3, 2), 0.5)
    assert not track_errors(TRUE, half, TRUE, ALL).is_visibility_right.any()


def test_joined_windows_keep_all_points():
    one = track_errors(np.zeros_like(TRUE), SURE, TRUE, ALL)
    joined = TrackErrors.join([one, one])
    assert len(joined.distance_px) == len(joined.is_visibility_right) == 8
