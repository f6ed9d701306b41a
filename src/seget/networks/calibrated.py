"""A network whose logits are scaled and shifted, so that their sigmoid is a probability.

image (b, inputs, h, w) -> network -> logits / temperature + bias (b, outputs, h, w)

It never changes the network inside, and never knows where the numbers come from: `calibration`.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Calibrated(nn.Module):
    """The network, then a temperature and a bias for each output.

    Parameters
    ----------
    network
        Image `(b, inputs, h, w)` -> logits `(b, outputs, h, w)`.
    temperatures, biases
        `(outputs,)` each; or one number each, which is that of every output.
    """

    def __init__(
        self, network: nn.Module, temperatures: Sequence[float], biases: Sequence[float]
    ) -> None:
        super().__init__()
        self.network = network
        # Plain numbers: a compiled graph is looked up in the cache by these, too.
        self.temperatures = tuple(temperatures)
        self.biases = tuple(biases)

    def forward(self, image: Float[Tensor, "b inputs h w"]) -> Float[Tensor, "b outputs h w"]:
        """Return the calibrated logits, in float32: they are not rounded once more."""
        logits: Tensor = self.network(image).float()
        slopes, biases = (
            torch.tensor(numbers, device=logits.device).reshape(1, -1, 1, 1)
            for numbers in ([1 / t for t in self.temperatures], self.biases)
        )
        return logits * slopes + biases
