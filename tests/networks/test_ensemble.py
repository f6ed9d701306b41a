"""Several networks are the mean of their logits, and are compiled as one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from seget.device import choose_device
from seget.networks import Architecture, Calibrated, Ensemble
from seget.prediction import OpenVinoEngine, TorchEngine

ARCHITECTURE = Architecture("seget", outputs=2, binning=2)


@pytest.fixture(scope="module")
def members() -> list[torch.nn.Module]:
    first, second = (ARCHITECTURE.build(seed).eval() for seed in (1, 2))
    return [first, Calibrated(second, (2.0, 1.0), (-0.5, 1.0))]


def test_logits_are_averaged(members: list[torch.nn.Module], image: Callable[..., Tensor]) -> None:
    one = image(1, 1, 40, 56)
    with torch.inference_mode():
        wanted = (members[0](one) + members[1](one)) / 2
        torch.testing.assert_close(Ensemble(members)(one), wanted)


def test_it_is_told_from_other_networks(members: list[torch.nn.Module]) -> None:
    assert ARCHITECTURE.describes(Ensemble(members))
    assert ARCHITECTURE.describes(members[1])
    assert not ARCHITECTURE.describes(Ensemble([*members, torch.nn.Identity()]))


def test_openvino_gives_torch_s_scores(members: list[torch.nn.Module]) -> None:
    device = choose_device("cpu", "float32")
    pixels = np.random.default_rng(0).normal(size=(1, 64, 96)).astype(np.float32)
    network = Ensemble(members).eval()
    one, other = (engine(network, device) for engine in (TorchEngine, OpenVinoEngine))
    apart = one.scores(pixels, 1).astype(int) - other.scores(pixels, 1)
    assert np.abs(apart).max() <= 1
