from dataclasses import replace

import numpy as np
import pytest

from vggt_ros.geometry import se3
from vggt_ros.geometry.geodetic import LocalFrame
from vggt_ros.mapping.registration.metric_scale import ScaleState
from vggt_ros.offline import recorded_keyframes
from vggt_ros.offline.depth_again import DepthReport
from vggt_ros.offline.recorded_keyframes import RecordedKeyframes
from vggt_ros.offline.recorded_priors import RecordedRig
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.parameter_tree import with_values
from vggt_ros.sources.position_fixes import PositionFix
from vggt_ros.synthetic.simulated_rig import make_rig

pytest.importorskip('pycolmap', reason='pycolmap is the extra offline')

# Its keyframes have images of one color: there is nothing to compare.
CONFIG = with_values(VggtConfig(), {'refine.mode': 'poses'})


@pytest.fixture
def recorded(make_room, uniform_keyframe):
    """Record keyframes whose depth is too long by a factor."""

    def record(truth, factor=1.0):
        room, made = make_room(5), RecordedKeyframes(CONFIG)
        for row, pose in enumerate(truth):
            painted = uniform_keyframe(2 * row, (0.0, 0.0, 4.0 * factor))
            made.add(painted, room.keyframe(pose, factor))
        return made

    return record


def test_a_map_that_is_wrong_is_drawn_anew(recorded, along_wall):
    truth = along_wall(10)
    made = recorded(truth, factor=0.5)
    wrong = truth.copy()
    wrong[5:, :3, 3] += (0.0, 0.2, 0.1)
    poses = {2 * row: pose for row, pose in enumerate(wrong)}
    growth = dict.fromkeys(poses, 2.0)
    found = made.refined(poses, growth, is_calibrated=True)
    made.close()
    assert found.report.method != 'none'
    steps = [
        np.linalg.norm(found.map_from_cam[2 * k + 2][:3, 3] - found.map_from_cam[2 * k][:3, 3])
        for k in range(9)
    ]
    true_steps = np.linalg.norm(np.diff(truth[:, :3, 3], axis=0), axis=1)
    np.testing.assert_allclose(
        np.array(steps) / np.mean(steps), true_steps / true_steps.mean(), atol=0.02
    )
    # Depth was twice as long as the features say when it came, and the gauge is that of the map.
    scale = np.mean(steps) / true_steps.mean()
    assert found.growth[0] == pytest.approx(2.0 * scale, rel=0.02)
    depths = [
        np.linalg.inv(found.map_from_cam[0]) @ np.append(p, 1) for p in found.points.points_in_map
    ]
    assert min(abs(p[2] - 4.0 * scale) for p in depths) < 0.05


def test_odometry_makes_a_map_metric_and_a_map_that_is_metric_stays_so(recorded, along_wall):
    truth = along_wall(13)
    made = recorded(truth)
    poses = {2 * row: pose.copy() for row, pose in enumerate(truth)}
    odometry = {2 * row: pose.copy() for row, pose in enumerate(truth)}
    for pose in odometry.values():
        pose[:3, 3] *= 2.5
    growth = dict.fromkeys(poses, 1.0)
    found = made.refined(poses, growth, is_calibrated=True, odom_from_cam=odometry)
    assert found.scale.meters_per_unit == pytest.approx(2.5, rel=1e-3)
    assert found.growth[0] == pytest.approx(2.5, rel=1e-3)
    for i, pose in odometry.items():
        np.testing.assert_allclose(found.map_from_cam[i][:3, 3], pose[:3, 3], atol=5e-3)
    at = found.points.points_in_map @ found.map_from_cam[0][:3, 2]
    assert np.abs(at).max() > 5.0, 'the cloud is drawn anew'
    known = made.refined(poses, growth, is_calibrated=True)
    made.close()
    assert known.scale is None
    assert known.points is None


def test_satellites_are_asked_before_odometry(recorded, along_wall):
    truth = along_wall(13)
    made = recorded(truth)
    poses = {2 * row: pose.copy() for row, pose in enumerate(truth)}
    odometry = dict(poses)
    fixes = {
        i: PositionFix(
            position=4.0 * pose[:3, 3],
            covariance=0.01**2 * np.eye(3),
            antenna_in_cam=np.zeros(3),
            origin=LocalFrame(lat_deg=48.0, lon_deg=11.0, altitude_m=500.0),
        )
        for i, pose in poses.items()
    }
    fixes[4] = None
    growth = dict.fromkeys(poses, 1.0)
    found = made.refined(poses, growth, is_calibrated=True, odom_from_cam=odometry, fixes=fixes)
    assert (found.scale.source, found.positions.num_positions) == ('gnss', 12)
    assert found.scale.meters_per_unit == pytest.approx(4.0, rel=2e-3)
    for i, pose in poses.items():
        np.testing.assert_allclose(found.map_from_cam[i][:3, 3], 4 * pose[:3, 3], atol=0.03)
    at = found.points.points_in_map @ found.map_from_cam[0][:3, 2]
    assert np.abs(at).max() > 8.0, 'the cloud is drawn anew'
    # Where they do not fit, the map is what it was, and odometry is asked.
    for each in fixes.values():
        if each is not None:
            each.covariance[:] = 1e4 * np.eye(3)
    other = made.refined(poses, growth, is_calibrated=True, odom_from_cam=odometry, fixes=fixes)
    made.close()
    assert (other.scale.source, other.positions.method) == ('odometry', 'none')


@pytest.fixture
def of_rig(make_room, along_wall, uniform_keyframe):
    """Nine moments of two cameras: what is recorded, and where the cameras were."""
    places = make_rig(2, 0.2)
    truth = np.concatenate([[pose, pose @ places[1]] for pose in along_wall(9)])

    def record(rig):
        room, made = make_room(7), RecordedKeyframes(CONFIG, rig)
        for row, pose in enumerate(truth):
            painted = uniform_keyframe(row, (0.0, 0.0, 4.0))
            frame = replace(painted.frame, stamp_ns=1 + 10**8 * (row // 2), camera=row % 2)
            made.add(replace(painted, frame=frame), room.keyframe(pose))
        return made

    return record, truth, places


def test_the_cameras_of_a_rig_stay_where_they_are_and_say_what_a_meter_is(of_rig):
    record, truth, places = of_rig
    made = record(RecordedRig(first_from_cam=tuple(places), base_from_cam=(None, None)))
    # The map drifts, each camera by itself, and its unit is 1.9 m long and not the 2 m it says.
    poses = {row: pose.copy() for row, pose in enumerate(truth)}
    for row, pose in poses.items():
        pose[:3, 3] = pose[:3, 3] / 1.9 + row * np.array([0.004, 0.01, 0.0])
    about = ScaleState(is_metric=False, meters_per_unit=2.0, log_sigma=0.1, source='rig')
    growth = dict.fromkeys(poses, 1 / 1.9)
    found = made.refined(poses, growth, is_calibrated=True, known=about)
    assert found.report.method in ('images', 'poses')
    assert (found.scale.source, found.scale.log_sigma) == ('rig', 0.005)
    moved = np.stack([found.map_from_cam[row] for row in range(18)])
    between = se3.inverse(moved[::2]) @ moved[1::2]
    np.testing.assert_allclose(between, np.tile(places[1], (9, 1, 1)), atol=1e-6)
    way, true_way = (
        np.linalg.norm(np.diff(each[::2, :3, 3], axis=0), axis=1).sum() for each in (moved, truth)
    )
    assert way == pytest.approx(true_way, rel=0.01)
    np.testing.assert_allclose(list(found.growth.values()), 1.0, atol=0.02)
    made.close()


def test_a_rig_that_is_not_known_well_enough_is_left_as_it_is(of_rig):
    record, truth, places = of_rig
    poses, growth = dict(enumerate(truth)), dict.fromkeys(range(18), 1.0)
    known = RecordedRig(first_from_cam=tuple(places), base_from_cam=(None, None))
    partly = RecordedRig(first_from_cam=(places[0], None), base_from_cam=(None, None))
    for rig, is_calibrated, words in (
        (partly, True, 'on each other is not known'),
        (known, False, 'focal lengths'),
        (known, True, 'what a meter is'),
    ):
        made = record(rig)
        found = made.refined(poses, growth, is_calibrated=is_calibrated)
        made.close()
        assert found.report.method == 'none'
        assert words in found.report.why
        assert found.map_from_cam[3] is poses[3]


def test_keyframes_that_have_another_depth_are_told(recorded, along_wall, monkeypatch):
    truth = along_wall(4)
    made = recorded(truth)
    made._config = VggtConfig()
    poses = {2 * row: pose for row, pose in enumerate(truth)}
    report, told = DepthReport(num_keyframes=4, num_used=2), []

    def work(again):
        return report, [2, 6]

    monkeypatch.setattr(recorded_keyframes.DepthAgain, 'work', work)
    found = made.refined(
        poses,
        dict.fromkeys(poses, 1.0),
        is_calibrated=True,
        on_depth=lambda frame_id, measured: told.append((frame_id, measured.depth[0, 0])),
    )
    made.close()
    assert found.report.method == 'none'
    assert found.depth is report
    assert found.points is not None, 'the cloud is drawn anew'
    assert told == [(2, 4.0), (6, 4.0)]


def test_a_map_that_is_right_is_left_as_it_is(recorded, along_wall):
    truth = along_wall(10)
    made = recorded(truth)
    poses = {2 * row: pose for row, pose in enumerate(truth)}
    found = made.refined(poses, dict.fromkeys(poses, 1.0), is_calibrated=True)
    made.close()
    assert found.report.method == 'none'
    assert found.points is None
    assert all((found.map_from_cam[i] == poses[i]).all() for i in poses)


def test_beyond_the_limit_nothing_is_kept_and_that_is_said(recorded, along_wall, monkeypatch):
    monkeypatch.setattr(recorded_keyframes, 'MAX_KEYFRAMES', 4)
    truth = along_wall(5)
    made = recorded(truth)
    poses = {2 * row: pose for row, pose in enumerate(truth)}
    found = made.refined(poses, dict.fromkeys(poses, 1.0), is_calibrated=True)
    assert found.report.method == 'none'
    assert found.report.why == '5 keyframes; at most 4 are adjusted at once'
    made.close()
