from dataclasses import replace

import numpy as np

from vggt_ros.geometry import se3
from vggt_ros.mapping.registration.pose_priors import PosePriors
from vggt_ros.offline.recorded_priors import (
    camera_frame,
    MAX_DEPTHS,
    RecordedPriors,
    RecordedRig,
    rig_of,
)
from vggt_ros.sources.detection import open_sequence
from vggt_ros.sources.position_fixes import fixes_of, GeodeticFix
from vggt_ros.sources.source import SourceFrame
from vggt_ros.synthetic.simulated_rig import make_rig

RIG = make_rig(3, 0.2)
BASE_FROM_CAM = np.stack([RIG[1] @ pose for pose in RIG])
ODOM_FROM_BASE = se3.inverse(RIG[2])
FIRST, SECOND, THIRD = map(camera_frame, range(3))


def frame(*, camera=0, depth=None, odom_from_base=None):
    image = np.zeros((4, 6, 3), np.uint8)
    filled = None if depth is None else np.full((4, 6), depth, np.float32)
    return SourceFrame(
        image=image, stamp_ns=0, camera=camera, depth=filled, odom_from_base=odom_from_base
    )


def test_without_a_recording_nothing_is_known():
    priors = RecordedPriors()
    assert isinstance(priors, PosePriors)
    priors.begin_window()
    priors.add(frame(depth=2.0, odom_from_base=np.eye(4)), 5)
    assert priors.odom_from_cam(5, FIRST) is None
    assert priors.base_from_cam(5, FIRST) is None
    assert priors.depth_m(5, 0) is None
    np.testing.assert_array_equal(RecordedRig().num_cameras, 1)


def test_odometry_is_that_of_the_stamp_at_the_place_of_the_camera():
    rig = RecordedRig(first_from_cam=tuple(RIG), base_from_cam=tuple(BASE_FROM_CAM))
    priors = RecordedPriors(rig)
    priors.add(frame(odom_from_base=ODOM_FROM_BASE), 5)
    priors.add(frame(), 6)
    found = priors.odom_from_cam(5, SECOND)
    np.testing.assert_allclose(found, ODOM_FROM_BASE @ BASE_FROM_CAM[1])
    assert priors.odom_from_cam(6, SECOND) is None
    np.testing.assert_array_equal(priors.base_from_cam(6, THIRD), BASE_FROM_CAM[2])


def test_fixes_are_those_of_the_first_camera_if_they_are_wanted():
    fix = fixes_of(
        [GeodeticFix(stamp_ns=5, place=np.array([48.0, 11.0, 0.0]), covariance=np.eye(3))]
    ).at(5, np.zeros(3))
    wanted, unwanted = RecordedPriors(uses_gnss=True), RecordedPriors()
    for priors in (wanted, unwanted):
        priors.add(replace(frame(), fix=fix), 5)
        priors.add(replace(frame(camera=1), fix=fix), 6)
    assert wanted.fix(5, 0) is fix
    assert wanted.fix(6, 0) is wanted.fix(5, 1) is None
    assert (wanted.num_fixes, unwanted.num_fixes) == (1, 0)


def test_odometry_of_a_camera_does_not_say_what_is_up():
    priors = RecordedPriors(RecordedRig(base_from_cam=(np.eye(4),)))
    priors.add(frame(odom_from_base=ODOM_FROM_BASE), 5)
    assert priors.base_from_cam(5, FIRST) is None
    np.testing.assert_array_equal(priors.odom_from_cam(5, FIRST), ODOM_FROM_BASE)


def test_cameras_are_where_the_rig_has_them():
    rig = RecordedRig(first_from_cam=(*RIG[:2], None), base_from_cam=(None,) * 3)
    priors = RecordedPriors(rig)
    found = priors.cam_from_cam(SECOND, FIRST, 5)
    np.testing.assert_allclose(found, se3.inverse(RIG[1]), atol=1e-12)
    assert priors.cam_from_cam(FIRST, THIRD, 5) is None
    assert priors.cam_from_cam(FIRST, 'camera_9', 5) is None


def test_depth_waits_for_its_window_but_not_that_of_frames_nobody_asks_for():
    priors = RecordedPriors(uses_depth=True)
    for stamp_ns in (10, 20, 30):
        priors.add(frame(depth=float(stamp_ns)), stamp_ns)
    priors.add(frame(), 40)
    priors.forget_depth(40)
    assert priors.depth_m(30, 0)[0, 0] == 30.0
    priors.forget_depth(20)
    assert priors.depth_m(30, 0) is None
    assert priors.depth_m(20, 0) is None
    assert priors.depth_m(10, 0) is not None
    assert priors.depth_m(10, 1) is None
    for stamp_ns in range(100, 100 + MAX_DEPTHS):
        priors.add(frame(depth=1.0), stamp_ns)
    assert priors.depth_m(10, 0) is None


def test_poses_that_name_no_child_are_those_of_the_first_camera(open_bag, tmp_path):
    with open_bag(tmp_path / 'bag', 'mcap') as bag:
        bag.transform(1, 'cam_0', 'cam_1', RIG[1])
        bag.odometry(9, ODOM_FROM_BASE, child='')
        for camera in range(2):
            bag.image(f'/image_{camera}', 9, np.zeros((4, 6, 3), np.uint8), frame=f'cam_{camera}')
    topics = ['/image_0', '/image_1']
    sequence = open_sequence(tmp_path / 'bag', topics=topics, odometry_topic='/odom')
    first, second = rig_of(sequence.recording).base_from_cam
    np.testing.assert_array_equal(first, np.eye(4))
    np.testing.assert_allclose(second, RIG[1], atol=1e-12)


def test_a_camera_whose_place_is_unknown_is_noted(open_bag, tmp_path):
    with open_bag(tmp_path / 'bag', 'mcap') as bag:
        for camera in range(2):
            bag.image(f'/image_{camera}', 9, np.zeros((4, 6, 3), np.uint8), frame=f'cam_{camera}')
    sequence = open_sequence(tmp_path / 'bag', topics=['/image_0', '/image_1'])
    assert rig_of(sequence.recording).first_from_cam[1] is None
    assert any('/image_1 (cam_1) is on /image_0' in note for note in sequence.recording.notes)


def test_the_rig_of_a_bag_is_that_of_its_transforms(open_bag, tmp_path):
    with open_bag(tmp_path / 'bag', 'mcap') as bag:
        bag.transform(1, 'base_link', 'cam_0', BASE_FROM_CAM[0])
        bag.transform(1, 'cam_0', 'cam_1', RIG[1])
        bag.odometry(9, ODOM_FROM_BASE)
        for camera in range(2):
            pixels = np.zeros((4, 6, 3), np.uint8)
            bag.image(f'/image_{camera}', 9, pixels, frame=f'cam_{camera}')
    topics = ['/image_0', '/image_1']
    sequence = open_sequence(tmp_path / 'bag', topics=topics, odometry_topic='/odom')
    rig = rig_of(sequence.recording)
    np.testing.assert_allclose(rig.first_from_cam[1], RIG[1], atol=1e-12)
    np.testing.assert_allclose(rig.base_from_cam[1], BASE_FROM_CAM[1], atol=1e-12)
    assert rig_of(open_sequence(tmp_path / 'bag', topics=topics).recording).base_from_cam == (
        None,
        None,
    )
    assert rig_of(object()).num_cameras == 1
