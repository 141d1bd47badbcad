import numpy as np
import pytest

from vggt_ros.inference.prediction import Request
from vggt_ros.mapping.frontend.frame_set import FrameSet
from vggt_ros.mapping.frontend.window import Window
from vggt_ros.mapping.registration.pose_priors import NoPriors
from vggt_ros.mapping.registration.scale_sources import measure_scale, MeasuredWindow
from vggt_ros.mapping.registration.submap import submap_from_prediction
from vggt_ros.mapping.registration.up_direction import UpDirection
from vggt_ros.mapping.registration.window_priors import window_priors
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.world_config import GravitySettings, ScaleSettings

ALL = np.ones(4, dtype=bool)


class KnownRobot:
    """Knows what the walk knows; depth at a size of its own."""

    def __init__(self, true_pose, depth_m=None):
        self.true_pose = true_pose
        self.depth = depth_m
        self.num_windows = 0
        self.up = None

    def begin_window(self):
        self.num_windows += 1

    def index_of(self, stamp_ns):
        return stamp_ns // 100_000_000 - 1

    def odom_from_cam(self, stamp_ns, camera_frame):
        assert camera_frame == 'camera_optical'
        index = self.index_of(stamp_ns)
        return None if index == 2 else self.true_pose(index)

    def base_from_cam(self, stamp_ns, camera_frame):
        return np.eye(4)

    def cam_from_cam(self, target_frame, source_frame, stamp_ns):
        return np.eye(4)

    def up_in_cam(self, stamp_ns, camera_frame):
        return self.up

    def depth_m(self, stamp_ns, camera):
        return None if self.depth is None else self.depth(self.index_of(stamp_ns))


@pytest.fixture
def window(make_frame):
    return Window.of_frames([make_frame(i) for i in range(4)])


@pytest.fixture
def prediction(predictor, window):
    return predictor.predict([frame.image for frame in window.frames], Request())


def meters_per_unit(submap, true_pose):
    way = submap.ref_from_cam[3, :3, 3] - submap.ref_from_cam[0, :3, 3]
    return np.linalg.norm(true_pose(3)[:3, 3] - true_pose(0)[:3, 3]) / np.linalg.norm(way)


def scale_of(priors, submap, settings, is_inlier=ALL):
    window = MeasuredWindow(submap=submap, priors=priors, is_inlier=is_inlier)
    return measure_scale(window, settings)


def test_of_an_unknown_robot_nothing_is_known(window, prediction):
    view = window_priors(window, prediction, NoPriors(), VggtConfig())
    assert view.odom_from_cam == (None,) * 4
    assert view.base_from_cam == (None,) * 4
    assert view.first_from_cam == (None,) * 4
    submap = submap_from_prediction(window, prediction)
    assert scale_of(view, submap, ScaleSettings()) is None


def test_the_camera_in_the_odometry_tells_meters(window, prediction, true_pose):
    priors = KnownRobot(true_pose)
    view = window_priors(window, prediction, priors, VggtConfig())
    assert priors.num_windows == 1, 'its answers may wait once'
    np.testing.assert_array_equal(view.odom_from_cam[3], true_pose(3))
    assert view.odom_from_cam[2] is None
    assert view.first_from_cam == (None,) * 4, 'one camera is no rig'
    submap = submap_from_prediction(window, prediction)
    found = scale_of(view, submap, ScaleSettings())
    assert found.meters_per_unit == pytest.approx(meters_per_unit(submap, true_pose), rel=1e-3)
    assert scale_of(view, submap, ScaleSettings(source='depth')) is None
    assert scale_of(view, submap, ScaleSettings(), ALL & [True, False, True, False]) is None


def test_measured_depth_of_another_size_tells_meters(window, prediction, true_pose, true_K):
    truth = submap_from_prediction(window, prediction)
    unit = meters_per_unit(truth, true_pose)

    def depth_m(index):
        # The network's image is half the camera's; the sensor's is as large as the camera's.
        large = truth.depth[index].repeat(2, axis=0).repeat(2, axis=1)
        return np.float32(unit) * large

    settings = ScaleSettings(source='depth')
    view = window_priors(
        window, prediction, KnownRobot(true_pose, depth_m), VggtConfig(scale=settings)
    )
    assert view.depth_m[1].shape == truth.depth.shape[1:]
    np.testing.assert_allclose(view.depth_m[1], unit * truth.depth[1], rtol=1e-6)
    found = scale_of(view, truth, settings)
    assert found.source == 'depth'
    assert found.meters_per_unit == pytest.approx(unit, rel=1e-3)


def test_depth_is_not_asked_for_if_it_is_not_wanted(window, prediction, true_pose):
    def depth_m(index):
        raise AssertionError('nobody wants it')

    view = window_priors(
        window,
        prediction,
        KnownRobot(true_pose, depth_m),
        VggtConfig(scale=ScaleSettings(source='odometry')),
    )
    assert view.depth_m == (None,) * 4


def test_the_places_of_several_cameras_are_asked_for_relative_to_the_first(
    window, prediction, make_frame, true_pose
):
    pairs = [(make_frame(2 * i), make_frame(2 * i + 1, camera=1)) for i in range(2)]
    sets = tuple(FrameSet(frames=pair) for pair in pairs)
    rig_window = Window(sets=sets, num_overlap_sets=0, epoch=0)
    view = window_priors(rig_window, prediction, KnownRobot(true_pose), VggtConfig())
    np.testing.assert_array_equal(np.stack(view.first_from_cam), np.tile(np.eye(4), (4, 1, 1)))


def test_up_is_what_gravity_says_else_what_a_base_does_that_is_called_level(
    window, prediction, true_pose
):
    priors = KnownRobot(true_pose)
    level = VggtConfig(gravity=GravitySettings(level_base=True, sigma=2.0))
    assert window_priors(window, prediction, priors, VggtConfig()).up_in_cam == (None,) * 4
    found = window_priors(window, prediction, priors, level).up_in_cam
    np.testing.assert_array_equal(found[1].along_axes, [0.0, 0.0, 1.0])
    assert found[1].sigma_rad == pytest.approx(np.radians(2.0))
    priors.up = UpDirection(along_axes=np.array([0.0, -1.0, 0.0]), sigma_rad=0.01)
    assert window_priors(window, prediction, priors, level).up_in_cam == (priors.up,) * 4
