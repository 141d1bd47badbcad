import numpy as np
import pytest

from vggt_ros.sources.position_fixes import fixes_of, GeodeticFix

HERE = np.zeros(3)


def fix(stamp_s, north_deg=0.0, sigma_m=1.0, **changes):
    named = {
        'stamp_ns': round(stamp_s * 10**9),
        'place': np.array([48.0 + north_deg, 11.0, 500.0]),
        'covariance': sigma_m**2 * np.eye(3),
    }
    return GeodeticFix(**named | changes)


def test_between_two_fixes_the_antenna_is_on_the_line_and_as_uncertain_as_the_worse():
    fixes = fixes_of([fix(1), fix(2, 1e-5, 3.0)])
    found = fixes.at(1_250_000_000, np.array([0.1, 0.2, 0.3]))
    assert fixes.origin.lat_deg == found.origin.lat_deg == 48.0
    # A degree of latitude is 111.2 km long there.
    np.testing.assert_allclose(found.position, [0, 0.25 * 1.112, 0], atol=1e-3)
    np.testing.assert_array_equal(found.covariance, 9 * np.eye(3))
    np.testing.assert_array_equal(found.antenna_in_cam, [0.1, 0.2, 0.3])
    np.testing.assert_array_equal(fixes.at(10**9, HERE).position, 0.0)


def test_nothing_is_said_beyond_the_fixes_or_in_a_long_gap():
    fixes = fixes_of([fix(1), fix(2), fix(4.6)])
    asked = (0.97, 0.99, 2.01, 2.03, 3.0, 4.59, 4.61, 4.63)
    known = [fixes.at(round(t * 10**9), HERE) is not None for t in asked]
    assert known == [False, True, True, False, False, True, True, False]


@pytest.mark.parametrize(
    ('changes', 'reason'),
    [
        ({'place': np.array([np.nan, 11, 500])}, 'not_finite'),
        ({'place': np.array([91.0, 11, 500])}, 'no_place_on_earth'),
        ({'place': np.array([48.0, 11, 2e5])}, 'no_place_on_earth'),
        ({'covariance': np.full((3, 3), np.nan)}, 'bad_covariance'),
        ({'covariance': np.diag([1.0, 1.0, 0.0])}, 'bad_covariance'),
        ({'covariance': np.diag([1.0, 1.0, 1e7])}, 'bad_covariance'),
        ({'covariance': np.array([[1.0, 3, 0], [0, 1, 0], [0, 0, 1]])}, 'bad_covariance'),
    ],
)
def test_what_is_no_place_is_left_out_and_counted(changes, reason):
    fixes = fixes_of([fix(1), fix(2, **changes)], {'no_fix': 2})
    assert fixes.stamps_ns.tolist() == [10**9]
    assert fixes.refused == {'no_fix': 2, reason: 1}
    assert fixes_of([fix(2, **changes)]) is None
