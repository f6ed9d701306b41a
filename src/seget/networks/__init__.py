"""Networks by name: one file a paper's figure.

name, number of outputs -> network: image (b, 1, h, w) -> logits (b, outputs, h, w)

It never trains and never loads weights. SegET is the one to use; the others are the baselines that
its paper compares with, each about as expensive as SegET.
"""

from __future__ import annotations

import torch
from torch import nn

from seget.networks.binned import Binned
from seget.networks.blocks import Network
from seget.networks.cost import Cost
from seget.networks.deeplabv3plus import DeepLabV3Plus
from seget.networks.fcn8s import FCN8s
from seget.networks.seget import SegET
from seget.networks.segnet import SegNet
from seget.networks.unet import UNet

__all__ = [
    "NETWORKS",
    "TITLES",
    "Binned",
    "Cost",
    "Network",
    "SegET",
    "build",
    "bytes_per_px",
    "cost",
    "halo_px",
    "is_graph",
    "multiple",
]

# What a pixel takes beside the network (benchmarks/memory.py): the image at full size, and logits
# and scores of an output.
PIXEL_BYTES = 56
OUTPUT_BYTES = 12

# In the order of the paper's table 1.
NETWORKS: dict[str, type[Network]] = {
    "fcn8s": FCN8s,
    "segnet": SegNet,
    "unet": UNet,
    "deeplabv3plus": DeepLabV3Plus,
    "seget": SegET,
}

TITLES = {
    "fcn8s": "FCN-8s",
    "segnet": "SegNet",
    "unet": "U-Net",
    "deeplabv3plus": "DeepLabv3+",
    "seget": "SegET",
}


def build(name: str, outputs: int, binning: int = 1) -> nn.Module:
    """Return an untrained network with `outputs` logit maps."""
    network = NETWORKS[name](outputs)
    return network if binning == 1 else Binned(network, binning)


def is_graph(network: nn.Module) -> bool:
    """Whether a network can be made a graph of operations; of one from elsewhere nobody knows."""
    inner = network.network if isinstance(network, Binned) else network
    return isinstance(inner, Network) and inner.GRAPH_BYTES_PER_PX is not None


def halo_px(name: str, binning: int = 1) -> int:
    """Pixels around a window that its result depends on."""
    return NETWORKS[name].HALO_PX * binning


def multiple(name: str, binning: int = 1) -> int:
    """Pixels between the starts of windows in which strides fall as in the whole slice."""
    return NETWORKS[name].MULTIPLE * binning


def bytes_per_px(
    name: str, binning: int, outputs: int, *, bf16: bool, graph: bool = False
) -> float:
    """Return the most memory that a pixel of a window takes while it is scored.

    What the network holds at its highest point, as torch runs it or as a graph, shrunk by binning,
    and beside it the image at full size and some arrays an output.
    """
    network = NETWORKS[name]
    held = (network.GRAPH_BYTES_PER_PX if graph else None) or network.BYTES_PER_PX
    return held * (1 if bf16 else 2) / binning**2 + PIXEL_BYTES + OUTPUT_BYTES * outputs


def cost(name: str, binning: int = 1, outputs: int = 1, edge_px: int = 512) -> Cost:
    """Return what an image of `edge_px` x `edge_px` costs; nothing is computed."""
    with torch.device("meta"):
        network = build(name, outputs, binning)
    return Cost.of(network, edge_px)
