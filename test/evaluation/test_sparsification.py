import numpy as np
import pytest

from vggt_ros.errors import AlignmentError
from vggt_ros.evaluation.sparsification import sparsification


def test_a_confidence_that_knows_the_errors_leaves_no_area(rng):
    errors = rng.exponential(size=1000)
    assert sparsification(errors, -errors).ause == pytest.approx(0, abs=1e-12)


def test_a_confidence_that_is_the_same_everywhere_leaves_the_mean(rng):
    curve = sparsification(rng.exponential(size=1000), np.ones(1000))
    np.testing.assert_allclose(curve.by_confidence, 1.0)


def test_a_confidence_by_chance_is_as_good_as_none(rng):
    errors = rng.exponential(size=20_000)
    by_chance = sparsification(errors, rng.random(20_000)).ause
    assert by_chance == pytest.approx(sparsification(errors, np.ones(20_000)).ause, abs=0.05)


def test_the_wrong_way_round_is_worse_than_chance(rng):
    errors = rng.exponential(size=1000)
    assert sparsification(errors, errors).ause > 2 * sparsification(errors, np.ones(1000)).ause


def test_the_mean_of_the_rest_by_hand():
    curve = sparsification(np.array([4.0, 0, 2, 2]), np.array([1.0, 2, 3, 4]))
    quarter, half = np.searchsorted(curve.removed, [0.25, 0.5])
    assert curve.by_confidence[0] == curve.by_error[0] == 1.0
    assert curve.by_confidence[quarter] == pytest.approx((0 + 2 + 2) / 3 / 2)
    assert curve.by_confidence[half] == pytest.approx(2 / 2)
    assert curve.by_error[half] == pytest.approx((0 + 2) / 2 / 2)


def test_only_the_order_of_the_confidence_counts(rng):
    errors, confidence = rng.exponential(size=500), rng.random(500)
    assert (
        sparsification(errors, confidence).ause
        == sparsification(errors, np.exp(5 * confidence)).ause
    )


@pytest.mark.parametrize(
    ('errors', 'confidence', 'says'),
    [
        ([], [], '0 errors'),
        ([1.0, np.nan], [1.0, 2.0], 'finite'),
        ([1.0, 2.0], [1.0, np.inf], 'finite'),
        ([0.0, 0.0], [1.0, 2.0], 'all 0'),
    ],
)
def test_what_has_no_rank_is_refused(errors, confidence, says):
    with pytest.raises(AlignmentError, match=says):
        sparsification(np.array(errors), np.array(confidence))
