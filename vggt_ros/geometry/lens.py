"""The camera whose lens bends straight lines, and the pinhole picture made of its images.

Distortion models and coefficients are those of OpenCV under the names of sensor_msgs/CameraInfo
(REP 104). Camera axes are optical: x right, y down, z forward. Pixels are (u, v), u right, v down,
and the center of the top-left pixel is (0, 0).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
from jaxtyping import Bool, Float, UInt8
import numpy as np

from vggt_ros.errors import InputError
from vggt_ros.geometry.pinhole import project, unproject

# How many coefficients each model may be given with; OpenCV takes the others for 0.
NUM_COEFFICIENTS = {
    'plumb_bob': (4, 5),
    'rational_polynomial': (8, 12, 14),
    'equidistant': (4,),
}
# No lens has a focal length beyond these, in parts of the larger side of its image.
FOCAL_RANGE = 0.01, 10_000.0
MAX_ENTRY_PX = 1e7
MAX_COEFFICIENT = 1e4
# Rays further from the optical axis hardly meet a picture plane.
MAX_ANGLE_RAD = np.deg2rad(89.0)
# A picture plane shows what is 60 degrees off its middle stretched to 4 times the size.
MAX_CHOSEN_ANGLE_RAD = np.deg2rad(60.0)
# Newton's method starts within a few pixels and doubles the digits with each iteration.
MAX_ITERATIONS = 8
CONVERGED_PX = 1e-6
ROUND_TRIP_PX = 1e-3
# A place so far beside an image that interpolation there touches none of its pixels.
OUTSIDE_PX = -2.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lens:
    """What the calibration of a camera says, in pixels of the image at hand.

    Attributes:
        model: `plumb_bob`, `rational_polynomial` or `equidistant`; anything without distortion.
        K: (3, 3) intrinsics of the image as recorded; the skew is taken as 0.
        D: (n,) coefficients in OpenCV's order. None, or zeros of any number, mean no distortion,
            also for `equidistant`, as in image_geometry.
        K_rect: (3, 3) intrinsics wanted for the rectified image, the left of CameraInfo's P; None
            if not given.
        width: Of the image as recorded and as rectified, pixels.
        height: Likewise.

    Raises:
        InputError: `bad_camera_info`: numbers that are not finite or beyond any lens, no
            positive focal length, coefficients of an unknown model, or not as many as it has.
    """

    model: str
    K: Float[np.ndarray, '3 3']
    D: Float[np.ndarray, ' n']
    K_rect: Float[np.ndarray, '3 3'] | None
    width: int
    height: int

    def __post_init__(self) -> None:
        for name, K in (('K', self.K), ('P', self.K_rect)):
            if K is not None:
                _check_intrinsics(name, K, max(self.width, self.height))
        if not np.isfinite(self.D).all():
            raise _bad_camera_info(f'd is {self.D.tolist()}, not finite')
        if not self.is_distorted:
            return
        if np.abs(self.D).max() > MAX_COEFFICIENT:
            raise _bad_camera_info(
                f'd is {self.D.tolist()}; a coefficient beyond {MAX_COEFFICIENT:g} bends nothing '
                'that can be seen'
            )
        if self.model not in NUM_COEFFICIENTS:
            raise _bad_camera_info(
                f'the distortion model is {self.model!r}, not one of {sorted(NUM_COEFFICIENTS)}'
            )
        allowed = NUM_COEFFICIENTS[self.model]
        if len(self.D) not in allowed:
            raise _bad_camera_info(
                f'd has {len(self.D)} coefficients, {self.model} has '
                f'{" or ".join(str(num) for num in allowed)}'
            )

    @property
    def is_distorted(self) -> bool:
        """Whether the image differs from that of a pinhole camera with the intrinsics K."""
        return bool(self.D.any())


class Rectifier:
    """Makes the images of a lens those of a pinhole camera at the same place.

    The camera is not turned: a stereo camera's rectifying rotation (CameraInfo's R) is left out on
    purpose, so that the rectified image is that of the optical frame which TF knows.

    Attributes:
        lens: Of the images as recorded.
        K: (3, 3) intrinsics of the rectified image: `lens.K_rect`, or else those of the widest
            image of which every pixel is seen, with pixels as square as the recorded ones, the
            principal point nearly in the middle, and at most 60 degrees to each side.
        is_seen: (H, W) False where the rectified image shows nothing, because the ray leaves the
            recorded image or the lens model has no one place for it; None if all pixels are seen.
    """

    def __init__(self, lens: Lens) -> None:
        """Compute the maps, once for all images.

        Raises:
            InputError: `bad_camera_info`: no pixel of the rectified image would be seen, or no
                intrinsics are given and none can be found with which all would be.
        """
        self.lens = lens
        self.K = _rectified_K(lens)
        uv = _all_pixels(lens)
        uv = project_with_lens(lens, unproject(uv, np.ones(len(uv)), self.K))
        uv = uv.reshape(lens.height, lens.width, 2)
        last = np.array([lens.width - 1, lens.height - 1])
        is_seen: Bool[np.ndarray, 'H W'] = np.all((uv >= -0.5) & (uv <= last + 0.5), axis=-1)
        if not is_seen.any():
            raise _bad_camera_info(
                f'of the {lens.width} x {lens.height} pixels of the rectified image, with focal '
                f'lengths {self.K[0, 0]:g} and {self.K[1, 1]:g} px, none is seen'
            )
        self.is_seen = None if is_seen.all() else is_seen
        # The outer halves of the border pixels have no neighbor to be interpolated with.
        uv = np.where(is_seen[..., None], np.clip(uv, 0, last), OUTSIDE_PX).astype(np.float32)
        self._maps = cv2.convertMaps(uv, None, cv2.CV_16SC2)

    def rectify(self, image: UInt8[np.ndarray, 'H W 3']) -> UInt8[np.ndarray, 'H W 3']:
        """Return the (H, W, 3) pinhole image of a recorded one; black where nothing is seen.

        Raises:
            InputError: `bad_camera_info`: the image does not have the size of the lens's.
        """
        height, width, _ = image.shape
        if (width, height) != (self.lens.width, self.lens.height):
            raise _bad_camera_info(
                f'it describes images of {self.lens.width} x {self.lens.height}, '
                f'the image is {width} x {height}'
            )
        return cv2.remap(image, *self._maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)


def project_with_lens(
    lens: Lens, points_in_cam: Float[np.ndarray, 'n 3']
) -> Float[np.ndarray, 'n 2']:
    """Return the pixels (u, v) of the recorded image at which points are seen.

    NaN for points not in front of the camera, and for those further from the optical axis than
    where the polynomial of the model turns back: it would show them on top of nearer ones.
    """
    if not lens.is_distorted:
        return project(points_in_cam, lens.K)
    return _project_and_derive(lens, points_in_cam)[0]


def undistorted_rays(lens: Lens, uv: Float[np.ndarray, 'n 2']) -> Float[np.ndarray, 'n 3']:
    """Return the rays (x, y, 1), in the camera's frame, seen at pixels of the recorded image.

    The inverse of `project_with_lens` to 1e-3 pixels; NaN where it has none. Newton's method,
    since cv2.undistortPoints takes five steps of a slower one that diverges for strong distortion,
    and how to ask it for more depends on OpenCV's version.
    """
    if not lens.is_distorted:
        return unproject(uv, np.ones(len(uv)), lens.K)
    xy = _radially_undistorted(lens, uv)
    for _ in range(MAX_ITERATIONS):
        projected, duv_dxy = _project_and_derive(lens, _rays(xy))
        off_uv = uv - projected
        is_off = np.abs(off_uv).max(axis=-1) > CONVERGED_PX
        if not is_off.any():
            break
        xy[is_off] += np.linalg.solve(duv_dxy[is_off], off_uv[is_off, :, None])[..., 0]
    off_px = np.abs(project_with_lens(lens, _rays(xy)) - uv).max(axis=-1)
    return _rays(np.where(off_px[:, None] < ROUND_TRIP_PX, xy, np.nan))


def distort_image(
    lens: Lens, image: UInt8[np.ndarray, 'h w 3'], K_image: Float[np.ndarray, '3 3']
) -> UInt8[np.ndarray, 'H W 3']:
    """Return what a lens would have recorded at the place of a pinhole camera.

    Args:
        lens: Of the image to return, (lens.height, lens.width, 3).
        image: (h, w, 3) of the pinhole camera; black is recorded beside it.
        K_image: (3, 3) intrinsics in pixels of `image`.
    """
    rays_in_cam = undistorted_rays(lens, _all_pixels(lens))
    uv = project(rays_in_cam, K_image).reshape(lens.height, lens.width, 2)
    # Numbers too large for remap's integers would wrap around.
    far = np.array(image.shape[1::-1]) + 1
    uv = np.clip(np.nan_to_num(uv, nan=OUTSIDE_PX), OUTSIDE_PX, far).astype(np.float32)
    return cv2.remap(image, uv, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)


def _rectified_K(lens: Lens) -> Float[np.ndarray, '3 3']:
    if lens.K_rect is not None:
        return lens.K_rect
    if not lens.is_distorted:
        return lens.K
    low, high = _inner_rectangle(lens)
    if (high <= low).any():
        raise _bad_camera_info(
            f'with K {lens.K.ravel().tolist()} and d {lens.D.tolist()} no upright rectangle of '
            f'rays less than {np.rad2deg(MAX_CHOSEN_ANGLE_RAD):g} degrees off the optical axis '
            'is in the image'
        )
    last = np.array([lens.width - 1, lens.height - 1])
    focal_px = np.diag(lens.K)[:2]
    focal_px = focal_px * (last / (high - low) / focal_px).max()
    K = np.diag([*focal_px, 1.0])
    K[:2, 2] = (last - focal_px * (low + high)) / 2
    return K


def _inner_rectangle(lens: Lens) -> Float[np.ndarray, '2 2']:
    """Return the lowest and highest (x / z, y / z) of a rectangle that is all in the image.

    No ray of the image's border is in the rectangle, so that none of it is beyond the border.
    """
    # A square in the circle of rays that the model knows keeps clear of those without a place.
    limit = np.tan(_one_to_one_radii(lens)[0][-1]) / np.sqrt(2.0)
    limit = min(limit, np.tan(MAX_CHOSEN_ANGLE_RAD))
    lows = [_rays_of_border(lens, axis, 0.0) for axis in (0, 1)]
    highs = [
        _rays_of_border(lens, 0, lens.width - 1.0),
        _rays_of_border(lens, 1, lens.height - 1.0),
    ]
    low = [np.nan_to_num(rays, nan=-limit).max() for rays in lows]
    high = [np.nan_to_num(rays, nan=limit).min() for rays in highs]
    return np.clip([low, high], -limit, limit)


def _rays_of_border(lens: Lens, axis: int, across_px: float) -> Float[np.ndarray, ' n']:
    """Return x / z of the rays along the column `across_px` (axis 0), y / z for a row (axis 1)."""
    along_px = np.arange((lens.height, lens.width)[axis], dtype=np.float64)
    uv = np.insert(along_px[:, None], axis, across_px, axis=1)
    return undistorted_rays(lens, uv)[:, axis]


def _all_pixels(lens: Lens) -> Float[np.ndarray, 'n 2']:
    v, u = np.indices((lens.height, lens.width), dtype=np.float64)
    return np.stack([u.ravel(), v.ravel()], axis=-1)


def _rays(xy: Float[np.ndarray, 'n 2']) -> Float[np.ndarray, 'n 3']:
    return np.concatenate([xy, np.ones((len(xy), 1))], axis=-1)


def _project_and_derive(
    lens: Lens, points_in_cam: Float[np.ndarray, 'n 3']
) -> tuple[Float[np.ndarray, 'n 2'], Float[np.ndarray, 'n 2 2']]:
    """Return the pixels of points and their derivatives by x and y; NaN for those not shown.

    Where a pixel is not NaN its derivatives have a positive determinant.
    """
    max_angle_rad = _one_to_one_radii(lens)[0][-1]
    x, y, z = points_in_cam.T
    is_shown = (z > 0) & (np.hypot(x, y) <= np.tan(max_angle_rad) * z)
    uv = np.full((len(points_in_cam), 2), np.nan)
    duv_dxy = np.full((len(points_in_cam), 2, 2), np.nan)
    if is_shown.any():
        shown, derived = _project_by_model(lens.model, points_in_cam[is_shown], lens.K, lens.D)
        # Other coefficients can turn the picture back nearer to the axis than the radial ones.
        shown[np.linalg.det(derived) <= 0.0] = np.nan
        uv[is_shown], duv_dxy[is_shown] = shown, derived
    return uv, duv_dxy


def _project_by_model(
    model: str,
    points_in_cam: Float[np.ndarray, 'n 3'],
    K: Float[np.ndarray, '3 3'],
    D: Float[np.ndarray, ' m'],
) -> tuple[Float[np.ndarray, 'n 2'], Float[np.ndarray, 'n 2 2']]:
    is_fisheye = model == 'equidistant'
    project_points = cv2.fisheye.projectPoints if is_fisheye else cv2.projectPoints
    uv, jacobian = project_points(points_in_cam[:, None], np.zeros(3), np.zeros(3), K, D)
    # OpenCV orders the derivatives: fisheye f 2, c 2, D 4, rotation 3, translation 3, skew;
    # otherwise rotation 3, translation 3 and then the rest.
    translation_x = 11 if is_fisheye else 3
    duv_dxy = jacobian[:, translation_x : translation_x + 2]
    return uv.reshape(-1, 2), duv_dxy.reshape(-1, 2, 2)


def _one_to_one_radii(
    lens: Lens,
) -> tuple[Float[np.ndarray, ' m'], Float[np.ndarray, ' m']]:
    """Return angles from the optical axis and the distorted radii, both increasing.

    The angles, in radians, end where the radius stops to grow; radii are in focal lengths.
    """
    angles_rad = np.linspace(0.0, MAX_ANGLE_RAD, 2000)
    along_x = np.stack([np.tan(angles_rad), 0 * angles_rad, 1 + 0 * angles_rad], axis=-1)
    D = lens.D.copy()
    if lens.model != 'equidistant':
        # The tangential, thin prism and tilt coefficients do not belong to the radius.
        D[2:4] = 0.0
        D[8:] = 0.0
    radii = _project_by_model(lens.model, along_x, np.eye(3), D)[0][:, 0]
    is_back = np.diff(radii) <= 0.0
    num = int(is_back.argmax()) + 1 if is_back.any() else len(radii)
    return angles_rad[:num], radii[:num]


def _radially_undistorted(lens: Lens, uv: Float[np.ndarray, 'n 2']) -> Float[np.ndarray, 'n 2']:
    """Return x / z and y / z as if there were radial distortion only."""
    angles_rad, radii = _one_to_one_radii(lens)
    xy = (uv - lens.K[:2, 2]) / np.diag(lens.K)[:2]
    radius = np.hypot(*xy.T)
    angle_rad = np.interp(radius, radii, angles_rad)
    return xy * (np.tan(angle_rad) / np.maximum(radius, 1e-12))[:, None]


def _check_intrinsics(name: str, K: Float[np.ndarray, '3 3'], size_px: int) -> None:
    if not np.isfinite(K).all():
        raise _bad_camera_info(f'{name} is {K.ravel().tolist()}, not finite')
    if K[0, 0] <= 0.0 or K[1, 1] <= 0.0:
        raise _bad_camera_info(
            f'the focal lengths in {name} are {K[0, 0]:g} and {K[1, 1]:g} px, not > 0'
        )
    low, high = (limit * size_px for limit in FOCAL_RANGE)
    if not all(low <= focal_px <= high for focal_px in (K[0, 0], K[1, 1])):
        raise _bad_camera_info(
            f'the focal lengths in {name} are {K[0, 0]:g} and {K[1, 1]:g} px; of an image of '
            f'{size_px} px they are within {low:g}..{high:g}'
        )
    if np.abs(K[:2]).max() > MAX_ENTRY_PX:
        raise _bad_camera_info(
            f'{name} is {K.ravel().tolist()}; no entry is beyond {MAX_ENTRY_PX:g} px'
        )


def _bad_camera_info(message: str) -> InputError:
    return InputError(
        'bad_camera_info',
        f'camera_info cannot be used: {message}; calibrate the camera again or set '
        'input.use_camera_info to false',
    )
