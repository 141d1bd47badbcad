import math

import numpy as np
import pytest

from vggt_ros.mapping.registration.metric_scale import metric_by, MetricScale
from vggt_ros.mapping.registration.scale_measurement import ScaleMeasurement
from vggt_ros.settings.world_config import ScaleSettings


def seen(meters_per_unit, *, log_sigma=0.03, residual=0.02):
    return ScaleMeasurement(
        source='odometry',
        meters_per_unit=float(meters_per_unit),
        log_sigma=log_sigma,
        residual=residual,
    )


@pytest.fixture
def scale():
    return MetricScale(ScaleSettings())


def test_nothing_is_metric_before_enough_windows_agree(scale):
    assert math.isnan(scale.meters_per_unit)
    for _ in range(4):
        assert scale.observe(seen(2.5))
        assert scale.take_lock() is None
        assert scale.take_correction() == 1.0
    assert scale.meters_per_unit == pytest.approx(2.5)
    assert not scale.is_locked
    scale.observe(seen(2.5))
    assert scale.take_lock() == pytest.approx(2.5)
    assert scale.is_locked
    assert scale.meters_per_unit == pytest.approx(1.0)
    assert scale.take_lock() is None


def test_an_estimate_that_is_not_sure_is_not_locked(scale):
    for _ in range(5):
        scale.observe(seen(2.5, log_sigma=0.3))
    assert scale.take_lock() is None


def test_shapes_that_disagree_do_not_count(scale):
    assert not scale.observe(seen(2.5, residual=0.11))
    assert (scale.num_accepted, scale.num_rejected) == (0, 1)
    assert math.isinf(scale.log_sigma)


def test_one_slip_of_the_wheels_does_not_count(scale):
    for _ in range(4):
        scale.observe(seen(2.0))
    assert not scale.observe(seen(3.0))
    assert scale.meters_per_unit == pytest.approx(2.0)


def test_before_the_lock_five_that_agree_replace_a_wrong_start(scale):
    scale.observe(seen(9.0))
    taken = [scale.observe(seen(2.0)) for _ in range(6)]
    assert taken == [False] * 4 + [True] * 2
    assert scale.meters_per_unit == pytest.approx(2.0)


def test_after_the_lock_nothing_replaces_it(scale):
    for _ in range(5):
        scale.observe(seen(2.0))
    scale.take_lock()
    assert not any(scale.observe(seen(2.0)) for _ in range(20))


def test_the_mean_of_noisy_measurements_is_as_sure_as_it_says():
    rng = np.random.default_rng(0)
    normalized = []
    for _ in range(200):
        scale = MetricScale(ScaleSettings(lock_after=1000))
        for _ in range(10):
            scale.observe(seen(np.exp(0.05 * rng.normal()), log_sigma=0.05))
        normalized.append(scale.log_scale / scale.log_sigma)
    assert np.std(normalized) == pytest.approx(1.0, rel=0.2)


def test_a_drifting_chain_stays_in_meters():
    rng = np.random.default_rng(1)
    scale = MetricScale(ScaleSettings())
    unit, errors = 1.0, []
    for _ in range(400):
        unit *= np.exp(0.01 * rng.normal())  # of the chain of seams: meters per unit of the window
        scale.drift(0.01)
        scale.observe(seen(unit * np.exp(0.025 * rng.normal()), log_sigma=0.025))
        if (lock := scale.take_lock()) is not None:
            unit /= lock
        unit /= scale.take_correction()
        if scale.is_locked:
            errors.append(np.log(unit))
    assert np.std(errors) < 0.025
    assert abs(np.mean(errors)) < 0.01


def test_a_fixed_scale_is_metric_at_once_and_for_ever():
    scale = MetricScale(ScaleSettings(source='fixed', fixed=0.25))
    assert scale.start_fixed() == 0.25
    scale.drift(0.5)
    assert scale.is_locked
    assert scale.log_sigma == 0.0


def test_the_first_window_chooses_the_unit(scale):
    assert scale.start(seen(4.0)) == 4.0
    assert scale.meters_per_unit == 1.0
    scale.clear()
    assert scale.start(seen(4.0, residual=0.9)) is None
    assert math.isnan(scale.meters_per_unit)


@pytest.mark.parametrize('meters_per_unit', [1e-5, 1e5, 1e155, 1e300, np.inf, np.nan])
def test_what_is_no_scale_of_anything_does_not_count(scale, meters_per_unit):
    for _ in range(20):
        assert not scale.observe(seen(meters_per_unit))
    assert scale.num_rejected == 20
    assert np.isnan(scale.meters_per_unit)
    assert scale.observe(seen(1.0))


def test_a_map_that_was_brought_to_meters_is_as_sure_as_what_did_it():
    known = metric_by(seen(3.7, log_sigma=0.02))
    assert (known.is_metric, known.meters_per_unit, known.source) == (True, 1.0, 'odometry')
    assert known.log_sigma == 0.02
