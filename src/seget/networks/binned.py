"""A network that works on a binned image and answers at full resolution.

image (b, inputs, h, w) -> binned -> network -> enlarged -> logits (b, outputs, h, w)

It never changes the network inside. Not in the paper: with pixels of 4.6 nm a mitochondrion is
larger than any receptive field; on an image binned by 2 a network sees four times the area in the
same time.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from seget.networks.blocks import Level, Network, crop_like, upsample


class Binned(nn.Module):
    """Mean over `binning` x `binning` pixels, the network, bilinear enlargement of its logits.

    Parameters
    ----------
    network
        Binned image `(b, inputs, h, w)` -> logits `(b, outputs, h, w)`.
    binning
        Edge of the squares of pixels that are averaged, in px.
    """

    def __init__(self, network: Network, binning: int) -> None:
        super().__init__()
        self.network = network
        self.binning = binning

    def forward(self, image: Float[Tensor, "b inputs h w"]) -> Float[Tensor, "b outputs h w"]:
        """Return logits of the image's own size, which need not be a multiple of the binning."""
        return self._enlarged(self.network(self._binned(image)), image)

    def levels(
        self, image: Float[Tensor, "b inputs h w"], kept: Tensor | None = None
    ) -> list[Level]:
        """Return the network's levels, the finest enlarged."""
        *coarse, finest = self.network.levels(self._binned(image), kept)
        return [
            *(Level(level.logits, level.stride_px * self.binning) for level in coarse),
            Level(self._enlarged(finest.logits, image), 1),
        ]

    def _binned(self, image: Tensor) -> Tensor:
        height, width = image.shape[-2:]
        n = self.binning
        padded = functional.pad(image, (0, -width % n, 0, -height % n), mode="replicate")
        return functional.avg_pool2d(padded, n)

    def _enlarged(self, logits: Tensor, image: Tensor) -> Tensor:
        return crop_like(upsample(logits, self.binning), image)
