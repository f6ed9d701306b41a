"""`seget train` of a tomogram and masks, without a dataset.toml."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from seget.dataset import read_dataset

SHORT = ["--set", "patch_px=32", "--set", "binning=1", "--set", "batch_size=2"]
SHORT += ["--set", "epochs=1", "--set", "steps_per_epoch=2"]

Seget = Callable[..., tuple[int, str, str]]


@pytest.fixture
def data(small_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder `data` in the current one, with a tomogram and two masks."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    for path in small_dataset.parent.glob("*.mrc"):
        shutil.copy(path, tmp_path / "data")
    return Path("data")


def test_training_without_a_dataset_toml(seget: Seget, data: Path) -> None:
    tomogram = data / "tomogram.mrc"
    masks = ["--mask", f"disks={data / 'discs.mrc'}", "--mask", data / "rods.mrc"]
    command = ["train", tomogram, *masks, "-o", "runs", *SHORT]
    code, _, err = seget(*command)
    assert code == 0, err
    assert "runs/dataset.toml: stands for the tomogram" in err
    assert read_dataset("runs/dataset.toml").structures == ("disks", "rods")
    for again in (command, ["train", "runs/dataset.toml", "-o", "runs", *SHORT]):
        code, _, err = seget(*again, "--resume")
        assert code == 0, err
        assert err.count("this run is finished") == 2
    assert seget("segment", tomogram, "runs", "-o", "out")[0] == 0
    code, said, err = seget("evaluate", "out", "runs/dataset.toml", "--json", "--no-pictures")
    assert code == 0, err
    assert json.loads(said)["structures"].keys() == {"disks", "rods"}

    before = Path("runs/dataset.toml").read_text()
    other = ["train", tomogram, "--mask", f"rods={data / 'discs.mrc'}", "-o", "runs", *SHORT]
    code, _, err = seget(*other, "--resume")
    assert code == 2
    assert "says otherwise than data/tomogram.mrc with these masks" in err
    assert Path("runs/dataset.toml").read_text() == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["data/tomogram.mrc"], "give --mask NAME=FILE for each mask"),
        (["data"], "run seget init data"),
        (["data", "--mask", "rods=data/rods.mrc"], "name the tomogram"),
        (["dataset.toml", "--mask", "rods=data/rods.mrc"], "--mask is for a tomogram"),
        (["data/tomogram.mrc", "--mask", "../x=data/rods.mrc"], "wanted NAME=FILE"),
        (["data/tomogram.mrc", "--mask", "rods="], "wanted NAME=FILE"),
        (["data/tomogram.mrc", "--mask", "rods=no.mrc"], "no.mrc: there is no such file"),
        (["none.mrc", "--mask", "rods=data/rods.mrc"], "none.mrc: there is no such file"),
    ],
)
def test_what_is_wrong_is_one_sentence(
    seget: Seget, data: Path, arguments: list[str], words: str
) -> None:
    assert data.is_dir()
    code, _, err = seget("train", *arguments, "-o", "runs")
    assert code == 2
    assert words in err
    assert len(err.splitlines()) == 1
    assert not Path("runs").exists()
