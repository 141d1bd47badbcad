import numpy as np
import pytest

from vggt_ros.geometry import se3
from vggt_ros.geometry.pinhole import unproject_depth
from vggt_ros.inference.image_grid import ImageGrid
from vggt_ros.mapping.refinement.bundle_adjustment import Geometry
from vggt_ros.mapping.refinement.refined_window import RefinedWindow, RefinementReport
from vggt_ros.mapping.refinement.tracks import FeatureTracks
from vggt_ros.mapping.registration.moving_pixels import agreement_sigma, moving_pixels
from vggt_ros.mapping.registration.submap import Submap

SIZE, NUM_FRAMES = (96, 128), 6
K = np.array([[100.0, 0, 63.5], [0, 100.0, 47.5], [0, 0, 1.0]])
ROWS = slice(30, 80)


def first_column(frame, step):
    return 10 + step * frame


def submap_of(step, noise=0.03):
    """Return frames of a wall before which something goes so many columns a frame."""
    rng = np.random.default_rng(0)
    depth = np.full((NUM_FRAMES, *SIZE), 5.0, np.float32)
    for frame in range(NUM_FRAMES):
        begin = first_column(frame, step)
        depth[frame, ROWS, begin : begin + 16] = 2.5
    depth *= np.exp(noise * rng.normal(size=depth.shape)).astype(np.float32)
    points = np.stack([unproject_depth(each, K) for each in depth])
    return Submap(
        frame_ids=tuple(range(NUM_FRAMES)),
        depth=depth,
        confidence=np.ones_like(depth),
        points_in_cam=points,
        points_confidence=np.ones_like(depth),
        K=np.tile(K, (NUM_FRAMES, 1, 1)),
        ref_from_cam=se3.rigid(np.tile(np.eye(3), (NUM_FRAMES, 1, 1)), np.zeros((NUM_FRAMES, 3))),
        focal_ratio=float('nan'),
    )


@pytest.fixture
def grid():
    return ImageGrid(
        image_width=SIZE[1],
        image_height=SIZE[0],
        model_width=SIZE[1],
        model_height=SIZE[0],
        scale_u=1.0,
        scale_v=1.0,
        offset_u=0,
        offset_v=0,
    )


EVERY = np.ones(NUM_FRAMES, bool)


def shares(moves, step):
    """Return the shares that are marked of what goes by, and of the rest."""
    is_thing = np.zeros(moves.shape, bool)
    for frame in range(NUM_FRAMES):
        begin = first_column(frame, step)
        is_thing[frame, ROWS, begin : begin + 16] = True
    return moves[is_thing].mean(), moves[~is_thing].mean()


def test_what_goes_by_is_marked_and_what_stands_is_not(grid):
    going, wall = shares(moving_pixels(submap_of(18), None, grid, EVERY), 18)
    assert going > 0.8
    assert wall < 0.01
    standing, wall = shares(moving_pixels(submap_of(0), None, grid, EVERY), 0)
    assert standing == 0.0
    assert wall < 0.01


def test_an_outlier_says_nothing_about_the_others(grid):
    submap = submap_of(0)
    submap.depth[2] *= 2.0
    is_inlier = EVERY.copy()
    is_inlier[2] = False
    moves = moving_pixels(submap, None, grid, is_inlier)
    assert moves.shape == submap.depth.shape
    assert moves.mean() < 0.01


def tracked(fits):
    """Return tracks all over what goes by that fit the cameras, or do not."""
    v, u = np.mgrid[32:78:4, 0:16:4]
    uv = np.stack(
        [
            np.stack([u + first_column(f, 18), v], axis=-1).reshape(-1, 2)
            for f in range(NUM_FRAMES)
        ],
        axis=1,
    ).astype(np.float64)
    shape = uv.shape[:2]
    return RefinedWindow(
        geometry=Geometry(
            window_from_cam=np.tile(np.eye(4), (NUM_FRAMES, 1, 1)),
            K=np.tile(K, (NUM_FRAMES, 1, 1)),
            points=np.zeros((len(uv), 3)),
        ),
        tracks=FeatureTracks(uv=uv, feature=np.zeros(shape, np.int64), sigma_px=np.ones(len(uv))),
        is_inlier=np.full(shape, fits),
        is_verified=EVERY,
        point_angle_rad=np.ones(len(uv)),
        report=RefinementReport(
            method='adjusted',
            start='',
            reason='',
            num_tracks=len(uv),
            num_observations=0,
            median_px=0.0,
            median_angle_deg=0.0,
            focal_ratio=1.0,
            duration_s=0.0,
        ),
    )


def test_tracks_that_fit_speak_for_a_place_and_those_that_do_not_against_it(grid):
    submap = submap_of(18)
    alone = moving_pixels(submap, None, grid, EVERY)
    fitting = moving_pixels(submap, tracked(True), grid, EVERY)
    assert shares(fitting, 18)[0] < 0.2
    # Of two frames one alone cannot see through something twice.
    two = np.arange(NUM_FRAMES) < 2
    assert not moving_pixels(submap, None, grid, two).any()
    assert shares(moving_pixels(submap, tracked(False), grid, two)[:2].repeat(3, 0), 18)[1] < 0.2
    assert moving_pixels(submap, tracked(False), grid, two)[0, ROWS, 10:26].mean() > 0.6
    assert alone.any()


def test_images_of_any_size_get_a_mask_of_theirs(grid):
    submap = submap_of(18)
    cut = Submap(
        frame_ids=submap.frame_ids,
        depth=submap.depth[:, :95, :101].copy(),
        confidence=submap.confidence[:, :95, :101],
        points_in_cam=submap.points_in_cam[:, :95, :101],
        points_confidence=submap.confidence[:, :95, :101],
        K=submap.K,
        ref_from_cam=submap.ref_from_cam,
        focal_ratio=1.0,
    )
    assert moving_pixels(cut, None, grid, EVERY).shape == (NUM_FRAMES, 95, 101)


def test_the_spread_of_depths_is_that_of_the_same_surface(rng):
    same, others = 0.04 * rng.normal(size=7000), rng.uniform(-2, 2, 3000)
    assert agreement_sigma(np.concatenate([same, others])) == pytest.approx(0.04, rel=0.15)
    assert agreement_sigma(np.zeros(10)) == 0.01
    assert agreement_sigma(np.zeros(0)) == agreement_sigma(np.ones(5)) == 0.15
