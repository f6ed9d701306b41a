"""A network whose batch normalisations are folded gives the same logits."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from seget.networks import Architecture
from seget.networks.architecture import NETWORKS
from seget.prediction.folding import folded


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("binning", [1, 2])
def test_folding_changes_no_logit(name: str, binning: int) -> None:
    # In double precision: where two pixels are level, rounding decides which one SegNet's pooling
    # takes the place of, and in single precision a fold rounds otherwise.
    network = Architecture(name, 1, 2, binning).build(3).double()
    generator = torch.Generator().manual_seed(0)
    image = torch.randn(2, 1, 96, 80, generator=generator, dtype=torch.float64)
    with torch.no_grad():
        for _ in range(3):  # statistics as after some steps
            network.train()(image)
        network.eval()
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.weight.uniform_(0.5, 2, generator=generator)
                module.bias.uniform_(-1, 1, generator=generator)
        before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        wanted, got = network(image), folded(network)(image)
    torch.testing.assert_close(got, wanted, rtol=1e-9, atol=1e-9 * float(wanted.abs().max()))
    assert not any(isinstance(m, nn.BatchNorm2d) for m in folded(network).modules())
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name])
