"""The last validation scores as prediction will: adapted to tomograms that taught nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from listening import Heard
from seget import files
from seget.dataset import Dataset, read_dataset
from seget.metrics import Histogram
from seget.prediction import Options, predict
from seget.recipes import modern
from seget.trained import Trained, load
from seget.training import Run, read_log, train
from seget.training.interpolation import SHARE
from seget.training.thresholds import Slice, chosen_threshold, total
from seget.volume import Volume

WORDS = ["network=unet", "binning=1", "patch_px=48", "epochs=2", "steps_per_epoch=40"]


@pytest.fixture
def of_two(small_dataset: Path, tmp_path: Path) -> Dataset:
    """A tomogram that teaches; the same scene, noisier and darker, validates."""
    (own,) = read_dataset(small_dataset).tomograms
    discs = own.masks["discs"]
    noise = np.random.default_rng(1).normal(-20, 40, own.image.shape)
    grey = np.clip(np.asarray(own.image.data) + noise, 0, 255).astype(np.uint8)
    files.write(tmp_path / "other.mrc", Volume(grey, own.image.voxel_size_nm))
    (tmp_path / "dataset.toml").write_text(
        "".join(
            f'[[tomogram]]\nname = "{name}"\nimage = "{image}"\nholdout = {holdout}\n'
            f'[tomogram.masks]\ndiscs = "{discs.volume.path}"\n'
            for name, image, holdout in (
                ("own", own.image.path, '"none"'),
                ("other", "other.mrc", f"{{ validation = {list(discs.annotated)} }}"),
            )
        )
    )
    return read_dataset(tmp_path / "dataset.toml")


def histograms(trained: Trained, dataset: Dataset, adapt: bool | None) -> dict[Slice, Histogram]:
    """Return the scores that a user gets of the tomogram that validates."""
    other = dataset.tomograms[1]
    scores = predict(other.image, trained, Options(engine="torch", adapt=adapt))["discs"].data
    mask, slices = other.masks["discs"], list(other.slices("validation", ["discs"]))
    assert slices
    return {
        ("other", z): Histogram.of(np.asarray(scores)[z], mask.slice(z), mask.labelled(z))
        for z in slices
    }


def miou(trained: Trained, dataset: Dataset, adapt: bool | None) -> float:
    return total(histograms(trained, dataset, adapt).values()).counts_at(0.5).miou


def test_the_models_validation_is_of_what_prediction_gives(of_two: Dataset, tmp_path: Path) -> None:
    recipe, heard = modern().override([*WORDS, "tuned_thresholds=false"]), Heard()
    train(of_two, ("discs",), recipe, Run(tmp_path / "run"), heard)
    trained = load(tmp_path / "run")
    told = trained.provenance["validation_miou"]["discs"]
    assert told == pytest.approx(miou(trained, of_two, None), abs=1e-4)
    plain = miou(trained, of_two, False)
    assert plain == pytest.approx(max(row["miou"] for row in read_log(tmp_path / "run")), abs=1e-4)
    assert abs(told - plain) > 0.001
    (sentence,) = [one for one in heard.notes if "taught nothing" in one]
    assert "other taught nothing" in sentence
    assert "own" not in sentence.rpartition("run: ")[2]


def test_thresholds_are_those_of_adapted_scores(of_two: Dataset, tmp_path: Path) -> None:
    train(of_two, ("discs",), modern().override(WORDS), Run(tmp_path / "run"))
    trained = load(tmp_path / "run")
    assert trained.calibration
    adapted, plain = (histograms(trained, of_two, adapt) for adapt in (None, False))
    chosen = trained.thresholds["discs"]
    assert chosen == chosen_threshold(adapted)
    assert chosen != chosen_threshold(plain)


def test_it_is_done_after_going_back(of_two: Dataset, tmp_path: Path) -> None:
    words = modern().override([*WORDS, "tuned_thresholds=false", "learning_rate=1e-6"])
    first = train(of_two, ("discs",), words, Run(tmp_path / "first"))
    run = Run(tmp_path / "run", start=first)
    moved = train(of_two, ("discs",), words.override(["weight_interpolation=true"]), run)
    assert moved.provenance[SHARE] < 1
    found = miou(moved, of_two, None)
    assert moved.provenance["validation_miou"]["discs"] == pytest.approx(found, abs=1e-4)


def test_where_every_tomogram_taught_it_says_nothing(small_dataset: Path, tmp_path: Path) -> None:
    heard = Heard()
    run = Run(tmp_path / "run")
    train(read_dataset(small_dataset), ("discs",), modern().override(WORDS), run, heard)
    assert not [one for one in heard.notes if "taught nothing" in one]
