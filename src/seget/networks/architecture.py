"""A network described by four values, and what follows from them before it is built or trained.

name, inputs, outputs, binning -> network, receptive field, memory, arithmetic

It never trains and never loads weights. A recipe says which architecture to train; a trained model
says which one its weights belong to.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor, nn

from seget.networks.binned import Binned
from seget.networks.blocks import Network
from seget.networks.calibrated import Calibrated
from seget.networks.cost import Cost, largest_tensor
from seget.networks.deeplabv3plus import DeepLabV3Plus
from seget.networks.ensemble import Ensemble
from seget.networks.fcn8s import FCN8s
from seget.networks.random_weights import DrawnFrom
from seget.networks.seget import SegET, SegETPrinted
from seget.networks.segnet import SegNet
from seget.networks.unet import UNet
from seget.recipes import Recipe

# Name in recipes and commands -> class, in the order of the paper's table 1. Both SegETs are its
# last row: `seget` is the one of the recipe `modern`, `seget_printed` that of the recipe `paper`.
NETWORKS: dict[str, type[Network]] = {
    "fcn8s": FCN8s,
    "segnet": SegNet,
    "unet": UNet,
    "deeplabv3plus": DeepLabV3Plus,
    "seget": SegET,
    "seget_printed": SegETPrinted,
}

# Bytes per pixel of a tile that scoring takes beside the network's feature maps, at full size
# whatever the binning. Upper bounds of what benchmarks/memory.py measures on images of one channel:
PIXEL_BYTES = 56  # once: all copies of the image, and the engine's own buffers
OUTPUT_BYTES = 12  # for each output: its logits, its scores and a copy of them in float32
# For each input beyond the first, counted: six float32 copies of the channel, which are the slice,
# the next one that is read meanwhile, the padded slice, the engine's flipped tile, the network's
# padded image and the first convolution's copy in its own layout. U-Net on 9 channels took 4 to 13
# bytes a channel in torch and OpenVINO, without the first two: these four copies would be 16.
INPUT_BYTES = 24


@dataclass(frozen=True)
class Architecture:
    """Which network, for how many channels and structures, at which binning.

    Attributes
    ----------
    name
        A key of `NETWORKS`.
    inputs
        Channels of the image: a slice, or a slice and its neighbours.
    outputs
        Logit maps: one a structure.
    binning
        The network sees the mean of `binning` x `binning` pixels; its logits are enlarged again.

    Raises
    ------
    ValueError
        There is no network of that name, or one of the numbers is below 1.
    """

    name: str
    inputs: int = 1
    outputs: int = 1
    binning: int = 1

    def __post_init__(self) -> None:
        if self.name not in NETWORKS:
            raise ValueError(f"no network {self.name!r}; there are {', '.join(NETWORKS)}")
        for field in ("inputs", "outputs", "binning"):
            if getattr(self, field) < 1:
                raise ValueError(f"{field} is {getattr(self, field)}; wanted 1 or more")

    @classmethod
    def of(cls, recipe: Recipe, outputs: int) -> Architecture:
        """Return the architecture that a recipe trains for so many structures."""
        return cls(recipe.network, 2 * recipe.context + 1, outputs, recipe.binning)

    def build(self, seed: int | None = None) -> nn.Module:
        """Return the untrained network: `(b, inputs, h, w)` -> logits `(b, outputs, h, w)`.

        Parameters
        ----------
        seed
            Of its weights, whatever other threads draw; None draws from torch's global generator.
        """
        drawn = nullcontext() if seed is None else DrawnFrom(torch.Generator().manual_seed(seed))
        with drawn:
            network = NETWORKS[self.name](inputs=self.inputs, outputs=self.outputs)
        return network if self.binning == 1 else Binned(network, self.binning)

    def describes(self, network: nn.Module) -> bool:
        """Whether a network is of the class that `build` returns, or calibrated ones of it."""
        if isinstance(network, Ensemble):
            return all(self.describes(one) for one in network.networks)
        inner = network.network if isinstance(network, Calibrated) else network
        inner = inner.network if isinstance(inner, Binned) else inner
        return type(inner) is NETWORKS[self.name]

    def completed(self, tensors: dict[str, Tensor], like: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the tensors of a model of any version of seget, with what was added since.

        Zeros stand for it (`Network.ADDED`); `like` has all tensors by name.
        """
        prefix = "" if self.binning == 1 else "network."
        added = tuple(prefix + name for name in NETWORKS[self.name].ADDED)
        missing = [n for n in like.keys() - tensors.keys() if added and n.startswith(added)]
        return tensors | {name: torch.zeros_like(like[name]) for name in missing}

    @property
    def title(self) -> str:
        """The network's name as the paper's table 1 prints it."""
        return NETWORKS[self.name].TITLE

    @property
    def center_channels(self) -> int:
        """Features of the network's center, which training may leave out at random."""
        return NETWORKS[self.name].CENTER_CHANNELS

    @property
    def halo_px(self) -> int:
        """Margin in px with which a tile is read to get the logits of the whole slice."""
        return NETWORKS[self.name].HALO_PX * self.binning

    @property
    def multiple(self) -> int:
        """Tiles must start at multiples of this, in px, so that strides fall as in the slice."""
        return NETWORKS[self.name].MULTIPLE * self.binning

    @property
    def is_graph(self) -> bool:
        """Whether the network can be exported as a graph, which engines other than torch take."""
        return NETWORKS[self.name].GRAPH_BYTES_PER_PX is not None

    def bytes_per_px(self, *, bf16: bool, graph: bool = False) -> float:
        """Return an upper bound of the memory per pixel of a tile while it is scored.

        Parameters
        ----------
        bf16
            Whether feature maps are bf16; float32 ones take twice the memory.
        graph
            Whether OpenVINO runs the network, which takes less memory than torch.
        """
        network = NETWORKS[self.name]
        features = (network.GRAPH_BYTES_PER_PX if graph else None) or network.BYTES_PER_PX
        return (
            features * (1 if bf16 else 2) / self.binning**2
            + PIXEL_BYTES
            + INPUT_BYTES * (self.inputs - 1)
            + OUTPUT_BYTES * self.outputs
        )

    @property
    def numbers_per_px(self) -> float:
        """Numbers in its largest tensor for each pixel of the image."""
        return _numbers_per_px(self)

    def cost(self, edge_px: int = 512) -> Cost:
        """Return parameters and the GFLOP of a square image; nothing is computed, nothing drawn."""
        with torch.device("meta"):
            network = self.build()
        return Cost.of(network, self.inputs, edge_px)


@cache
def _numbers_per_px(architecture: Architecture) -> float:
    edge_px = 32 * architecture.multiple  # nothing is padded
    with torch.device("meta"):
        network = architecture.build()
    return largest_tensor(network, architecture.inputs, edge_px) / edge_px**2
