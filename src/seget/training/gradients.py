"""The gradients of a batch, in parts where the memory does not hold it at once.

network + Batch -> loss of equation 1, gradients in the network

It never moves a weight. An attempt that failed leaves nothing behind: no gradient, no statistics.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seget.device import Device
from seget.errors import RunError
from seget.losses import regularised, segmentation_loss, sum_of_squares
from seget.recipes import Recipe
from seget.samples import Batch


class Gradients:
    """Loss and gradients of one batch after another.

    Attributes
    ----------
    at_once
        The most patches that go through the network together; None as long as all of them fit.
    """

    def __init__(self, network: nn.Module, recipe: Recipe, device: Device) -> None:
        self.network = network
        self.recipe = recipe
        self.device = device
        self.at_once: int | None = None
        # Walking through the modules for them takes milliseconds, every step.
        self._parameters = list(network.parameters())
        self._buffers = list(network.buffers())
        self._kernels = regularised(network)

    def take(self, batch: Batch) -> Tensor:
        """Leave the gradients of a batch in the network; return its loss, not yet read back.

        Where the memory runs out the parts are halved until they fit, and stay so small.

        Raises
        ------
        RunError
            The memory does not hold one patch.
        """
        size = len(batch.image)
        at_once = min(self.at_once or size, size)
        # Batch norm takes in what it sees on the way forward, before the memory runs out.
        statistics = [buffer.clone() for buffer in self._buffers]
        while (loss := self._attempt(batch, at_once)) is None:
            self._forget()
            torch.cuda.empty_cache()
            for buffer, before in zip(self._buffers, statistics, strict=True):
                buffer.copy_(before)
            if at_once == 1:
                raise RunError(_one_patch_is_too_large(self.device, batch.image.shape[-1]))
            self.at_once = at_once = -(-at_once // 2)
        return loss

    def _attempt(self, batch: Batch, at_once: int) -> Tensor | None:
        """Return the loss, or None if the memory ran out: by then its error holds no tensor."""
        self._forget()
        try:
            return self._accumulate(batch, at_once)
        except torch.cuda.OutOfMemoryError:
            return None

    def _forget(self) -> None:
        for parameter in self._parameters:
            parameter.grad = None

    def _accumulate(self, batch: Batch, at_once: int) -> Tensor:
        """Add up the parts' losses and gradients, each weighted by its share of the patches.

        For one part this is the loss of equation 1. For several it is near it: batch norm sees a
        part at a time, and the Jaccard distance is the mean of the parts' own.
        """
        total = torch.zeros((), device=self.device.torch)
        parts = (torch.split(p, at_once) for p in (batch.image, batch.target, batch.labelled))
        for pieces in zip(*parts, strict=True):
            image, target, labelled = (self.device.take(piece).float() for piece in pieces)
            with self.device.autocast():
                logits = self.network(image)
            loss = segmentation_loss(logits, target, labelled, self.recipe.weight_cap)
            loss = loss * (len(image) / len(batch.image))
            loss.backward()  # type: ignore[no-untyped-call]
            total += loss.detach()
        return total + self._regularise()

    @torch.no_grad()
    def _regularise(self) -> Tensor:
        """Add the gradient of lambda psi, 2 lambda w, to that of each kernel; return lambda psi.

        Written out: autograd would keep and go through every kernel once more.
        """
        weight_decay = self.recipe.weight_decay
        gradients = [kernel.grad for kernel in self._kernels if kernel.grad is not None]
        torch._foreach_add_(gradients, self._kernels, alpha=2 * weight_decay)
        return weight_decay * sum_of_squares(self._kernels)


def _one_patch_is_too_large(device: Device, patch_px: int) -> str:
    return (
        f"{device.torch}: out of memory with a single patch of {patch_px} px; end what else runs "
        "on it and go on with --resume, or start anew with --overwrite and --set "
        f"patch_px={max(16, patch_px // 32 * 16)} (a smaller batch_size does not help any more)."
    )
