"""Two linear layers with a GELU between them."""

from __future__ import annotations

from jaxtyping import Float
from torch import nn, Tensor
from torch.nn import functional


class Mlp(nn.Module):
    """fc2(gelu(fc1(x))) with the exact GELU."""

    def __init__(self, in_dim: int, hidden_dim: int, out_dim: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(in_dim, hidden_dim)
        self.fc2 = nn.Linear(hidden_dim, out_dim)

    def forward(self, x: Float[Tensor, '*n C']) -> Float[Tensor, '*n D']:
        """Map the last axis."""
        return self.fc2(functional.gelu(self.fc1(x)))
