"""Command lines that people get wrong: one sentence each, whose mend works."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from grey_cell import GREY, SIZE_NM, write_run, write_tomogram
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


def test_a_file_of_a_model_stands_for_its_folder(
    seget: Seget, run: Path, folder: Path, tmp_path: Path
) -> None:
    for number, name in enumerate(("model.safetensors", "model.json")):
        out = tmp_path / str(number)
        code, _, err = seget("segment", folder, run / "model" / name, "-o", out)
        assert code == 0, err
    step = run / "checkpoints" / "step-00000001.safetensors"
    step.parent.mkdir(exist_ok=True)
    shutil.copy(run / "model" / "model.safetensors", step)
    code, _, err = seget("segment", folder, step, "-o", tmp_path / "out")
    assert (code, "give the run's folder" in err) == (2, True), err
    code, _, err = seget("segment", folder, step.parent, "-o", tmp_path / "out")
    assert (code, "give the run's folder" in err) == (2, True), err
    assert seget("segment", folder, run, "-o", tmp_path / "out")[0] == 0


@pytest.mark.parametrize("value", [0, np.nan])
def test_an_empty_tomogram_leaves_no_folder_behind(
    seget: Seget, run: Path, tmp_path: Path, value: float
) -> None:
    files.write(tmp_path / "a.mrc", Volume(np.full((3, 40, 40), value, np.float32), SIZE_NM))
    code, _, err = seget("segment", tmp_path / "a.mrc", run, "-o", tmp_path / "out" / "deeper")
    assert (code, err.count("\n")) == (2, 1), err
    assert "nothing is in the sampled slices" in err
    assert not (tmp_path / "out").exists()
    # A folder that was there stays, empty or not.
    (tmp_path / "mine").mkdir()
    assert seget("segment", tmp_path / "a.mrc", run, "-o", tmp_path / "mine")[0] == 2
    assert (tmp_path / "mine").is_dir()


def test_the_version_is_told(seget: Seget) -> None:
    code, printed, _ = seget("--version")
    assert (code, printed.split()[0]) == (0, "seget")


@pytest.mark.parametrize("noise", ["grey", "few"])
def test_grey_values_become_no_model(
    seget: Seget, folder: Path, tmp_path: Path, noise: str
) -> None:
    if noise == "few":
        files.write(folder / "a.mrc", Volume(GREY // 16, SIZE_NM))
    code, _, err = seget("convert", folder / "a.mrc", tmp_path / "x.mod")
    assert code == 2
    assert "look like grey values, wanted labels" in err
    assert not (tmp_path / "x.mod").exists()
    assert seget("convert", folder / "a.mrc", tmp_path / "x.mod", "--labels")[0] == 0


def test_many_labels_become_a_model(seget: Seget, tmp_path: Path) -> None:
    many = np.kron(np.arange(100).reshape(10, 10), np.ones((4, 4), int))[None].astype(np.uint16)
    files.write(tmp_path / "many.mrc", Volume(many, SIZE_NM))
    code, _, err = seget("convert", tmp_path / "many.mrc", tmp_path / "x.mod")
    assert (code, "--labels if these are labels" in err) == (2, True), err
    assert seget("convert", tmp_path / "many.mrc", tmp_path / "x.mod", "--labels")[0] == 0
    # With names for them nothing has to be said.
    names = {str(n): {"structure": f"cell {n}", "colour": "#ffffff"} for n in range(1, 100)}
    files.write_json(tmp_path / "many.json", names)
    assert seget("convert", tmp_path / "many.mrc", tmp_path / "y.mod")[0] == 0
    files.write(tmp_path / "few.mrc", Volume(many // 4, SIZE_NM))
    assert seget("convert", tmp_path / "few.mrc", tmp_path / "z.mod")[0] == 0


def test_outputs_named_in_place_of_their_folder(
    seget: Seget, run: Path, folder: Path, tmp_path: Path
) -> None:
    assert seget("segment", folder, run, "-o", tmp_path / "out")[0] == 0
    labels = tmp_path / "out" / "labels.mrc"
    code, _, err = seget("fuse", labels, "-o", tmp_path / "l.mrc")
    assert (code, "this is a file; wanted the folder" in err) == (2, True), err
    assert seget("fuse", labels.parent, "-o", tmp_path / "l.mrc")[0] == 0


def test_a_png_alone_is_a_slice_of_a_folder(seget: Seget, run: Path, tmp_path: Path) -> None:
    (tmp_path / "slices").mkdir()
    for number, plane in enumerate(GREY):
        Image.fromarray(plane).save(tmp_path / "slices" / f"s_{number}.png")
    code, _, err = seget("segment", tmp_path / "slices" / "s_0.png", run, "-o", tmp_path / "out")
    assert (code, "name the folder of slices that it is in" in err) == (2, True), err
    assert seget("segment", tmp_path / "slices", run, "-o", tmp_path / "out")[0] == 0
