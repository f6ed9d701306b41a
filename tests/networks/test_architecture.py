"""An architecture says what its network is and needs; what networks do is in test_networks.py."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from typing import get_args

import pytest
import torch
from torch import nn

from seget.networks import NETWORKS, Architecture, Binned, SegET
from seget.networks.architecture import INPUT_BYTES, OUTPUT_BYTES, PIXEL_BYTES
from seget.recipes import Recipe, modern

each_network = pytest.mark.parametrize("name", NETWORKS)


@each_network
@pytest.mark.parametrize("inputs", [1, 3])
@pytest.mark.parametrize("binning", [1, 2])
@torch.no_grad()
def test_every_input_channel_reaches_every_output(name, inputs, binning, image):
    torch.manual_seed(0)
    network = Architecture(name, inputs, 2, binning).build().eval()
    pixels = image(1, inputs, 33, 40)
    logits = network(pixels)
    assert logits.shape == (1, 2, 33, 40)
    for channel in range(inputs):
        other = pixels.clone()
        other[:, channel] = other[:, channel].flip(1)
        assert ((network(other) - logits).abs().amax(dim=(0, 2, 3)) > 1e-3).all()


@each_network
def test_further_inputs_change_the_first_convolution_alone(name):
    one, three = (Architecture(name, inputs).build().state_dict() for inputs in (1, 3))
    assert list(one) == list(three)
    first, *others = ((one[key].shape, three[key].shape) for key in one)
    assert (first[0][1], first[1][1]) == (1, 3)
    assert all(shape == same for shape, same in others)
    weights = Architecture(name, 3).cost().parameters - Architecture(name).cost().parameters
    assert weights == 2 * first[0].numel()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (("resnet",), r"no network 'resnet'; there are fcn8s, segnet, .*, seget"),
        (("seget", 0), "inputs is 0; wanted 1 or more"),
        (("seget", 1, -1), "outputs is -1"),
        (("seget", 1, 1, 0), "binning is 0"),
    ],
)
def test_what_cannot_be_built_is_refused(values, words):
    with pytest.raises(ValueError, match=words):
        Architecture(*values)


def test_equal_values_are_one_architecture():
    seget = Architecture("seget", inputs=3)
    assert seget == Architecture("seget", 3, 1, 1)
    assert len({seget, Architecture("seget", 3), replace(seget, binning=2)}) == 2
    with pytest.raises(FrozenInstanceError):
        seget.inputs = 5


def test_a_recipe_says_all_but_the_number_of_outputs():
    recipe = modern().override(["network=unet", "binning=4", "context=2"])
    assert Architecture.of(recipe, 3) == Architecture("unet", inputs=5, outputs=3, binning=4)
    assert Architecture.of(modern(), 1).inputs == 1


def test_recipes_know_the_same_networks():
    assert set(get_args(Recipe.model_fields["network"].annotation)) == set(NETWORKS)


def test_the_titles_are_those_of_table_1():
    titles = [Architecture(name).title for name in NETWORKS]
    assert titles == ["FCN-8s", "SegNet", "U-Net", "DeepLabv3+", "SegET", "SegET as printed"]


def test_halo_and_multiple_grow_with_the_binning():
    assert [Architecture("seget", binning=n).halo_px for n in (1, 2, 4)] == [272, 544, 1088]
    assert [Architecture("segnet", binning=n).multiple for n in (1, 2, 4)] == [32, 64, 128]
    assert all(Architecture(n).halo_px % Architecture(n).multiple == 0 for n in NETWORKS)


def test_memory_is_features_shrunk_by_binning_and_channels_at_full_size():
    seget = Architecture("seget")
    beside = PIXEL_BYTES + OUTPUT_BYTES
    assert seget.bytes_per_px(bf16=True) == SegET.BYTES_PER_PX + beside
    assert seget.bytes_per_px(bf16=False) == 2 * SegET.BYTES_PER_PX + beside
    assert seget.bytes_per_px(bf16=True, graph=True) == SegET.GRAPH_BYTES_PER_PX + beside
    binned = Architecture("seget", inputs=3, outputs=4, binning=2)
    channels = PIXEL_BYTES + 2 * INPUT_BYTES + 4 * OUTPUT_BYTES
    assert binned.bytes_per_px(bf16=True) == SegET.BYTES_PER_PX / 4 + channels


def test_a_binning_of_one_adds_nothing():
    assert type(Architecture("seget").build()) is SegET
    assert type(Architecture("seget", binning=2).build()) is Binned


def test_a_network_from_elsewhere_is_not_described():
    class Changed(SegET):
        """May do anything."""

    seget = Architecture("seget")
    assert seget.describes(seget.build())
    assert seget.describes(Binned(SegET(), 2))
    for network in (nn.Conv2d(1, 1, 1), Changed(), Architecture("unet").build()):
        assert not seget.describes(network)


def test_segnet_alone_is_no_graph():
    assert [n for n in NETWORKS if not Architecture(n).is_graph] == ["segnet"]


@each_network
def test_a_seed_gives_the_weights_of_the_global_generator_and_leaves_that_alone(name):
    architecture = Architecture(name, 3, 2, 2)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        wanted = architecture.build().state_dict()
    before = torch.get_rng_state()
    found = architecture.build(seed=3).state_dict()
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(found[key], wanted[key]) for key in wanted)
    other = architecture.build(seed=4).state_dict()
    assert any(not torch.equal(other[key], wanted[key]) for key in wanted)
