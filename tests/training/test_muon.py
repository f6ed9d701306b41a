"""Muon: orthogonal steps, against singular values and against torch's own."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from seget.device import choose_device
from seget.losses import regularised
from seget.networks import NETWORKS, Architecture
from seget.recipes import modern, paper
from seget.training.muon import MOMENTUM, STEP, Muon, hidden_kernels, orthogonal
from seget.training.state import State

Sides = st.integers(1, 40)


@given(Sides, Sides, st.integers(0, 10**6))
def test_the_result_has_the_singular_vectors_and_values_of_about_one(rows, columns, seed) -> None:
    generator = torch.Generator().manual_seed(seed)
    matrix = torch.randn(rows, columns, generator=generator, dtype=torch.float64)
    (found,) = orthogonal([matrix])
    u, values, v = torch.linalg.svd(matrix, full_matrices=False)
    turned = u.T @ found @ v.T
    assert (turned - torch.diag(torch.diag(turned))).abs().max() < 1e-8
    sure = values > 0.01 * values.norm()
    assert torch.diag(turned)[sure].min() > 0.6
    assert torch.diag(turned).max() < 1.25


def test_matrices_of_equal_and_other_sizes_do_not_mix() -> None:
    matrices = [torch.randn(n, m) for n, m in ((8, 30), (30, 8), (8, 9), (16, 16), (8, 30))]
    together = orthogonal(matrices)
    for matrix, found in zip(matrices, together, strict=True):
        assert found.shape == matrix.shape
        torch.testing.assert_close(found, orthogonal([matrix])[0])


def test_nothing_comes_of_nothing() -> None:
    (found,) = orthogonal([torch.zeros(4, 6)])
    assert not found.any()


@pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="torch has no Muon before 2.9")
def test_steps_are_those_of_torchs_own_but_for_bf16() -> None:
    weights = torch.randn(24, 40)
    ours = nn.Parameter(weights.reshape(24, 40, 1, 1).clone())
    theirs = nn.Parameter(weights.clone())
    muon = Muon([ours], 0.0, [{"params": [nn.Parameter(torch.zeros(1))]}], lr=0.1)
    oracle = torch.optim.Muon(
        [theirs],
        lr=0.1 * STEP / 0.2,
        momentum=MOMENTUM,
        weight_decay=0.0,
        adjust_lr_fn="match_rms_adamw",
    )
    for _ in range(4):
        gradient = torch.randn(24, 40)
        ours.grad, theirs.grad = gradient.reshape(ours.shape).clone(), gradient.clone()
        muon.step()
        oracle.step()
    moved, wanted = ours.detach().flatten() - weights.flatten(), theirs.detach() - weights
    assert (moved - wanted.flatten()).norm() < 0.03 * wanted.norm()  # bf16 has eight bits


@pytest.mark.parametrize("name", NETWORKS)
def test_no_kernel_of_images_or_scores_is_turned_and_most_weights_are(name) -> None:
    network = Architecture(name, outputs=3).build(0)
    hidden = {id(kernel) for kernel in hidden_kernels(regularised(network))}
    convolutions = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
    assert id(convolutions[0].weight) not in hidden
    assert all(
        id(m.weight) not in hidden
        for m in convolutions
        if m.out_channels == 3 and m.bias is not None
    )
    assert len(hidden) > len(convolutions) / 2


def test_the_l2_term_shrinks_kernels_whose_loss_does_not_change() -> None:
    kernel = nn.Parameter(torch.randn(16, 16, 3, 3))
    before = float(kernel.detach().norm())
    muon = Muon([kernel], 1e-3, [{"params": [nn.Parameter(torch.zeros(1))]}], lr=1e-3)
    for _ in range(5):
        kernel.grad = torch.zeros_like(kernel)
        muon.step()
    assert float(kernel.detach().norm()) < before


def test_the_recipe_chooses_it() -> None:
    device = choose_device("cpu")
    chosen = State(modern().override(["optimiser=muon"]), 1, 0, device).optimiser
    assert isinstance(chosen, Muon)
    assert not isinstance(State(paper("synapse"), 1, 0, device).optimiser, Muon)
    names = {id(p) for group in chosen.param_groups for p in group["params"]}
    network = State(modern().override(["optimiser=muon"]), 1, 0, device).network
    assert len(names) == len(list(network.parameters()))
