"""Several networks as one: the mean of their logits.

image (b, inputs, h, w) -> networks -> mean of the logits (b, outputs, h, w)

It never changes the networks inside, nor weighs one more than another.
"""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn


class Ensemble(nn.Module):
    """The mean of the logits of some networks.

    Parameters
    ----------
    networks
        Image `(b, inputs, h, w)` -> logits `(b, outputs, h, w)`, each.
    """

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)

    def forward(self, image: Float[Tensor, "b inputs h w"]) -> Float[Tensor, "b outputs h w"]:
        """Return the mean logits, summed in float32."""
        first, *others = self.networks
        total: Tensor = first(image).float()
        for network in others:
            total = total + network(image).float()
        return total / len(self.networks)
