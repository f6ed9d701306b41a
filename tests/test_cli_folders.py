"""Folders as people have them, in front of `seget segment`; and that each sentence's mend works."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from grey_cell import GREY, MASK, SIZE_NM, write_run, write_tomogram
from seget import files
from seget.volume import Volume

Seget = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One tomogram, in a folder of its own."""
    return write_tomogram(tmp_path / "cell")


def outputs(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("format", ["mrc", "zarr"])
def test_the_same_command_into_the_folder_itself_is_done_once(
    seget: Seget, run: Path, folder: Path, several: bool, format: str
) -> None:
    if several:
        files.write(folder / "b.mrc", Volume(255 - GREY, SIZE_NM))
    command = ("segment", folder, run, "-o", folder, "--format", format)
    code, _, err = seget(*command)
    assert code == 0, err
    before = outputs(folder)
    code, _, err = seget(*command)
    assert code == 0, err
    assert outputs(folder) == before
    assert several or "left out, each an output of seget" in err
    # `seget info` shows all: the tomogram, its labels and conflicts, and the score map.
    assert len(files.find_volumes(folder)) == (2 if several else 4)
    made = [path for path in before if path.name == "labels.mrc"]
    assert len(made) == 1 + several


def test_pictures_and_runs_within_the_folder_are_no_tomograms(
    seget: Seget, run: Path, folder: Path
) -> None:
    files.write(folder / "rods.mrc", Volume(MASK, SIZE_NM))
    shutil.copytree(run, folder / "run")
    Image.fromarray(GREY[0]).save(folder / "run" / "curves.png")
    text = 'holdout = "none"\n[[tomogram]]\nimage = "a.mrc"\nmasks = { rods = "rods.mrc" }\n'
    (folder / "dataset.toml").write_text(text)
    assert seget("segment", folder / "a.mrc", run, "-o", folder)[0] == 0
    assert seget("evaluate", folder, folder / "dataset.toml")[0] == 0
    assert (folder / "pictures").is_dir()
    assert files.find_tomograms(folder) == [folder / "a.mrc"]


def test_what_is_left_out_is_said_and_taken_if_it_is_named(
    seget: Seget, run: Path, folder: Path, tmp_path: Path
) -> None:
    ragged = (GREY > 200).astype(np.uint8)  # or it would be refused for an empty tomogram
    files.write(folder / "mask.mrc", Volume(ragged, SIZE_NM))
    files.write(folder / "a.st", Volume(GREY, SIZE_NM))
    code, _, err = seget("segment", folder, run, "-o", tmp_path / "out")
    assert code == 0, err
    assert "mask.mrc left out, a mask of 0 and 1" in err
    assert "a.st left out, a tilt series by its name (.st)" in err
    assert "name the file itself" in err
    assert (tmp_path / "out" / "a__rods.mrc").is_file()
    code, _, err = seget("segment", folder / "mask.mrc", folder / "a.st", run, "-o", tmp_path / "o")
    assert code == 0, err
    assert "this is a mask of 0 and 1, and is taken for a tomogram since it was named" in err
    assert {path.name for path in (tmp_path / "o").iterdir()} == {"a", "mask"}


def test_a_folder_of_tomograms_and_runs_is_named_as_both(
    seget: Seget, run: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(run, folder / "run")
    monkeypatch.chdir(folder)
    code, _, err = seget("segment", ".", "run", "-o", tmp_path / "out")
    assert code == 2
    assert "holds both tomograms (a.mrc) and runs (run)" in err
    assert "as a.mrc run" in err
    assert seget("segment", "a.mrc", "run", "-o", tmp_path / "out")[0] == 0
    assert seget("segment", "a.mrc", ".", "-o", tmp_path / "out")[0] == 0


def test_a_file_in_place_of_the_folder_of_outputs(
    seget: Seget, run: Path, folder: Path, small_dataset: Path, tmp_path: Path
) -> None:
    image = folder / "a.mrc"
    before = image.read_bytes()
    for out in (image, image / "deeper"):
        for command in (
            ("segment", image, run),
            ("predict", image, run),
            ("train", small_dataset),
            ("compare", small_dataset),
            ("demo",),
        ):
            code, _, err = seget(*command, "-o", out)
            assert (code, err.count("\n")) == (2, 1), err
            assert "a folder is wanted" in err
        code, _, err = seget("phantom", out)
        assert (code, "a folder is wanted" in err) == (2, True), err
    code, _, err = seget("convert", image, image / "deeper" / "x.mrc")
    assert (code, err.count("\n")) == (2, 1), err
    assert image.read_bytes() == before
    assert seget("segment", image, run, "-o", tmp_path / "new" / "folder")[0] == 0


def test_missing_slices_are_said_before_the_work(
    seget: Seget, run: Path, folder: Path, tmp_path: Path
) -> None:
    slices = tmp_path / "slices"
    slices.mkdir()
    for number, plane in zip((1, 2, 5), GREY, strict=True):
        Image.fromarray(plane).save(slices / f"s_{number}.png")
    words = "of the slices numbered 1 to 5 2 are missing (3, 4)"
    text = 'holdout = "none"\n[[tomogram]]\nimage = "slices"\nmasks = { rods = "rods.mrc" }\n'
    (tmp_path / "dataset.toml").write_text(text)
    files.write(tmp_path / "rods.mrc", Volume(MASK, SIZE_NM))
    for command in (
        ("segment", slices, run, "-o", tmp_path / "a"),
        ("segment", tmp_path, run, "-o", tmp_path / "b"),
        ("convert", slices, tmp_path / "c.tif"),
        ("evaluate", tmp_path / "a", tmp_path / "dataset.toml", "--no-pictures"),
    ):
        code, _, err = seget(*command)
        assert code == 0, err
        assert err.count(words) == 1, err
    code, printed, _ = seget("info", slices, "--json")
    assert words in " ".join(json.loads(printed)["faults"])
