"""The losses agree with hand, with their own derivatives, and with the paper's two forms of one."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from torch import nn
from torch.autograd import gradcheck

from seget.losses import (
    adaptive_weight,
    at_stride,
    binary_cross_entropy,
    jaccard,
    jaccard_distance,
    regulariser,
    segmentation_loss,
    weighted_cross_entropy,
)
from seget.networks import NETWORKS, Architecture

SHAPE = (2, 3, 4, 5)  # b k h w


def patch(*rows: list[float]) -> torch.Tensor:
    """One patch of one structure, `(1, 1, h, w)` in float64."""
    return torch.tensor(rows, dtype=torch.float64)[None, None]


def example(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Logits, target and labelled of `SHAPE` in float64; a fifth of the pixels is unlabelled."""
    random = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(SHAPE, generator=random, dtype=torch.float64)
    target = (torch.rand(SHAPE, generator=random) < 0.3).double()
    labelled = (torch.rand(SHAPE, generator=random) < 0.8).double()
    return logits, target, labelled


def gradient(loss, logits: torch.Tensor) -> torch.Tensor:
    leaf = logits.clone().requires_grad_()
    loss(leaf).sum().backward()
    return leaf.grad


@pytest.mark.parametrize("cap", [None, 1.5, 2000.0])
@pytest.mark.parametrize("loss", [weighted_cross_entropy, segmentation_loss])
def test_derivatives_of_the_losses_of_logits(loss, cap):
    logits, target, labelled = example()
    of_logits = partial(loss, target=target, labelled=labelled, cap=cap)
    assert gradcheck(of_logits, (logits.requires_grad_(),))


def test_derivatives_of_the_cross_entropy_a_pixel():
    logits, target, _ = example()
    assert gradcheck(partial(binary_cross_entropy, target=target), (logits.requires_grad_(),))


@pytest.mark.parametrize("loss", [jaccard, jaccard_distance])
def test_derivatives_of_the_losses_of_probabilities(loss):
    logits, target, labelled = example()
    probability = torch.sigmoid(logits).requires_grad_()
    assert gradcheck(partial(loss, target=target, labelled=labelled), (probability,))


def test_derivative_of_the_regulariser():
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Conv2d(2, 1, 1)).double()
    kernels = (network[0].weight, network[2].weight)
    assert gradcheck(lambda *_: regulariser(network), kernels)


def test_only_kernels_are_regularised():
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Conv2d(2, 1, 1))
    for parameter in network.parameters():
        nn.init.constant_(parameter, 3.0)
    assert regulariser(network).item() == 9 * (18 + 2)
    regulariser(network).backward()
    reached = {name for name, p in network.named_parameters() if p.grad is not None}
    assert reached == {"0.weight", "2.weight"}


def test_every_convolution_of_a_network_is_regularised():
    for name in NETWORKS:
        network = Architecture(name).build(seed=0)
        kernels = [p for p in network.parameters() if p.ndim == 4]
        expected = torch.stack([kernel.square().sum() for kernel in kernels]).sum()
        torch.testing.assert_close(regulariser(network), expected)


# exp(-y) of equation 2 overflows beyond 709 in float64; equation 3 is there to have no such end.
@given(
    hnp.arrays(np.float64, (1, 1, 2, 3), elements=st.floats(-700, 700)),
    hnp.arrays(np.float64, (1, 1, 2, 3), elements=st.sampled_from([0.0, 1.0])),
)
def test_equation_3_is_equation_2(logits, target):
    y, t = torch.from_numpy(logits), torch.from_numpy(target)
    equation_2 = y - y * t + torch.log(1 + torch.exp(-y))
    torch.testing.assert_close(binary_cross_entropy(y, t), equation_2, rtol=1e-12, atol=1e-12)


@given(st.floats(-30, 30), st.sampled_from([0.0, 1.0]))
def test_it_is_the_cross_entropy_of_the_sigmoid(logit, truth):
    likelihood = 1 / (1 + math.exp(-logit if truth else logit))
    loss = binary_cross_entropy(patch([logit]), patch([truth]))
    assert loss.item() == pytest.approx(-math.log(likelihood), abs=1e-12)


@pytest.mark.parametrize("truth", [0.0, 1.0])
@pytest.mark.parametrize(
    "logit",
    [-2.0, 0.0, 2.0],
)
def test_its_slope_is_the_error_of_the_probability(logit, truth):
    slope = gradient(partial(binary_cross_entropy, target=patch([truth])), patch([logit]))
    assert slope.item() == pytest.approx(1 / (1 + math.exp(-logit)) - truth)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_logits_of_ten_thousand_do_not_overflow(dtype):
    logits = patch([1e4, 1e4, -1e4, -1e4]).to(dtype)
    target = patch([1, 0, 1, 0]).to(dtype)
    loss = binary_cross_entropy(logits, target)
    assert loss.flatten().tolist() == [0, 1e4, 1e4, 0]
    slope = gradient(partial(binary_cross_entropy, target=target), logits)
    assert slope.flatten().tolist() == [0, 1, -1, 0]
    whole = partial(segmentation_loss, target=target, labelled=torch.ones_like(target), cap=2000.0)
    assert whole(logits).isfinite()
    assert gradient(whole, logits).isfinite().all()


TWO_OF_FOURTEEN = patch([1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1])
# The last two pixels are unlabelled; one of them is drawn, and counts nowhere all the same.
FOURTEEN = patch([1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 0, 0])


@pytest.mark.parametrize(("cap", "expected"), [(2000.0, 12 / 2), (6.0, 6), (5.0, 5), (0.5, 0.5)])
def test_two_of_fourteen_labelled_pixels_weigh_six_or_the_cap(cap, expected):
    weight = adaptive_weight(TWO_OF_FOURTEEN, FOURTEEN, cap)
    assert weight[0, 0].tolist() == [
        [expected, 1, 1, 1],
        [1, expected, 1, 1],
        [1, 1, 1, 1],
        [1, 1, 0, 0],
    ]


def test_without_a_cap_nothing_is_weighted():
    assert torch.equal(adaptive_weight(TWO_OF_FOURTEEN, FOURTEEN, None), FOURTEEN)


def test_a_patch_without_foreground_weighs_one_everywhere():
    weight = adaptive_weight(torch.zeros_like(FOURTEEN), FOURTEEN, 2000.0)
    assert torch.equal(weight, FOURTEEN)


def test_a_patch_without_background_weighs_one_everywhere():
    drawn = torch.ones(1, 1, 3, 3)
    for labelled in (drawn, patch([1, 1, 1], [1, 1, 0], [0, 1, 1])):
        assert torch.equal(adaptive_weight(drawn, labelled, 20.0), labelled)


def test_each_patch_and_each_structure_has_its_own_ratio():
    target = torch.zeros(2, 2, 1, 8)
    for number, (b, k) in enumerate([(0, 0), (0, 1), (1, 0), (1, 1)]):
        target[b, k, 0, : 2**number] = 1
    weight = adaptive_weight(target, torch.ones_like(target), 2000.0)
    # 1, 2, 4 and 8 foreground pixels of 8.
    assert weight[..., 0].flatten().tolist() == [7, 3, 1, 1]
    assert (weight[target == 0] == 1).all()


def test_the_cross_entropy_is_divided_by_the_labelled_pixels_not_by_the_weights():
    zeros = torch.zeros_like(FOURTEEN)  # ln 2 a pixel
    loss = partial(weighted_cross_entropy, zeros, TWO_OF_FOURTEEN, FOURTEEN)
    assert loss(cap=None).item() == pytest.approx(math.log(2))
    assert loss(cap=5.0).item() == pytest.approx((12 + 2 * 5) / 14 * math.log(2))


def test_the_cross_entropy_of_a_batch_averages_over_all_its_pixels():
    logits, target, labelled = example()
    weight = adaptive_weight(target, labelled, 3.0)
    pixels = weight * nn.functional.binary_cross_entropy_with_logits(
        logits, target, reduction="none"
    )
    expected = pixels.transpose(0, 1).flatten(1).sum(1) / labelled.transpose(0, 1).flatten(1).sum(1)
    torch.testing.assert_close(weighted_cross_entropy(logits, target, labelled, 3.0), expected)


@pytest.mark.parametrize("cap", [None, 1.5, 2000.0])
def test_unlabelled_pixels_change_neither_value_nor_gradient(cap):
    logits, target, labelled = example()
    other, flipped, _ = example(seed=1)
    hidden = labelled == 0
    loss = partial(segmentation_loss, labelled=labelled, cap=cap)
    elsewhere = torch.where(hidden, 100 * other, logits)
    redrawn = torch.where(hidden, flipped, target)
    assert (redrawn != target).any()
    assert torch.equal(loss(elsewhere, redrawn), loss(logits, target))
    slope = gradient(partial(loss, target=target), logits)
    assert torch.equal(gradient(partial(loss, target=redrawn), elsewhere), slope)
    assert (slope[hidden] == 0).all()
    assert (slope[~hidden] != 0).all()


def test_jaccard_by_hand():
    probability, target = patch([0.5, 1.0, 0.25, 0.75]), patch([1, 1, 0, 0])
    labelled = torch.ones_like(target)
    # intersection 1.5; |Y| + |T| - intersection = 2.5 + 2 - 1.5 = 3; one more on both
    assert jaccard(probability, target, labelled).tolist() == [2.5 / 4]
    assert jaccard_distance(probability, target, labelled).tolist() == [1.5 / 4]
    labelled = patch([1, 1, 1, 0])  # intersection 1.5, union 2.25
    assert jaccard(probability, target, labelled).item() == pytest.approx(2.5 / 3.25)


def test_jaccard_is_one_where_nothing_is_drawn_and_nothing_predicted():
    nothing = torch.zeros_like(FOURTEEN)
    assert jaccard(nothing, nothing, FOURTEEN).item() == 1
    assert jaccard(FOURTEEN, FOURTEEN, FOURTEEN).item() == 1


def test_jaccard_sums_over_the_patches_of_a_batch():
    probability = torch.cat([patch([1, 1, 0, 0]), patch([1, 0, 0, 0])])
    target = torch.cat([patch([1, 0, 0, 0]), patch([1, 0, 0, 0])])
    ones = torch.ones_like(target)
    # the patches' own would be 2/3 and 2/2; together intersection 2, union 3
    assert jaccard(probability, target, ones).tolist() == [3 / 4]


def test_foreground_predicted_where_the_target_is_empty_costs():
    logits = torch.full((2, 1, 4, 4), 0.3, dtype=torch.float64)
    empty, ones = torch.zeros_like(logits), torch.ones_like(logits)
    distance = partial(jaccard_distance, target=empty, labelled=ones)
    assert (gradient(distance, torch.sigmoid(logits)) > 0).all()
    loss = partial(segmentation_loss, target=empty, labelled=ones, cap=2000.0)
    assert (gradient(loss, logits) > 0).all()
    assert loss(logits - 9) < loss(logits)


def test_the_two_losses_are_added_and_averaged_over_the_structures():
    logits, target, labelled = example()
    each = weighted_cross_entropy(logits, target, labelled, 3.0)
    each = each + jaccard_distance(torch.sigmoid(logits), target, labelled)
    assert each.shape == (3,)
    torch.testing.assert_close(segmentation_loss(logits, target, labelled, 3.0), each.mean())


def test_a_structure_without_any_label_is_not_learnt_from():
    logits, target, labelled = example()
    labelled[:, 1] = 0
    loss = partial(segmentation_loss, target=target, labelled=labelled, cap=2000.0)
    slope = gradient(loss, logits)
    assert (slope[:, 1] == 0).all()
    assert (slope[:, 0] != 0).any()
    assert (slope[:, 2] != 0).any()
    assert gradient(partial(loss, labelled=0 * labelled), logits).count_nonzero() == 0


def test_half_precision_logits_are_counted_in_full_precision():
    logits = torch.full((1, 1, 256, 256), -1.0).bfloat16()  # its sigmoid has no short form
    target = (torch.rand(logits.shape, generator=torch.Generator().manual_seed(0)) < 0.1).float()
    loss = segmentation_loss(logits, target, torch.ones_like(target))
    assert loss.dtype == torch.float32
    exact = segmentation_loss(logits.double(), target.double(), torch.ones_like(target).double())
    assert loss.item() == pytest.approx(exact.item(), rel=1e-5)


def test_a_coarse_pixel_is_what_its_labelled_pixels_are() -> None:
    """By hand: stride 2 over 3 x 5 pixels, two of them unlabelled, read by 2 x 3 coarse pixels."""
    target = patch([1, 1, 0, 0, 1], [0, 1, 0, 0, 1], [1, 0, 1, 1, 0])
    labelled = patch([1, 1, 1, 1, 1], [1, 0, 1, 1, 1], [1, 1, 0, 1, 1])
    share, known = at_stride(target, labelled, 2, (2, 3))
    torch.testing.assert_close(known, patch([0.75, 1, 0.5], [0.5, 0.25, 0.25]))
    torch.testing.assert_close(share, patch([2 / 3, 0, 1], [0.5, 1, 0]))


@pytest.mark.parametrize("stride_px", [1, 2, 4])
@given(seed=st.integers(0, 99))
def test_foreground_and_labelled_area_stay(stride_px: int, seed: int) -> None:
    random = torch.Generator().manual_seed(seed)
    drawn = [torch.rand(2, 3, 9, 14, generator=random) < share for share in (0.3, 0.7)]
    target, labelled = (part.double() for part in drawn)
    share, known = at_stride(target, labelled, stride_px, (16, 16))
    area = stride_px**2
    torch.testing.assert_close(known.sum((2, 3)) * area, labelled.sum((2, 3)))
    torch.testing.assert_close((share * known).sum((2, 3)) * area, (target * labelled).sum((2, 3)))
    if stride_px == 1:
        assert torch.equal(share[..., :9, :14], target * labelled)


def test_a_pixel_that_is_foreground_in_part_weighs_in_proportion() -> None:
    target, labelled = patch([1, 0.5, 0, 0, 0, 0, 0, 0, 0]), patch([1] * 9)
    weight = adaptive_weight(target, labelled, 100.0)  # 7.5 pixels of background, 1.5 of foreground
    torch.testing.assert_close(weight, patch([5, 3, 1, 1, 1, 1, 1, 1, 1]))
