"""DeepLabv3+: atrous convolutions over a deep encoder, a small decoder (figure 2).

image (b, inputs, h, w) -> logits (b, outputs, h, w)

It never applies a sigmoid and knows nothing of data or recipes.
Paper: L.-C. Chen, Y. Zhu, G. Papandreou, F. Schroff, H. Adam, Encoder-decoder with atrous separable
convolution for semantic image segmentation, ECCV 2018. Section 3.3 of the SegET paper compares with
it, over an encoder of its own: "VGG19-like", 23 convolutions in 8 blocks.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from seget.networks.blocks import (
    ConvBlock,
    Network,
    chain,
    concatenate,
    crop_like,
    initialise,
    pad_to_multiple,
    upsample,
)

CONVOLUTIONS = (2, 2, 4, 4, 4, 3, 2, 2)
WIDTHS = (16, 48, 96, 192, 192, 192, 192, 192)
RATES = (1, 1, 1, 1, 1, 2, 2, 2)
POOLED = 4  # blocks before a max pooling: the encoder's output has stride 16
LOW = 2  # the block whose output is the decoder's low-level features, of stride 4
ASPP_RATES = (6, 12, 18)
ASPP_WIDTH, LOW_WIDTH = 96, 32


class ImageLevel(nn.Module):
    """The mean over the whole map as a feature of every pixel.

    Without batch normalisation: its statistics would come from one value a patch, and the last
    batch of an epoch may be a single patch.
    """

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.project = nn.Conv2d(inputs, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return `(b, width, h, w)`, the same at every pixel, from `(b, inputs, h, w)`."""
        mean = functional.adaptive_avg_pool2d(x, 1)
        return functional.relu(self.project(mean)).expand(-1, -1, *x.shape[-2:])


class ASPP(nn.Module):
    """Atrous spatial pyramid pooling: five views of the same map side by side, then one 1x1."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.point = ConvBlock(inputs, width, kernel=1)
        self.atrous = nn.ModuleList(ConvBlock(inputs, width, dilation=r) for r in ASPP_RATES)
        self.image_level = ImageLevel(inputs, width)
        self.project = ConvBlock(5 * width, width, kernel=1)

    def forward(self, x: Tensor) -> Tensor:
        """Return `(b, width, h, w)` from `(b, inputs, h, w)`."""
        views = [self.point(x), *(branch(x) for branch in self.atrous), self.image_level(x)]
        projected: Tensor = self.project(concatenate(*views))
        return projected


class Decoder(nn.Module):
    """Low-level features, reduced by a 1x1, beside the enlarged context; two convolutions."""

    def __init__(self, low: int, context: int) -> None:
        super().__init__()
        self.reduce = ConvBlock(low, LOW_WIDTH, kernel=1)
        self.refine = chain(context + LOW_WIDTH, context, context)

    def forward(self, context: Tensor, low: Tensor) -> Tensor:
        """Return `(b, context, 4h, 4w)` from `(b, context, h, w)` and `(b, low, 4h, 4w)`."""
        beside = concatenate(upsample(context, 4), self.reduce(low))
        refined: Tensor = self.refine(beside)
        return refined


class DeepLabV3Plus(Network):
    """Encoder of 23 convolutions in 8 blocks, ASPP, decoder.

    The SegET paper does not say how its 23 convolutions divide over 8 blocks. VGG19 has 16 in five
    blocks, 2 2 4 4 4: these are kept. The other 7 make three more blocks, 3 2 2, in the way in
    which DeepLabv3 makes a network deeper: as wide as the last block, without pooling, atrous. A
    max pooling follows each of the first four blocks, which gives output stride 16. In place of
    VGG19's fifth pooling the atrous rate becomes 2, and stays 2 to the end.

    The encoder has 3/8 of VGG19's channels (64 to 512), the first 24 rounded down to 16; ASPP and
    decoder have 3/8 of the original's 256. Of its 48 low-level channels 3/8 would be 18; here they
    are 32. With these widths an image takes about SegET's arithmetic.
    Convolutions are plain: the separable ones of the original came with its Xception encoder.

    `HALO_PX` is that of the convolutions. Image-level pooling sees the whole input, so a tile's
    logits are near the whole slice's, not equal to them.
    """

    TITLE = "DeepLabv3+"
    MULTIPLE = 16  # four poolings
    HALO_PX = 672
    BYTES_PER_PX = 150
    GRAPH_BYTES_PER_PX = 120

    def __init__(self, *, inputs: int = 1, outputs: int = 1) -> None:
        super().__init__()
        channels = (inputs, *WIDTHS[:-1])
        self.blocks = nn.ModuleList(
            chain(i, *[n] * number, dilation=rate)
            for i, n, number, rate in zip(channels, WIDTHS, CONVOLUTIONS, RATES, strict=True)
        )
        self.aspp = ASPP(WIDTHS[-1], ASPP_WIDTH)
        self.decoder = Decoder(WIDTHS[LOW], ASPP_WIDTH)
        self.head = nn.Conv2d(ASPP_WIDTH, outputs, 1)
        initialise(self, self.head)

    def forward(self, image: Float[Tensor, "b inputs h w"]) -> Float[Tensor, "b outputs h w"]:
        """Return logits for a normalised image of any size; padded inside, cropped back."""
        x = low = pad_to_multiple(image, self.MULTIPLE)
        for i, block in enumerate(self.blocks):
            x = block(x)
            if i == LOW:
                low = x
            if i < POOLED:
                x = functional.max_pool2d(x, 2)
        logits = self.head(self.decoder(self.aspp(x), low))
        return crop_like(upsample(logits, 4), image)
