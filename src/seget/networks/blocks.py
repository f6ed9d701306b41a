"""What the networks are made of: convolution blocks, enlargement, padding, initialisation.

channels -> modules; feature maps (b, c, h, w) -> feature maps

It never knows a whole network: each has its own file, which reads as its paper's figure.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

# Share of foreground that an untrained network expects. Most structures have less, but far too low
# would be as wrong as far too high.
PRIOR = 0.1


class Network(nn.Module):
    """What every network says of itself; the rest of seget needs nothing else.

    Attributes
    ----------
    MULTIPLE
        An image is padded to a multiple of this in px, and a window starts at one.
    HALO_PX
        Radius of the receptive field, rounded up to `MULTIPLE` (measured in tests/networks): a
        window that reads this much around what it keeps gives the whole slice's result.
    BYTES_PER_PX
        Most memory that a pixel takes while scores are computed in bf16 on a processor, rounded up
        (`benchmarks/memory.py`); in float32 it is twice that.
    IS_GRAPH
        Whether other engines than torch know its operations.
    """

    MULTIPLE: ClassVar[int]
    HALO_PX: ClassVar[int]
    BYTES_PER_PX: ClassVar[int]
    IS_GRAPH: ClassVar[bool] = True


class ConvBlock(nn.Sequential):
    """Convolution, batch normalisation, ReLU: "after every non-linear operation" (2.1)."""

    def __init__(
        self, inputs: int, outputs: int, *, kernel: int = 3, stride: int = 1, dilation: int = 1
    ) -> None:
        padding = dilation * (kernel // 2)
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        )


def chain(*widths: int, dilation: int = 1) -> nn.Sequential:
    """Return 3x3 blocks one after another: `chain(1, 16, 32)` has two, from 1 channel to 32."""
    return nn.Sequential(*(ConvBlock(i, n, dilation=dilation) for i, n in pairwise(widths)))


def upsample(x: Tensor, factor: int) -> Tensor:
    """Enlarge `(b, c, h, w)` bilinearly by an integer factor."""
    if factor == 1:
        return x
    large = functional.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)
    if large.requires_grad:
        # Behind a concatenation the gradient comes as a cut of a wider one, for which torch goes
        # through another memory layout, and is many times slower.
        large.register_hook(_channels_last)  # type: ignore[no-untyped-call]
    return large


def _channels_last(gradient: Tensor) -> Tensor:
    return gradient.contiguous(memory_format=torch.channels_last)


def pad_to_multiple(image: Tensor, multiple: int) -> Tensor:
    """Repeat the last row and column of `(b, c, h, w)` until both edges are multiples."""
    height, width = image.shape[-2:]
    return functional.pad(image, (0, -width % multiple, 0, -height % multiple), mode="replicate")


def crop_like(x: Tensor, image: Tensor) -> Tensor:
    """Take from `x` what `pad_to_multiple` has added to `image`."""
    height, width = image.shape[-2:]
    return x[..., :height, :width]


def initialise(network: nn.Module, *heads: nn.Conv2d) -> None:
    """Draw the weights that training starts from.

    Every convolution as He et al. (2015), variance 2 / inputs, for the ReLU after it. The `heads`,
    whose sum is the logits, draw a third of that and say `PRIOR` for every pixel (Lin et al. 2017,
    section 4.1): features of the first step are noise, and a head that trusts them is wrong by
    chance on most of a slice and has to unlearn that first (docs/results/trials.md).
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
    for number, head in enumerate(heads):
        assert head.bias is not None, "a head has a bias: its prior"
        with torch.no_grad():
            head.weight /= 3
            head.bias.fill_(math.log(PRIOR / (1 - PRIOR)) if number == 0 else 0.0)
