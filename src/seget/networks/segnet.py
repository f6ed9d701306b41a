"""SegNet: VGG16's convolutions and their mirror image; unpooling by the places of the maxima.

image (b, inputs, h, w) -> logits (b, outputs, h, w)

It never applies a sigmoid and knows nothing of data or recipes.
Paper: V. Badrinarayanan, A. Kendall, R. Cipolla, SegNet: a deep convolutional encoder-decoder
architecture for image segmentation, arXiv 2015, figure 2. Section 3.3 of the SegET paper compares
with it.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from seget.networks.blocks import Network, chain, crop_like, initialise, pad_to_multiple

CONVOLUTIONS = (2, 2, 3, 3, 3)  # of VGG16's five blocks, and of the decoder's in reverse
WIDTHS = (16, 48, 96, 192, 192)


class SegNet(Network):
    """Five blocks down and five up; the way up gets nothing but the places of the maxima.

    3/8 of the original's channels (64 to 512), the first 24 rounded down to 16: with these widths
    an image takes about SegET's arithmetic. Batch normalisation is the original's own. The
    classifier of each pixel, after the last block, is a 1x1 convolution.
    """

    TITLE = "SegNet"
    MULTIPLE = 32  # five poolings
    HALO_PX = 224
    BYTES_PER_PX = 300
    GRAPH_BYTES_PER_PX = None  # OpenVINO has no unpooling by indices

    def __init__(self, *, inputs: int = 1, outputs: int = 1) -> None:
        super().__init__()
        channels = (inputs, *WIDTHS[:-1])
        self.encoders = nn.ModuleList(
            chain(i, *[n] * number)
            for i, n, number in zip(channels, WIDTHS, CONVOLUTIONS, strict=True)
        )
        # A block's last convolution has the width of the next level up.
        targets = (WIDTHS[0], *WIDTHS[:-1])
        self.decoders = nn.ModuleList(
            chain(*[n] * number, target)
            for n, number, target in zip(
                WIDTHS[::-1], CONVOLUTIONS[::-1], targets[::-1], strict=True
            )
        )
        self.head = nn.Conv2d(WIDTHS[0], outputs, 1)
        initialise(self, self.head)

    def forward(self, image: Float[Tensor, "b inputs h w"]) -> Float[Tensor, "b outputs h w"]:
        """Return logits for a normalised image of any size; padded inside, cropped back."""
        x = pad_to_multiple(image, self.MULTIPLE)
        places = []
        for encoder in self.encoders:
            x, place = functional.max_pool2d(encoder(x), 2, return_indices=True)
            places.append(place)
        for decoder, place in zip(self.decoders, reversed(places), strict=True):
            x = decoder(unpool(x, place))
        logits: Tensor = self.head(x)
        return crop_like(logits, image)


def unpool(x: Tensor, places: Tensor) -> Tensor:
    """Put `(b, c, h, w)` at the places of the maxima in `(b, c, 2h, 2w)`, zeros around them."""
    # On a processor autocast would convert to float32 for this, but values are only moved.
    with torch.autocast("cpu", enabled=False):
        return functional.max_unpool2d(x, places, [2, 2])
