from dataclasses import replace

import numpy as np
import pytest

from vggt_ros.geometry import se3
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.inference.prediction import Request
from vggt_ros.mapping.frontend.window import Window
from vggt_ros.mapping.registration.metric_scale import MetricScale
from vggt_ros.mapping.registration.placement import Placement
from vggt_ros.mapping.registration.window_scale import first_scale, in_true_scale, own_scale
from vggt_ros.settings.world_config import ScaleSettings

INDICES = range(0, 60, 10)
IDENTITY = Sim3(1.0, np.eye(3), np.zeros(3))


@pytest.fixture
def make_estimate(make_predictor, make_frame, make_view, true_pose):
    """Make a window of a network whose unit is so many meters; odometry tells the truth."""

    def make(unit_m, *, has_odometry=True):
        predictor = make_predictor()
        predictor.max_log_unit = 0.0

        def shrink(parts):
            parts['depth'] /= np.float32(unit_m)
            parts['cam_from_world'][:, :3, 3] /= unit_m

        predictor.spoil = shrink
        window = Window.of_frames(tuple(make_frame(i) for i in INDICES), 0, 0)
        prediction = predictor.predict([frame.image for frame in window.frames], Request())
        odometry = [true_pose(i) for i in INDICES] if has_odometry else None
        estimate = make_view(window, prediction, odom_from_cam=odometry)
        first = se3.inverse(estimate.submap.ref_from_cam[0])
        submap = replace(estimate.submap, ref_from_cam=first @ estimate.submap.ref_from_cam)
        return replace(estimate, submap=submap)

    return make


def test_the_first_window_is_as_long_as_odometry_says(make_estimate):
    scale = MetricScale(ScaleSettings())
    assert first_scale(scale, make_estimate(2.5)) == pytest.approx(2.5, rel=0.02)
    assert scale.meters_per_unit == pytest.approx(1.0)


def test_without_any_measurement_the_unit_of_the_network_is_kept(make_estimate):
    assert first_scale(MetricScale(ScaleSettings()), make_estimate(2.5, has_odometry=False)) == 1.0


def test_a_fixed_scale_is_not_measured(make_estimate):
    scale = MetricScale(ScaleSettings(source='fixed', fixed=3.0))
    assert first_scale(scale, make_estimate(2.5)) == 3.0


def test_a_later_window_has_a_scale_of_its_own_once_the_unit_of_the_map_is_known(make_estimate):
    scale = MetricScale(ScaleSettings())
    assert own_scale(scale, make_estimate(2.0)) is None
    first_scale(scale, make_estimate(2.5))
    assert own_scale(scale, make_estimate(4.0)) == pytest.approx(4.0, rel=0.02)
    assert own_scale(scale, make_estimate(4.0, has_odometry=False)) is None


def test_once_locked_a_window_that_is_too_short_grows_about_its_last_shared_camera(make_estimate):
    scale = MetricScale(ScaleSettings())
    scale.restore(True, 0.05, 'odometry')
    estimate = make_estimate(1.1)
    placement = Placement(
        map_from_submap=IDENTITY,
        scale_residual=0.0,
        log_scale_sigma=0.01,
        covariance=np.eye(7),
    )
    found = in_true_scale(scale, estimate, placement)
    assert 1.0 < found.map_from_submap.scale <= 1.1
    np.testing.assert_allclose(found.map_from_submap.translation, 0, atol=1e-9)
    assert found.covariance[6, 6] < 1e-6
    assert scale.is_held, 'measured in this session'
