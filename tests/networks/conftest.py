"""What tests of networks share: images, and what a network does, in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)


@pytest.fixture(scope="session")
def image() -> Callable[..., Tensor]:
    """Return a maker of images of noise, the same for a seed on every machine."""

    def make(*shape: int, seed: int = 1) -> Tensor:
        return torch.randn(shape, generator=torch.Generator().manual_seed(seed))

    return make


@pytest.fixture(scope="session")
def figure() -> Callable[[nn.Module], dict[str, str]]:
    """Return a function that notes every convolution as it happens, by block.

    The words of a convolution are inputs>outputs:edge; 3x3 unless said, `up` if transposed, @ is
    the dilation, and the edge in px is of what it gives for an image of 64.
    """

    @torch.no_grad()
    def draw(network: nn.Module) -> dict[str, str]:
        seen: dict[str, list[str]] = {}

        def watch(block: str, conv: nn.Module) -> Any:
            def note(_: nn.Module, __: Any, result: Tensor) -> None:
                seen.setdefault(block, []).append(f"{_words(conv)}:{result.shape[-1]}")

            return conv.register_forward_hook(note)

        modules = network.named_modules()
        hooks = [watch(_block(network, n), m) for n, m in modules if isinstance(m, CONVOLUTIONS)]
        network(torch.zeros(1, 1, 64, 64))
        for hook in hooks:
            hook.remove()
        return {block: " ".join(words) for block, words in seen.items()}

    return draw


def _block(network: nn.Module, name: str) -> str:
    room, place, *_ = [*name.split("."), ""]
    return f"{room}.{place}" if isinstance(getattr(network, room), nn.ModuleList) else room


def _words(conv: nn.Conv2d | nn.ConvTranspose2d) -> str:
    kernel = "{}x{}".format(*conv.kernel_size)
    up = "up" if isinstance(conv, nn.ConvTranspose2d) else ""
    return (
        f"{conv.in_channels}>{conv.out_channels}"
        + ("" if kernel == "3x3" else f",{up}{kernel}")
        + ("" if conv.dilation == (1, 1) else f"@{conv.dilation[0]}")
    )


class _Operations(TorchDispatchMode):
    """Write down the name of every operation that torch carries out."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.append(str(func))
        return func(*args, **(kwargs or {}))


@pytest.fixture(scope="session")
def operations() -> Callable[[nn.Module], str]:
    """Return a function that spells what a network does to an image, a letter an operation.

    c: convolution, b: batch normalisation, r: ReLU, m: max pooling, u: its reverse, p: other
    pooling, s: sigmoid.
    """
    letters = {
        "convolution": "c",
        "batch_norm": "b",
        "relu": "r",
        "max_pool": "m",
        "max_unpool": "u",
        "pool": "p",
        "mean": "p",
        "sigmoid": "s",
    }

    @torch.no_grad()
    def spell(network: nn.Module) -> str:
        with _Operations() as ran:
            network(torch.zeros(1, 1, 32, 32))
        words = (next((k for k in letters if k in name), None) for name in ran.names)
        return "".join(letters[word] for word in words if word)

    return spell
