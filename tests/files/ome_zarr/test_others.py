"""Zarr as others write it: plain arrays, older versions of OME-Zarr, groups of arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from seget import files
from seget.errors import FormatError, InputError

RAMP = np.arange(24, dtype=np.uint16).reshape(2, 3, 4)


def plain(path: Path, data: Any = RAMP, version: int = 2, **attributes: Any) -> Path:
    array = zarr.create_array(str(path), data=data, zarr_format=version)
    array.attrs.update(attributes)
    return path


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("name", ["a.zarr", "raw"])
def test_a_plain_array_is_a_volume(tmp_path: Path, name: str, version: int) -> None:
    path = plain(tmp_path / name, version=version, resolution=[40, 4, 5], offset=[80, 0, -5])
    found = files.read(path)
    np.testing.assert_array_equal(found.data, RAMP)
    assert (found.voxel_size_nm, found.origin_nm) == ((40.0, 4.0, 5.0), (80.0, 0.0, -5.0))
    assert files.find_tomograms(tmp_path) == [path]


@pytest.mark.parametrize(
    ("attributes", "size", "origin"),
    [
        ({}, None, None),
        ({"resolution": 4}, (4, 4, 4), None),
        ({"voxel_size": [40, 4, 4], "units": ["nm", "nm", "nm"]}, (40, 4, 4), None),
        ({"voxel_size": [0.04, 0.004, 0.004], "units": ["um"] * 3}, (40, 4, 4), None),
        ({"voxel_size": [40, 4, 4], "units": ["px", "px", "px"]}, None, None),
        ({"resolution": [0, 4, 4], "offset": [1, 2, 3]}, None, (1, 2, 3)),
        ({"resolution": "fine", "offset": [1, 2]}, None, None),
    ],
)
def test_what_a_plain_array_says_of_its_place(
    tmp_path: Path, attributes: dict[str, Any], size: Any, origin: Any
) -> None:
    found = files.read(plain(tmp_path / "a.zarr", **attributes))
    assert found.voxel_size_nm == (pytest.approx(size) if size else None)
    assert found.origin_nm == origin


def test_other_axes_of_a_plain_array(tmp_path: Path) -> None:
    np.testing.assert_array_equal(files.read(plain(tmp_path / "a.zarr", RAMP[None])).data, RAMP)
    np.testing.assert_array_equal(
        files.read(plain(tmp_path / "b.zarr", RAMP[None], axis_names=["c^", "z", "y", "x"])).data,
        RAMP,
    )
    for name, data, names in (
        ("two", np.stack([RAMP, RAMP]), None),
        ("flat", RAMP[0], None),
        ("xyz", RAMP, ["x", "y", "z"]),
        ("tyx", RAMP, ["t", "y", "x"]),
    ):
        said = {"_ARRAY_DIMENSIONS": names} if names else {}
        with pytest.raises(InputError, match="wanted z, y, x") as caught:
            files.read(plain(tmp_path / f"{name}.zarr", data, **said))
        assert ", ".join(names or ["without names"]) in str(caught.value)


def test_a_group_lists_only_what_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "cutout.zarr"
    group = zarr.open_group(path, mode="w", zarr_format=2)
    group.create_array("volumes/raw", data=RAMP)
    group.create_array("volumes/labels/cells", data=RAMP)
    group.create_array("volumes/affinities", data=np.stack([RAMP] * 3))
    group.create_array("names", data=np.arange(4))
    with pytest.raises(FormatError) as caught:
        files.read(path)
    assert "three axes, volumes/labels/cells, volumes/raw inside it may be" in str(caught.value)
    for inner in ("volumes/labels/cells", "volumes/raw"):
        np.testing.assert_array_equal(files.read(path / inner).data, RAMP)
    empty = tmp_path / "empty.zarr"
    zarr.open_group(empty, mode="w").create_array("names", data=np.arange(4))
    with pytest.raises(FormatError, match=r"name the folder that holds .* the array"):
        files.read(empty)


@pytest.mark.parametrize(
    ("version", "data", "axes"),
    [
        ("0.1", RAMP[None, None], None),
        ("0.2", RAMP[None, None], None),
        ("0.3", RAMP, ["z", "y", "x"]),
        ("0.3", RAMP[None], ["c", "z", "y", "x"]),
    ],
)
def test_older_versions_of_ome_zarr(tmp_path: Path, version: str, data: Any, axes: Any) -> None:
    group = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=2)
    group.create_array("0", data=data)
    said = {"version": version, "datasets": [{"path": "0"}], **({"axes": axes} if axes else {})}
    group.attrs["multiscales"] = [said]
    found = files.read(tmp_path / "a.zarr")
    np.testing.assert_array_equal(found.data, RAMP)
    assert (found.voxel_size_nm, found.origin_nm) == (None, None)
    group.attrs["multiscales"] = [said | {"axes": ["z", "y", "x", "x", "x"][::-1][: data.ndim]}]
    with pytest.raises(InputError, match="wanted z, y, x"):
        files.read(tmp_path / "a.zarr")
