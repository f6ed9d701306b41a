"""SegET as printed is figure 2, and ours differs from it in the encoder's skip and the fusion."""

from __future__ import annotations

import pytest
import torch

from seget.networks import Architecture

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
    number = sum(len(words.split()) for words in VARIANTS[name].values())
    assert operations(built) == "cbr" * (number - 1) + "c"


@pytest.mark.parametrize(("name", "in_a_row"), [("seget_printed", True), ("seget", False)])
@torch.no_grad()
def test_what_goes_down_has_passed_the_skip_only_where_printed(name, in_a_row, image):
    encoder = Architecture(name).build(seed=0).eval().encoders[0]
    skip, down = encoder(image(1, 1, 32, 32))
    encoder.reduce.register_forward_hook(lambda *_: torch.zeros_like(skip))
    assert (not torch.equal(encoder(image(1, 1, 32, 32))[1], down)) == in_a_row
