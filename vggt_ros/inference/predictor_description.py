"""A predictor in words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictorDescription:
    """What runs where, for logs and diagnostics.

    Attributes:
        checkpoint: Name, hub id or path of the weights.
        device: `cpu`, or `cuda:N` with the name of the GPU.
        precision: Arithmetic of the backbone: bf16, fp16 or fp32; the heads run in fp32.
        num_parameters: Of the network.
        image_size: Width of the images the network sees, pixels.
        is_trained: False if the answers mean nothing.
        notice: License or warning for the user, may be empty.
    """

    checkpoint: str
    device: str
    precision: str
    num_parameters: int
    image_size: int
    is_trained: bool
    notice: str

    def __str__(self) -> str:
        """Return one line for a log."""
        line = (
            f'{self.checkpoint} ({self.num_parameters / 1e6:.1f} M parameters) on {self.device} '
            f'in {self.precision}, images {self.image_size} px wide'
        )
        return f'{line}; {self.notice}' if self.notice else line
