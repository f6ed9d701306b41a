from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from seget import files
from seget.dataset import Dataset, read_dataset
from seget.errors import InputError
from seget.listener import Listener
from seget.losses import segmentation_loss
from seget.metrics import count
from seget.networks import SegET
from seget.recipes import Recipe, modern, paper
from seget.samples import Samples
from seget.trained import load
from seget.training import Diverged, Run, read_log, train
from seget.training.checkpoints import load_checkpoint, save_checkpoint
from seget.volume import Volume

TINY = ["patch_px=32", "batch_size=2", "epochs=4", "steps_per_epoch=3"]


class Ear(Listener):
    def __init__(self) -> None:
        self.notes: list[str] = []
        self.rows: list[dict[str, float]] = []
        self.losses: list[float] = []

    def step(self, progress: float, loss: float) -> None:
        assert 0 <= progress <= 1
        self.losses.append(loss)

    def epoch(self, row: dict[str, float]) -> None:
        self.rows.append(row)

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture
def dataset(small_dataset: Path) -> Dataset:
    return read_dataset(small_dataset)


@pytest.fixture
def tiny() -> Recipe:
    return modern().override(TINY)


def test_overfits_four_patches(dataset: Dataset) -> None:
    recipe = modern().override(["patch_px=64", "flips=false", "warp=0", "grey=0", "noise=0"])
    batch = Samples(dataset, ("discs",), recipe, seed=0).batch(0)
    target, labelled = batch.target.float(), batch.labelled.float()
    torch.manual_seed(0)
    network = SegET()
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)
    for _ in range(40):
        optimiser.zero_grad()
        loss = segmentation_loss(network(batch.image), target, labelled)
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        predicted = network(batch.image) > 0
    assert count(predicted.numpy(), batch.target.numpy()).miou > 0.95


def test_a_run_learns_and_leaves_its_folder(dataset: Dataset, tmp_path: Path) -> None:
    recipe = modern().override(["patch_px=64", "epochs=4", "steps_per_epoch=15"])
    ear = Ear()
    trained = train(dataset, ("discs",), recipe, Run(tmp_path / "run"), ear)
    assert trained.provenance["validation_miou"]["discs"] > 0.8
    assert (tmp_path / "run" / "log.csv").read_text().startswith("epoch,loss,miou")
    assert [row["epoch"] for row in read_log(tmp_path / "run")] == [1, 2, 3, 4]
    assert ear.rows == read_log(tmp_path / "run")
    assert ear.losses[-1] < ear.losses[0]
    card = json.loads((tmp_path / "run" / "model" / "model.json").read_text())
    assert card["recipe"]["name"] == "modern"
    assert card["structures"] == ["discs"]
    assert card["pixel_nm"] == [2.0, 2.0]
    assert card["provenance"]["seed"] == 0
    assert set(card["provenance"]["versions"]) == {"seget", "torch", "python"}
    best = max(read_log(tmp_path / "run"), key=lambda row: row["miou"])
    assert card["provenance"]["epoch"] == best["epoch"]


@pytest.mark.parametrize("structures", [("discs",), ("discs", "rods")])
def test_the_same_seed_gives_the_same_run(
    dataset: Dataset, tiny: Recipe, tmp_path: Path, structures: tuple[str, ...]
) -> None:
    ears = Ear(), Ear(), Ear()
    for name, seed, ear in zip("abc", (1, 1, 2), ears, strict=True):
        train(dataset, structures, tiny, Run(tmp_path / name, seed=seed), ear)
    assert ears[0].losses == ears[1].losses != ears[2].losses
    weights = [(tmp_path / n / "model" / "model.safetensors").read_bytes() for n in "abc"]
    assert weights[0] == weights[1] != weights[2]


def held_out_otherwise(small_dataset: Path, folder: Path, holdout: str) -> Dataset:
    """Return the small dataset with another hold-out."""
    text = small_dataset.read_text().replace('holdout = "block"', f"holdout = {holdout}")
    for name in ("tomogram", "discs", "rods"):
        text = text.replace(f"{name}.mrc", str(small_dataset.with_name(f"{name}.mrc")))
    (folder / "dataset.toml").write_text(text)
    return read_dataset(folder / "dataset.toml")


def test_without_validation_the_paper_s_recipe_trains_to_its_last_epoch(
    small_dataset: Path, tmp_path: Path
) -> None:
    settings = ["patch_px=48", "stride_px=48", "positive_copies=1", "batch_size=48", "epochs=4"]
    recipe = paper("golgi").override([*settings, "stop_patience=2", "reduce_patience=1", "decay=0"])
    dataset = held_out_otherwise(small_dataset, tmp_path, '"none"')
    trained = train(dataset, ("discs",), recipe, Run(tmp_path / "run"))
    rows = read_log(tmp_path / "run")
    assert len(rows) == 4
    assert {row["learning_rate"] for row in rows} == {recipe.learning_rate}
    assert trained.provenance["epoch"] == 4, "the newest weights are kept"
    assert trained.thresholds == {"discs": 0.5}


def test_the_paper_s_recipe_fuses_at_one_half(small_dataset: Path, tmp_path: Path) -> None:
    settings = ["patch_px=48", "stride_px=48", "positive_copies=1", "batch_size=48", "epochs=1"]
    dataset = read_dataset(small_dataset)
    found = [
        train(dataset, ("discs",), recipe.override(settings), Run(tmp_path / recipe.name))
        for recipe in (paper("golgi"), modern().override(["binning=1", "steps_per_epoch=2"]))
    ]
    assert found[0].thresholds == {"discs": 0.5}
    assert not found[0].calibration
    assert found[1].calibration.keys() == found[1].validation.keys() == {"discs"}


def test_validation_without_the_structure_keeps_the_newest_weights(
    tiny: Recipe, tmp_path: Path
) -> None:
    image = np.random.default_rng(0).integers(0, 255, (8, 48, 48)).astype(np.uint8)
    mask = np.zeros_like(image)
    mask[:4, 10:30, 10:30] = 1
    for name, data in {"image": image, "mask": mask}.items():
        files.write(tmp_path / f"{name}.mrc", Volume(data))
    (tmp_path / "d.toml").write_text(
        '[[tomogram]]\nimage = "image.mrc"\n[tomogram.holdout]\nvalidation = [6, 7]\n'
        '[tomogram.masks]\nspot = "mask.mrc"\n'
    )
    dataset = read_dataset(tmp_path / "d.toml")
    trained = train(dataset, ("spot",), tiny, Run(tmp_path / "run"))
    assert all(math.isnan(row["miou"]) for row in read_log(tmp_path / "run"))
    assert trained.provenance["epoch"] == 4
    assert trained.provenance["validation_miou"] == {"spot": None}
    assert trained.thresholds == {"spot": 0.5}


def test_a_finished_run_is_left_alone(dataset: Dataset, tiny: Recipe, tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    train(dataset, ("discs",), tiny, run)
    before = {p: p.read_bytes() for p in run.folder.rglob("*") if p.is_file()}
    ear = Ear()
    train(dataset, ("discs",), tiny, replace(run, resume=True), ear)
    assert "finished" in ear.notes[0]
    assert before == {p: p.read_bytes() for p in run.folder.rglob("*") if p.is_file()}
    with pytest.raises(InputError, match="--resume, or start anew with --overwrite"):
        train(dataset, ("discs",), tiny, run)
    with pytest.raises(InputError, match="begun with another seed"):
        train(dataset, ("discs",), tiny, replace(run, resume=True, seed=9))
    with pytest.raises(InputError, match="begun with another epochs"):
        train(dataset, ("discs",), tiny.override(["epochs=9"]), replace(run, resume=True))
    with pytest.raises(InputError, match="begun with another structures"):
        train(dataset, ("rods",), tiny, replace(run, resume=True))
    train(dataset, ("rods",), tiny, replace(run, overwrite=True))


def test_a_loss_that_is_no_number_stops_with_the_reason(
    dataset: Dataset, tiny: Recipe, tmp_path: Path
) -> None:
    run = Run(tmp_path / "run")
    train(dataset, ("discs",), tiny.override(["epochs=1"]), run)
    saved = load_checkpoint(run.folder, pytest.fail)
    assert saved is not None
    tensors, numbers = saved
    tensors["network.network.head.bias"].fill_(float("nan"))
    save_checkpoint(run.folder, tensors, numbers | {"finished": False})
    with pytest.raises(Diverged, match=r"loss became nan .* --set learning_rate"):
        train(dataset, ("discs",), tiny.override(["epochs=1"]), replace(run, resume=True))


def test_a_model_torn_by_a_kill_is_made_anew(
    dataset: Dataset, tiny: Recipe, tmp_path: Path
) -> None:
    """Killed between the weights and the card of a better model, before the checkpoint."""
    run = Run(tmp_path / "run", max_minutes=1)
    with pytest.raises(KeyboardInterrupt):
        train(dataset, ("discs",), tiny, run, _StopsAt(2))
    weights = run.folder / "model" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(KeyboardInterrupt):
        train(dataset, ("discs",), tiny, replace(run, resume=True), _StopsAt(3))
    assert load(run.folder).provenance["epoch"] == 3


class _StopsAt(Listener):
    def __init__(self, epoch: int) -> None:
        self.last = epoch

    def epoch(self, row: dict[str, float]) -> None:
        if row["epoch"] == self.last:
            raise KeyboardInterrupt


def test_wrong_structures_are_one_sentence(dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no structure golgi; it has discs, rods"):
        train(dataset, ("golgi",), modern(), Run(tmp_path / "a"))
    with pytest.raises(InputError, match="--recipe paper --joint"):
        train(dataset, ("discs", "rods"), paper("golgi"), Run(tmp_path / "b"))
