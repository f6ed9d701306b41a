"""SegET: encoder, center, decoder, fusion of levels (figure 2), as printed and as we changed it.

image (b, inputs, h, w) -> logits (b, outputs, h, w)

It never applies a sigmoid (only `prediction` does) and knows nothing of data or recipes.
Paper: sections 2.1, 2.3 and 2.4; where the text is silent, docs/paper.md gives the reading.
`SegETPrinted` is the network of the text, for the recipe `paper`. `SegET`, for `modern`, differs
from it in the encoder's skip, in the fusion, and in that every level of the decoder has a say in
the logits; docs/results/trials.md measures all three.
"""

from __future__ import annotations

from typing import ClassVar

from jaxtyping import Float
from torch import Tensor, nn

from seget.networks.blocks import (
    ConvBlock,
    Level,
    Network,
    chain,
    concatenate,
    crop_like,
    initialise,
    pad_to_multiple,
    upsample,
)

ENCODER = (16, 32, 64, 128)
DILATIONS = (1, 2, 4, 8)  # the paper's "0, 2, 4, 8"; a dilation of 0 does not exist


class Encoder(nn.Module):
    """Four convolutions in a row: two for features, one that reduces, one with stride 2 (2.1).

    The third reduces the channels "so as to be concatenated in the skip structure", and the fourth
    reads what the third gives.
    """

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.features = nn.Sequential(ConvBlock(inputs, width), ConvBlock(width, width))
        self.reduce = ConvBlock(width, width // 2)
        self.down = ConvBlock(width // 2, width, stride=2)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the skip `(b, width / 2, h, w)` and the next level `(b, width, h / 2, w / 2)`."""
        skip = self.reduce(self.features(x))
        return skip, self.down(skip)


class BranchedEncoder(Encoder):
    """Ours: the strided convolution reads the features, and the third narrows the skip alone.

    With all four in a row the way down is one convolution a level deeper and half as wide.
    """

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__(inputs, width)
        self.down = ConvBlock(width, width, stride=2)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the skip `(b, width / 2, h, w)` and the next level `(b, width, h / 2, w / 2)`."""
        features = self.features(x)
        return self.reduce(features), self.down(features)


class Center(nn.Module):
    """Parallel dilated convolutions beside their own input: several receptive fields (2.3)."""

    def __init__(self, inputs: int, width: int = 256) -> None:
        super().__init__()
        self.features = nn.Sequential(ConvBlock(inputs, width), ConvBlock(width, width))
        self.branches = nn.ModuleList(
            ConvBlock(width, width // 4, dilation=dilation) for dilation in DILATIONS
        )
        self.refine = ConvBlock(2 * width, width, kernel=1)

    def forward(self, x: Tensor) -> Tensor:
        """Return `(b, width, h, w)` from `(b, inputs, h, w)`."""
        x = self.features(x)
        refined: Tensor = self.refine(concatenate(x, *(b(x) for b in self.branches)))
        return refined


class Decoder(nn.Module):
    """Bilinear upsampling by 2, the skip beside it, two convolutions."""

    def __init__(self, inputs: int, skip: int, width: int) -> None:
        super().__init__()
        self.refine = nn.Sequential(ConvBlock(inputs + skip, width), ConvBlock(width, width))

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """Return `(b, width, 2h, 2w)` from `(b, inputs, h, w)` and the skip `(b, skip, 2h, 2w)`."""
        refined: Tensor = self.refine(concatenate(upsample(x, 2), skip))
        return refined


class Fusion(nn.Module):
    """The decoder's levels in two steps: the higher three together, then with the last (2.4).

    "2 convolution layers would follow the concatenated feature stacks", both times. The channel
    numbers in figure 2 cannot be read: `WIDTH` for the higher levels is ours.
    """

    WIDTH = 32

    def __init__(self, levels: tuple[int, int, int], last: int) -> None:
        super().__init__()
        self.higher = chain(sum(levels), self.WIDTH, self.WIDTH)
        self.final = chain(self.WIDTH + last, last, last)

    def forward(self, levels: list[Tensor], last: Tensor) -> Tensor:
        """Return `(b, 16, h, w)` from levels at h/8, h/4, h/2 and the last decoder's output."""
        higher = self.higher(concatenate(*map(upsample, levels, (4, 2, 1))))
        fused: Tensor = self.final(concatenate(upsample(higher, 2), last))
        return fused


class ReducedFusion(nn.Module):
    """Ours: a 1x1 convolution reduces each of the higher levels before it is enlarged.

    The second of the two convolutions after them reduces their fusion to as many channels. To fuse
    all 224 channels at half resolution, then 32 at full resolution, takes a fifth more arithmetic.
    """

    REDUCED = 16

    def __init__(self, levels: tuple[int, int, int], last: int) -> None:
        super().__init__()
        n = self.REDUCED
        self.reduce = nn.ModuleList(ConvBlock(level, n, kernel=1) for level in levels)
        self.higher = chain(3 * n, 32, n)
        self.final = chain(n + last, last, last)

    def forward(self, levels: list[Tensor], last: Tensor) -> Tensor:
        """Return `(b, 16, h, w)` from levels at h/8, h/4, h/2 and the last decoder's output."""
        reduced = [
            upsample(reduce(level), factor)
            for reduce, level, factor in zip(self.reduce, levels, (4, 2, 1), strict=True)
        ]
        higher = self.higher(concatenate(*reduced))
        fused: Tensor = self.final(concatenate(upsample(higher, 2), last))
        return fused


class SegETPrinted(Network):
    """Four encoders, the center, four decoders, and the fusion of the decoders' levels."""

    TITLE = "SegET as printed"
    MULTIPLE = 16  # four strided convolutions
    HALO_PX = 288
    BYTES_PER_PX = 480
    GRAPH_BYTES_PER_PX = 300

    CENTER_CHANNELS = 256

    ENCODER: ClassVar[type[Encoder]] = Encoder
    FUSION: ClassVar[type[Fusion | ReducedFusion]] = Fusion

    def __init__(self, *, inputs: int = 1, outputs: int = 1) -> None:
        super().__init__()
        channels = (inputs, *ENCODER[:-1])
        self.encoders = nn.ModuleList(
            self.ENCODER(i, n) for i, n in zip(channels, ENCODER, strict=True)
        )
        self.center = Center(ENCODER[-1], self.CENTER_CHANNELS)
        widths = ENCODER[::-1]
        below = (self.CENTER_CHANNELS, *widths[:-1])
        self.decoders = nn.ModuleList(
            Decoder(i, n // 2, n) for i, n in zip(below, widths, strict=True)
        )
        self.fusion = self.FUSION(widths[:3], widths[3])
        self.head = nn.Conv2d(16, outputs, 1)
        initialise(self, self.head)

    def forward(self, image: Float[Tensor, "b inputs h w"]) -> Float[Tensor, "b outputs h w"]:
        """Return logits for a normalised image of any size; padded inside, cropped back."""
        return self.levels(image)[-1].logits

    def levels(
        self, image: Float[Tensor, "b inputs h w"], kept: Tensor | None = None
    ) -> list[Level]:
        """Return `forward`'s logits alone: the text has no others."""
        logits = self.head(self.fusion(*self.decoded(image, kept)))
        return [Level(crop_like(logits, image), 1)]

    def decoded(self, image: Tensor, kept: Tensor | None = None) -> tuple[list[Tensor], Tensor]:
        """Return the higher levels of the decoder, at h/8, h/4 and h/2, and the last at h."""
        x = pad_to_multiple(image, self.MULTIPLE)
        skips = []
        for encoder in self.encoders:
            skip, x = encoder(x)
            skips.append(skip)
        x = self.center(x)
        if kept is not None:
            x = x * kept.to(x.dtype)[:, :, None, None]
        levels = []
        for decoder, skip in zip(self.decoders, reversed(skips), strict=True):
            x = decoder(x, skip)
            levels.append(x)
        return levels[:3], levels[3]


class SegET(SegETPrinted):
    """SegET with our encoder, our fusion and scores of every level: sooner good, and quicker.

    A 1x1 convolution reads logits off each of the higher levels. From the coarsest to the finest
    they are enlarged and added up, and the head's are added last: what a level says is a correction
    of the one before (a Laplacian pyramid of logits). So the coarse levels learn from the first
    step on, and not only through all that lies above them; training may judge each sum by itself.
    """

    TITLE = "SegET"
    HALO_PX = 272
    GRAPH_BYTES_PER_PX = 270
    ENCODER = BranchedEncoder
    FUSION = ReducedFusion
    ADDED = ("scores.",)

    def __init__(self, *, inputs: int = 1, outputs: int = 1) -> None:
        super().__init__(inputs=inputs, outputs=outputs)
        self.scores = nn.ModuleList(nn.Conv2d(n, outputs, 1) for n in ENCODER[:0:-1])
        initialise(self, *self.scores, self.head)  # anew: the coarsest level begins with the prior

    def levels(
        self, image: Float[Tensor, "b inputs h w"], kept: Tensor | None = None
    ) -> list[Level]:
        """Return the sums of logits as far as the levels at h/8, h/4 and h/2, and all of them."""
        higher, last = self.decoded(image, kept)
        sums = [self.scores[0](higher[0])]
        for score, level in zip(self.scores[1:], higher[1:], strict=True):
            sums.append(upsample(sums[-1], 2) + score(level))
        finest = upsample(sums[-1], 2) + self.head(self.fusion(higher, last))
        coarse = [Level(logits, 8 >> number) for number, logits in enumerate(sums)]
        return [*coarse, Level(crop_like(finest, image), 1)]
