"""A training may begin from a trained model: what fits is taken over, the rest is drawn."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from seget.dataset import read_dataset
from seget.errors import InputError
from seget.listener import Listener
from seget.networks import NETWORKS, Architecture
from seget.recipes import Recipe, modern
from seget.trained import Trained, load
from seget.training import Run, train
from seget.training.initial_weights import initial_weights, misfit
from training_runs import assert_same_run, short


def model(structures: tuple[str, ...], recipe: Recipe | None = None, seed: int = 7) -> Trained:
    recipe = recipe or modern()
    network = Architecture.of(recipe, len(structures)).build(seed)
    return Trained(network.eval(), structures, recipe, {})


@pytest.mark.parametrize("name", NETWORKS)
@torch.no_grad()
def test_the_outputs_of_known_structures_are_the_old_model_s(name):
    old = model(("golgi", "synapse", "granules"), modern().override([f"network={name}"]))
    new = replace(old.architecture, outputs=2, binning=1)
    begin = initial_weights(new, ("granules", "golgi"), 0, old)
    network = new.build(0)
    network.load_state_dict(begin.tensors)
    pixels = torch.randn(1, 1, 64, 64, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(network.eval()(pixels), old.network.network(pixels)[:, [2, 0]])
    assert begin.outputs_taken == ("granules", "golgi")
    assert begin.outputs_drawn == ()


@pytest.mark.parametrize("name", NETWORKS)
@torch.no_grad()
def test_with_neighbouring_slices_it_begins_as_the_model_of_one_slice(name):
    old = model(("golgi",), modern().override([f"network={name}", "binning=1"]))
    new = replace(old.architecture, inputs=5)
    network = new.build(0).eval()
    network.load_state_dict(initial_weights(new, ("golgi",), 0, old).tensors)
    slices = torch.randn(1, 5, 64, 64, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(network(slices), old.network(slices[:, 2:3]))


def test_an_unknown_structure_s_output_is_drawn_from_the_seed():
    old = model(("golgi", "synapse"))
    new = Architecture("seget", outputs=2)
    begin, drawn = initial_weights(new, ("er", "golgi"), 3, old), new.build(3).state_dict()
    assert torch.equal(begin.tensors["head.weight"][0], drawn["head.weight"][0])
    assert torch.equal(begin.tensors["head.bias"][0], drawn["head.bias"][0])
    assert not torch.equal(begin.tensors["head.weight"][1], drawn["head.weight"][1])
    assert begin.outputs_drawn == ("er",)
    assert begin.taken == len(drawn) - 8, "weight and bias of the head and of three levels"
    assert begin.text.endswith("the output of golgi too; the output of er is drawn anew")


def test_the_old_model_stays_as_it_is(small_dataset, tmp_path):
    old = model(("discs",), short())
    before = {name: tensor.clone() for name, tensor in old.network.state_dict().items()}
    train(read_dataset(small_dataset), ("discs",), short(), Run(tmp_path / "run", start=old))
    after = old.network.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["network=unet"], "is U-Net and SegET is to be trained; give --set network=unet"),
        (["context=1"], "takes 3 slices at once and 1 are to be taken; give --set context=1"),
    ],
)
def test_weights_of_another_network_are_refused_with_the_mend(settings, words):
    old = model(("golgi",), modern().override(settings))
    with pytest.raises(InputError, match=words):
        initial_weights(Architecture("seget"), ("golgi",), 0, old)
    mended = Architecture.of(modern().override(settings), 1)
    assert misfit(mended, old) == ""


def test_a_run_begins_with_them_says_so_and_is_resumed_with_them_alone(
    small_dataset: Path, tmp_path: Path
) -> None:
    dataset, old = read_dataset(small_dataset), model(("discs",), short())
    notes: list[str] = []

    class Hears(Listener):
        def note(self, text: str) -> None:
            notes.append(text)

    recipe = short().override(["learning_rate=1e-12", "warmup=0", "weight_decay=0"])
    trained = train(dataset, ("discs",), recipe, Run(tmp_path / "a", start=old), Hears())
    assert torch.allclose(
        trained.network.state_dict()["network.head.weight"],
        old.network.state_dict()["network.head.weight"],
        atol=1e-6,
    )
    assert any("tensors taken over, the output of discs too" in note for note in notes)
    assert trained.provenance["start"]["structures"] == ["discs"]
    with pytest.raises(InputError, match="start"):
        train(dataset, ("discs",), recipe, Run(tmp_path / "a", resume=True))
    train(dataset, ("discs",), recipe, Run(tmp_path / "a", start=old, resume=True))
    train(dataset, ("discs",), recipe, Run(tmp_path / "b", start=old))
    assert_same_run(tmp_path / "a", tmp_path / "b")


def test_kernels_kept_in_half_precision_are_the_same_to_three_digits(tmp_path):
    old = model(("golgi", "er"))
    old.save(tmp_path / "whole")
    old.save(tmp_path / "half", half=True)
    sizes = [(tmp_path / n / "model.safetensors").stat().st_size for n in ("whole", "half")]
    assert sizes[1] < 0.51 * sizes[0]
    again = load(tmp_path / "half").network.state_dict()
    for name, tensor in old.network.state_dict().items():
        torch.testing.assert_close(again[name], tensor, rtol=1e-3, atol=1e-6)
