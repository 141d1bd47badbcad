import math

import pytest
import torch

from training.correspondence import correspondence, patch_centers
from training.matching_loss import bilinear_target, matching_loss

GRID = (6, 8)
SPECIAL = 2


@pytest.fixture
def truth(window):
    return correspondence(window, patch_centers(GRID, 14, torch.device('cpu')))


@pytest.fixture
def target(truth):
    return bilinear_target(truth, GRID, 14)


def perfect_scores(target):
    """Scores whose softmax within every other frame is the target; own frames are shunned."""
    B, S, _, n, _ = target.shape
    scores = torch.zeros(B, 1, S, n + SPECIAL, S, n + SPECIAL)
    scores[:, 0, :, SPECIAL:, :, SPECIAL:] = target.clamp(min=1e-9).log().transpose(2, 3)
    for s in range(S):
        scores[:, :, s, :, s] = -50.0
    return scores.flatten(4, 5).flatten(2, 3)


def test_right_scores_match_everything(truth, target):
    loss = matching_loss(perfect_scores(target), target, truth.is_visible)
    assert loss.accuracy == 1
    entropy = -(target * target.clamp(min=1e-9).log()).sum(-1)
    assert loss.cross_entropy <= entropy.max()


def test_equal_scores_match_no_better_than_chance(truth, target):
    tokens = 3 * (48 + SPECIAL)
    loss = matching_loss(torch.zeros(2, 1, tokens, tokens), target, truth.is_visible)
    assert loss.cross_entropy.item() == pytest.approx(math.log(48), abs=1e-3)
    assert loss.accuracy < 0.2


def test_attention_that_stays_in_its_own_frame_is_told(truth, target):
    tokens = 3 * (48 + SPECIAL)
    even = matching_loss(torch.zeros(2, 1, tokens, tokens), target, truth.is_visible)
    assert even.own_frame.item() == pytest.approx(-math.log(2 / 3), abs=1e-4)
    assert matching_loss(perfect_scores(target), target, truth.is_visible).own_frame < 1e-3


def test_the_mean_place_under_the_target_is_the_true_place(truth, target):
    centers = patch_centers(GRID, 14, torch.device('cpu')).float()
    mean = target @ centers
    # Beyond the centers of the border patches there is nothing to interpolate with.
    inside = ((truth.uv >= 7) & (truth.uv <= torch.tensor([105, 77]))).all(-1) & truth.is_visible
    assert inside.sum() > 200
    torch.testing.assert_close(mean[inside], truth.uv[inside], atol=1e-3, rtol=0)


def test_hidden_patches_do_not_count(truth, target):
    tokens = 3 * (48 + SPECIAL)
    scores = torch.randn(2, 1, tokens, tokens, generator=torch.Generator().manual_seed(0))
    nothing = torch.zeros_like(truth.is_visible)
    assert matching_loss(scores, target, nothing).cross_entropy == 0
