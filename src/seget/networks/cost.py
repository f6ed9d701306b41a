"""What a network costs: its parameters, the arithmetic of one image, and its largest tensor.

network on the meta device -> parameters, GFLOP, numbers

It never computes a feature: the arithmetic follows from the shapes. It says nothing of time, which
benchmarks/ measures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
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


class _Largest(TorchDispatchMode):
    """Remembers the most numbers of a tensor that an operation returned."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.numbers: int = 0

    def __torch_dispatch__(
        self, operation: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        result = operation(*args, **(kwargs or {}))
        for made in result if isinstance(result, tuple | list) else [result]:
            if isinstance(made, Tensor):
                self.numbers = max(self.numbers, made.numel())
        return result


def largest_tensor(network: nn.Module, inputs: int, edge_px: int) -> int:
    """Return the most numbers in a tensor of a network, on the meta device, for a square image."""
    image = torch.empty(1, inputs, edge_px, edge_px, device="meta")
    with _Largest() as largest, torch.no_grad():
        network.eval()(image)
    numbers: int = max(largest.numbers, image.numel())
    return numbers
