"""The gradients of a batch, in smaller parts where the memory does not hold it at once.

network + Batch -> loss of equation 1; in the network, the gradients of all of it but the L2 term

It never changes a weight: the optimiser does, and adds the L2 term's gradient (`state`). An attempt
that runs out of memory leaves nothing behind, neither gradients nor batch norm's statistics.
"""

from __future__ import annotations

import torch
from torch import Tensor

from seget.device import Device, ran_out_of_memory
from seget.errors import RunError
from seget.losses import (
    at_stride,
    batch_sums,
    loss_of_sums,
    regularised,
    segmentation_loss,
    sum_of_squares,
)
from seget.networks import Binned, Network
from seget.recipes import Recipe
from seget.samples import Batch
from seget.training.ranks import ALONE, Ranks


class Gradients:
    """Computes the loss and gradients of one batch after another.

    Attributes
    ----------
    at_once
        The most patches that fit into memory together; None as long as whole batches fit.
    """

    def __init__(
        self, network: Network | Binned, recipe: Recipe, device: Device, ranks: Ranks = ALONE
    ) -> None:
        self.network = network
        self.ranks = ranks
        self.recipe = recipe
        self.device = device
        self.at_once: int | None = None
        # Collected once: walking through all modules would take milliseconds of every step.
        self._parameters = list(network.parameters())
        self._buffers = list(network.buffers())
        self._kernels = regularised(network)

    def take(self, batch: Batch, copies: int = 1) -> Tensor:
        """Leave the gradients of a batch in the network; return its loss, still on the device.

        Where the memory runs out, the batch is taken in parts: they are halved until they fit, and
        later batches begin with parts of that size.

        Raises
        ------
        RunError
            The memory does not hold one patch.
        """
        size = len(batch.image)
        if self.ranks.size > 1:
            return self._of_all_ranks(batch, copies)
        at_once = min(self.at_once or size, size)
        # Batch norm's running statistics change in the forward pass, which may then fail.
        statistics = [buffer.clone() for buffer in self._buffers]
        while (loss := self._attempt(batch, at_once)) is None:
            self.forget()
            torch.cuda.empty_cache()
            for buffer, before in zip(self._buffers, statistics, strict=True):
                buffer.copy_(before)
            if at_once == 1:
                raise RunError(_one_patch_is_too_large(self.device, batch.image.shape[-1]))
            self.at_once = at_once = -(-at_once // 2)
        return loss

    def _of_all_ranks(self, batch: Batch, copies: int) -> Tensor:
        """Leave the gradients of the batch of all ranks, of which `batch` is this one's part.

        So many ranks hold the same patches, where there are fewer of these: sums are divided by it.
        """
        self.forget()
        here = self._on_device(batch)
        try:
            with self.device.computing():
                judged = self._judged(here)
                cap = self.recipe.weight_cap
                sums = torch.stack([batch_sums(*one, cap) for one in judged])
                losses = [loss_of_sums(own) for own in self.ranks.total(sums) / copies]
                loss = self._learnt(losses)
        except RuntimeError as error:
            if not ran_out_of_memory(error):
                raise
            raise RunError(_one_rank_is_too_small(self.device, batch)) from None
        gradients = [weight.grad for weight in self._parameters if weight.grad is not None]
        self.ranks.add_up(gradients)
        with torch.no_grad():
            return loss + self.recipe.weight_decay * sum_of_squares(self._kernels)

    def whole(self, batch: Batch) -> Tensor:
        """Do the same with a batch that is on the device and fits, by what a CUDA graph records."""
        self.forget()
        with self.device.computing():
            return self._accumulate(batch, len(batch.image))

    def _attempt(self, batch: Batch, at_once: int) -> Tensor | None:
        """Return the loss, or None if the memory ran out.

        None and not an error: an error's traceback would keep the tensors of the failed pass.
        """
        self.forget()
        try:
            with self.device.computing():
                return self._accumulate(batch, at_once)
        except RuntimeError as error:
            if not ran_out_of_memory(error):
                raise
            return None

    def forget(self) -> None:
        """Let the network's gradients go."""
        for parameter in self._parameters:
            parameter.grad = None

    def _accumulate(self, batch: Batch, at_once: int) -> Tensor:
        """Add up the parts' losses and gradients, each weighted by its share of the patches.

        With one part this is exactly equation 1. With several it is close to it: batch norm sees
        one part at a time, and the Jaccard distance is the mean over the parts.
        """
        total = torch.zeros((), device=self.device.torch)
        for piece in batch.split(at_once):
            here = self._on_device(piece)
            share = len(here.image) / len(batch.image)
            judged = self._judged(here)
            cap = self.recipe.weight_cap
            total += self._learnt([segmentation_loss(*one, cap) * share for one in judged])
        with torch.no_grad():  # the optimiser adds the gradient of this term
            return total + self.recipe.weight_decay * sum_of_squares(self._kernels)

    def _on_device(self, batch: Batch) -> Batch:
        return batch.each(lambda part: self.device.take(part).float())

    def _judged(self, batch: Batch) -> list[tuple[Tensor, Tensor, Tensor]]:
        """Return the network's logits and their truth; coarser levels after it, if they teach."""
        with self.device.autocast():
            *coarse, finest = self.network.levels(batch.image, batch.kept)
        target, labelled = batch.target, batch.labelled
        judged = [(finest.logits, target, labelled)]
        reached_px = 1  # each level's truth is made from the finer one's, which is smaller
        for logits, stride_px in reversed(coarse if self.recipe.deep_supervision else []):
            size = logits.shape[-2], logits.shape[-1]
            target, labelled = at_stride(target, labelled, stride_px // reached_px, size)
            judged.append((logits, target, labelled))
            reached_px = stride_px
        return judged

    def _learnt(self, losses: list[Tensor]) -> Tensor:
        """Leave the gradients of all levels' losses; return the loss of the network's own logits.

        That is equation 1, whatever the coarser levels learn beside it.
        """
        own, *coarse = losses
        loss = own + self.recipe.deep_supervision * sum(coarse)
        loss.backward()  # type: ignore[no-untyped-call]
        return own.detach()


def _one_patch_is_too_large(device: Device, patch_px: int) -> str:
    return (
        f"{device.torch}: out of memory with a single patch of {patch_px} px; end what else runs "
        "on it and go on with --resume, or start anew with --overwrite and --set "
        f"patch_px={max(16, patch_px // 32 * 16)} (a smaller batch_size does not help any more)."
    )


def _one_rank_is_too_small(device: Device, batch: Batch) -> str:
    return (
        f"{device.torch}: out of memory with {len(batch.image)} patches of "
        f"{batch.image.shape[-1]} px, the part of one process; give more --devices, or a smaller "
        "--set patch_px or batch_size."
    )
