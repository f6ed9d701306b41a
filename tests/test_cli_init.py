"""`seget init` as a user types it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from seget.dataset import read_dataset

Seget = Callable[..., tuple[int, str, str]]


@pytest.fixture
def data(small_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder `data` in the current one, with a tomogram and two masks."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    for path in small_dataset.parent.glob("*.mrc"):
        shutil.copy(path, tmp_path / "data")
    (tmp_path / "data" / "notes [red]\x1b[2J.txt").write_text("x")
    return Path("data")


def test_what_is_found_is_shown_and_what_to_do_next(seget: Seget, data: Path) -> None:
    code, said, err = seget("init", data)
    assert code == 0, err
    assert err == ""
    lines = [line.split() for line in said.splitlines() if line.strip()]
    rows = {line[0]: line[1] for line in lines if len(line) > 1}
    assert rows["data/tomogram.mrc"] == "tomogram"
    assert rows["data/discs.mrc"] == "discs"
    assert "notes [red]\\x1b[2J.txt" in said
    assert lines[-1] == ["seget", "train", "dataset.toml", "-o", "runs", "--max-minutes", "15"]
    assert set(read_dataset("dataset.toml").structures) == {"discs", "rods"}


def test_nothing_is_overwritten_unasked(seget: Seget, data: Path) -> None:
    Path("dataset.toml").write_text("mine")
    code, _, err = seget("init", data)
    assert code == 2
    assert "--overwrite or another -o" in err
    assert Path("dataset.toml").read_text() == "mine"
    assert (
        seget("init", data, "-o", "new/my data.toml")[1]
        .rstrip()
        .endswith("seget train 'new/my data.toml' -o runs --max-minutes 15")
    )
    assert read_dataset("new/my data.toml").structures
    assert seget("init", data, "--overwrite")[0] == 0
    assert seget("init", data, "-o", "data")[0] == 2


def test_json(seget: Seget, data: Path) -> None:
    code, said, err = seget("init", data / "tomogram.mrc", data / "rods.mrc", "--json")
    assert code == 0, err
    found = json.loads(said)
    (tomogram,) = found["tomograms"]
    assert tomogram["holdout"] == "block"
    (mask,) = tomogram["masks"]
    assert (mask["structure"], mask["file"]) == ("rods", "data/rods.mrc")
    assert mask["slices_with_it"] == list(range(12))
    assert found["next"].startswith("seget train dataset.toml")
