from __future__ import annotations

import hashlib
import json
import os
import pickle
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from pydantic_core import PydanticSerializationError
from safetensors import torch as safetensors_torch

from seget.calibration import Calibration, ValidationScores
from seget.errors import InputError
from seget.metrics import Histogram
from seget.networks import Architecture
from seget.recipes import modern
from seget.trained import Trained, find_models, load


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    trained = Trained(
        network=Architecture("seget", outputs=2, binning=2).build().eval(),
        structures=("golgi", "lytic granules"),
        recipe=modern().override(["binning=2"]),
        thresholds={"golgi": 0.3, "lytic granules": 0.5},
        pixel_nm=(2.0, 3.0),
        provenance={"seed": 5},
    )
    trained.save(tmp_path / "run" / "model")
    return tmp_path / "run" / "model"


def edit(folder: Path, **changes: object) -> None:
    card = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(card | changes))


def test_a_model_comes_back_as_it_was(folder: Path) -> None:
    first, again = load(folder), load(folder.parent)
    image = torch.randn(1, 1, 40, 56)
    with torch.inference_mode():
        torch.testing.assert_close(first.network(image), again.network(image), rtol=0, atol=0)
    assert not first.network.training
    assert first.structures == ("golgi", "lytic granules")
    assert first.thresholds == {"golgi": 0.3, "lytic granules": 0.5}
    assert first.recipe == modern().override(["binning=2"])
    assert first.pixel_nm == (2.0, 3.0)
    assert first.provenance == {"seed": 5}
    assert first.architecture == Architecture("seget", outputs=2, binning=2)


def test_a_model_from_before_levels_had_scores_is_read_and_finds_what_it_found(
    folder: Path,
) -> None:
    path = folder / "model.safetensors"
    tensors = safetensors_torch.load(path.read_bytes())
    added = [name for name in tensors if "scores." in name]
    assert len(added) == 6, "weights and biases of three levels"
    old = {name: tensor for name, tensor in tensors.items() if name not in added}
    path.write_bytes(safetensors_torch.save(old))
    edit(folder, weights_sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    read = load(folder).network.state_dict()
    assert all(not read[name].any() for name in added)
    assert all(torch.equal(read[name], tensor) for name, tensor in old.items())

    del old["network.head.bias"]
    path.write_bytes(safetensors_torch.save(old))
    edit(folder, weights_sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    with pytest.raises(InputError, match=r"head\.bias is missing"):
        load(folder)


def test_a_calibration_scales_and_shifts_the_logits(folder: Path, tmp_path: Path) -> None:
    plain = load(folder)
    assert plain.scoring_network is plain.network, "models of before score as they did"
    calibration = {"lytic granules": Calibration(temperature=2.0, bias=-1.0)}
    counts = ValidationScores.of(Histogram.empty())
    validation = {"lytic granules": counts}
    replace(plain, calibration=calibration, validation=validation).save(tmp_path)
    again = load(tmp_path)
    assert again.calibration == calibration
    assert again.validation == validation
    image = torch.randn(1, 1, 40, 56)
    with torch.inference_mode():
        before, after = plain.network(image), again.scoring_network(image)
    torch.testing.assert_close(after[:, 0], before[:, 0])
    torch.testing.assert_close(after[:, 1], before[:, 1] / 2 - 1)


def test_a_model_of_neighbouring_slices_comes_back_with_its_channels(tmp_path: Path) -> None:
    recipe = modern().override(["network=unet", "context=1"])
    network = Architecture.of(recipe, 1).build()
    Trained(network, ("golgi",), recipe, {"golgi": 0.5}).save(tmp_path)
    again = load(tmp_path)
    assert again.architecture == Architecture("unet", inputs=3, binning=2)
    assert again.network(torch.zeros(1, 3, 32, 32)).shape == (1, 1, 32, 32)


def test_a_model_argument_may_be_a_model_a_run_or_a_folder_of_runs(folder: Path) -> None:
    runs = folder.parent.parent
    assert find_models(folder) == find_models(folder.parent) == find_models(runs) == [folder]
    assert find_models(runs / "nothing") == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"structures": ["../../etc", "b"]}, "no file name"),
        ({"structures": ["golgi", "golgi"]}, "each once"),
        ({"recipe": {"name": "modern", "network": "resnet"}}, "recipe.network"),
        (
            {"weights_sha256": "0" * 64},
            "checksum .* copy both again, or go on with `seget train --r",
        ),
        ({"thresholds": {"golgi": 1.5}}, "thresholds.golgi"),
        ({"thresholds": {"golgi": float("nan")}}, "not JSON .NaN is no number"),
        ({"pixel_nm": [0.0, 1.0]}, "pixel_nm.0"),
        ({"normalisation": "by eye"}, "normalisation"),
        ({"structures": [f"s{n}" for n in range(1001)]}, "at most 1000 items"),
        ({"structures": ["golgi"], "thresholds": {}}, "not the weights of this model"),
        ({"surprise": 1}, "surprise is not known to this version .* a newer or a much older"),
        ({"format": 3}, "format is not known to this version of seget"),
    ],
)
def test_a_model_that_is_none_is_one_sentence(
    folder: Path, changes: dict[str, object], words: str
) -> None:
    edit(folder, **changes)
    with pytest.raises(InputError, match=words):
        load(folder)


@pytest.mark.parametrize(
    ("voxel_size_nm", "pixel_nm"),
    [([1.0, 2.0, 3.0], (2.0, 3.0)), (None, None), ([0.1, 0.1, 0.1], None)],
)
def test_a_model_of_format_1_is_read(
    folder: Path, voxel_size_nm: list[float] | None, pixel_nm: tuple[float, float] | None
) -> None:
    """What it was trained at stood there as the voxel size of its first tomogram."""
    card = json.loads((folder / "model.json").read_text())
    del card["pixel_nm"], card["recipe"]["context"], card["recipe"]["pixel_nm"]
    old = {"format": 1, "normalisation": "volume mean and deviation"}
    (folder / "model.json").write_text(json.dumps(card | old | {"voxel_size_nm": voxel_size_nm}))
    again = load(folder)
    assert again.pixel_nm == pixel_nm
    assert again.architecture == Architecture("seget", outputs=2, binning=2)


def test_a_pickle_in_place_of_weights_is_never_run(folder: Path, tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[Path]]:
            return (Path.touch, (tmp_path / "exploded",))

    import hashlib

    bomb = pickle.dumps(Bomb())
    (folder / "model.safetensors").write_bytes(bomb)
    edit(folder, weights_sha256=hashlib.sha256(bomb).hexdigest())
    with pytest.raises(InputError, match="not the weights"):
        load(folder)
    assert not (tmp_path / "exploded").exists()


def test_both_parts_are_written_before_either_gets_its_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill between two renamings is a matter of microseconds, one between two writings not."""
    rename, there = os.replace, []

    def seen(source: Path, target: Path) -> None:
        there.append(sorted(path.name for path in folder.glob(".*.part")))
        rename(source, target)

    monkeypatch.setattr(os, "replace", seen)
    load(folder).save(folder)
    assert there == [[".model.json.part", ".model.safetensors.part"], [".model.json.part"]]
    assert sorted(path.name for path in folder.iterdir()) == ["model.json", "model.safetensors"]


def test_a_model_that_cannot_be_saved_leaves_the_older_one(folder: Path) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with torch.no_grad():
        wrong = replace(load(folder), provenance={"made by": object()})
        next(wrong.network.parameters()).add_(1)
    with pytest.raises(PydanticSerializationError):
        wrong.save(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_missing_parts_are_one_sentence(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    with pytest.raises(InputError, match=r"model\.safetensors: No such file"):
        load(folder)
    (folder / "model.json").write_text("{")
    with pytest.raises(InputError, match="not JSON"):
        load(folder)
    with pytest.raises(InputError, match="wanted a model folder"):
        load(folder / "nowhere")
