"""What is given for a dataset and is none, and paths as people write them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dataset_folder import Folder
from seget import files
from seget.dataset import read_dataset
from seget.errors import InputError
from seget.volume import Volume

TEXT = '[[tomogram]]\nimage = "tomogram.mrc"\n[tomogram.masks]\nsynapse = "synapse.mrc"\n'


@pytest.mark.parametrize("drawn", [False, True])
@pytest.mark.parametrize("suffix", [".mrc", ".tif", ".npy", ".h5"])
def test_an_image_is_no_dataset(tmp_path: Path, suffix: str, drawn: bool) -> None:
    grey = np.random.default_rng(0).integers(0, 256, (3, 20, 20)).astype(np.uint8)
    path = tmp_path / f"tomogram{suffix}"
    files.write(path, Volume(grey % 2 if drawn else grey, (1.0, 1.0, 1.0)))
    with pytest.raises(InputError, match=r"is no text, .*; give the path of a dataset\.toml"):
        read_dataset(path)


BACKSLASHES = {
    r"C:\data\tomogram.mrc": "write paths with / in the place of",
    r"\\server\Users\me\tomogram.mrc": "write paths with / in the place of",
    r"data\tomogram.mrc": r"\t is one character: write / in the place of",
    r"data\new.mrc": r"\n is one character: write / in the place of",
}


@pytest.mark.parametrize("path", BACKSLASHES)
def test_a_backslash_in_a_path(folder: Folder, path: str) -> None:
    text = TEXT.replace("tomogram.mrc", path)
    with pytest.raises(InputError) as caught:
        folder.read(text)
    assert BACKSLASHES[path] in str(caught.value)
    assert "single quotes" in str(caught.value)


def test_the_mends_of_a_backslash_work(folder: Folder) -> None:
    tomograms = folder.read(TEXT.replace('"tomogram.mrc"', "'./tomogram.mrc'")).tomograms
    assert tomograms[0].image.path == folder.path / "tomogram.mrc"


def test_the_home_folder_is_meant_by_its_sign(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(folder.path))
    text = TEXT.replace('= "', '= "~/')
    assert folder.read(text, "elsewhere").tomograms[0].image.path == folder.path / "tomogram.mrc"


@pytest.mark.parametrize("marks", ["\u201c{}\u201d", "\u201e{}\u201c", "\u2018{}\u2019"])
def test_quotation_marks_of_word_processors(folder: Folder, marks: str) -> None:
    with pytest.raises(InputError, match="write straight quotation marks"):
        folder.read(TEXT.replace('"tomogram.mrc"', marks.format("tomogram.mrc")))
    assert folder.read(TEXT.replace('"tomogram.mrc"', "'tomogram.mrc'")).tomograms
