"""Networks by name: one file a paper's figure.

name, number of outputs -> network: image (b, 1, h, w) -> logits (b, outputs, h, w)

It never trains and never loads weights.
"""

from __future__ import annotations

from torch import nn

from seget.networks.binned import Binned
from seget.networks.seget import MULTIPLE, SegET

__all__ = ["MULTIPLE", "NETWORKS", "Binned", "SegET", "build", "halo_px"]

NETWORKS: dict[str, type[SegET]] = {"seget": SegET}

# Radius of the receptive field, rounded up to a multiple of 16 (measured in tests/networks): a
# window that reads this much around what it keeps gives the whole slice's result.
HALO_PX = {"seget": 288}


def build(name: str, outputs: int, binning: int = 1) -> nn.Module:
    """Return an untrained network with `outputs` logit maps."""
    network: nn.Module = NETWORKS[name](outputs)
    return network if binning == 1 else Binned(network, binning)


def halo_px(name: str, binning: int = 1) -> int:
    """Pixels around a window that its result depends on."""
    return HALO_PX[name] * binning
