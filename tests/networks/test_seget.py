"""SegET as printed is figure 2; ours differs in the encoder's skip, the fusion and the scores."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from seget.networks import Architecture
from seget.networks.blocks import upsample

# Convolutions of each block in their order, in the words of the fixture `figure`.
PRINTED = {
    "encoders.0": "1>16:64 16>16:64 16>8:64 8>16:32",
    "encoders.1": "16>32:32 32>32:32 32>16:32 16>32:16",
    "encoders.2": "32>64:16 64>64:16 64>32:16 32>64:8",
    "encoders.3": "64>128:8 128>128:8 128>64:8 64>128:4",
    "center": "128>256:4 256>256:4 256>64:4 256>64@2:4 256>64@4:4 256>64@8:4 512>256,1x1:4",
    "decoders.0": "320>128:8 128>128:8",
    "decoders.1": "160>64:16 64>64:16",
    "decoders.2": "80>32:32 32>32:32",
    "decoders.3": "40>16:64 16>16:64",
    "fusion": "224>32:32 32>32:32 48>16:64 16>16:64",
    "head": "16>1,1x1:64",
}
OURS = PRINTED | {
    "encoders.0": "1>16:64 16>16:64 16>8:64 16>16:32",
    "encoders.1": "16>32:32 32>32:32 32>16:32 32>32:16",
    "encoders.2": "32>64:16 64>64:16 64>32:16 64>64:8",
    "encoders.3": "64>128:8 128>128:8 128>64:8 128>128:4",
    "fusion": "128>16,1x1:8 64>16,1x1:16 32>16,1x1:32 48>32:32 32>16:32 32>16:64 16>16:64",
    "scores.0": "128>1,1x1:8",
    "scores.1": "64>1,1x1:16",
    "scores.2": "32>1,1x1:32",
}
VARIANTS = {"seget_printed": PRINTED, "seget": OURS}


@pytest.fixture(params=VARIANTS)
def network(request):
    return request.param, Architecture(request.param).build(seed=0).eval()


def test_the_convolutions_are_those_of_figure_2(network, figure):
    name, built = network
    assert figure(built) == VARIANTS[name]


def test_nothing_is_pooled_nothing_squashed_and_each_convolution_normalised(network, operations):
    name, built = network
    blocks = [w.split() for b, w in VARIANTS[name].items() if not b.startswith(("head", "scores"))]
    found = operations(built)
    assert found.replace("cbr", "") == "c" * (1 if name == "seget_printed" else 4), "the logits'"
    assert found.count("cbr") == sum(map(len, blocks))


@pytest.mark.parametrize(("name", "in_a_row"), [("seget_printed", True), ("seget", False)])
@torch.no_grad()
def test_what_goes_down_has_passed_the_skip_only_where_printed(name, in_a_row, image):
    encoder = Architecture(name).build(seed=0).eval().encoders[0]
    skip, down = encoder(image(1, 1, 32, 32))
    encoder.reduce.register_forward_hook(lambda *_: torch.zeros_like(skip))
    assert (not torch.equal(encoder(image(1, 1, 32, 32))[1], down)) == in_a_row


@torch.no_grad()
def test_each_level_corrects_the_sum_of_those_before(image):
    """A level's scores reach the logits enlarged, and nothing else: the sum is linear in them."""
    network = Architecture("seget", outputs=2).build(seed=0).eval()
    before = network.levels(image(1, 1, 48, 80))
    for score, factor in zip(network.scores, (8, 4, 2), strict=True):
        score.bias += torch.tensor([1.0, -0.5]) * factor
    after = network.levels(image(1, 1, 48, 80))
    shifts = [(a.logits - b.logits).mean(dim=(0, 2, 3)) for a, b in zip(after, before, strict=True)]
    for shift, factors in zip(shifts, (8, 12, 14, 14), strict=True):
        torch.testing.assert_close(shift, torch.tensor([1.0, -0.5]) * factors)


@pytest.mark.parametrize("binning", [1, 3])
@torch.no_grad()
def test_levels_cover_the_image_each_at_its_stride(image, binning):
    network = Architecture("seget", outputs=2, binning=binning).build(seed=0).eval()
    given = image(2, 1, 50, 61)
    *coarse, finest = network.levels(given)
    assert finest.stride_px == 1
    assert torch.equal(finest.logits, network(given))
    assert [level.stride_px for level in coarse] == [8 * binning, 4 * binning, 2 * binning]
    for logits, stride_px in coarse:
        for edge, covered in zip((50, 61), logits.shape[2:], strict=True):
            assert edge <= covered * stride_px < edge + 16 * binning + stride_px


@pytest.mark.parametrize("name", ["seget", "seget_printed"])
@pytest.mark.parametrize("binning", [1, 2])
@torch.no_grad()
def test_features_of_the_center_that_are_left_out_do_not_count(image, name, binning):
    """Whatever they are: here those of one patch are changed. A factor of 1 changes nothing."""
    network = Architecture(name, binning=binning).build(seed=0).eval()
    given, kept = image(2, 1, 64, 64), torch.ones(2, 256)
    plain = network(given)
    assert torch.equal(network.levels(given, kept)[-1].logits, plain)
    kept[1, ::2] = 0
    without = network.levels(given, kept)[-1].logits
    assert torch.equal(without[0], plain[0])
    assert not torch.equal(without[1], plain[1])
    inner = network.network if binning > 1 else network
    inner.center.refine.register_forward_hook(lambda *a: a[2] + 5 * (1 - kept[:, :, None, None]))
    assert torch.equal(network.levels(given, kept)[-1].logits, without)
    assert not torch.equal(network(given)[1], plain[1])


@pytest.mark.parametrize("binning", [1, 2])
@torch.no_grad()
def test_a_model_from_before_the_scores_gives_the_same_logits(image, binning):
    """Without `scores` the network was the head on the fused levels, and no more."""
    architecture = Architecture("seget", binning=binning)
    network = architecture.build(seed=3).eval()
    all_of_it = network.state_dict()
    old = {name: tensor for name, tensor in all_of_it.items() if "scores." not in name}
    assert len(old) < len(all_of_it)
    network.load_state_dict(architecture.completed(old, all_of_it))
    given = image(1, 1, 32 * binning, 48 * binning)
    inner = network.network if binning > 1 else network
    seen = functional.avg_pool2d(given, binning)
    bare = upsample(inner.head(inner.fusion(*inner.decoded(seen))), binning)
    assert torch.equal(network(given), bare)


def test_only_what_was_added_may_be_missing():
    architecture = Architecture("seget")
    like = architecture.build(seed=0).state_dict()
    for missing in ("head.bias", "center.refine.0.weight"):
        found = {name: tensor for name, tensor in like.items() if name != missing}
        assert missing not in architecture.completed(found, like)
