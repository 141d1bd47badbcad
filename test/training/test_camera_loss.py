import math

import pytest
import torch

from training.camera_loss import camera_loss
from vggt_ros.model.pose_encoding import encode_pose_encoding


@pytest.fixture
def true_encoding(window):
    K = window.K[:, None].expand(-1, 3, -1, -1)
    return encode_pose_encoding(window.cam_from_world[..., :3, :], K, window.image_size)


def test_the_truth_has_no_loss(window, true_encoding):
    assert camera_loss([true_encoding] * 4, window) < 1e-6


@pytest.mark.parametrize('part', [slice(0, 3), slice(3, 6), slice(7, 9)])
def test_every_part_of_the_encoding_counts(window, true_encoding, part):
    wrong = true_encoding.clone()
    wrong[..., part] += 0.1
    assert camera_loss([wrong], window) > 0.1


def test_the_last_refinement_weighs_most(window, true_encoding):
    wrong = true_encoding + 0.1
    late = camera_loss([true_encoding, wrong], window)
    early = camera_loss([wrong, true_encoding], window)
    assert late > 1.5 * early > 0


def test_small_rotations_are_measured_in_radians(window, true_encoding):
    # One frame of three is turned about its optical axis; the error is nearly that of L1.
    losses = []
    for angle in (0.1, 0.2):
        turned = true_encoding.clone()
        turned[:, 0, 3:7] = torch.tensor([0, 0, math.sin(angle / 2), math.cos(angle / 2)])
        losses.append(float(camera_loss([turned], window)))
    assert losses[1] - losses[0] == pytest.approx(5.0 * 0.1 / 3, rel=0.1)
