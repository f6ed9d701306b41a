"""Scores of slices that the model has seen are not given without saying so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from seget.dataset import Dataset, Split, read_dataset
from seget.evaluation import evaluate
from seget.prediction import Options, predict_files
from seget.recipes import modern
from seget.results import read_sidecar
from seget.trained import Trained, learnt_from, load, slices_learnt, united
from seget.training import Run, train

WORDS = ["network=unet", "binning=1", "patch_px=48", "epochs=1", "steps_per_epoch=2"]


def dataset(folder: Path, small_dataset: Path, holdouts: dict[str, str]) -> Dataset:
    """Return the small dataset with what each structure holds out."""
    (own,) = read_dataset(small_dataset).tomograms
    text = f'[[tomogram]]\nname = "cell"\nimage = "{own.image.path}"\n'
    for structure, holdout in holdouts.items():
        path = own.masks[structure].volume.path
        text += f'[tomogram.masks.{structure}]\nfile = "{path}"\n{holdout}\n'
    (folder / "dataset.toml").write_text(text)
    return read_dataset(folder / "dataset.toml")


def taught(folder: Path, data: Dataset) -> Trained:
    train(data, data.structures, modern().override(WORDS), Run(folder / "run"))
    return load(folder / "run")


def test_three_slices_that_taught_are_not_a_test(small_dataset: Path, tmp_path: Path) -> None:
    """Of fewer than five slices none is held out: what is scored then is what was learnt."""
    data = dataset(tmp_path, small_dataset, {"discs": "slices = [3, 4, 7]"})
    predict_files(data.tomograms[0].image, [taught(tmp_path, data)], tmp_path / "out")
    (note,) = evaluate(tmp_path / "out", data)["notes"]
    assert note.startswith("cell: slices 3-4, 7 taught the model discs: their scores tell how well")


def test_of_all_slices_each_part_is_named_and_test_slices_are_not(
    small_dataset: Path, tmp_path: Path
) -> None:
    data = dataset(tmp_path, small_dataset, {"discs": "", "rods": ""})
    path, _ = predict_files(data.tomograms[0].image, [taught(tmp_path, data)], tmp_path / "out")
    assert evaluate(tmp_path / "out", data)["notes"] == []
    first, second = evaluate(tmp_path / "out", data, "all")["notes"]
    assert first.startswith("cell: slices 0-7 taught the model discs, rods:")
    assert second.startswith("cell: slices 8-9 chose the epoch and the threshold of discs, rods,")
    assert "slice 8 chose" in evaluate(tmp_path / "out", data, (8, 10))["notes"][0]
    told = read_sidecar(path.with_suffix(".json")).learnt
    assert told is not None
    assert (told.train, told.validation) == ([*range(8)], [8, 9])


def test_structures_with_slices_of_their_own_are_told_apart(
    small_dataset: Path, tmp_path: Path
) -> None:
    data = dataset(tmp_path, small_dataset, {"discs": "slices = [3, 4]", "rods": "slices = [4, 9]"})
    trained = taught(tmp_path, data)
    image = data.tomograms[0].image
    found = slices_learnt(trained.provenance, image, ("discs", "rods"))
    assert found == {
        "discs": {"train": [3, 4], "validation": []},
        "rods": {"train": [4, 9], "validation": []},
    }
    predict_files(image, [trained], tmp_path / "out")
    notes = evaluate(tmp_path / "out", data)["notes"]
    assert [note.partition(":")[2][:40] for note in notes] == [
        " slices 3-4 taught the model discs: thei",
        " slices 4, 9 taught the model rods: thei",
    ]


def test_what_taught_the_model_that_it_began_from_taught_it_too(
    small_dataset: Path, tmp_path: Path
) -> None:
    """Through as many models as led to it; a structure that they did not have was not taught."""
    data = dataset(tmp_path, small_dataset, {"discs": "slices = [3, 4]"})
    (own,) = data.tomograms
    trained, image = taught(tmp_path, data), own.image
    for number in range(2):
        grey = np.roll(np.asarray(image.data), 9 + number, axis=1)
        masks = {"rods": replace(own.masks["discs"], annotated=(4,), split=Split("none", (4,)))}
        other = replace(own, image=replace(image, data=grey), masks=masks)
        second = replace(data, tomograms=(other,), structures=("rods",))
        run = Run(tmp_path / f"{number}", start=trained)
        trained = train(second, ("rods",), modern().override(WORDS), run)
    assert learnt_from(trained.provenance, image) is True
    found = slices_learnt(trained.provenance, image, ("discs", "rods"))
    assert found["discs"] == {"train": [3, 4], "validation": []}
    assert found["rods"] == {"train": [], "validation": []}
    assert slices_learnt(trained.provenance, other.image, ("rods",))["rods"]["train"] == [4]


def test_another_tomogram_taught_nothing_and_a_silent_model_says_nothing(
    small_dataset: Path, tmp_path: Path
) -> None:
    data = dataset(tmp_path, small_dataset, {"discs": "slices = [3, 4]"})
    trained, image = taught(tmp_path, data), data.tomograms[0].image
    nothing = {"discs": {"train": [], "validation": []}}
    other = replace(image, data=255 - np.asarray(image.data))
    assert slices_learnt(trained.provenance, other, ("discs",)) == nothing
    assert slices_learnt({}, image, ("discs",)) == {}
    own = slices_learnt(trained.provenance, image, ("discs",))
    twice = united([trained, replace(trained, provenance={}, weights_sha256="two")])
    assert slices_learnt(twice[0].provenance, image, ("discs",)) == own, "one of them has seen it"
    silent = replace(trained, provenance={})
    [path] = predict_files(image, [silent], tmp_path / "out", Options(engine="torch"))
    assert read_sidecar(path.with_suffix(".json")).learnt is None
    assert evaluate(tmp_path / "out", data)["notes"] == []
