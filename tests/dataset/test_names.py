"""Tomograms are named so that no output of one takes the place of another's."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataset_folder import ONE_MASK, Folder
from seget.dataset import tomogram_names
from seget.errors import InputError


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["a.mrc", "b.mrc"], ["a", "b"]),
        (["day1/rec.mrc", "day2/rec.mrc", "day2/b.mrc"], ["day1-rec", "day2-rec", "b"]),
        (["x/day/rec.mrc", "y/day/rec.mrc"], ["x-day-rec", "y-day-rec"]),
        (["day1/Rec.mrc", "day2/rec.mrc"], ["day1-Rec", "day2-rec"]),
        (["day1/rec.mrc", "day2/rec.mrc", "day1-rec.mrc"], [None, "day2-rec", None]),
        (["d/a.mrc", "d/a.tif"], ["a-mrc", "a-tif"]),
        (["a.mrc", "a.mrc"], ["a", "a-2"]),
        (["one/c.h5:/v", "two/c.h5:/v"], ["one-c-v", "two-c-v"]),
    ],
)
def test_names_differ(tmp_path: Path, paths: list[str], names: list[str | None]) -> None:
    found = tomogram_names([tmp_path / path for path in paths])
    assert all(got == name for got, name in zip(found, names, strict=True) if name is not None)
    assert len({name.casefold() for name in found}) == len(paths)


def test_a_chosen_name_is_kept(tmp_path: Path) -> None:
    paths = [tmp_path / "day1" / "rec.mrc", tmp_path / "day2" / "rec.mrc", tmp_path / "c.mrc"]
    assert tomogram_names(paths, ["c", None, None])[:2] == ["c", "rec"]
    assert len(set(tomogram_names(paths, ["c", None, None]))) == 3


def two_days(folder: Folder, first: str = "", second: str = "") -> str:
    for day in ("day1", "day2"):
        (folder.path / day).mkdir()
        (folder.path / day / "rec.mrc").write_bytes((folder.path / "tomogram.mrc").read_bytes())
    return "".join(
        f'[[tomogram]]\n{name}\nimage = "{day}/rec.mrc"\nmasks = {{ synapse = "synapse.mrc" }}\n'
        for day, name in (("day1", first), ("day2", second))
    )


def test_tomograms_of_one_file_name_are_told_apart(folder: Folder) -> None:
    tomograms = folder.read(two_days(folder)).tomograms
    assert [tomogram.name for tomogram in tomograms] == ["day1-rec", "day2-rec"]
    assert [tomogram.image.name for tomogram in tomograms] == ["day1-rec", "day2-rec"]


def test_a_dataset_may_name_its_tomograms(folder: Folder) -> None:
    tomograms = folder.read(two_days(folder, 'name = "control"')).tomograms
    assert [tomogram.name for tomogram in tomograms] == ["control", "rec"]


@pytest.mark.parametrize("name", ["../up", "", ".hidden", "a/b"])
def test_a_name_that_is_no_file_name_is_refused(folder: Folder, name: str) -> None:
    with pytest.raises(InputError, match="cannot name a tomogram"):
        folder.read(f'[[tomogram]]\nname = "{name}"\n{ONE_MASK}')


def test_a_name_given_twice_is_refused(folder: Folder) -> None:
    text = two_days(folder, 'name = "a"', 'name = "A"')
    with pytest.raises(InputError, match=r"given the name a \(day1/rec.mrc, day2/rec.mrc\)"):
        folder.read(text)
