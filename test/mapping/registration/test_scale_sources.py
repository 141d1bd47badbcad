from dataclasses import fields, replace

import numpy as np
import pytest

from vggt_ros.inference.prediction import Request
from vggt_ros.mapping.frontend.window import Window
from vggt_ros.mapping.registration import scale_sources
from vggt_ros.mapping.registration.scale_measurement import ScaleMeasurement
from vggt_ros.mapping.registration.scale_sources import (
    measure_scale,
    MeasuredWindow,
    SCALE_SOURCES,
)
from vggt_ros.mapping.registration.submap import submap_from_prediction
from vggt_ros.mapping.registration.window_priors import WindowPriors
from vggt_ros.settings.world_config import ScaleSettings

NOTHING = (None,) * 4
ODOMETRY_UNIT, DEPTH_UNIT, RIG_UNIT = 2.0, 2.1, 3.0
RIG = ScaleMeasurement(source='rig', meters_per_unit=RIG_UNIT, log_sigma=0.3, residual=0.0)


@pytest.fixture
def measured(predictor, make_frame):
    """A window of which all sources say something, each something else."""
    window = Window.of_frames([make_frame(i) for i in range(4)])
    prediction = predictor.predict([frame.image for frame in window.frames], Request())
    submap = submap_from_prediction(window, prediction)
    poses = submap.ref_from_cam.copy()
    poses[:, :3, 3] *= ODOMETRY_UNIT
    priors = WindowPriors(
        odom_from_cam=tuple(poses),
        base_from_cam=NOTHING,
        first_from_cam=NOTHING,
        depth_m=tuple(np.float32(DEPTH_UNIT) * submap.depth),
        rig_scale=RIG,
    )
    return MeasuredWindow(submap=submap, priors=priors, is_inlier=np.ones(4, dtype=bool))


@pytest.mark.parametrize(
    ('source', 'expected'),
    [('rig', RIG_UNIT), ('odometry', ODOMETRY_UNIT), ('depth', DEPTH_UNIT), ('auto', RIG_UNIT)],
)
def test_the_source_that_is_asked_for_tells_meters(measured, source, expected):
    found = measure_scale(measured, ScaleSettings(source=source))
    assert found.meters_per_unit == pytest.approx(expected, rel=1e-3)
    assert found.source == ('rig' if source == 'auto' else source)


def test_a_network_that_means_meters_is_believed_where_nothing_else_tells(measured):
    alone = WindowPriors(
        odom_from_cam=NOTHING, base_from_cam=NOTHING, first_from_cam=NOTHING, depth_m=NOTHING
    )
    window = replace(measured, priors=alone, unit=4.0)
    assert measure_scale(window, ScaleSettings()) is None
    metric = replace(window, priors=replace(alone, is_metric=True))
    for source in ('auto', 'model'):
        found = measure_scale(metric, ScaleSettings(source=source))
        assert (found.source, found.meters_per_unit) == ('model', 0.25)
    both = replace(measured, priors=replace(measured.priors, rig_scale=None, is_metric=True))
    assert measure_scale(both, ScaleSettings()).source != 'model'
    assert measure_scale(both, ScaleSettings(source='model')).source == 'model'


def test_without_a_rig_the_surest_source_counts(measured):
    without = replace(measured, priors=replace(measured.priors, rig_scale=None))
    # Without an error odometry is the surer one.
    assert measure_scale(without, ScaleSettings()).source == 'odometry'
    bent = [pose.copy() for pose in without.priors.odom_from_cam]
    bent[1][:3, 3] += 0.3 * (bent[3][:3, 3] - bent[0][:3, 3])[[1, 2, 0]]
    worse = replace(without, priors=replace(without.priors, odom_from_cam=tuple(bent)))
    assert measure_scale(worse, ScaleSettings()).source == 'depth'


def test_the_rig_counts_in_the_unit_of_the_submap(measured):
    found = measure_scale(replace(measured, unit=2.0), ScaleSettings())
    assert found.meters_per_unit == RIG_UNIT / 2.0


def test_frames_that_do_not_count_tell_nothing(measured):
    none = replace(measured, is_inlier=np.zeros(4, dtype=bool))
    for source in ('odometry', 'depth'):
        assert measure_scale(none, ScaleSettings(source=source)) is None


def test_what_nothing_is_known_of_has_no_scale(measured):
    priors = WindowPriors(
        odom_from_cam=NOTHING, base_from_cam=NOTHING, first_from_cam=NOTHING, depth_m=NOTHING
    )
    assert measure_scale(replace(measured, priors=priors), ScaleSettings()) is None


def test_lower_ranks_are_not_asked_where_a_higher_one_knows(measured, monkeypatch):
    class Last:
        name, rank = 'last', -1

        def measure(self, window, settings):
            raise AssertionError('asked')

    monkeypatch.setattr(scale_sources, 'SCALE_SOURCES', (Last(), *SCALE_SOURCES))
    assert measure_scale(measured, ScaleSettings()).source == 'rig'


def test_every_source_can_be_chosen():
    (source,) = (each for each in fields(ScaleSettings) if each.name == 'source')
    choices = source.metadata['parameter'].choices
    assert set(choices) == {'auto', 'none', 'fixed'} | {each.name for each in SCALE_SOURCES}
