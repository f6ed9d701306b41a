"""Errors that propose: what was nearly right is named in the sentence that refuses it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seget import files
from seget.errors import did_you_mean, did_you_mean_file
from seget.results import Sidecar, write_sidecar
from seget.volume import Volume

Seget = Callable[..., tuple[int, str, str]]
NAMES = ["synapse", "microtubules", "centriole", "granules", "golgi"]


@given(st.sampled_from(NAMES), st.integers(0, 20), st.sampled_from("aex_"))
def test_one_wrong_letter_is_understood(name: str, place: int, letter: str) -> None:
    wrong = name[: place % len(name)] + letter + name[place % len(name) + 1 :]
    assert did_you_mean(wrong.upper(), NAMES) == f" (did you mean {name}?)"


@given(st.text(max_size=200))
def test_whatever_is_typed_is_no_error(typed: str) -> None:
    assert did_you_mean(typed, []) == ""
    assert did_you_mean(typed, NAMES) in {"", *(f" (did you mean {n}?)" for n in NAMES)}


def test_a_file_is_proposed_as_it_would_be_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cell_01.mrc").touch()
    meant = f" (did you mean {tmp_path}/cell_01.mrc?)"
    assert did_you_mean_file(tmp_path / "cell-01.mrc") == meant
    assert did_you_mean_file(tmp_path / "nothing" / "cell-01.mrc") == ""
    monkeypatch.chdir(tmp_path)
    assert did_you_mean_file(Path("Cell_01.MRC")) == " (did you mean cell_01.mrc?)"


@pytest.fixture
def folder(small_dataset: Path, tmp_path: Path) -> Path:
    """A copy of the small dataset, and a score map of rods, that a test may spoil."""
    copy = tmp_path / "data"
    shutil.copytree(small_dataset.parent, copy)
    (copy / "maps").mkdir()
    path = copy / "maps" / "tomogram__rods.mrc"
    files.write(path, Volume(np.zeros((2, 8, 8), np.uint8)))
    write_sidecar(path, Sidecar(structure="rods", threshold=0.5))
    return copy


COMMANDS = {
    "verb": ("segmnt", "segment"),
    "option": ("train dataset.toml -o r --max-minuts 3", "--max-minutes"),
    "structure": ("train dataset.toml -o r -s rosd", "rods"),
    "key of a recipe": ("train dataset.toml -o r --set epoch=3", "epochs"),
    "network": ("compare dataset.toml -o t --networks segnett", "segnet"),
    "tomogram": ("info tomogramm.mrc", "tomogram.mrc"),
    "dataset": ("train datset.toml -o r", "dataset.toml"),
    "folder": ("fuse map -o l.mrc", "maps"),
    "threshold": ("fuse maps -o l.mrc --threshold rod=0.5", "rods"),
    "model of IMOD": ("convert rods.mod x.mrc --like tomogram.mrc", "rods.mrc"),
}


@pytest.mark.parametrize("kind", COMMANDS)
def test_what_is_nearly_right_is_proposed(
    seget: Seget, folder: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    typed, meant = COMMANDS[kind]
    monkeypatch.chdir(folder)
    code, _, err = seget(*typed.split())
    assert code == 2
    # On a terminal of 80 columns the sentences about verbs and options are broken into lines.
    plain = " ".join(err.replace("│", " ").split())
    plain = plain.lower().replace("'", "").replace("possible options:", "did you mean")
    assert f"did you mean {meant}" in plain, err


@pytest.mark.parametrize(
    ("written", "wrong", "meant"),
    [('"rods.mrc"', '"rod.mrc"', "rods.mrc"), ("image =", "imag =", "image")],
)
def test_what_a_dataset_nearly_says_is_proposed(
    seget: Seget, folder: Path, written: str, wrong: str, meant: str
) -> None:
    toml = folder / "dataset.toml"
    toml.write_text(toml.read_text().replace(written, wrong))
    code, _, err = seget("train", toml, "-o", folder / "run")
    assert (code, err.count("\n")) == (2, 1)
    assert "did you mean" in err
    assert f"{meant}?" in err
