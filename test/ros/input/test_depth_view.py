import numpy as np
import pytest

from vggt_ros.mapping.frontend.frame import Frame
from vggt_ros.ros.input.depth_view import DepthView
from vggt_ros.ros.middleware.messages import camera_info, depth_image, header_of

STAMP_NS = 5_000_000_000


def K_of(fx, width, height):
    return np.array([[fx, 0.0, (width - 1) / 2], [0.0, fx, (height - 1) / 2], [0.0, 0.0, 1.0]])


def frame_of(fx=200.0, width=320, height=240):
    return Frame(
        id=0,
        stamp_ns=STAMP_NS,
        camera_frame='cam',
        image=np.zeros((height, width, 3), np.uint8),
        K=None if fx is None else K_of(fx, width, height),
    )


def plane(frame, stamp_ns=STAMP_NS, width=160, height=120, depth_m=2.0):
    depth = np.full((height, width), depth_m, np.float32)
    return depth_image(header_of(stamp_ns, frame), depth, '32FC1')


def info_of(frame, fx, width=160, height=120):
    return camera_info(header_of(STAMP_NS, frame), K_of(fx, width, height), width, height)


def aside(target, source, stamp_ns):
    assert (target, source, stamp_ns) == ('cam', 'tof', STAMP_NS)
    cam_from_tof = np.eye(4)
    cam_from_tof[:3, 3] = 0.1, 0.0, 0.5
    return cam_from_tof


def view_of(lookup=lambda *asked: None):
    view = DepthView('/depth', lookup)
    view.note_frame(frame_of())
    return view


def test_registered_depth_is_as_it_is():
    view = view_of()
    view.add(plane('cam'))
    assert (view.depth_m(STAMP_NS) == 2.0).all()
    assert view.depth_m(STAMP_NS).shape == (120, 160)
    assert view.problem == ''


def test_depth_of_another_camera_is_registered_by_its_calibration_and_place():
    view = view_of(aside)
    view.note_info(info_of('tof', 80.0))
    view.add(plane('tof'))
    found = view.depth_m(STAMP_NS)
    np.testing.assert_allclose(found[np.isfinite(found)], 2.5, rtol=1e-6)
    assert np.isfinite(found).mean() > 0.6
    assert view.problem == ''


def test_depth_of_another_field_of_view_is_registered_by_its_calibration():
    view = view_of()
    view.note_info(info_of('cam', 60.0))
    view.add(plane('cam'))
    found = view.depth_m(STAMP_NS)
    assert np.nanmedian(found) == pytest.approx(2.0)
    # 60 of 160 pixels see more than 200 of 320: the image is filled.
    assert found.shape != (120, 160)
    assert np.isfinite(found).mean() > 0.6


@pytest.mark.parametrize(
    ('frame', 'info', 'size', 'said'),
    [
        ('tof', None, (160, 120), 'camera_info of the depth'),
        ('tof', ('tof', 80.0), (160, 120), 'the transform between them'),
        ('tof', ('cam', 80.0), (160, 120), 'camera_info of the depth'),
        ('cam', None, (160, 90), 'aspect ratio'),
    ],
)
def test_depth_that_can_not_be_registered_is_refused_by_name(frame, info, size, said):
    view = view_of()
    if info is not None:
        view.note_info(info_of(*info))
    view.add(plane(frame, width=size[0], height=size[1]))
    assert view.depth_m(STAMP_NS) is None
    assert view.problem.startswith('/depth: depth is not registered')
    assert said in view.problem
    view.clear()
    assert view.problem == ''


def test_stamps_that_never_match_are_said_with_the_difference():
    view = view_of()
    view.add(plane('cam', STAMP_NS - 300_000_000))
    for _number in range(8):
        assert view.problem == ''
        assert view.depth_m(STAMP_NS) is None
    assert 'none of the last 8 images' in view.problem
    assert '-300 ms' in view.problem
    view.add(plane('cam', STAMP_NS + 5_000_000))
    assert view.depth_m(STAMP_NS) is not None
    assert view.problem == ''


def test_what_is_kept_is_bounded():
    view = view_of()
    for number in range(400):
        view.add(plane('cam', STAMP_NS + number, width=4, height=3))
    assert view.depth_m(STAMP_NS + 99) is not None
    assert len(view._images) == 300
