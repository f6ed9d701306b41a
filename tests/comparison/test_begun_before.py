"""A comparison goes on if its recipe is the same in every number, however that was said."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from seget.comparison.cell_results import CellResults
from seget.comparison.plan import ComparisonSettings, Terms, chosen_for
from seget.dataset import Dataset, read_dataset
from seget.errors import InputError


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
