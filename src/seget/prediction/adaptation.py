"""A network adapted to a tomogram that it has not learnt from.

Trained + SliceReader -> Trained whose statistics of activations are half the tomogram's

Batch normalisation subtracts means and divides by deviations that were found in the training
patches. Those of another tomogram differ, by stain, noise and thickness, and those of a slice by
having less border than a patch. Half of each is taken from windows of the tomogram, which needs no
mask (Schneider et al. 2020, "Improving robustness against common corruptions by covariate shift
adaptation", section 2; measured in docs/adaptation.md). It never changes a weight.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from seget.device import Device
from seget.listener import Listener
from seget.prediction.engine import Pixels
from seget.prediction.plan import PROGRAM_BYTES, SHARE_OF_FREE
from seget.prediction.sampling import content_windows
from seget.slices import SliceReader
from seget.trained import Trained

# Of the statistics, how much is the tomogram's.
SHARE = 0.5
# Smaller windows would have as much border as patches have, and slices have not.
WINDOWS, WINDOW_PX, LEAST_PX = 8, 512, 256
ADAPTED = (
    "the network takes half of its statistics from this tomogram (docs/adaptation.md; "
    "--no-adapt: none)."
)


def adapted(
    trained: Trained,
    reader: SliceReader,
    device: Device,
    memory_bytes: int | None,
    listener: Listener,
) -> Trained:
    """Return a model with statistics of batch normalisation half its own, half a tomogram's.

    Parameters
    ----------
    memory_bytes
        To use at most; None: half of what is free. As many windows as fit, mostly all, have their
        statistics found together.
    listener
        Is told that statistics are taken, or why not: the network has no batch normalisation, or
        padding leaves no window. Then the model is returned as it is.
    """
    layers = normalisations(trained.network)
    windows = content_windows(reader, WINDOWS, WINDOW_PX, LEAST_PX) if layers else []
    if not windows:
        why = f"padding leaves less than {LEAST_PX} pixels" if layers else "the network has none"
        listener.note(f"{reader.volume.name}: no statistics are taken from it: {why}.")
        return trained
    free = memory_bytes or int(device.free_bytes() * SHARE_OF_FREE)
    window_bytes = windows[0][0].size * trained.architecture.bytes_per_px(bf16=False, graph=False)
    together = max(1, int((free - PROGRAM_BYTES) / window_bytes))
    batches = [np.stack(windows[n : n + together]) for n in range(0, len(windows), together)]
    network = with_statistics_of(trained.network, batches, device)
    listener.note(f"{reader.volume.name}: {ADAPTED}")
    # Without a hash its graph is not kept for the next command, which may have another tomogram.
    return replace(trained, network=network, weights_sha256="")


def with_statistics_of(
    network: nn.Module, batches: Sequence[Pixels], device: Device, share: float = SHARE
) -> nn.Module:
    """Return a copy of a network with `share` of its statistics from windows `(b, c, y, x)`."""
    made = copy.deepcopy(network).eval().to(device.torch)
    seen = [_Seen(one) for one in normalisations(made)]
    with torch.inference_mode(), device.computing():
        for windows in batches:
            made(torch.from_numpy(windows).to(device.torch))
    for one in seen:
        one.mix(share)
    return made.to("cpu")


def normalisations(network: nn.Module) -> list[nn.BatchNorm2d]:
    """Return the layers that hold statistics."""
    return [one for one in network.modules() if isinstance(one, nn.BatchNorm2d)]


class _Seen:
    """What a normalisation sees of windows, which it normalises by their own statistics."""

    def __init__(self, layer: nn.BatchNorm2d) -> None:
        assert layer.running_mean is not None and layer.running_var is not None
        self.mean, self.variance = layer.running_mean, layer.running_var
        self.own = self.mean.clone(), self.variance.clone()
        self.found: list[tuple[Tensor, Tensor]] = []
        self._hook = layer.register_forward_pre_hook(self._look)

    def _look(self, layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        """Find the statistics of an image `(b, c, h, w)`, and normalise by them."""
        if inputs[0][:, 0].numel() > 1:  # one number has no variance
            variance, mean = torch.var_mean(inputs[0].float(), (0, 2, 3))
            self.found.append((mean, variance))
            self._put(mean, variance)

    def mix(self, share: float) -> None:
        """Leave the layer with a share of what was found, and the rest of its own."""
        self._hook.remove()
        found = [torch.stack(each).mean(0) for each in zip(*self.found, strict=True)] or self.own
        self._put(*(torch.lerp(a, b, share) for a, b in zip(self.own, found, strict=True)))

    def _put(self, mean: Tensor, variance: Tensor) -> None:
        self.mean.copy_(mean)
        self.variance.copy_(variance)
