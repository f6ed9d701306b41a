"""What fine_tuning.py tries: each trial by its name, and the network of the second opinion."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F

from seget.trained import general

STRONG = ("grey=0.4", "noise=0.5", "warp=0.8", "scale=0.3", "elastic_px=5")


@dataclass(frozen=True)
class Trial:
    """What is done otherwise.

    Attributes
    ----------
    settings
        Of the recipe.
    keep
        Weight of a loss that holds general's outputs of other structures to what general says.
    pull
        Weight of the squared distance to the weights that the training began from.
    freeze
        Parts of the network that do not learn.
    known_norm
        Whether batch normalisation goes by general's statistics.
    self_taught
        Whether confident predictions on the other slices are labels, from 40 % of the steps on,
        refreshed at 70 %.
    second_opinion
        Whether the scores are of the mean of its logits and general's, where general knows the
        structure; the training is as it is.
    """

    settings: tuple[str, ...] = ()
    keep: float = 0.0
    pull: float = 0.0
    freeze: tuple[str, ...] = ()
    known_norm: bool = False
    self_taught: bool = False
    second_opinion: bool = False


TRIALS = {
    "base": Trial(),
    "muon": Trial(("optimiser=muon",)),
    "neighbours": Trial(("context=2",)),
    "features": Trial(("center_dropout=0",)),
    "levels": Trial(("deep_supervision=0.3",)),
    "rate": Trial(("learning_rate=0.001",)),
    "batch8": Trial(("batch_size=8",)),
    "capnone": Trial(("weight_cap=none",)),
    "cap5": Trial(("weight_cap=5",)),
    "share": Trial(("foreground_share=0.3",)),
    "strong": Trial(STRONG),
    "keep": Trial(keep=1.0),
    "keep03": Trial(keep=0.3),
    "pull": Trial(pull=0.01),
    "norm": Trial(known_norm=True),
    "frozen": Trial(freeze=("encoders",)),
    "frozen2": Trial(freeze=("encoders", "center")),
    "self": Trial(self_taught=True),
    "opinion": Trial(second_opinion=True),
    "context1": Trial(("context=1",)),
    "context2": Trial(("context=2",)),
}


class SecondOpinion(nn.Module):
    """The mean of a network's logits and general's, of those outputs that general has."""

    def __init__(self, network: nn.Module, rows: dict[int, int], binning: int) -> None:
        super().__init__()
        self.network, self.general = network, general().network
        self.own, self.known = list(rows), list(rows.values())
        self.binning = binning

    def forward(self, image: Tensor) -> Tensor:
        """Return logits `(b, outputs, h, w)`."""
        logits = self.network(image).float()
        others = self.general(F.avg_pool2d(image, self.binning)).float()[:, self.known]
        others = F.interpolate(others, logits.shape[2:], mode="bilinear")
        logits[:, self.own] = (logits[:, self.own] + others) / 2
        return logits
