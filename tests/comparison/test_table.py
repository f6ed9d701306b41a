"""The table's numbers are those of the cells, worked out by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seget import files
from seget.comparison.cell_results import CellResults
from seget.comparison.plan import ComparisonSettings, Terms
from seget.comparison.rows import facts
from seget.comparison.table import describe_split, make_table
from seget.dataset import read_dataset
from seget.evaluation import without_nan
from seget.evaluation.agreement import Agreement, Truth
from seget.volume import Volume


@pytest.mark.parametrize(
    ("holdout", "part", "flatters", "words"),
    [
        ("block", "test", False, "neither trained nor chose"),
        ("every-5th", "validation", True, "between training slices"),
        ("none", "all", True, "were trained on"),
    ],
)
def test_a_split_that_flatters_is_said_in_words(
    small_dataset: Path, tmp_path: Path, holdout: str, part: str, flatters: bool, words: str
) -> None:
    text = small_dataset.read_text().replace('"block"', f'"{holdout}"')
    for name in ("tomogram", "discs", "rods"):
        text = text.replace(f"{name}.mrc", str(small_dataset.with_name(f"{name}.mrc")))
    (tmp_path / "dataset.toml").write_text(text)
    split = describe_split(read_dataset(tmp_path / "dataset.toml"))
    assert (split["part"], split["flatters"]) == (part, flatters)
    assert words in split["text"]


def test_slices_without_the_structure_do_not_enter_the_means(
    small_dataset: Path, tmp_path: Path
) -> None:
    dataset = read_dataset(small_dataset)
    groups = (("discs",), ("rods",))
    settings = ComparisonSettings(("unet",), groups, Terms("steps", 2), (1e-3,), (0, 1))
    cells = settings.cells({}, {})
    results = CellResults(tmp_path, dataset, settings)
    for cell in cells:
        (structure,) = cell.structures
        held = Agreement()
        truth = np.zeros((2, 8, 8), bool)
        truth[0, :4] = structure == "discs"
        guess = truth.copy()
        guess[1, 0, 0] = True
        for z in range(2):
            held.add("t", z, guess[z], Truth(truth[z]))
        summary = held.summary() | {"miou_at_threshold": held.total.miou}
        result: dict[str, Any] = {"scores": {structure: summary}}
        result |= {"counts": {structure: held.counts()}, "steps_made": 2, "learning_rate": 1e-3}
        results.add(cell, without_nan(result | {"step_s": 1.0, "slice_s": 1.0}))
    table = make_table(dataset, settings, cells, results)
    discs, rods = (table["scores"]["unet"][s] for s in ("discs", "rods"))
    assert rods["miou"] == [None, None]
    assert rods["interval"] is rods["miou_per_slice"] is rods["miou_per_patch"] is None
    assert rods["false_positive_share"] == discs["false_positive_share"] == 1 / 128
    assert discs["miou_per_slice"] == 1.0, "the slice that shows them; not 0.75 with the other"
    assert table["averages"]["unet"] == discs["miou"], "not 0.5 lower for what is not there"
    json.dumps(table, allow_nan=False)


def test_cells_of_several_machines_say_which(small_dataset: Path, tmp_path: Path) -> None:
    dataset = read_dataset(small_dataset)
    asked = ComparisonSettings(
        ("unet", "segnet"), (("discs",),), Terms("steps", 2), (1e-3,), (0, 1)
    )
    results = CellResults(tmp_path, dataset, asked)
    results.machine = "a card"
    cells = asked.cells({}, {})
    held = Agreement()
    held.add("t", 0, np.eye(8, dtype=bool), Truth(np.eye(8, dtype=bool)))
    summary = held.summary() | {"miou_at_threshold": 1.0}
    result = {"scores": {"discs": summary}, "counts": {"discs": held.counts()}}
    result |= {"steps_made": 2, "learning_rate": 1e-3, "step_s": 1.0, "slice_s": 1.0}
    for cell in cells:
        results.add(cell, without_nan(result))
    assert make_table(dataset, asked, cells, results)["machine"] == "a card", "cells of before"
    for cell in cells:
        if cell.network == "segnet":
            results.add(cell, without_nan(result | {"machine": "two cores"}))
    table = make_table(dataset, asked, cells, results)
    assert table["machine"] == "a card (U-Net) and two cores (SegNet)"


def test_a_split_by_structure_is_told_by_structure(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (12, 16, 16), np.uint8)
    for name, data in {"image": noise, "mask": (noise > 200).astype(np.uint8)}.items():
        files.write(tmp_path / f"{name}.mrc", Volume(data))
    (tmp_path / "d.toml").write_text(
        'holdout = "every-5th"\n[[tomogram]]\nimage = "image.mrc"\n[tomogram.masks]\n'
        'golgi = { file = "mask.mrc", slices = [0, 1, 2, 6, 7, 8] }\n'
        'er = { file = "mask.mrc", slices = [3, 4, 5, 9, 10, 11] }\n'
    )
    split = describe_split(read_dataset(tmp_path / "d.toml"))
    assert split["slices"] == {"image": [0, 3, 8, 11]}
    assert split["slices_of"] == {"image": {"golgi": [0, 8], "er": [3, 11]}}
    table = {"split": split, "dataset": "d", "joint": True, "terms": {"text": "t"}, "recipe": "r"}
    said = dict(facts(table | {"seeds": [0], "machine": "m"}))
    assert said["Slices"] == "image: golgi (0, 8), er (3, 11)"
