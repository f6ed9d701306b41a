"""Formats that are not read: each sentence names what it is and what converts it."""

from __future__ import annotations

from pathlib import Path

import pytest

from seget import files
from seget.errors import InputError


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("mask.nii.gz", "NIfTI is not read; open it in Fiji and save it as TIFF."),
        ("labels.NRRD", "NRRD is not read"),
        ("labels.am", "Amira's is not read"),
        ("tomo.em", "`e2proc3d.py tomo.em tomo.mrc`"),
        ("tomo.dm4", "`dm2mrc tomo.dm4 tomo.mrc`"),
        ("cell.mod", "`seget convert cell.mod cell.mrc --like TOMOGRAM`"),
        ("dataset.toml", "name its tomograms"),
        ("notes.txt", "the suffix .txt names no image format"),
        (".em", "names no image format"),
    ],
)
def test_what_is_not_read_is_named_with_its_mend(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / name).write_bytes(b"anything")
    with pytest.raises(InputError) as caught:
        files.read(tmp_path / name)
    assert words in str(caught.value)


def test_a_folder_of_them(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"s_{number}.jpg").write_bytes(b"anything")
    (tmp_path / "cell.mod").write_bytes(b"anything")
    for look in (files.find_volumes, files.find_tomograms, files.read):
        with pytest.raises(InputError, match=r"of s_0\.jpg: JPEG, which changes grey values, is"):
            look(tmp_path)
