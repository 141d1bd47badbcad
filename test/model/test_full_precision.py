import torch

from vggt_ros.model.full_precision import full_precision


def test_switches_autocast_off_inside_and_on_again():
    x = torch.ones(2, 2)
    with torch.autocast('cpu', torch.bfloat16):
        with full_precision(x):
            assert (x @ x).dtype == torch.float32
        assert (x @ x).dtype == torch.bfloat16
