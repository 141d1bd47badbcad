import math

import torch

from vggt_ros.model.mlp import Mlp


def test_uses_the_exact_gelu():
    mlp = Mlp(1, 1, 1)
    with torch.no_grad():
        for layer in (mlp.fc1, mlp.fc2):
            layer.weight.fill_(1)
            layer.bias.zero_()
    x = 1.7
    expected = x * 0.5 * (1 + math.erf(x / math.sqrt(2)))
    torch.testing.assert_close(mlp(torch.tensor([x])).item(), expected, rtol=0, atol=1e-6)
