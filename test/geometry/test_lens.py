from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from vggt_ros.errors import InputError
from vggt_ros.geometry.lens import (
    distort_image,
    Lens,
    project_with_lens,
    Rectifier,
    undistorted_rays,
)
from vggt_ros.geometry.pinhole import project, unproject

WIDTH, HEIGHT = 320, 240
K = np.array([[210.0, 0.0, 163.0], [0.0, 205.0, 117.0], [0.0, 0.0, 1.0]])
MODELS = {
    'plumb_bob': [-0.3, 0.1, 0.001, -0.001, 0.0],
    'rational_polynomial': [12.0, 5.0, 1e-4, -5e-5, 0.2, 12.3, 9.5, 1.5],
    'equidistant': [0.02, -0.01, 0.005, -0.001],
}
each_model = pytest.mark.parametrize('model', MODELS)
few_examples = settings(max_examples=10, deadline=None)


def lens_of(model, D=None, **kwargs):
    D = MODELS[model] if D is None else D
    attributes = {'K': K, 'K_rect': None, 'width': WIDTH, 'height': HEIGHT, **kwargs}
    return Lens(model=model, D=np.array(D, dtype=np.float64), **attributes)


def refuses(text):
    return pytest.raises(InputError, match=rf'{text}.*input\.use_camera_info')


def grid(step=1.0):
    u, v = np.meshgrid(np.arange(0, WIDTH, step), np.arange(0, HEIGHT, step))
    return np.stack([u.ravel(), v.ravel()], axis=-1)


def smooth_chessboard(width, height, square_px=24.0):
    """Rounded squares, so that interpolating twice takes little away."""
    v, u = np.indices((height, width)) * (np.pi / square_px)
    gray = 127 + 110 * np.sin(u) * np.sin(v)
    return np.stack([gray, 255 - gray, gray / 2], axis=-1).astype(np.uint8)


# A pinhole image with a wider view than any of the lenses.
K_WIDE = np.array([[150.0, 0.0, 399.5], [0.0, 150.0, 299.5], [0.0, 0.0, 1.0]])


def difference(image, other, is_compared):
    off = np.abs(image.astype(float) - other.astype(float))
    return off[is_compared].mean()


@pytest.mark.parametrize(
    ('model', 'D'),
    [
        *MODELS.items(),
        ('plumb_bob', [-0.3, 0.1, 0.001, -0.001]),
        ('plumb_bob', [0.2, 0.05, 0.0, 0.0, 0.0]),
        ('rational_polynomial', [*MODELS['rational_polynomial'], 1e-4, -5e-5, 1e-4, 5e-5]),
        (
            'rational_polynomial',
            [*MODELS['rational_polynomial'], 1e-4, -5e-5, 1e-4, 5e-5, 0.01, -0.02],
        ),
        ('equidistant', [0.0, 0.0, 0.0, 1e-9]),
    ],
)
def test_the_ray_of_every_pixel_is_seen_at_that_pixel(model, D):
    lens = lens_of(model, D)
    uv = grid(step=5.0)
    np.testing.assert_allclose(project_with_lens(lens, undistorted_rays(lens, uv)), uv, atol=1e-3)


@given(seed=st.integers(0, 2**32 - 1), model=st.sampled_from(sorted(MODELS)))
def test_a_point_lies_on_the_ray_of_the_pixel_that_shows_it(seed, model):
    lens = lens_of(model)
    points_in_cam = np.random.default_rng(seed).uniform((-2, -1.5, 3), (2, 1.5, 9), size=(9, 3))
    rays_in_cam = undistorted_rays(lens, project_with_lens(lens, points_in_cam))
    np.testing.assert_allclose(rays_in_cam, points_in_cam / points_in_cam[:, 2:], atol=1e-6)


def test_an_equidistant_lens_without_further_terms_shows_angles_as_distances():
    lens = lens_of('equidistant', [1e-12, 0.0, 0.0, 0.0])
    angles_rad = np.array([0.0, 0.4, 0.9, 1.4])
    rays_in_cam = np.stack([np.sin(angles_rad), 0 * angles_rad, np.cos(angles_rad)], axis=-1)
    uv = project_with_lens(lens, rays_in_cam)
    np.testing.assert_allclose(uv[:, 0], K[0, 0] * angles_rad + K[0, 2], atol=1e-6)


@pytest.mark.parametrize('model', ['', 'unheard of', *MODELS])
@pytest.mark.parametrize('D', [[], [0.0], [0.0] * 5, [0.0] * 14])
def test_zero_coefficients_of_any_number_are_a_pinhole_camera(model, D):
    lens = lens_of(model, D)
    points_in_cam = np.array([[0.3, -0.2, 2.0], [0.0, 0.0, -1.0]])
    assert not lens.is_distorted
    np.testing.assert_array_equal(
        project_with_lens(lens, points_in_cam), project(points_in_cam, K)
    )
    rays_in_cam = undistorted_rays(lens, grid(40.0))
    np.testing.assert_array_equal(rays_in_cam, unproject(grid(40.0), np.ones(48), K))


@each_model
def test_points_beside_and_behind_a_lens_have_no_pixel(model):
    points_in_cam = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -2.0], [0.0, 0.0, 2.0]])
    uv = project_with_lens(lens_of(model), points_in_cam)
    np.testing.assert_array_equal(np.isnan(uv).all(axis=1), [True, True, False])


@each_model
def test_no_points_have_no_pixels_and_no_rays(model):
    assert project_with_lens(lens_of(model), np.empty((0, 3))).shape == (0, 2)
    assert undistorted_rays(lens_of(model), np.empty((0, 2))).shape == (0, 3)


def test_rays_for_which_the_polynomial_turns_back_are_not_shown_twice():
    # r (1 - 0.35 r^2) grows up to r = 0.976.
    lens = lens_of('plumb_bob', [-0.35, 0.0, 0.0, 0.0])
    rays_in_cam = np.array([[0.9, 0.0, 1.0], [1.1, 0.0, 1.0], [1.5, 0.0, 1.0]])
    is_shown = ~np.isnan(project_with_lens(lens, rays_in_cam)).any(axis=1)
    np.testing.assert_array_equal(is_shown, [True, False, False])
    # The furthest pixel reached is 210 * 0.651 px to the right of the middle.
    rays_in_cam = undistorted_rays(
        lens, np.array([[163.0 + 135.0, 117.0], [163.0 + 138.0, 117.0]])
    )
    np.testing.assert_array_equal(np.isnan(rays_in_cam).any(axis=1), [False, True])


def test_a_rectified_image_shows_nothing_where_the_polynomial_turns_back():
    K_rect = np.array([[100.0, 0.0, 160.0], [0.0, 100.0, 120.0], [0.0, 0.0, 1.0]])
    lens = lens_of('plumb_bob', [-0.35, 0.0, 0.0, 0.0], K_rect=K_rect)
    is_seen = Rectifier(lens).is_seen
    radius = np.hypot(*(grid() - (160, 120)).T).reshape(HEIGHT, WIDTH) / 100
    assert not is_seen[radius > 0.98].any()
    is_right_left = np.abs(grid()[:, 1].reshape(HEIGHT, WIDTH) - 120) < 30
    assert is_seen[(radius < 0.97) & is_right_left].all()


@each_model
def test_rectifying_a_distorted_picture_gives_the_original_picture(model):
    scene = smooth_chessboard(800, 600)
    lens = lens_of(model)
    rectifier = Rectifier(lens)
    pinhole = lens_of('', [], K=rectifier.K)
    expected = distort_image(pinhole, scene, K_WIDE)
    rectified = rectifier.rectify(distort_image(lens, scene, K_WIDE))
    inner = np.zeros((HEIGHT, WIDTH), dtype=bool)
    inner[3:-3, 3:-3] = True
    assert difference(rectified, expected, inner) < 2.5
    assert difference(distort_image(lens, scene, K_WIDE), expected, inner) > 20


@each_model
def test_straight_lines_become_straight(model):
    lens = lens_of(model)
    rectifier = Rectifier(lens)
    scene = np.zeros((600, 800, 3), dtype=np.uint8)
    scene[228:232] = 255
    recorded = distort_image(lens, scene, K_WIDE)
    bent, straight = recorded[..., 0], rectifier.rectify(recorded)[..., 0]

    def rows_of_line(image):
        columns = image[:, 20:-20].astype(float)
        return np.arange(HEIGHT) @ columns / columns.sum(axis=0)

    assert np.ptp(rows_of_line(bent)) > 5
    assert np.ptp(rows_of_line(straight)) < 0.5


@each_model
def test_a_point_is_seen_in_the_rectified_image_where_K_rect_says(model):
    K_rect = np.array([[180.0, 0.0, 150.0], [0.0, 170.0, 130.0], [0.0, 0.0, 1.0]])
    lens = lens_of(model, K_rect=K_rect)
    rectifier = Rectifier(lens)
    np.testing.assert_array_equal(rectifier.K, K_rect)
    points_in_cam = np.array([[0.4, -0.3, 2.0], [-0.9, 0.6, 3.0], [0.0, 0.0, 1.0]])
    for point_in_cam, expected in zip(points_in_cam, project(points_in_cam, K_rect), strict=True):
        [seen_at] = project_with_lens(lens, point_in_cam[None])
        off_px = np.hypot(*(grid() - seen_at).T).reshape(HEIGHT, WIDTH)
        recorded = np.repeat(255 * np.exp(-(off_px**2) / 18)[..., None], 3, axis=-1)
        rectified = rectifier.rectify(recorded.astype(np.uint8))[..., 0].astype(float).ravel()
        center = rectified @ grid() / rectified.sum()
        np.testing.assert_allclose(center, expected, atol=0.3)


@each_model
def test_exactly_where_the_rectified_image_shows_nothing_it_is_not_seen(model):
    K_rect = np.array([[60.0, 0.0, 160.0], [0.0, 60.0, 120.0], [0.0, 0.0, 1.0]])
    rectifier = Rectifier(lens_of(model, K_rect=K_rect))
    rectified = rectifier.rectify(np.full((HEIGHT, WIDTH, 3), 255, dtype=np.uint8))
    corners = rectifier.is_seen[[0, 0, -1, -1], [0, -1, 0, -1]]
    assert not corners.any()
    assert rectifier.is_seen[HEIGHT // 2, WIDTH // 2]
    np.testing.assert_array_equal((rectified == 255).all(axis=-1), rectifier.is_seen)
    np.testing.assert_array_equal((rectified == 0).all(axis=-1), ~rectifier.is_seen)


@few_examples
@given(
    model_and_D=st.one_of(
        st.tuples(st.just('plumb_bob'), st.lists(st.floats(-0.3, 0.3), min_size=2, max_size=2)),
        st.tuples(st.just('equidistant'), st.lists(st.floats(-0.1, 0.1), min_size=4, max_size=4)),
    ),
    focal_px=st.floats(80.0, 400.0),
    cx=st.floats(130.0, 190.0),
)
def test_with_intrinsics_that_it_chooses_every_pixel_is_seen(model_and_D, focal_px, cx):
    model, D = model_and_D
    K_raw = np.array([[focal_px, 0.0, cx], [0.0, 1.1 * focal_px, 117.0], [0.0, 0.0, 1.0]])
    D = [*D, 0.001, -0.001] if model == 'plumb_bob' else D
    rectifier = Rectifier(lens_of(model, D, K=K_raw))
    assert rectifier.is_seen is None
    if any(D):
        np.testing.assert_allclose(rectifier.K[1, 1] / rectifier.K[0, 0], 1.1)


@each_model
def test_the_chosen_image_reaches_the_border_of_the_recorded_one(model):
    lens = lens_of(model)
    K_chosen = Rectifier(lens).K
    uv = project_with_lens(lens, unproject(grid(), np.ones(WIDTH * HEIGHT), K_chosen))
    off_border_px = np.minimum(uv, (WIDTH - 1, HEIGHT - 1) - uv).min()
    assert -0.01 < off_border_px < 1.0


def test_the_chosen_image_of_a_wide_lens_ends_at_60_degrees():
    K_wide_lens = np.array([[84.0, 0.0, 163.0], [0.0, 82.0, 117.0], [0.0, 0.0, 1.0]])
    K_chosen = Rectifier(lens_of('equidistant', K=K_wide_lens)).K
    ends = unproject(np.array([[0.0, 119.5], [319.0, 119.5]]), np.ones(2), K_chosen)[:, 0]
    np.testing.assert_allclose(np.rad2deg(np.arctan(ends)), [-60, 60])


def test_a_tangential_term_that_turns_the_picture_back_shows_nothing_there():
    # Along x the picture is x + 3 p2 x^2 = x - 0.9 x^2, which turns back at 0.56.
    lens = lens_of('plumb_bob', [0.0, 0.0, 0.0, -0.3])
    uv = project_with_lens(lens, np.array([[0.5, 0.0, 1.0], [0.6, 0.0, 1.0]]))
    np.testing.assert_array_equal(np.isnan(uv).any(axis=1), [False, True])


@pytest.mark.parametrize('K_rect', [None, K.copy()])
def test_without_distortion_the_image_comes_back_bit_by_bit(rng, K_rect):
    image = rng.integers(0, 256, size=(HEIGHT, WIDTH, 3), dtype=np.uint8)
    rectifier = Rectifier(lens_of('plumb_bob', [0.0] * 5, K_rect=K_rect))
    np.testing.assert_array_equal(rectifier.K, K)
    np.testing.assert_array_equal(rectifier.rectify(image), image)
    assert rectifier.is_seen is None


def test_a_lens_records_black_beside_the_picture():
    white = np.full((10, 10, 3), 255, dtype=np.uint8)
    K_image = np.array([[10.0, 0.0, 4.5], [0.0, 10.0, 4.5], [0.0, 0.0, 1.0]])
    recorded = distort_image(lens_of('equidistant'), white, K_image)
    assert recorded.shape == (HEIGHT, WIDTH, 3)
    assert recorded[117, 163].tolist() == [255, 255, 255]
    assert not recorded[:, [0, -1]].any()


def test_coefficients_of_an_unknown_model_are_refused():
    with refuses("'thin_lens', not one of") as caught:
        lens_of('thin_lens', [0.1])
    assert caught.value.reason == 'bad_camera_info'


@pytest.mark.parametrize('value', [np.nan, np.inf])
def test_coefficients_that_are_not_finite_are_refused(value):
    with refuses('d is .*, not finite'):
        lens_of('plumb_bob', [0.1, 0.0, 0.0, value])


@pytest.mark.parametrize(
    ('model', 'num', 'allowed'),
    [
        ('plumb_bob', 8, '4 or 5'),
        ('plumb_bob', 3, '4 or 5'),
        ('rational_polynomial', 5, '8 or 12 or 14'),
        ('equidistant', 5, '4'),
    ],
)
def test_coefficients_not_as_many_as_the_model_has_are_refused(model, num, allowed):
    with refuses(f'd has {num} coefficients, {model} has {allowed};'):
        lens_of(model, [0.01] * num)


@pytest.mark.parametrize('name', ['K', 'K_rect'])
@pytest.mark.parametrize(
    ('focal_px', 'text'), [(np.nan, 'not finite'), (0.0, 'not > 0'), (-3.0, 'not > 0')]
)
def test_unusable_intrinsics_are_refused(name, focal_px, text):
    K_bad = K.copy()
    K_bad[1, 1] = focal_px
    with refuses(f'{"K" if name == "K" else "P"} .*{text}'):
        lens_of('plumb_bob', **{name: K_bad})


def test_intrinsics_with_which_nothing_would_be_seen_are_refused():
    K_rect = np.array([[200.0, 0.0, -9000.0], [0.0, 200.0, 120.0], [0.0, 0.0, 1.0]])
    with refuses('none is seen'):
        Rectifier(lens_of('plumb_bob', K_rect=K_rect))


def test_a_lens_that_looks_past_its_image_is_refused():
    K_beside = np.array([[200.0, 0.0, -9000.0], [0.0, 200.0, 120.0], [0.0, 0.0, 1.0]])
    with refuses('60 degrees'):
        Rectifier(lens_of('plumb_bob', K=K_beside))


def test_an_image_of_another_size_is_refused():
    with refuses('images of 320 x 240, the image is 160 x 120'):
        Rectifier(lens_of('plumb_bob')).rectify(np.zeros((120, 160, 3), dtype=np.uint8))


@pytest.mark.parametrize(
    ('change', 'text'),
    [
        ({'K': np.diag([1e-300, 200.0, 1.0])}, '1e-300 and 200 px'),
        ({'K_rect': np.diag([1e30, 200.0, 1.0])}, 'focal lengths in P'),
        ({'K': K + np.array([[0, 0, 1e9], [0, 0, 0], [0, 0, 0]])}, 'no entry is beyond'),
        ({'D': [1e200, 0.0, 0.0, 0.0]}, 'bends nothing'),
    ],
)
def test_numbers_beyond_any_lens_are_refused(change, text):
    with refuses(text):
        lens_of('plumb_bob', **change)
