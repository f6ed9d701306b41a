"""What the networks are made of: convolution blocks, enlargement, padding, initialisation.

channels -> modules; feature maps (b, c, h, w) -> feature maps

It never builds a whole network: each has its own file, which reads as its paper's figure.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

# Score that an untrained network gives every pixel: a guess at the share of foreground. Most
# structures have less, but a start far too low is as bad as one far too high.
PRIOR = 0.1

# On processors torch's batch normalisation of channels-last maps computes on 16 channels at a time
# in bf16, and is slow on maps with fewer.
VECTOR = 16


class Level(NamedTuple):
    """Logits at one scale.

    Attributes
    ----------
    logits
        `(b, outputs, y, x)`. Coarse ones may reach beyond the image, as far as a network pads it.
    stride_px
        Pixels of the image along an edge of one of theirs.
    """

    logits: Tensor
    stride_px: int


class Network(nn.Module):
    """The base class: what a network takes, and the constants that each network states.

    `Architecture` reads the constants and scales them by the binning; the rest of seget asks it.

    Parameters
    ----------
    inputs
        Channels of the image: 1 for a slice alone, more where neighbouring slices come along.
    outputs
        Structures, a logit map each: 1 in the paper, more for a joint model.

    Attributes
    ----------
    TITLE
        The network's name as the paper's table 1 prints it.
    MULTIPLE
        The network pads an image until its edges are multiples of this, in px. Tiles must start at
        multiples of it, too, or its strides and poolings fall on other pixels than in the slice.
    HALO_PX
        Radius of the receptive field, rounded up to `MULTIPLE` (measured in tests/networks): a tile
        that is read with this margin gets the same logits as in the whole slice.
    BYTES_PER_PX
        Memory per pixel at the peak of a forward pass in bf16 on a processor, measured with
        `benchmarks/memory.py` and rounded up; float32 takes twice that.
    GRAPH_BYTES_PER_PX
        The same for the network compiled by OpenVINO; None if it has operations that cannot be
        exported as a graph.
    CENTER_CHANNELS
        Features of the center, which training may leave out at random; 0 if it has none.
    ADDED
        Beginnings of the names of tensors that models of earlier versions do not have. With zeros
        in their place the network computes what it did before it had them.
    """

    TITLE: ClassVar[str]
    MULTIPLE: ClassVar[int]
    HALO_PX: ClassVar[int]
    BYTES_PER_PX: ClassVar[int]
    GRAPH_BYTES_PER_PX: ClassVar[int | None]
    CENTER_CHANNELS: ClassVar[int] = 0
    ADDED: ClassVar[tuple[str, ...]] = ()

    def levels(self, image: Tensor, kept: Tensor | None = None) -> list[Level]:
        """Return the logits that training judges: coarse ones, if it has any, and `forward`'s.

        Parameters
        ----------
        image
            As in `forward`.
        kept
            `(b, CENTER_CHANNELS)`: a factor of each feature of the center, 0 where it is left out.
        """
        return [Level(self(image), 1)]


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

    def forward(self, x: Tensor) -> Tensor:
        """Return `(b, outputs, h / stride, w / stride)` from `(b, inputs, h, w)`.

        In training on a processor, batch normalisation of few channels (see `VECTOR`) is quicker if
        the map is copied to the contiguous layout before it and back to channels last after it.
        """
        convolution, norm, relu = self
        x = convolution(x)
        if not (self.training and x.is_cpu and x.shape[1] < VECTOR and is_channels_last(x)):
            return relu(norm(x))  # type: ignore[no-any-return]
        rows = lay_out(x, torch.contiguous_format, back=torch.channels_last)
        return lay_out(relu(norm(rows)), torch.channels_last, back=torch.contiguous_format)


class _LaidOut(torch.autograd.Function):
    """Copy a tensor to one memory layout, and its gradient to another."""

    @staticmethod
    def forward(
        context: Any, x: Tensor, there: torch.memory_format, back: torch.memory_format
    ) -> Tensor:
        context.back = back
        return x.contiguous(memory_format=there)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        return gradient.contiguous(memory_format=context.back), None, None


def lay_out(x: Tensor, there: torch.memory_format, *, back: torch.memory_format) -> Tensor:
    """Return `x` in the memory layout `there`; its gradient is returned in the layout `back`."""
    laid: Tensor = _LaidOut.apply(x, there, back)  # type: ignore[no-untyped-call]
    return laid


def is_channels_last(x: Tensor) -> bool:
    """Whether the channels of a pixel are next to each other in memory."""
    return x.is_contiguous(memory_format=torch.channels_last)


def chain(*widths: int, dilation: int = 1) -> nn.Sequential:
    """Return 3x3 blocks one after another: `chain(1, 16, 32)` has two, from 1 channel to 32."""
    return nn.Sequential(*(ConvBlock(i, n, dilation=dilation) for i, n in pairwise(widths)))


def upsample(x: Tensor, factor: int) -> Tensor:
    """Enlarge `(b, c, h, w)` bilinearly by an integer factor."""
    if factor == 1:
        return x
    return functional.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)


def concatenate(*maps: Tensor) -> Tensor:
    """Concatenate feature maps `(b, c, h, w)` of one size along the channels.

    In the backward pass each map's gradient is a slice of the whole gradient's channels. With
    channels last such a slice is not contiguous, and torch is many times slower on it: there each
    gradient is copied to a contiguous one first.
    """
    last = torch.channels_last
    if torch.is_grad_enabled() and all(map(is_channels_last, maps)):
        maps = tuple(lay_out(part, last, back=last) for part in maps)
    return torch.cat(maps, dim=1)


def pad_to_multiple(image: Tensor, multiple: int) -> Tensor:
    """Repeat the last row and column of `(b, c, h, w)` until both edges are multiples."""
    height, width = image.shape[-2:]
    return functional.pad(image, (0, -width % multiple, 0, -height % multiple), mode="replicate")


def crop_like(x: Tensor, image: Tensor) -> Tensor:
    """Cut `x` to the height and width of `image`: what `pad_to_multiple` added goes."""
    height, width = image.shape[-2:]
    return x[..., :height, :width]


def initialise(network: nn.Module, *heads: nn.Conv2d) -> None:
    """Draw the weights that training starts from.

    Every convolution as He et al. (2015), variance 2 / inputs, for the ReLU after it. The `heads`
    are the last convolutions, whose outputs add up to the logits. Their weights are a third of
    He's, and the first one's bias makes every pixel foreground with probability `PRIOR` (Lin et al.
    2017, section 4.1): the features of an untrained network are noise, and with larger weights
    training first has to undo random scores on most of a slice (docs/results/trials.md).
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
    for number, head in enumerate(heads):
        assert head.bias is not None, "a head has a bias: its prior"
        with torch.no_grad():
            head.weight /= 3
            head.bias.fill_(math.log(PRIOR / (1 - PRIOR)) if number == 0 else 0.0)
