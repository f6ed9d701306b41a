"""A second training learns from the validation slices too, by what they chose in the first."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from seget.cli import app
from seget.dataset import Dataset, read_dataset
from seget.errors import InputError
from seget.evaluation import evaluate
from seget.prediction import predict_files
from seget.recipes import modern, paper
from seget.trained import Trained, load
from seget.training import Run, refit, train
from seget.training.initial_weights import initial_weights
from seget.training.interpolation import SHARE
from seget.training.refit import REFIT

WORDS = [
    "network=unet",
    "binning=1",
    "patch_px=48",
    "epochs=2",
    "steps_per_epoch=4",
    "average=none",
]
RECIPE = modern().override(WORDS)


@pytest.fixture
def dataset(small_dataset: Path) -> Dataset:
    return read_dataset(small_dataset)


def parts(trained: Trained) -> tuple[list[int], list[int]]:
    (data,) = trained.provenance["data"]
    return data["train"], data["validation"]


def test_validation_slices_teach_and_their_choices_stay(dataset: Dataset, tmp_path: Path) -> None:
    first = train(dataset, ("discs",), RECIPE, Run(tmp_path / "run"))
    first = replace(first, provenance={**first.provenance, "epoch": 1})  # as if it were the best
    run = Run(tmp_path / "run" / "refit")
    again = refit(dataset, ("discs",), RECIPE, run, first)
    assert parts(first) == ([*range(8)], [8, 9])
    assert parts(again) == ([*range(10)], []), "and test slices stay out"
    assert again.thresholds == first.thresholds
    assert again.calibration == first.calibration != {}
    assert again.validation == first.validation
    assert again.provenance["step"] == 4, "of 8 steps: to the epoch that validation chose"
    assert again.provenance["validation_miou"] == {"discs": None}, "it has none of its own"
    told = again.provenance[REFIT]["validation_miou"]
    assert told == first.provenance["validation_miou"]
    # It is what a training with these slices gives, and not the first one's weights.
    plain = train(
        dataset.without_validation(),
        ("discs",),
        RECIPE,
        Run(tmp_path / "plain", stop_after_epochs=1),
    )
    for name, tensor in load(run.folder).network.state_dict().items():
        assert torch.equal(tensor, plain.network.state_dict()[name])
    assert not torch.equal(*(next(one.network.parameters()) for one in (again, first)))
    before = (run.folder / "model" / "model.json").read_bytes()
    refit(dataset, ("discs",), RECIPE, replace(run, resume=True), first)
    assert (run.folder / "model" / "model.json").read_bytes() == before


def test_it_goes_back_as_far_as_the_first(dataset: Dataset, tmp_path: Path) -> None:
    """Also when the process was killed between the training and that."""
    start = train(dataset, ("discs",), RECIPE, Run(tmp_path / "start"))
    recipe = RECIPE.override(["weight_interpolation=true", "learning_rate=1e-6"])
    run = Run(tmp_path / "run", seed=1, start=start)
    first = train(dataset, ("discs",), recipe, run)
    assert first.provenance[SHARE] < 1
    second = replace(run, folder=tmp_path / "run" / "refit")
    plain = recipe.override(["weight_interpolation=false", "tuned_thresholds=false"])
    second = replace(second, stop_after_epochs=first.provenance["epoch"])
    whole = train(dataset.without_validation(), ("discs",), plain, second)
    again = refit(dataset, ("discs",), recipe, replace(second, resume=True), first)
    assert again.provenance[SHARE] == first.provenance[SHARE]
    begin = initial_weights(whole.architecture, ("discs",), 1, start)
    wanted = begin.towards(whole.network.state_dict(), again.provenance[SHARE])
    for name, tensor in load(second.folder).network.state_dict().items():
        assert torch.equal(tensor, wanted[name])


def test_its_scores_on_slices_that_validated_are_not_a_test(
    small_dataset: Path, tmp_path: Path
) -> None:
    data = read_dataset(small_dataset)
    (own,) = data.tomograms
    split = replace(own.masks["discs"].split, test=())
    masks = {"discs": replace(own.masks["discs"], split=split)}
    data = replace(data, tomograms=(replace(own, masks=masks),), structures=("discs",))
    first = train(data, ("discs",), RECIPE, Run(tmp_path / "run"))
    for kind, trained in (
        ("first", first),
        ("again", refit(data, ("discs",), RECIPE, Run(tmp_path / "run" / "refit"), first)),
    ):
        predict_files(own.image, [trained], tmp_path / kind)
    (note,) = evaluate(tmp_path / "first", data)["notes"]
    assert "chose the epoch and the threshold of discs" in note
    (note,) = evaluate(tmp_path / "again", data)["notes"]
    assert "slices 8-9 taught the model discs" in note


def test_what_cannot_be_refitted_is_refused_before_anything_is_trained(
    dataset: Dataset, small_dataset: Path, tmp_path: Path
) -> None:
    first = train(dataset, ("discs",), RECIPE, Run(tmp_path / "run"))
    second = Run(tmp_path / "second")
    with pytest.raises(InputError, match=r"no slice of discs validates.*leave out --refit"):
        refit(dataset.without_validation(), ("discs",), RECIPE, second, first)
    with pytest.raises(InputError, match="validation decides rate and length"):
        refit(dataset, ("discs",), paper("synapse"), second, first)
    assert not second.folder.exists()
    words = ["train", str(small_dataset), "-o", str(tmp_path / "cli"), "--recipe", "paper"]
    said = CliRunner().invoke(app, [*words, "--refit"])
    assert "validation decides rate and length" in str(said.exception or said.output)
    assert not (tmp_path / "cli").exists()


def test_the_command_does_both_and_overwriting_removes_both(
    small_dataset: Path, tmp_path: Path
) -> None:
    words = [word for setting in WORDS for word in ("--set", setting)]
    words = ["train", str(small_dataset), "-o", str(tmp_path / "run"), "-s", "discs", *words]
    words += ["--from", "scratch"]
    said = CliRunner().invoke(app, [*words, "--refit"])
    assert said.exit_code == 0, said.output
    assert "learnt from the validation slices too, by what they had chosen" in said.output
    card = json.loads((tmp_path / "run" / "refit" / "model" / "model.json").read_text())
    assert REFIT in card["provenance"]
    shutil.rmtree(tmp_path / "run" / "refit")
    said = CliRunner().invoke(app, [*words, "--resume", "--refit"])
    assert said.exit_code == 0, said.output
    made = json.loads((tmp_path / "run" / "refit" / "model" / "model.json").read_text())
    assert made["thresholds"] == card["thresholds"]
    said = CliRunner().invoke(app, [*words, "--overwrite"])
    assert said.exit_code == 0, said.output
    assert not (tmp_path / "run" / "refit" / "model").exists()


def test_a_structure_that_does_not_validate_is_left_as_it_is(
    small_dataset: Path, tmp_path: Path
) -> None:
    """Beside one that does: rods are drawn on three slices, of which none is held out."""
    (own,) = read_dataset(small_dataset).tomograms
    discs, rods = (own.masks[s].volume.path for s in ("discs", "rods"))
    (tmp_path / "dataset.toml").write_text(
        f'[[tomogram]]\nimage = "{own.image.path}"\n[tomogram.masks]\ndiscs = "{discs}"\n'
        f'rods = {{ file = "{rods}", slices = [3, 4, 5] }}\n'
    )
    words = [word for setting in WORDS for word in ("--set", setting)]
    words += ["--from", "scratch", "--refit", "-o", str(tmp_path / "run")]
    said = CliRunner().invoke(app, ["train", str(tmp_path / "dataset.toml"), *words])
    assert said.exit_code == 0, said.output
    assert "rods: no slice of it validates" in said.output
    assert (tmp_path / "run" / "discs" / "refit" / "model" / "model.json").is_file()
    assert not (tmp_path / "run" / "rods" / "refit").exists()
    alone = CliRunner().invoke(app, ["train", str(tmp_path / "dataset.toml"), *words, "-s", "rods"])
    assert "no slice of rods validates" in str(alone.exception or alone.output)
