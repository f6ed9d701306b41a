"""U-Net: four levels down, four up, each level's features handed across (figure 1).

image (b, inputs, h, w) -> logits (b, outputs, h, w)

It never applies a sigmoid and knows nothing of data or recipes.
Paper: O. Ronneberger, P. Fischer, T. Brox, U-Net: convolutional networks for biomedical image
segmentation, MICCAI 2015. Section 3.3 of the SegET paper compares with it.
"""

from __future__ import annotations

from math import sqrt

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from seget.networks.blocks import (
    Network,
    chain,
    concatenate,
    crop_like,
    initialise,
    pad_to_multiple,
)

# Multiples of 16, not 20 to 320: processors compute on 16 channels at a time, and 20 channels at
# full size are slower than 32.
WIDTHS = (16, 32, 96, 192, 384)


class Up(nn.Module):
    """Up-convolution to the skip's channels, the skip beside it, two convolutions."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        enlarge = nn.ConvTranspose2d(inputs, width, 2, stride=2, bias=False)
        # The stride is the kernel's size, so an input reaches a pixel through one weight: He's
        # variance is 2 / inputs.
        nn.init.normal_(enlarge.weight, std=sqrt(2 / inputs))
        self.enlarge = nn.Sequential(enlarge, nn.BatchNorm2d(width), nn.ReLU(inplace=True))
        self.refine = chain(2 * width, width, width)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """Return `(b, width, 2h, 2w)` from `(b, inputs, h, w)` and the skip of its own size."""
        refined: Tensor = self.refine(concatenate(skip, self.enlarge(x)))
        return refined


class UNet(Network):
    """Two convolutions a level, widths doubling on the way down and halving on the way up.

    1/4 of the original's channels (64 to 1024) in the upper two levels, 3/8 in the lower three:
    with these widths an image takes about SegET's arithmetic.
    The original's convolutions shrink the image, so it mirrors the image at its border and crops
    the skips; here they keep its size. Batch normalisation and ReLU come after every convolution
    and up-convolution, as the SegET paper has them, and replace the dropout before the way up.
    """

    TITLE = "U-Net"
    MULTIPLE = 16  # four poolings
    HALO_PX = 112
    BYTES_PER_PX = 400
    GRAPH_BYTES_PER_PX = 180

    def __init__(self, *, inputs: int = 1, outputs: int = 1) -> None:
        super().__init__()
        *levels, bottom = WIDTHS
        channels = (inputs, *levels[:-1])
        self.downs = nn.ModuleList(chain(i, n, n) for i, n in zip(channels, levels, strict=True))
        self.bottom = chain(levels[-1], bottom, bottom)
        below = WIDTHS[:0:-1]
        self.ups = nn.ModuleList(Up(i, n) for i, n in zip(below, levels[::-1], strict=True))
        self.head = nn.Conv2d(levels[0], outputs, 1)
        initialise(self, self.head)

    def forward(self, image: Float[Tensor, "b inputs h w"]) -> Float[Tensor, "b outputs h w"]:
        """Return logits for a normalised image of any size; padded inside, cropped back."""
        x = pad_to_multiple(image, self.MULTIPLE)
        skips = []
        for down in self.downs:
            skips.append(down(x))
            x = functional.max_pool2d(skips[-1], 2)
        x = self.bottom(x)
        for up, skip in zip(self.ups, reversed(skips), strict=True):
            x = up(x, skip)
        logits: Tensor = self.head(x)
        return crop_like(logits, image)
