import numpy as np
import pytest

from vggt_ros.errors import InputError
from vggt_ros.geometry.lens import Lens
from vggt_ros.mapping.registration.depth_registration import (
    CameraSight,
    has_same_view,
    rays_of,
    register_depth,
)


def lens_of(fx, width, height, d=()):
    K = np.array([[fx, 0.0, (width - 1) / 2], [0.0, fx, (height - 1) / 2], [0.0, 0.0, 1.0]])
    D = np.array(d or [0.0] * 5, dtype=float)
    return Lens(model='plumb_bob', K=K, D=D, K_rect=None, width=width, height=height)


def sight(fx=200.0, width=320, height=240, frame='cam', d=(), *, is_calibrated=True):
    lens = lens_of(fx, width, height, d) if is_calibrated else None
    return CameraSight(frame=frame, size=(width, height), lens=lens)


def test_depth_of_the_same_frame_and_view_is_registered():
    assert has_same_view(sight(100.0, 160, 120), sight())
    assert has_same_view(sight(100.0, 160, 120, frame=''), sight())
    assert has_same_view(sight(width=160, height=120, is_calibrated=False), sight())


def test_another_view_is_told_by_both_calibrations():
    assert not has_same_view(sight(115.0, 160, 120), sight())
    assert not has_same_view(sight(200.0, frame='depth'), sight())
    assert not has_same_view(sight(d=(0.1, 0.0, 0.0, 0.0, 0.0)), sight())


@pytest.mark.parametrize(
    ('depth', 'camera', 'said'),
    [
        (
            sight(frame='depth', is_calibrated=False),
            sight(),
            'depth.*cam.*camera_info of the depth',
        ),
        (sight(frame='depth'), sight(is_calibrated=False), 'camera_info of the image'),
        (sight(width=320, height=180, is_calibrated=False), sight(), 'aspect ratio'),
    ],
)
def test_what_can_not_be_registered_is_refused_by_what_is_missing(depth, camera, said):
    with pytest.raises(InputError, match=said) as caught:
        has_same_view(depth, camera)
    assert caught.value.reason == 'depth_not_registered'


def plane_depth(lens, cam_from_plane_z, tilt=0.0):
    """Depth of the plane z = z0 + tilt * x, by the rays of a lens."""
    rays = rays_of(lens, np.arange(lens.width, dtype=float), np.arange(lens.height, dtype=float))
    return (cam_from_plane_z / (1.0 - tilt * rays[..., 0])).astype(np.float32), rays


@pytest.mark.parametrize('d', [(), (-0.2, 0.05, 0.0, 0.0, 0.0)])
def test_depth_of_another_field_of_view_becomes_that_of_the_image(d):
    camera = sight(200.0, 320, 240)
    depth_m, rays = plane_depth(lens_of(80.0, 160, 120, d), 3.0, tilt=0.3)
    found = register_depth(depth_m, rays, np.eye(4), camera)
    _height, width = found.shape
    u = (np.arange(width) + 0.5) * 320 / width - 0.5
    truth = 3.0 / (1.0 - 0.3 * (u - 159.5) / 200.0)
    assert np.isfinite(found).mean() > 0.6
    error = np.abs(found / truth - 1.0)
    assert np.nanmedian(error) < 0.01
    assert np.nanmax(error) < 0.03


def test_a_camera_that_stands_elsewhere_is_put_where_it_is():
    camera = sight(200.0, 320, 240)
    depth_m, rays = plane_depth(lens_of(100.0, 160, 120), 3.0)
    cam_from_depth = np.eye(4)
    cam_from_depth[:3, 3] = 0.3, 0.0, 0.5
    found = register_depth(depth_m, rays, cam_from_depth, camera)
    np.testing.assert_allclose(found[np.isfinite(found)], 3.5, rtol=1e-6)
    # 0.3 m to the right: the left of the image is not seen by the depth camera.
    columns = np.isfinite(found).mean(axis=0)
    assert columns[: found.shape[1] // 25].max() == 0.0
    assert columns[found.shape[1] // 2 :].mean() > 0.6


def test_of_two_points_on_one_pixel_the_nearer_is_seen():
    camera = sight(200.0, 320, 240)
    lens = lens_of(100.0, 160, 120)
    depth_m, rays = plane_depth(lens, 4.0)
    depth_m[:, 60:100] = 1.0
    cam_from_depth = np.eye(4)
    cam_from_depth[0, 3] = 0.4
    found = register_depth(depth_m, rays, cam_from_depth, camera)
    # The near strip moves by 40 of 160 pixels, the far wall by 10: it is in front there.
    strip = found[found.shape[0] // 2, round(found.shape[1] * 105 / 160)]
    assert strip == pytest.approx(1.0)
