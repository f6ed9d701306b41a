"""A comparison goes on if its recipe is the same in every number, however that was said."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from seget import files
from seget.comparison.cell import CellSetup, read_scores, run_cell
from seget.comparison.cell_results import CellResults
from seget.comparison.plan import ComparisonSettings, Terms, chosen_for
from seget.dataset import Dataset, read_dataset
from seget.errors import InputError
from seget.prediction import Options, predict
from seget.trained import load
from seget.volume import Volume


@pytest.fixture
def dataset(small_dataset: Path) -> Dataset:
    return read_dataset(small_dataset)


def settings(*changes: str) -> ComparisonSettings:
    return ComparisonSettings(
        ("seget",), (("discs",),), Terms("steps", 4), (0.003,), seeds=(0,), changes=changes
    )


@pytest.fixture
def begun(tmp_path: Path, dataset: Dataset) -> Path:
    """A comparison from before seget left features of the center out."""
    CellResults(tmp_path, dataset, settings("warp=0")).save()
    path = tmp_path / "cells.json"
    saved = json.loads(path.read_text())
    saved["recipe"].pop("center_dropout")
    path.write_text(json.dumps(saved))
    return tmp_path


def test_what_is_said_in_other_words_is_the_same(begun: Path, dataset: Dataset) -> None:
    CellResults(begun, dataset, settings("center_dropout=0", "flips=true", "warp=0.0"))


def test_other_numbers_are_named_as_they_were(begun: Path, dataset: Dataset) -> None:
    with pytest.raises(InputError, match=r"go on with --set center_dropout=0\.0, or name"):
        CellResults(begun, dataset, settings("warp=0"))
    with pytest.raises(InputError, match=r"with --set center_dropout=0\.0 --set warp=0\.0, or"):
        CellResults(begun, dataset, settings())


def test_a_row_as_shipped_for_which_another_version_chose_otherwise_is_made_again(
    tmp_path: Path, dataset: Dataset
) -> None:
    asked = replace(settings("binning=1"), networks=("seget", "seget_shipped"))
    cells = asked.cells({}, {})
    begun = CellResults(tmp_path, dataset, asked)
    for cell in cells:
        chosen = chosen_for(cell.network, cell.structures, dataset, asked.changes)
        result = {"network": cell.network, "structures": ["discs"], "chosen": chosen}
        begun.add(cell, result)
    assert chosen["weight_interpolation"] and not chosen["deep_supervision"]
    assert [cell in CellResults(tmp_path, dataset, asked) for cell in cells] == [True, True]
    begun.add(cells[1], result | {"chosen": chosen | {"weight_interpolation": False}})
    assert [cell in CellResults(tmp_path, dataset, asked) for cell in cells] == [True, False]


@pytest.fixture
def of_two(tmp_path: Path) -> Dataset:
    """A tomogram that teaches, and another that is scored."""
    text = ""
    for seed, keys in enumerate(('holdout = "none"', "slices = [1]\nholdout = { test = [1] }")):
        grey = np.random.default_rng(seed).integers(0, 255, (4, 64, 64), np.uint8)
        files.write(tmp_path / f"{seed}.mrc", Volume(grey, (2.0, 2.0, 2.0)))
        files.write(tmp_path / f"discs{seed}.mrc", Volume((grey > 99).view(np.uint8)))
        text += f'[[tomogram]]\nname = "cell{seed}"\nimage = "{seed}.mrc"\n{keys}\n'
        text += f'[tomogram.masks]\ndiscs = "discs{seed}.mrc"\n'
    (tmp_path / "dataset.toml").write_text(text)
    return read_dataset(tmp_path / "dataset.toml")


def test_networks_are_adapted_to_what_did_not_teach_them(of_two: Dataset, tmp_path: Path) -> None:
    asked = settings("network=unet", "binning=1", "patch_px=32", "steps_per_epoch=4", "warp=0")
    (cell,) = asked.cells({}, {})
    result = run_cell(cell, CellSetup(of_two.path, tmp_path, asked.changes))
    assert result["adapted"] == ["cell1"]
    kept = read_scores(tmp_path, cell)
    assert kept is not None
    for adapt in (True, False):
        options = Options(engine="torch", adapt=adapt)
        found = predict(of_two.tomograms[1].image, load(tmp_path / cell.key), options)
        assert np.array_equal(found["discs"].data[1], kept["cell1__1"][0]) is adapt


def test_a_row_that_was_scored_without_adaptation_is_made_again(
    of_two: Dataset, tmp_path: Path
) -> None:
    asked = settings()
    (cell,) = asked.cells({}, {})
    begun = CellResults(tmp_path, of_two, asked)
    result = {"network": cell.network, "structures": ["discs"], "chosen": {}, "scores": {}}
    for adapted, stays in (({}, False), ({"adapted": ["cell1"]}, True), ({"adapted": []}, False)):
        begun.add(cell, result | adapted)
        assert (cell in CellResults(tmp_path, of_two, asked)) is stays
    result.pop("scores")
    begun.add(cell, result)
    assert cell in CellResults(tmp_path, of_two, asked), "what chose a rate scored nothing"
