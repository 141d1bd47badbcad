import math

import torch

from vggt_ros.model.rope import frame_positions, rotary_table


def test_position_zero_is_the_identity():
    x = torch.randn(2, 3, 5, 8)
    table = rotary_table(torch.zeros(1, 5, 2, dtype=torch.long), 8, 100.0)
    assert torch.equal(table.rotate(x), x)


def test_rotates_the_first_half_by_the_row_and_the_second_by_the_column():
    x = torch.ones(1, 1, 1, 4)
    rotated = rotary_table(torch.tensor([[[2, 3]]]), 4, 100.0).rotate(x).flatten()
    expected = [f(a) for a in (2, 3) for f in (_first, _second)]
    torch.testing.assert_close(rotated, torch.tensor(expected))


def test_products_depend_on_the_difference_of_positions_only():
    q, k = torch.randn(2, 1, 1, 1, 16).unbind(0)

    def product(a, b):
        tables = [rotary_table(torch.tensor([[p]]), 16, 100.0) for p in (a, b)]
        return (tables[0].rotate(q) * tables[1].rotate(k)).sum()

    torch.testing.assert_close(product((3, 5), (1, 9)), product((13, 4), (11, 8)))


def test_every_frame_gets_the_same_rotation():
    positions = frame_positions((2, 3), 1)
    table = rotary_table(positions, 8, 100.0)
    frames = torch.randn(2, 1, 7, 8)
    both = torch.cat([frames[:1], frames[1:]], dim=2)
    expected = torch.cat([table.rotate(frames[:1]), table.rotate(frames[1:])], dim=2)
    assert torch.equal(table.rotate(both), expected)


def test_half_precision_is_rotated_in_single():
    x = torch.randn(1, 1, 1, 8, dtype=torch.bfloat16)
    table = rotary_table(torch.tensor([[[37, 37]]]), 8, 100.0)
    rotated = table.rotate(x)
    assert rotated.dtype == torch.bfloat16
    assert torch.equal(rotated, table.rotate(x.float()).bfloat16())


def test_patches_start_at_one_one_and_special_tokens_sit_at_zero():
    positions = frame_positions((2, 3), 2)[0].tolist()
    assert positions == [[0, 0], [0, 0], [1, 1], [1, 2], [1, 3], [2, 1], [2, 2], [2, 3]]


def _first(angle):
    return math.cos(angle) - math.sin(angle)


def _second(angle):
    return math.cos(angle) + math.sin(angle)
