"""FCN-8s: VGG16 with its classifier as convolutions, scores of three depths summed (figure 3).

image (b, inputs, h, w) -> logits (b, outputs, h, w)

It never applies a sigmoid and knows nothing of data or recipes.
Paper: J. Long, E. Shelhamer, T. Darrell, Fully convolutional networks for semantic segmentation,
CVPR 2015. Section 3.3 of the SegET paper compares with it.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from seget.networks.blocks import (
    ConvBlock,
    Network,
    chain,
    crop_like,
    initialise,
    pad_to_multiple,
    upsample,
)

CONVOLUTIONS = (2, 2, 3, 3, 3)  # of VGG16's five blocks; a max pooling follows each
WIDTHS = (32, 64, 112, 208, 208)
CLASSIFIER = 1536


class FCN8s(Network):
    """VGG16, then scores of fc7, pool4 and pool3, each enlarged to the next and added to it.

    Blocks have 13/32 to 1/2 of the original's channels (64 to 512), in multiples of 16, fc6 and fc7
    3/8 of its 4096: with these widths an image takes about SegET's arithmetic. The original pads
    the image by 100 px and crops the scores; here every convolution keeps the image's size. Batch
    normalisation is new and replaces the dropout at fc6 and fc7. Scores are added as the 1x1
    convolutions give them; the original's small factors on pool3 and pool4 are not needed, as
    normalised features have one scale. The original begins with bilinear enlargements and trains
    them; here they stay bilinear.
    """

    TITLE = "FCN-8s"
    MULTIPLE = 32  # five poolings
    HALO_PX = 256
    BYTES_PER_PX = 220
    GRAPH_BYTES_PER_PX = 210

    def __init__(self, *, inputs: int = 1, outputs: int = 1) -> None:
        super().__init__()
        channels = (inputs, *WIDTHS[:-1])
        self.blocks = nn.ModuleList(
            chain(i, *[n] * number)
            for i, n, number in zip(channels, WIDTHS, CONVOLUTIONS, strict=True)
        )
        self.fc6 = ConvBlock(WIDTHS[-1], CLASSIFIER, kernel=7)
        self.fc6[0].padding = (0, 0)  # type: ignore[assignment]  # `forward` pads
        self.fc7 = ConvBlock(CLASSIFIER, CLASSIFIER, kernel=1)
        self.score_fc7 = nn.Conv2d(CLASSIFIER, outputs, 1)
        self.score_pool4 = nn.Conv2d(WIDTHS[3], outputs, 1)
        self.score_pool3 = nn.Conv2d(WIDTHS[2], outputs, 1)
        initialise(self, self.score_fc7, self.score_pool4, self.score_pool3)

    def forward(self, image: Float[Tensor, "b inputs h w"]) -> Float[Tensor, "b outputs h w"]:
        """Return logits for a normalised image of any size; padded inside, cropped back."""
        x = pad_to_multiple(image, self.MULTIPLE)
        pools = []
        for block in self.blocks:
            x = functional.max_pool2d(block(x), 2)
            pools.append(x)
        # Padded here and not by fc6: where a map is smaller than the kernel, torch 2.13 on
        # processors leaves part of the kernel's bf16 gradient uninitialised.
        x = functional.pad(x, (3, 3, 3, 3))
        score: Tensor = self.score_fc7(self.fc7(self.fc6(x)))
        score = upsample(score, 2) + self.score_pool4(pools[3])
        score = upsample(score, 2) + self.score_pool3(pools[2])
        return crop_like(upsample(score, 8), image)
