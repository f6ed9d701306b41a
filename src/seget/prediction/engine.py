"""Engines score a window of a slice by the network; this module has the one of torch.

normalised window (c, y, x) -> scores (k, y, x), 0..127

It never cuts a slice: `scorer` does. Other engines (`openvino_engine`) have the interface `Engine`
too, and give the same labels.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from seget.device import Device
from seget.prediction.folding import folded
from seget.volume import FULL_SCORE

Scores = npt.NDArray[np.uint8]
Pixels = npt.NDArray[np.float32]

# The eight symmetries of a square: transposed or not, then mirrored in y, x, both or neither.
VIEWS = [(turned, axes) for turned in (False, True) for axes in ((), (1,), (0,), (0, 1))]


class Engine(Protocol):
    """A network ready to score windows.

    Attributes
    ----------
    name
        Its name on the command line (`--engine`).
    device
        Where it runs, and in which precision.
    graph
        Whether it runs a compiled graph, which takes other memory than torch does.
    """

    name: str
    device: Device
    graph: bool

    def scores(self, pixels: Pixels, views: int) -> Scores:
        """Return scores `(k, y, x)` of a normalised window `(c, y, x)`, averaged over views."""
        ...


class TorchEngine:
    """The network on a processor or a GPU; for CUDA a copy with batch normalisation folded."""

    name = "torch"
    graph = False

    def __init__(self, network: nn.Module, device: Device) -> None:
        self.device = device
        if device.torch.type == "cuda":
            network = folded(network)
            if device.bf16:
                network = network.bfloat16()
        self.network = network.eval().to(device.torch, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def scores(self, pixels: Pixels, views: int = 1) -> Scores:
        """Return scores `(k, y, x)` of a normalised window `(c, y, x)`, averaged over views."""
        image = torch.from_numpy(np.ascontiguousarray(pixels)).to(self.device.torch)
        result: Scores = self.scored(image, views).cpu().numpy()
        return result

    def scored(self, pixels: Tensor, views: int = 1) -> Tensor:
        """Return the same, of a window on the device; the scores stay there."""
        image = pixels[None]
        with torch.inference_mode(), self.device.computing():
            first, *others = VIEWS[:views]
            score = self._seen(image, *first)
            for view in others:
                score += self._seen(image, *view)
            # Huge weights can overflow to NaN, which counts as score 0.
            return score.mul_(FULL_SCORE / views).nan_to_num_(0).round_().to(torch.uint8)

    def _seen(self, image: Tensor, turned: bool, mirrored: tuple[int, ...]) -> Tensor:
        """Return probabilities `(k, h, w)` from one view of `(1, c, h, w)`, mapped back."""
        axes = tuple(axis + 2 for axis in mirrored)
        view = image.transpose(2, 3) if turned else image
        with self.device.autocast():
            logits: Tensor = self.network(view.flip(axes).contiguous())
        probability = torch.sigmoid(logits.float()).flip(axes)
        return (probability.transpose(2, 3) if turned else probability)[0]
