"""The baselines are their papers' figures, narrower."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from seget.networks import NETWORKS
from seget.networks.deeplabv3plus import DeepLabV3Plus
from seget.networks.fcn8s import FCN8s
from seget.networks.segnet import SegNet, unpool
from seget.networks.unet import UNet

# Convolutions of each block in their order, in the words of the fixture `figure`.
FIGURES = {
    "fcn8s": {
        "blocks.0": "1>32:64 32>32:64",
        "blocks.1": "32>64:32 64>64:32",
        "blocks.2": "64>112:16 112>112:16 112>112:16",
        "blocks.3": "112>208:8 208>208:8 208>208:8",
        "blocks.4": "208>208:4 208>208:4 208>208:4",
        "fc6": "208>1536,7x7:2",
        "fc7": "1536>1536,1x1:2",
        "score_fc7": "1536>1,1x1:2",
        "score_pool4": "208>1,1x1:4",
        "score_pool3": "112>1,1x1:8",
    },
    "segnet": {
        "encoders.0": "1>16:64 16>16:64",
        "encoders.1": "16>48:32 48>48:32",
        "encoders.2": "48>96:16 96>96:16 96>96:16",
        "encoders.3": "96>192:8 192>192:8 192>192:8",
        "encoders.4": "192>192:4 192>192:4 192>192:4",
        "decoders.0": "192>192:4 192>192:4 192>192:4",
        "decoders.1": "192>192:8 192>192:8 192>96:8",
        "decoders.2": "96>96:16 96>96:16 96>48:16",
        "decoders.3": "48>48:32 48>16:32",
        "decoders.4": "16>16:64 16>16:64",
        "head": "16>1,1x1:64",
    },
    "unet": {
        "downs.0": "1>16:64 16>16:64",
        "downs.1": "16>32:32 32>32:32",
        "downs.2": "32>96:16 96>96:16",
        "downs.3": "96>192:8 192>192:8",
        "bottom": "192>384:4 384>384:4",
        "ups.0": "384>192,up2x2:8 384>192:8 192>192:8",
        "ups.1": "192>96,up2x2:16 192>96:16 96>96:16",
        "ups.2": "96>32,up2x2:32 64>32:32 32>32:32",
        "ups.3": "32>16,up2x2:64 32>16:64 16>16:64",
        "head": "16>1,1x1:64",
    },
    "deeplabv3plus": {
        "blocks.0": "1>16:64 16>16:64",
        "blocks.1": "16>48:32 48>48:32",
        "blocks.2": "48>96:16 96>96:16 96>96:16 96>96:16",
        "blocks.3": "96>192:8 192>192:8 192>192:8 192>192:8",
        "blocks.4": "192>192:4 192>192:4 192>192:4 192>192:4",
        "blocks.5": "192>192@2:4 192>192@2:4 192>192@2:4",
        "blocks.6": "192>192@2:4 192>192@2:4",
        "blocks.7": "192>192@2:4 192>192@2:4",
        "aspp": "192>96,1x1:4 192>96@6:4 192>96@12:4 192>96@18:4 192>96,1x1:1 480>96,1x1:4",
        "decoder": "96>32,1x1:16 128>96:16 96>96:16",
        "head": "96>1,1x1:16",
    },
}

# One after another, in the letters of the fixture `operations`.
VGG16 = "cbr" * 2 + "m" + "cbr" * 2 + "m" + ("cbr" * 3 + "m") * 3
SPELT = {
    "fcn8s": VGG16 + "cbr" * 2 + "ccc",
    "segnet": VGG16 + ("u" + "cbr" * 3) * 3 + ("u" + "cbr" * 2) * 2 + "c",
    "unet": ("cbr" * 2 + "m") * 4 + "cbr" * 2 + "cbr" * 3 * 4 + "c",
    "deeplabv3plus": ("cbr" * 2 + "m") * 2
    + ("cbr" * 4 + "m") * 2
    + "cbr" * 11
    + ("cbr" * 4 + "pcr" + "cbr")  # ASPP; the image level is the one without normalisation
    + ("cbr" * 3 + "c"),
}


@pytest.mark.parametrize("name", FIGURES)
def test_the_convolutions_are_those_of_the_figure(name, figure):
    assert figure(NETWORKS[name]().eval()) == FIGURES[name]


@pytest.mark.parametrize("name", SPELT)
def test_each_convolution_is_normalised_and_nothing_is_squashed(name, operations):
    assert operations(NETWORKS[name]().eval()) == SPELT[name]


def test_vgg16_has_13_convolutions_and_deeplab_23_in_8_blocks():
    def numbers(name, room):
        return [len(FIGURES[name][block].split()) for block in FIGURES[name] if room in block]

    assert numbers("fcn8s", "blocks") == numbers("segnet", "encoders") == [2, 2, 3, 3, 3]
    assert numbers("segnet", "decoders") == [3, 3, 3, 2, 2]
    assert len(numbers("deeplabv3plus", "blocks")) == 8
    assert sum(numbers("deeplabv3plus", "blocks")) == 23


@torch.no_grad()
def test_fcn8s_adds_the_scores_of_three_depths(image):
    network = FCN8s().eval()
    for number, depth in enumerate(("fc7", "pool4", "pool3")):
        score = getattr(network, f"score_{depth}")
        score.weight.zero_()
        score.bias.fill_(10.0**number)
    torch.testing.assert_close(network(image(1, 1, 40, 70)), torch.full((1, 1, 40, 70), 111.0))


@torch.no_grad()
def test_fcn8s_answers_no_finer_than_8_px(image):
    logits = FCN8s().eval()(image(1, 1, 64, 64))[0, 0]
    # Enlarged bilinearly by 8: linear between the middles of coarse pixels, 4 px from their edges.
    bend = logits[:, 2:] - 2 * logits[:, 1:-1] + logits[:, :-2]
    straight = [i for i in range(62) if (i + 1) % 8 not in (3, 4)]
    assert bend[:, straight].abs().max() < 1e-4
    assert bend.abs().max() > 1e-3


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_maximum_goes_back_where_it_came_from(dtype):
    x = torch.tensor([[1, 2, 8, 7], [4, 3, 5, 6], [9, 9, 0, 1], [9, 9, 1, 0]], dtype=dtype)
    maxima, places = functional.max_pool2d(x[None, None], 2, return_indices=True)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
        back = unpool(10 * maxima, places)
    expected = torch.tensor([[0, 0, 80, 0], [40, 0, 0, 0], [90, 0, 0, 10], [0, 0, 0, 0]])
    assert back[0, 0].tolist() == expected.tolist()
    assert back.dtype == dtype


@torch.no_grad()
def test_segnet_s_last_decoder_sees_features_only_where_the_first_encoder_had_its_maxima(image):
    network = SegNet().train()
    seen = {}
    network.encoders[0].register_forward_hook(lambda _, __, result: seen.update(first=result))
    network.decoders[4].register_forward_pre_hook(lambda _, inputs: seen.update(last=inputs[0]))
    network(image(2, 1, 64, 32))
    _, places = functional.max_pool2d(seen["first"], 2, return_indices=True)
    maximum = torch.zeros_like(seen["last"], dtype=torch.bool)
    maximum.flatten(2).scatter_(2, places.flatten(2), True)
    assert (seen["last"][~maximum] == 0).all()
    assert (seen["last"][maximum] != 0).float().mean() > 0.3


def test_unet_s_skips_are_concatenated_as_they_were(image):
    network = UNet().eval()
    seen = {}
    for level, (down, up) in enumerate(zip(network.downs, reversed(network.ups), strict=True)):
        down.register_forward_hook(lambda _, __, x, level=level: seen.update({level: x.clone()}))
        up.refine.register_forward_pre_hook(
            lambda _, inputs, level=level: seen.update({(level, "beside"): inputs[0].clone()})
        )
    network(image(1, 1, 32, 32))
    for level, width in enumerate((16, 32, 96, 192)):
        assert torch.equal(seen[level, "beside"][:, :width], seen[level])


@torch.no_grad()
def test_deeplab_s_image_level_sees_what_is_beyond_the_halo(image):
    torch.manual_seed(0)
    network = DeepLabV3Plus().eval()
    network.aspp.image_level.project.weight.mul_(1000)
    dark = image(1, 1, 16, DeepLabV3Plus.HALO_PX + 64)
    bright = dark.clone()
    bright[..., -16:] += 100
    changed = (network(bright) - network(dark)).abs()[..., :16]
    assert changed.mean() > 1e-2
    network.aspp.image_level.project.weight.zero_()
    assert torch.equal(network(bright)[..., :16], network(dark)[..., :16])


def test_gradients_do_not_depend_on_what_was_in_memory_before() -> None:
    """Patches of 32 px leave one pixel to FCN-8s' 7x7 kernel; in bf16 that has gone wrong."""
    torch.manual_seed(0)
    network = FCN8s().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    image = torch.randn(2, 1, 32, 32)
    for _ in range(3):
        del [torch.full((size,), torch.nan) for size in (20_000_000, 4_000_000, 300_000)][:]
        network.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            logits = network(image)
        logits.float().square().sum().backward()
        assert all(p.grad is None or p.grad.isfinite().all() for p in network.parameters())
