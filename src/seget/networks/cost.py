"""What a network costs: its parameters and the arithmetic of one image.

network on the meta device -> parameters, GFLOP

It never computes a feature: the arithmetic follows from the shapes. It says nothing of time, which
benchmarks/ measures.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


@dataclass(frozen=True)
class Cost:
    """Parameters of a network, and GFLOP of one square image (a multiply-add is two FLOP)."""

    parameters: int
    gflop: float

    @classmethod
    def of(cls, network: nn.Module, inputs: int, edge_px: int) -> Cost:
        """Count for a network on the meta device and an image `(1, inputs, edge_px, edge_px)`."""
        image = torch.empty(1, inputs, edge_px, edge_px, device="meta")
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            network.eval()(image)
        parameters = sum(parameter.numel() for parameter in network.parameters())
        return cls(parameters, counter.get_total_flops() / 1e9)
