"""What lies in pixels that were not looked at changes no loss, gradient, metric or threshold."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from dataset_folder import Folder
from seget.dataset import Dataset
from seget.evaluation import draw_slices, evaluate
from seget.evaluation.sheet import UNSEEN
from seget.losses import segmentation_loss
from seget.results import Sidecar, write_sidecar
from seget.samples import PatchPlace, Samples
from seget.training import validation
from seget.training.held_out import validation_slices
from seget.training.validation import validate
from small_patches import SHAPE, gridded, plain

SEEN = np.s_[:, :, 40:]  # what was looked at
TOML = """holdout = { validation = [4], test = [9] }
[[tomogram]]
image = "tomogram.mrc"
slices = [0, 1, 2, 3, 4, 9]
[tomogram.masks]
spots = { file = "spots.mrc", ignore = 255 }
bars = { file = "bars.mrc", slices = [1, 5, 7, 9] }
"""


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    folder = Folder(tmp_path)
    rng = np.random.default_rng(0)
    folder.save("tomogram.mrc", rng.integers(0, 256, SHAPE, np.uint8))
    spots = np.full(SHAPE, 255, np.uint8)
    spots[SEEN] = rng.random(SHAPE)[SEEN] < 0.1
    folder.save("spots.mrc", spots)
    bars = np.zeros(SHAPE, np.uint8)
    bars[:, 10:20] = 1
    folder.save("bars.mrc", bars)
    return folder


@pytest.fixture
def dataset(folder: Folder) -> Dataset:
    return folder.read(TOML)


RECIPES = [
    plain("foreground_share=0.5", "weight_cap=20"),
    gridded(),
    plain("warp=1", "elastic_px=1"),
]


@pytest.mark.parametrize("recipe", RECIPES)
def test_loss_and_gradient_know_nothing_of_what_is_not_labelled(
    dataset: Dataset, recipe: Any
) -> None:
    samples = Samples(dataset, ("spots", "bars"), recipe, 0)
    for step in range(4):
        batch = samples.batch(step)
        target, labelled = batch.target.float(), batch.labelled.float()
        generator = torch.Generator().manual_seed(step)
        logits = torch.randn(target.shape, generator=generator)
        found = []
        for other in (0.0, 30.0, -30.0):
            shown = torch.where(batch.labelled, logits, torch.full_like(logits, other))
            shown.requires_grad_()
            loss = segmentation_loss(shown, target, labelled, recipe.weight_cap)
            loss.backward()
            assert shown.grad is not None
            assert (shown.grad[~batch.labelled] == 0).all()
            found.append((loss.item(), shown.grad))
        assert found[0][0] == found[1][0] == found[2][0]
        assert torch.equal(found[0][1], found[1][1])


@pytest.mark.parametrize("recipe", RECIPES)
def test_what_was_not_looked_at_or_is_held_out_is_not_labelled(folder: Folder, recipe: Any) -> None:
    """Bright on the right of each slice that spots train on; labelled there and nowhere else."""
    grey = np.zeros(SHAPE, np.float32)
    grey[[0, 1, 2, 3], :, 40:] = 1
    noise = np.random.default_rng(1).normal(0, 0.01, SHAPE).astype(np.float32)
    folder.save("tomogram.mrc", grey + noise)  # without noise the sides would be padding
    samples = Samples(folder.read(TOML), ("spots", "bars"), recipe, 0)
    dark, bright = samples.readers[0].normalisation(np.array([0, 1], np.float32)).tolist()
    seen = 0
    for step in range(40):
        batch = samples.batch(step)
        spots = batch.labelled[:, 0]
        shown = (batch.image[:, 0] - dark) / (bright - dark)
        assert shown[spots].min() > 0.3, "half, at the edge of a warped patch"
        assert not batch.target[:, 0][~spots].any()
        seen += int(spots.sum())
        if not recipe.warp:
            assert torch.equal(spots, shown > 0.5)
    assert seen


@pytest.mark.parametrize("recipe", RECIPES[:2])
def test_patches_are_labelled_where_the_structure_trains_and_was_looked_at(
    folder: Folder, recipe: Any
) -> None:
    place = np.arange(SHAPE[0], dtype=np.float32)[:, None, None]
    grey = np.random.default_rng(1).normal(0, 0.01, SHAPE).astype(np.float32)
    folder.save("tomogram.mrc", grey + place)  # so that the grey values tell the slice
    samples = Samples(folder.read(TOML), ("spots", "bars"), recipe, 0)
    normal = samples.readers[0].normalisation
    drawn: dict[int, set[int]] = {0: set(), 1: set()}
    for step in range(60):
        batch = samples.batch(step)
        assert batch.labelled.flatten(1).any(dim=1).all(), "no patch teaches nothing"
        slices = batch.image.mean(dim=(1, 2, 3)).double() * normal.deviation + normal.mean
        for i, z in enumerate(slices.round().int().tolist()):
            for k in (0, 1):
                if batch.labelled[i, k].any():
                    drawn[k].add(z)
    assert drawn[0] == {0, 1, 2, 3}
    assert drawn[1] == {1, 5, 7}, "7 and 5 are slices of bars alone, 4 and 9 are held out"


def test_a_slice_held_out_for_one_may_train_another_but_not_that_one(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = TOML.replace("holdout = { validation = [4], test = [9] }", 'holdout = "block"')
    text = text.replace("slices = [0, 1, 2, 3, 4, 9]", "slices = [0, 1, 2, 3, 4, 5]")
    text = text.replace("slices = [1, 5, 7, 9]", "slices = [3, 4, 5, 6, 7, 8, 9, 10, 11]")
    samples = Samples(folder.read(text), ("spots", "bars"), plain(), 0)
    spots, bars = (samples.tomograms[0].masks[s].split for s in ("spots", "bars"))
    assert (spots.train, spots.validation, spots.test) == ((0, 1, 2, 3), (4,), (5,))
    assert bars.train == (3, 4, 5, 6, 7, 8)
    for z in range(9):
        _, target, labelled = samples._cut(PatchPlace(0, z, 50, 50), 0)
        assert labelled[0].any() == (z in spots.train)
        assert labelled[1].all() == (z in bars.train)
        assert not target[0].any() or z in spots.train
    scores = np.zeros((2, *SHAPE[1:]), np.uint8)
    monkeypatch.setattr(validation, "score_slices", lambda _, __, zs: ((z, scores) for z in zs))
    every = [(samples.tomograms[0], samples.readers[0], list(range(SHAPE[0])))]
    scored = validate(SimpleNamespace(), samples.structures, every)  # type: ignore[arg-type]
    assert scored.counts("spots").pixels == SHAPE[1] * (SHAPE[2] - 40), "its one slice"
    assert scored.counts("bars").pixels == SHAPE[1] * SHAPE[2] * len(bars.validation)


def test_a_patch_of_a_scribble_holds_some_of_it(folder: Folder) -> None:
    scribble = np.full(SHAPE, 255, np.uint8)
    scribble[:, 80:83, 90:93], scribble[:, 2:4, 60:66] = 1, 0
    folder.save("spots.mrc", scribble)
    for recipe in (plain("foreground_share=0"), gridded()):
        samples = Samples(folder.read(TOML), ("spots",), recipe, 0)
        for step in range(20):
            assert samples.batch(step).labelled.flatten(1).any(dim=1).all()


def test_foreground_all_over_what_was_looked_at_is_refused(folder: Folder) -> None:
    spots = np.full(SHAPE, 255, np.uint8)
    spots[SEEN] = 1
    folder.save("spots.mrc", spots)
    with pytest.raises(Exception, match="spots fills every training slice"):
        Samples(folder.read(TOML), ("spots",), plain(), 0)


def test_validation_and_thresholds(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = Samples(dataset, ("spots", "bars"), plain(), 0)
    held_out = validation_slices(dataset, samples)
    rng = np.random.default_rng(2)
    scores = rng.integers(0, 128, (2, *SHAPE), np.uint8)
    found = []
    for other in (0, 127):
        scores[0][:, :, :40] = other

        def score(reader: Any, scorer: Any, slices: list[int]) -> Any:
            return ((z, scores[:, z]) for z in slices)

        monkeypatch.setattr(validation, "score_slices", score)
        held: Any = SimpleNamespace()
        found.append(validate(held, samples.structures, held_out))
    assert found[0].thresholds() == found[1].thresholds()
    assert found[0].mious() == found[1].mious()
    assert found[0].counts("spots").pixels == SHAPE[1] * (SHAPE[2] - 40)
    assert found[0].counts("bars").pixels == 0, "it has no validation slice of its own"


def predict(folder: Folder, dataset: Dataset, other: int) -> Path:
    (tomogram,) = dataset.tomograms
    rng = np.random.default_rng(3)
    out = folder.path / "out"
    for order, structure in enumerate(("spots", "bars")):
        scores = rng.integers(0, 128, SHAPE, np.uint8)
        if structure == "spots":
            scores[:, :, :40] = other
        else:
            scores[[0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11]] = other
        out.mkdir(exist_ok=True)
        folder.save(f"out/tomogram__{structure}.mrc", scores)
        write_sidecar(
            out / f"tomogram__{structure}.mrc",
            Sidecar(structure=structure, threshold=0.3, order=order),
        )
    assert tomogram.name == "tomogram"
    return out


def test_scores(folder: Folder, dataset: Dataset) -> None:
    first, second = (evaluate(predict(folder, dataset, other), dataset) for other in (0, 127))
    assert first == second
    spots, bars = (first["structures"][s] for s in ("spots", "bars"))
    assert spots["judged_px"] == SHAPE[1] * (SHAPE[2] - 40)
    assert bars["judged_px"] == SHAPE[1] * SHAPE[2]
    for slices in ("all", (1, 5)):
        scored = evaluate(folder.path / "out", dataset, slices)
        assert [one["structures"] for one in scored["scored"]] == [["spots"], ["bars"]]
        own = {"all": ([0, 1, 2, 3, 4, 9], [1, 5, 7, 9])}.get(str(slices), ([1], [1, 5]))
        assert tuple(one["slices"] for one in scored["scored"]) == own
    result = evaluate(folder.path / "out", dataset, (5,))
    assert result["structures"]["spots"]["judged_px"] == 0
    assert "spots is not annotated on any scored slice: nothing of it was judged" in str(result)


def test_the_picture_shows_what_was_not_looked_at(folder: Folder) -> None:
    dataset = folder.read(TOML.replace('bars = { file = "bars.mrc", slices = [1, 5, 7, 9] }\n', ""))
    out = predict(folder, dataset, 127)
    (out / "tomogram__bars.mrc").unlink()
    (out / "tomogram__bars.json").unlink()
    unseen = tuple(bytes.fromhex(UNSEEN[1][1:]))
    (path,) = draw_slices(out, dataset)
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB"))
    # Two of the four panels, 40 of their 96 columns, 10 x 10 pixels for one of the slice.
    assert (pixels == unseen).all(axis=-1).sum() == pytest.approx(2 * 96 * 40 * 100, rel=0.02)
