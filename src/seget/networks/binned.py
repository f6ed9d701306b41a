"""A network that works on a binned image and answers at full resolution.

image (b, 1, h, w) -> binned -> network -> logits (b, k, h, w)

It never changes the network inside. Not in the paper: at 4.6 nm a pixel a mitochondrion is larger
than any receptive field, and binned by 2 a network sees four times the area in the same time.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional


class Binned(nn.Module):
    """Mean over `binning` x `binning` pixels, the network, bilinear enlargement of its logits."""

    def __init__(self, network: nn.Module, binning: int) -> None:
        super().__init__()
        self.network = network
        self.binning = binning

    def forward(self, image: Float[Tensor, "b inputs h w"]) -> Float[Tensor, "b outputs h w"]:
        """Return logits at the image's own size, whatever its remainder by the binning."""
        height, width = image.shape[-2:]
        n = self.binning
        padded = functional.pad(image, (0, -width % n, 0, -height % n), mode="replicate")
        logits: Tensor = self.network(functional.avg_pool2d(padded, n))
        logits = functional.interpolate(
            logits, scale_factor=n, mode="bilinear", align_corners=False
        )
        return logits[..., :height, :width]
