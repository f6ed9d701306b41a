"""The layout of numbers in memory is a matter of speed alone."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from seget.networks.blocks import ConvBlock, concatenate, is_channels_last, upsample

LAYOUTS = (torch.contiguous_format, torch.channels_last)


@pytest.mark.parametrize("width", [8, 24])  # fewer channels than a vector holds, and more
def test_either_layout_gives_the_same_features_and_gradients(width: int) -> None:
    torch.manual_seed(0)
    block, after = ConvBlock(4, width).double(), ConvBlock(width + 4, 3).double()
    image = torch.randn(2, 4, 6, 10, dtype=torch.double)
    results: list[list[Tensor]] = []
    for layout in LAYOUTS:
        for module in (block, after):
            module.zero_grad()
            module.to(memory_format=layout)  # type: ignore[call-overload]
        x = image.clone(memory_format=layout).requires_grad_()
        features = after(concatenate(upsample(block(x), 2), upsample(x, 2)))
        features.square().sum().backward()
        kernels = [p.grad.clone() for m in (block, after) for p in m.parameters()]
        results.append([features.detach(), x.grad, *kernels])
        assert features.is_contiguous(memory_format=layout)
    for rows, last in zip(*results, strict=True):
        torch.testing.assert_close(last, rows)


def test_gradients_come_back_channels_last() -> None:
    seen: list[bool] = []
    block = ConvBlock(4, 8).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    x = torch.randn(1, 4, 6, 10).to(memory_format=torch.channels_last).requires_grad_()
    features = block(x)
    features.register_hook(lambda gradient: seen.append(is_channels_last(gradient)))
    concatenate(features, x).sum().backward()
    assert seen == [True]
    assert is_channels_last(x.grad)
