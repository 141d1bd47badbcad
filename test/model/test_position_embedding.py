import math

import torch

from vggt_ros.model.position_embedding import dpt_axis_tables, flow_embedding, track_axis_tables


def test_dense_positions_are_centered_and_span_the_aspect_ratio():
    column, row = dpt_axis_tables((3, 5), 8, (30, 40))
    # Frequency 0 is 1, so the first entry is the sine of the coordinate itself.
    limit = 0.8 * 4 / 5
    expected = 0.1 * torch.linspace(-limit, limit, 5, dtype=torch.float64).sin().float()
    torch.testing.assert_close(column[0], expected)
    torch.testing.assert_close(row[0, 0].item(), 0.1 * math.sin(-0.6 * 2 / 3), rtol=0, atol=1e-7)
    assert column.shape == (4, 5)
    assert row.shape == (4, 3)


def test_a_map_of_one_cell_lies_at_the_center():
    column, _ = dpt_axis_tables((1, 1), 8, (14, 14))
    torch.testing.assert_close(column[:, 0], torch.tensor([0.0, 0.0, 0.1, 0.1]))


def test_track_positions_count_cells():
    column, row = track_axis_tables((2, 3), 8)
    expected = torch.tensor([2.0, 0.02]).double()
    expected = torch.cat([expected.sin(), expected.cos()]).float()
    torch.testing.assert_close(column[2], expected)
    assert row.shape == (2, 4)


def test_flow_frequencies_are_equally_spaced_and_sine_and_cosine_alternate():
    embedded = flow_embedding(torch.tensor([0.001, 0.002]), 4)
    angles = [0.0, 0.5, 0.0, 1.0]
    expected = [f(angle) for angle in angles for f in (math.sin, math.cos)]
    torch.testing.assert_close(embedded, torch.tensor(expected))
