"""`seget rules`, and `seget fuse` by what it chose."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from seget import files
from seget.dataset import read_dataset
from seget.results import Sidecar, write_sidecar

Seget = Callable[..., tuple[int, str, str]]


@pytest.fixture
def predicted(small_dataset: Path, tmp_path: Path) -> Path:
    """Right score maps of both structures, and specks of discs on all slices."""
    (tomogram,) = read_dataset(small_dataset).tomograms
    for order, (structure, mask) in enumerate(tomogram.masks.items()):
        found = np.stack([mask.slice(z) for z in range(12)])
        if structure == "discs":
            found[:, 2:9, 80:90] = True
        path = tmp_path / "out" / f"tomogram__{structure}.mrc"
        scores = np.where(found, 110, 9).astype(np.uint8)
        files.write(path, tomogram.image.on_same_grid(scores, structure))
        write_sidecar(path, Sidecar(structure=structure, threshold=0.5, order=order))
    return tmp_path / "out"


def test_what_was_chosen_mends_the_labels(
    seget: Seget, small_dataset: Path, predicted: Path, tmp_path: Path
) -> None:
    rules = tmp_path / "rules.toml"
    code, printed, err = seget("rules", predicted, small_dataset, "-o", rules)
    assert code == 0, err
    assert '[structure."discs"]' in printed
    assert "without 1 objects" in printed
    assert '# "rods": nothing is left out, mIOU 1.0000' in printed
    labels = predicted / "labels.mrc"
    assert seget("fuse", predicted, "-o", labels, "--rules", rules)[0] == 0
    code, printed, err = seget("evaluate", predicted, small_dataset, "--no-pictures", "--json")
    assert code == 0, err
    discs = json.loads(printed)["structures"]["discs"]
    assert discs["miou"] < 0.98
    assert discs["labels"]["miou"] == 1.0
    assert discs["objects"]["invented"] == 0
    before = rules.read_text()
    assert seget("rules", predicted, small_dataset, "-o", rules, "--overwrite")[0] == 0
    assert rules.read_text() == before, "labels fused by rules do not change the choice"


def test_rules_are_not_overwritten(
    seget: Seget, small_dataset: Path, predicted: Path, tmp_path: Path
) -> None:
    (tmp_path / "rules.toml").write_text("mine")
    code, _, err = seget("rules", predicted, small_dataset, "-o", tmp_path / "rules.toml")
    assert code == 2
    assert "is there already; give --overwrite" in err
    assert (tmp_path / "rules.toml").read_text() == "mine"
