from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from seget.errors import InputError
from seget.results import find_score_maps, output_id


def test_two_maps_of_one_structure_are_refused(
    write_map: Callable[..., Path], tmp_path: Path
) -> None:
    write_map()
    write_map(suffix=".zarr")
    with pytest.raises(InputError, match="are two score maps of echo"):
        find_score_maps(tmp_path)


def test_maps_of_two_tomograms_are_refused(write_map: Callable[..., Path], tmp_path: Path) -> None:
    write_map()
    write_map("b", tomogram="other")
    with pytest.raises(InputError, match="several tomograms"):
        find_score_maps(tmp_path)


def test_a_map_alone_or_beside_nonsense_is_refused(
    write_map: Callable[..., Path], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="no score map"):
        find_score_maps(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        find_score_maps(tmp_path / "none")
    path = write_map()
    beside = path.with_suffix(".json")
    beside.write_text('{"structure": "../escape"}')
    with pytest.raises(InputError, match="structure"):
        find_score_maps(tmp_path)
    beside.write_text("no json")
    with pytest.raises(InputError, match="not JSON"):
        find_score_maps(tmp_path)
    beside.unlink()
    with pytest.raises(InputError, match=r"no ramp__echo\.json"):
        find_score_maps(tmp_path)


def test_a_structure_may_hold_the_sign_between_the_names(
    write_map: Callable[..., Path], tmp_path: Path
) -> None:
    write_map("dense__core", tomogram="day__1")
    write_map("core", tomogram="day__1")
    found = {one.structure: one.tomogram for one in find_score_maps(tmp_path)}
    assert found == {"dense__core": "day__1", "core": "day__1"}
    path = tmp_path / "day__1__core.mrc"
    for file in (path, path.with_suffix(".json")):  # renamed by hand, in a program's own words
        file.rename(file.with_stem("day__1__Vesicle core"))
    assert {one.tomogram for one in find_score_maps(tmp_path)} == {"day__1"}


def test_other_parts_make_another_output() -> None:
    assert output_id("a", 1) == output_id("a", 1) != output_id("a", 2)
