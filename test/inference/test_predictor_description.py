from dataclasses import replace

import pytest

from vggt_ros.inference.predictor_description import PredictorDescription


@pytest.fixture
def description():
    return PredictorDescription(
        checkpoint='facebook/VGGT-1B',
        device='cuda:0 (a GPU)',
        precision='bf16',
        num_parameters=1_256_537_516,
        image_size=518,
        is_trained=True,
        notice='non-commercial use only',
    )


def test_one_line_says_what_runs_where_and_under_which_terms(description):
    assert str(description) == (
        'facebook/VGGT-1B (1256.5 M parameters) on cuda:0 (a GPU) in bf16, images 518 px wide; '
        'non-commercial use only'
    )


def test_the_line_ends_without_a_notice_if_there_is_none(description):
    assert str(replace(description, notice='')).endswith('518 px wide')
