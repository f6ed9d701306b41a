"""A network whose scores are known: those of the tomogram's grey values."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seget.normalisation import normalisation
from seget.volume import Volume


class Echo(nn.Module):
    """Answers with the logit of the grey value over 127: its scores are its input."""

    def __init__(self, volume: Volume) -> None:
        super().__init__()
        normalise = normalisation(volume)
        self.mean, self.std = normalise.mean, normalise.deviation

    def forward(self, image: Tensor) -> Tensor:
        return torch.logit(((image * self.std + self.mean) / 127).clamp(1e-6, 1 - 1e-6))
