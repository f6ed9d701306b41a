"""Batch normalisation over the patches of all processes that train together.

network -> the same network, whose statistics in training are those of the whole batch

It never changes a weight, nor what a network computes in prediction.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn


class Synchronised(nn.BatchNorm2d):
    """Batch normalisation with the mean and the variance of all ranks' maps, on any device."""

    def forward(self, x: Tensor) -> Tensor:
        """Return `(b, c, h, w)` normalised, in the type of `x`."""
        if not self.training:
            return super().forward(x)
        values = x.float()
        own = values.new_full((1,), values.numel() / values.shape[1])
        sums = _total(torch.cat([values.sum(dim=(0, 2, 3)), own]))
        mean, count = sums[:-1] / sums[-1], sums[-1].detach()
        centred = values - mean[:, None, None]
        variance = _total(centred.square().sum(dim=(0, 2, 3))) / count
        with torch.no_grad():
            self._remember(mean, variance * (count / (count - 1)))
        scale = (variance + self.eps).rsqrt() * self.weight
        return (centred * scale[:, None, None] + self.bias[:, None, None]).to(x.dtype)

    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        self.num_batches_tracked.add_(1)
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance, self.momentum)


def synchronised(network: nn.Module) -> nn.Module:
    """Return the network with its batch normalisations synchronised, in place; weights stay."""
    for module in network.modules():
        for name, norm in module.named_children():
            if type(norm) is nn.BatchNorm2d:
                module._modules[name] = _converted(norm)
    return network


def _converted(norm: nn.BatchNorm2d) -> Synchronised:
    made = Synchronised(norm.num_features, norm.eps, norm.momentum)
    made._parameters, made._buffers = norm._parameters, norm._buffers
    return made


class _Total(torch.autograd.Function):
    """Sum over all ranks. What they do with it adds up, so their gradients do, too."""

    @staticmethod
    def forward(context: Any, x: Tensor) -> Tensor:
        total = x.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        total = gradient.clone()
        dist.all_reduce(total)
        return total


def _total(x: Tensor) -> Tensor:
    summed: Tensor = _Total.apply(x)  # type: ignore[no-untyped-call]
    return summed
