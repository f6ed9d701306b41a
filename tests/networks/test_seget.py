"""SegET is figure 2, sees as far as its halo says and no farther, and takes any size."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from seget.networks import MULTIPLE, Binned, SegET, build, halo_px

# Convolutions of each block in their order, as inputs>outputs; 3x3 unless said, @ is the dilation,
# and the edge in px of what each gives for an image of 64.
FIGURE_2 = {
    "encoders.0": "1>16:64 16>16:64 16>8:64 8>16:32",
    "encoders.1": "16>32:32 32>32:32 32>16:32 16>32:16",
    "encoders.2": "32>64:16 64>64:16 64>32:16 32>64:8",
    "encoders.3": "64>128:8 128>128:8 128>64:8 64>128:4",
    "center": "128>256:4 256>256:4 256>64:4 256>64@2:4 256>64@4:4 256>64@8:4 512>256,1x1:4",
    "decoders.0": "320>128:8 128>128:8",
    "decoders.1": "160>64:16 64>64:16",
    "decoders.2": "80>32:32 32>32:32",
    "decoders.3": "40>16:64 16>16:64",
    "fusion": "128>16,1x1:8 64>16,1x1:16 32>16,1x1:32 48>32:32 32>32:32 48>16:64 16>16:64",
    "head": "16>1,1x1:64",
}


@pytest.fixture(scope="module")
def network() -> nn.Module:
    torch.manual_seed(0)
    return build("seget", 1).eval()


def image(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@contextmanager
def convolutions(network: nn.Module) -> Iterator[dict[str, str]]:
    """Note every convolution as it happens, by block, in the words of `FIGURE_2`."""
    seen: dict[str, list[str]] = {}

    def note(block: str, conv: nn.Conv2d, result: Tensor) -> None:
        words = f"{conv.in_channels}>{conv.out_channels}"
        words += "" if conv.kernel_size == (3, 3) else ",{}x{}".format(*conv.kernel_size)
        words += "" if conv.dilation == (1, 1) else f"@{conv.dilation[0]}"
        seen.setdefault(block, []).append(f"{words}:{result.shape[-1]}")

    hooks = []
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d):
            room, place, *_ = [*name.split("."), ""]
            block = f"{room}.{place}" if place.isdigit() else room
            hooks.append(
                module.register_forward_hook(
                    lambda conv, _, result, block=block: note(block, conv, result)
                )
            )
    found: dict[str, str] = {}
    yield found
    found.update({block: " ".join(words) for block, words in seen.items()})
    for hook in hooks:
        hook.remove()


class Operations(TorchDispatchMode):
    """Write down the name of every operation that torch carries out."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.append(str(func))
        return func(*args, **(kwargs or {}))


def test_the_convolutions_are_those_of_figure_2(network):
    with convolutions(network) as found, torch.no_grad():
        network(image(1, 1, 64, 64))
    assert found == FIGURE_2


@torch.no_grad()
def test_nothing_is_pooled_nothing_squashed_and_each_convolution_normalised(network):
    with Operations() as operations:
        network(image(1, 1, 32, 32))
    kinds = ("conv", "batch_norm", "relu", "pool", "sigmoid")
    ran = [kind for name in operations.names for kind in kinds if kind in name]
    number = sum(isinstance(module, nn.Conv2d) for module in network.modules())
    assert ran == ["conv", "batch_norm", "relu"] * (number - 1) + ["conv"]


def test_the_parameters_are_counted():
    assert sum(parameter.numel() for parameter in SegET(1).parameters()) == 2_820_497
    # one more output is one more kernel of 16 weights and its bias
    assert sum(parameter.numel() for parameter in SegET(5).parameters()) == 2_820_497 + 4 * 17


def test_a_patch_of_512_costs_what_is_said():
    with torch.device("meta"):
        network, patch = SegET(1).eval(), torch.empty(1, 1, 512, 512)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(patch)
    assert counter.get_total_flops() == pytest.approx(37.9e9, rel=0.05)


@pytest.mark.parametrize(("binning", "axis"), [(1, 2), (1, 3), (2, 3)])
@torch.no_grad()
def test_the_halo_covers_the_receptive_field(binning, axis):
    network = _mean_filters(build("seget", 1, binning)).eval()
    step = MULTIPLE * binning
    length = 2 * halo_px("seget", binning) // step * step + 6 * step
    # One bright pixel in each image, at every phase of the coarsest level. No weight is negative,
    # so a logit differs from 0 exactly where the gradient at that pixel would. A narrow image
    # costs little, and the reach along the other axis is the same.
    bright = length // 2 // step * step + torch.arange(step)
    impulses = torch.zeros(step, 1, length, step)
    impulses[torch.arange(step), 0, bright, step // 2] = 1
    logits = network(impulses.movedim(2, axis)).movedim(axis, 2)
    reached = (logits[:, 0] != 0).any(dim=2)
    distance = (torch.arange(length) - bright[:, None]).abs()
    radius = int(distance[reached].max())
    assert 200 * binning < radius <= halo_px("seget", binning)
    assert halo_px("seget", binning) - radius < step, "a smaller multiple would do"


@pytest.mark.parametrize("binning", [1, 2])
@torch.no_grad()
def test_a_window_with_its_halo_gives_the_logits_of_the_whole(binning):
    torch.manual_seed(0)
    network = build("seget", 1, binning).eval()
    halo, step = halo_px("seget", binning), MULTIPLE * binning
    whole = image(1, 1, step, 2 * halo + 13 * step)
    start = 7 * step
    window = whole[..., start : start + 2 * halo + step]
    kept = slice(halo, halo + step)
    expected = network(whole)[..., start:][..., kept]
    torch.testing.assert_close(network(window)[..., kept], expected, rtol=0, atol=1e-4)
    assert expected.std() > 1e-2


def _mean_filters(network: nn.Module) -> nn.Module:
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.constant_(module.weight, 1 / module.weight[0].numel())
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return network


@pytest.mark.parametrize("size", [(1, 1), (17, 33), (100, 64), (16, 5)])
@pytest.mark.parametrize("binning", [1, 2, 3])
@torch.no_grad()
def test_any_size_comes_back_at_its_own_size(network, size, binning):
    whole = network if binning == 1 else Binned(network, binning).eval()
    logits = whole(image(2, 1, *size))
    assert logits.shape == (2, 1, *size)
    assert logits.isfinite().all()


@torch.no_grad()
def test_an_odd_size_is_padded_with_its_own_border_at_its_end(network):
    small = image(1, 1, 17, 33)
    padded = torch.cat([small, small[..., -1:].expand(-1, -1, -1, 15)], dim=3)
    padded = torch.cat([padded, padded[..., -1:, :].expand(-1, -1, 15, -1)], dim=2)
    torch.testing.assert_close(network(small), network(padded)[..., :17, :33])


@torch.no_grad()
def test_binned_is_the_network_on_means_of_pixels(network):
    fine = image(1, 1, 64, 32)
    coarse = fine.reshape(1, 1, 32, 2, 16, 2).mean(dim=(3, 5))
    enlarged = Binned(network, 2)(fine)
    # bilinear: a pixel lies a quarter of the coarse step from its own coarse pixel
    logits = network(coarse)
    expected = 0.75 * logits[..., 7, 1:-1] + 0.25 * logits[..., 6, 1:-1]
    expected = 0.75 * expected + 0.25 * (0.75 * logits[..., 7, :-2] + 0.25 * logits[..., 6, :-2])
    torch.testing.assert_close(enlarged[..., 14, 2:-2:2], expected)


@pytest.mark.parametrize("binning", [1, 2])
def test_the_loss_reaches_every_parameter(binning):
    torch.manual_seed(0)
    network = build("seget", 2, binning).train()
    network(image(2, 1, 64, 64)).square().mean().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().max() > 0, name


@torch.no_grad()
def test_in_prediction_a_patch_does_not_see_its_neighbours(network):
    batch = image(3, 1, 48, 32)
    together = network(batch)
    alone = torch.cat([network(one[None]) for one in batch])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-5)


@torch.no_grad()
def test_five_structures_have_five_different_maps():
    torch.manual_seed(0)
    logits = build("seget", 5).eval()(image(1, 1, 20, 30))
    assert logits.shape == (1, 5, 20, 30)
    flat = logits[0].flatten(1)
    assert (torch.cdist(flat, flat) + 99 * torch.eye(5) > 1e-3).all()


@pytest.mark.parametrize("binning", [1, 2])
@torch.no_grad()
def test_weights_put_away_and_taken_up_give_the_same_logits(binning):
    networks = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        networks.append(build("seget", 2, binning))
    saved, other = networks
    saved.train()(image(2, 1, 64, 64))  # batch norm has statistics of its own now
    stored = safetensors.torch.save(saved.state_dict())
    patch = image(1, 1, 40, 24, seed=2)
    expected = saved.eval()(patch)
    assert not torch.allclose(other.eval()(patch), expected)
    other.load_state_dict(safetensors.torch.load(stored))
    assert torch.equal(other(patch), expected)


def test_a_binning_of_one_adds_nothing_and_the_halo_grows_with_it():
    assert isinstance(build("seget", 1), SegET)
    assert isinstance(build("seget", 1, 2), Binned)
    assert [halo_px("seget", binning) for binning in (1, 2, 4)] == [288, 576, 1152]
    assert halo_px("seget") % MULTIPLE == 0
