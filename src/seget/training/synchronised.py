"""Batch normalisation over the patches of all processes that train together.

network -> the same network, whose statistics in training are those of the whole batch

It never changes a weight, nor what a network computes in prediction.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional


class Synchronised(nn.BatchNorm2d):
    """Batch normalisation with the mean and the variance of all ranks' maps, on any device."""

    def forward(self, x: Tensor) -> Tensor:
        """Return `(b, c, h, w)` normalised, in the type of `x`."""
        if not self.training:
            return super().forward(x)
        with torch.no_grad():
            count, mean, variance = _statistics(x)
            self._remember(mean, variance * (count / (count - 1)))
        given = x, self.weight, self.bias, (count, mean, variance), self.eps
        normalised: Tensor = _Normalised.apply(*given)  # type: ignore[no-untyped-call]
        return normalised

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


def _statistics(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return values a channel, mean and variance of all ranks' maps, by one pass over its own."""
    unused = torch.zeros(2, x.shape[1], device=x.device)  # running statistics, which torch updates
    mean, variance = torch.batch_norm_update_stats(x, unused[0], unused[1], 1.0)
    own = mean.new_full((1,), x.numel() / x.shape[1])
    sums = torch.cat([mean * own, own])
    dist.all_reduce(sums)
    count, everywhere = sums[-1], sums[:-1] / sums[-1]
    spread = (variance + (mean - everywhere).square()) * own
    dist.all_reduce(spread)
    return count, everywhere, spread / count


class _Normalised(torch.autograd.Function):
    """Normalise by given statistics, with the gradient that goes through these, too."""

    @staticmethod
    def forward(
        context: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor,
        statistics: tuple[Tensor, Tensor, Tensor],
        eps: float,
    ) -> Tensor:
        count, mean, variance = statistics
        context.save_for_backward(x, weight, count, mean, variance)
        context.eps = eps
        return functional.batch_norm(x, mean, variance, weight, bias, False, 0.0, eps)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, count, mean, variance = context.saved_tensors
        # As if the statistics were constants: for x; and sums over this rank's pixels for the rest.
        direct, for_weight, for_bias = torch.ops.aten.native_batch_norm_backward(
            gradient, x, weight, mean, variance, None, None, False, context.eps, [True, True, True]
        )
        sums = torch.stack([for_weight, for_bias]).float()
        dist.all_reduce(sums)
        slope, shift = sums / count
        # Through the statistics: an affine function of x, the same for all ranks.
        inverse = (variance + context.eps).rsqrt()
        by_x = -weight * inverse.square() * slope
        constant = -weight * inverse * shift - by_x * mean
        through = torch.addcmul(constant[:, None, None], x.float(), by_x[:, None, None])
        # In one type: torch is slow at adding float32 to bf16.
        return through.add_(direct.float()).to(x.dtype), for_weight, for_bias, None, None
