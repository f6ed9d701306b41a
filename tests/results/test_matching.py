"""A score map belongs to the tomogram from which it was predicted, whatever it is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seget import files
from seget.errors import InputError
from seget.results import Sidecar, find_score_maps, map_path, match, write_sidecar
from seget.volume import Volume

WriteOf = Callable[..., Path]


@pytest.fixture
def write_of(tmp_path: Path) -> WriteOf:
    """Return a function that writes a score map of a tomogram, as prediction does."""

    def write(volume: Volume, folder: str = "", structure: str = "echo", **said: Any) -> Path:
        made_by = {
            "tomogram_sha256": volume.fingerprint(said.pop("full", False)),
            "voxel_size_nm": volume.voxel_size_nm,
            **said,
        }
        path = map_path(tmp_path / folder, volume.name, structure, ".mrc")
        files.write(path, replace(volume, data=np.zeros(volume.shape, np.uint8)))
        made_by = {key: value for key, value in made_by.items() if value != "left out"}
        write_sidecar(path, Sidecar(structure=structure, made_by=made_by))
        return path

    return write


@pytest.fixture
def days(ramp: Volume) -> dict[str, Volume]:
    """Two tomograms that differ by a voxel, by name."""
    other = np.array(ramp.data)
    other[0, 0, 0] = 99
    return {
        "day1-rec": replace(ramp, name="day1-rec"),
        "day2-rec": replace(ramp, data=other, name="day2-rec"),
    }


def folders(folder: Path, images: dict[str, Volume]) -> dict[str, str]:
    found = match(folder, images).items()
    return {name: place.folder.relative_to(folder).name for name, place in found}


def test_the_voxels_and_not_the_name_decide(
    tmp_path: Path, write_of: WriteOf, days: dict[str, Volume]
) -> None:
    write_of(replace(days["day2-rec"], name="rec"))
    assert folders(tmp_path, days) == {"day2-rec": ""}
    write_of(replace(days["day1-rec"], name="day2-rec"), "swapped")
    assert folders(tmp_path, days) == {"day1-rec": "swapped", "day2-rec": ""}


@pytest.mark.parametrize("full", [False, True])
def test_another_tomogram_of_the_name_is_refused(
    tmp_path: Path, write_of: WriteOf, days: dict[str, Volume], full: bool
) -> None:
    how = {"full": full, "tomogram_hash": "full" if full else "sampled"}
    write_of(replace(days["day2-rec"], name="rec"), **how)
    assert folders(tmp_path, {"rec": days["day2-rec"]}) == {"rec": ""}
    with pytest.raises(InputError, match=r"rec__echo\.mrc: was predicted from another tomogram"):
        match(tmp_path, {"rec": days["day1-rec"]})
    assert folders(tmp_path, {"other": days["day1-rec"]}) == {}, "a map that nobody asked for"


def test_a_voxel_size_that_was_stated_makes_no_other_tomogram(
    tmp_path: Path, write_of: WriteOf, ramp: Volume
) -> None:
    write_of(replace(ramp, voxel_size_nm=(2.2, 2.2, 2.2)))
    for size in (ramp.voxel_size_nm, None):
        assert folders(tmp_path, {"a": replace(ramp, voxel_size_nm=size)}) == {"a": ""}


def test_maps_that_do_not_say_of_what_go_by_their_name(
    tmp_path: Path, write_of: WriteOf, days: dict[str, Volume]
) -> None:
    write_of(days["day1-rec"], tomogram_sha256="left out")
    assert folders(tmp_path, {"day1-rec": days["day2-rec"]}) == {"day1-rec": ""}
    assert folders(tmp_path, {"rec": days["day1-rec"]}) == {}


def test_two_predictions_of_one_tomogram(
    tmp_path: Path, write_of: WriteOf, days: dict[str, Volume]
) -> None:
    write_of(days["day1-rec"])
    write_of(days["day1-rec"], "day1-rec")
    assert folders(tmp_path, days) == {"day1-rec": "day1-rec"}, "its own folder comes first"
    for path in (tmp_path / "day1-rec").iterdir():
        path.unlink()
    write_of(days["day1-rec"], "again")
    with pytest.raises(InputError, match="both hold score maps of day1-rec"):
        match(tmp_path, days)


def test_maps_of_two_tomograms_of_one_name_are_not_mixed(
    tmp_path: Path, write_of: WriteOf, days: dict[str, Volume]
) -> None:
    write_of(replace(days["day1-rec"], name="rec"), structure="one")
    write_of(replace(days["day2-rec"], name="rec"), structure="two")
    with pytest.raises(InputError, match="two tomograms that are both named rec"):
        find_score_maps(tmp_path)
