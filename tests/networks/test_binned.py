"""Binned is the network on means of pixels; what it shares with all is in test_networks.py."""

from __future__ import annotations

import pytest
import torch

from seget.networks import Binned, SegET


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return SegET().eval()


@torch.no_grad()
def test_binned_is_the_network_on_means_of_pixels(network, image):
    fine = image(1, 1, 64, 32)
    coarse = fine.reshape(1, 1, 32, 2, 16, 2).mean(dim=(3, 5))
    enlarged = Binned(network, 2)(fine)
    # bilinear: a pixel lies a quarter of the coarse step from its own coarse pixel
    logits = network(coarse)
    expected = 0.75 * logits[..., 7, 1:-1] + 0.25 * logits[..., 6, 1:-1]
    expected = 0.75 * expected + 0.25 * (0.75 * logits[..., 7, :-2] + 0.25 * logits[..., 6, :-2])
    torch.testing.assert_close(enlarged[..., 14, 2:-2:2], expected)


@pytest.mark.parametrize("size", [(1, 1), (17, 33), (100, 64), (16, 5)])
@torch.no_grad()
def test_any_size_comes_back_at_its_own_size_from_a_binning_of_three(network, image, size):
    logits = Binned(network, 3).eval()(image(2, 1, *size))
    assert logits.shape == (2, 1, *size)
    assert logits.isfinite().all()
