from dataclasses import replace

import numpy as np
import pytest
import torch

from vggt_ros.mapping.refinement.depth_field import correct_depth, DepthCorrection
from vggt_ros.mapping.refinement.depth_sweep import sweep_depth, SweepWindow

CPU = torch.device('cpu')


@pytest.fixture(scope='module')
def window(room):
    return SweepWindow.of_images(room.images, room.K, room.world_from_cam, CPU)


@pytest.mark.parametrize('row', range(5))
def test_a_prior_that_is_off_comes_nearer_to_the_truth(room, window, relative_error, row):
    prior = room.correction(row, 40)
    swept = sweep_depth(window, row, prior)
    before = relative_error(prior.depth, room.depth[row])
    assert relative_error(swept.depth, room.depth[row]) < 0.8 * before
    assert swept.reason == ''
    assert row not in swept.sources


@pytest.mark.parametrize('row', range(5))
def test_a_prior_that_is_right_stays_right(room, window, relative_error, row):
    prior = correct_depth(room.depth[row], *room.points(row, 150))
    swept = sweep_depth(window, row, prior)
    assert relative_error(swept.depth, room.depth[row]) < 0.005


def test_all_depths_are_tried_if_no_point_vouches_for_the_prior(room, window, relative_error):
    none = np.zeros((0, 2)), np.zeros(0), np.zeros(0)
    wrong = (1.6 * np.median(room.depth[2]) * np.ones_like(room.depth[2])).astype(np.float32)
    prior = correct_depth(wrong, *none)
    assert prior.correction is DepthCorrection.NONE
    before = relative_error(prior.depth, room.depth[2])
    assert relative_error(sweep_depth(window, 2, prior).depth, room.depth[2]) < 0.3 * before


def test_a_camera_that_only_turns_keeps_the_prior(room):
    poses = room.world_from_cam.copy()
    poses[:, :3, 3] = poses[2, :3, 3]
    prior = room.correction(2)
    swept = sweep_depth(SweepWindow.of_images(room.images, room.K, poses, CPU), 2, prior)
    assert swept.sources == ()
    assert 'parallax' in swept.reason
    np.testing.assert_array_equal(swept.depth, prior.depth)
    assert (swept.score == 0).all()


def test_where_there_is_nothing_to_see_the_prior_stays(room, relative_error):
    images = room.images.copy()
    images[:, :, :100] = 120  # a plain wall before the camera, and the room beside it
    prior = correct_depth(room.bent(2, 0.03), *room.points(2, 150))
    swept = sweep_depth(SweepWindow.of_images(images, room.K, room.world_from_cam, CPU), 2, prior)
    assert swept.sources != ()
    wall = slice(10, -10), slice(10, 80)
    assert np.abs(swept.score[wall]).max() < 0.05
    assert relative_error(swept.depth[wall], prior.depth[wall]) < 0.02


def test_frames_that_do_not_look_alike_keep_the_prior_and_say_so(room):
    plain = np.full_like(room.images, 120)
    prior = room.correction(2)
    swept = sweep_depth(SweepWindow.of_images(plain, room.K, room.world_from_cam, CPU), 2, prior)
    assert swept.sources == ()
    assert 'look alike by 0.00' in swept.reason
    np.testing.assert_array_equal(swept.depth, prior.depth)


def test_gray_images_give_the_same_depth_as_their_colors(room, window):
    gray = np.rint(255 * window.gray.numpy()).astype(np.uint8)
    prior = room.correction(2)
    from_gray = SweepWindow.of_images(gray, room.K, room.world_from_cam, CPU)
    ratio = sweep_depth(from_gray, 2, prior).depth / sweep_depth(window, 2, prior).depth
    assert np.median(np.abs(np.log(ratio))) < 0.003


def test_changing_exposure_hardly_changes_the_depth(room, window, relative_error):
    gain = np.array([1.0, 0.6, 0.9, 0.5, 0.8])[:, None, None, None]
    images = np.rint(room.images * gain + 20 * (1 - gain)).astype(np.uint8)
    prior = room.correction(2)
    exposed = SweepWindow.of_images(images, room.K, room.world_from_cam, CPU)
    error = relative_error(sweep_depth(exposed, 2, prior).depth, room.depth[2])
    usual = relative_error(sweep_depth(window, 2, prior).depth, room.depth[2])
    assert error < 1.3 * usual


def test_a_thing_that_moves_keeps_the_prior(room, relative_error):
    images = room.images.copy()
    thing = np.random.default_rng(0).integers(0, 256, (20, 20, 3), dtype=np.uint8)
    for i, (left, top) in enumerate([(10, 90), (30, 10), (80, 50), (130, 80), (60, 100)]):
        images[i, top : top + 20, left : left + 20] = thing
    prior = room.correction(2)
    swept = sweep_depth(SweepWindow.of_images(images, room.K, room.world_from_cam, CPU), 2, prior)
    there = slice(50, 70), slice(80, 100)
    assert relative_error(swept.depth[there], prior.depth[there]) < 0.05
    assert swept.score[there].mean() < 0.3 < swept.score.mean()


def test_what_has_no_depth_gets_none_and_spoils_nothing(room, window, relative_error):
    prior = room.correction(2)
    holed = prior.depth.copy()
    holed[40:60, 50:90] = np.nan
    swept = sweep_depth(window, 2, replace(prior, depth=holed))
    np.testing.assert_array_equal(np.isnan(swept.depth), np.isnan(holed))
    known = np.isfinite(holed)
    whole = sweep_depth(window, 2, prior).depth
    assert relative_error(swept.depth[known], whole[known]) < 0.005
