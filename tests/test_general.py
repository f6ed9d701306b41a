"""The model that comes with seget: it is whole, small, and says what it is."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import torch

import seget
from seget.phantom import ALL_STRUCTURES, Settings, simulate
from seget.trained import find_models
from seget.trained.model import SHIPPED

FOLDER = SHIPPED / "general"


def test_its_weights_are_those_of_its_card_and_small() -> None:
    weights = (FOLDER / "model.safetensors").read_bytes()
    card = json.loads((FOLDER / "model.json").read_text())
    assert hashlib.sha256(weights).hexdigest() == card["weights_sha256"]
    assert len(weights) < 6e6
    assert "phantoms" in card["provenance"]["taught_by"]
    first, last = card["provenance"]["seeds"]
    assert not {0, 1} & set(range(first, last + 1)), "the demo's cells are unseen"


def test_it_has_an_output_for_each_structure_of_the_phantom() -> None:
    model = seget.general()
    assert model.structures == ALL_STRUCTURES
    assert (model.recipe.name, model.recipe.network) == ("modern", "seget")
    assert not model.network.training
    with torch.no_grad():
        assert model.network(torch.zeros(1, 1, 64, 64)).shape == (1, len(ALL_STRUCTURES), 64, 64)


def test_it_finds_granules_in_a_cell_that_it_has_never_seen() -> None:
    cell = simulate(Settings(shape=(8, 256, 256), voxel_nm=8.0, seed=1))
    found = seget.predict(cell.tomogram, seget.general())["granules"].data >= 64
    drawn = cell.masks["granules"].data > 0
    assert 2 * (found & drawn).sum() / (found.sum() + drawn.sum()) > 0.7


def test_a_command_takes_it_by_its_name_unless_something_else_has_that_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_models(Path("general")) == [FOLDER]
    Path("general").mkdir()
    assert find_models(Path("general")) == []
