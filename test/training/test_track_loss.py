import pytest
import torch

from training.track_loss import track_loss
from vggt_ros.model.tracker import TrackOutput


@pytest.fixture
def truth():
    generator = torch.Generator().manual_seed(2)
    positions = 100 * torch.rand(2, 3, 8, 2, generator=generator)
    return positions, torch.rand(2, 3, 8, generator=generator) < 0.7


def answer(positions, is_visible, confidence=None):
    seen = is_visible.float()
    return TrackOutput(
        positions=positions, visibility=seen, confidence=seen if confidence is None else confidence
    )


def test_the_truth_has_next_to_no_loss(truth):
    positions, is_visible = truth
    sure = torch.ones_like(positions[..., 0])
    assert track_loss(answer([positions] * 2, is_visible, sure), positions, is_visible) < 1e-3


def test_the_last_refinement_weighs_most(truth):
    positions, is_visible = truth
    wrong = positions + 5
    late = track_loss(answer([positions, wrong], is_visible), positions, is_visible)
    early = track_loss(answer([wrong, positions], is_visible), positions, is_visible)
    assert late > early


def test_nobody_is_asked_where_hidden_points_are(truth):
    positions, is_visible = truth
    moved = torch.where(is_visible[..., None], positions, positions + 40)
    same = track_loss(answer([positions], is_visible), positions, is_visible)
    torch.testing.assert_close(
        track_loss(answer([moved], is_visible), positions, is_visible), same
    )


def test_wrong_visibility_costs(truth):
    positions, is_visible = truth
    right = track_loss(answer([positions], is_visible), positions, is_visible)
    wrong = track_loss(answer([positions], ~is_visible), positions, is_visible)
    assert wrong > right + 5


def test_confidence_is_about_being_near(truth):
    positions, is_visible = truth
    sure, unsure = (torch.full_like(positions[..., 0], c) for c in (0.99, 0.01))
    near = [positions + 1], [positions + 30]
    for moved, better, worse in ((near[0], sure, unsure), (near[1], unsure, sure)):
        good = track_loss(answer(moved, is_visible, better), positions, is_visible)
        bad = track_loss(answer(moved, is_visible, worse), positions, is_visible)
        assert good < bad


def test_the_question_is_not_part_of_the_answer(truth):
    positions, is_visible = truth
    moved = positions.clone()
    moved[:, 0] += 50
    same = track_loss(answer([positions], is_visible), positions, is_visible)
    torch.testing.assert_close(
        track_loss(answer([moved], is_visible), positions, is_visible), same
    )
