"""`seget convert`: what is kept, what is said to be lost, and what is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import mrcfile
import numpy as np
import pytest
import zarr

from seget import files
from seget.volume import Volume

SIZE_NM = (2.0, 0.5, 0.25)
ORIGIN_NM = (-3.0, 0.0, 40.5)
RAMP = np.arange(24).reshape(2, 3, 4)
Seget = Callable[..., tuple[int, str, str]]


@pytest.fixture
def tomogram(tmp_path: Path) -> Path:
    path = tmp_path / "a.mrc"
    files.write(path, Volume(RAMP.astype(np.uint8), SIZE_NM, ORIGIN_NM))
    return path


def test_size_and_origin_are_kept(seget: Seget, tomogram: Path) -> None:
    out = tomogram.with_name("b.zarr")
    code, printed, said = seget("convert", tomogram, out)
    assert (code, printed) == (0, "")
    assert f"{out}: 2 x 3 x 4 voxels (z, y, x) of uint8, 2 x 0.5 x 0.25 nm" in said
    found = files.read(out)
    assert (found.voxel_size_nm, found.origin_nm) == (SIZE_NM, ORIGIN_NM)
    back = tomogram.with_name("c.mrc")
    assert seget("convert", out, back)[0] == 0
    with mrcfile.open(back) as oracle:
        np.testing.assert_array_equal(oracle.data, RAMP)
        assert oracle.voxel_size.tolist() == pytest.approx((2.5, 5.0, 20.0))
        assert oracle.header.origin.tolist() == pytest.approx((405.0, 0.0, -30.0))


def test_what_is_lost_is_said(seget: Seget, tomogram: Path) -> None:
    said = seget("convert", tomogram, tomogram.with_name("b.tif"))[2]
    assert "TIFF keeps no origin; -3, 0, 40.5 nm is not in" in said
    said = seget("convert", tomogram, tomogram.with_name("b.npy"))[2]
    assert "NumPy keeps no voxel size; 2 x 0.5 x 0.25 nm is not in" in said
    said = seget("convert", tomogram.with_name("b.npy"), tomogram.with_name("b.h5"))[2]
    assert "uint8, of unknown size" in said


def test_the_size_can_be_said(seget: Seget, tomogram: Path) -> None:
    out = tomogram.with_name("b.h5")
    assert seget("convert", tomogram, f"{out}:/raw", "--voxel-size", "1.35")[0] == 0
    found = files.read(f"{out}:/raw")
    assert (found.voxel_size_nm, found.origin_nm) == ((1.35, 1.35, 1.35), ORIGIN_NM)
    assert seget("convert", tomogram, out, "--voxel-size", "3,2,1", "--overwrite")[0] == 2
    assert seget("convert", tomogram, f"{out}:/raw", "--voxel-size", "3,2,1", "--overwrite")[0] == 0
    assert files.read(out).voxel_size_nm == (3, 2, 1)
    code, _, said = seget("convert", tomogram, tomogram.with_name("c.tif"), "--voxel-size", "0")
    assert (code, "--voxel-size 0: wanted" in said) == (2, True)


def test_nothing_is_overwritten_unasked(seget: Seget, tomogram: Path) -> None:
    out = tomogram.with_name("b.tif")
    out.write_text("kept")
    code, _, said = seget("convert", tomogram, out)
    assert (code, out.read_text()) == (2, "kept")
    assert "it is there already; give --overwrite" in said
    assert seget("convert", tomogram, out, "--overwrite")[0] == 0
    np.testing.assert_array_equal(files.read(out).data, RAMP)
    code, _, said = seget("convert", tomogram, tomogram, "--overwrite")
    assert (code, "it would replace what is read" in said) == (2, True)


def test_types(seget: Seget, tomogram: Path) -> None:
    out = tomogram.with_name("b.mrc")
    said = seget("convert", tomogram, out, "--dtype", "float32")[2]
    assert "voxels of uint8 become float32." in said
    assert files.read(out).data.dtype == np.float32
    files.write(tomogram.with_name("half.npy"), Volume(RAMP / 2))
    half, out = tomogram.with_name("half.npy"), tomogram.with_name("c.mrc")
    for options, words in {
        (): "voxels of type float64 are not written, only .*convert them to float32",
        ("--dtype", "uint8"): "slice 0 holds 0.5, which uint8 does not have; .*--rescale LOW,HIGH",
        ("--dtype", "complex64"): "--dtype complex64: wanted one of uint8",
        ("--rescale", "1"): "--rescale 1: wanted LOW,HIGH or auto",
        ("--rescale", "5,1"): "range from 5 to 1 is empty",
        ("--rescale", "0,1", "--labels"): "--rescale would change labels",
        ("--labels",): "wanted whole numbers|voxels of type float64",
    }.items():
        code, _, said = seget("convert", half, out, *options)
        assert code == 2
        assert re.search(words, said), said
        assert not out.exists()
        assert not list(tomogram.parent.glob(".*"))
    assert "become float32, rounded." in seget("convert", half, out, "--dtype", "float32")[2]
    np.testing.assert_array_equal(files.read(out).data, RAMP / 2)


def test_rescaling_says_its_numbers(seget: Seget, tomogram: Path) -> None:
    grey, out = tomogram.with_name("grey.npy"), tomogram.with_name("b.tif")
    files.write(grey, Volume(np.linspace(-1, 1, 24, dtype=np.float32).reshape(2, 3, 4)))
    said = seget("convert", grey, out, "--rescale", "-0.5,1")[2]
    assert "grey values -0.5 to 1 become 0 to 255; what is beyond is clipped." in said
    assert "6 voxels were beyond the range, 0 were no number." in said
    assert files.read(out).data.dtype == np.uint8
    options = ("--rescale", "auto", "--dtype", "uint16", "--overwrite")
    said = seget("convert", grey, out, *options)[2]
    assert "become 0 to 65535" in said
    assert files.read(out).data[1, 2, 3] == 65535


def test_the_sign_of_bytes_can_be_said(seget: Seget, tomogram: Path) -> None:
    files.write(tomogram.with_name("b.mrc"), Volume(np.full((1, 2, 2), -56, np.int8)))
    for sign, value in (("signed", -56), ("unsigned", 200)):
        out = tomogram.with_name(f"{sign}.npy")
        assert seget("convert", tomogram.with_name("b.mrc"), out, "--mode0", sign)[0] == 0
        assert np.load(out)[0, 0, 0] == value


def test_booleans_become_bytes(seget: Seget, tmp_path: Path) -> None:
    np.save(tmp_path / "mask.npy", RAMP > 5)
    said = seget("convert", tmp_path / "mask.npy", tmp_path / "mask.mrc")[2]
    assert "voxels of bool become uint8." in said
    np.testing.assert_array_equal(files.read(tmp_path / "mask.mrc").data, RAMP > 5)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_labels_go_into_the_image_with_their_colours(
    seget: Seget, tomogram: Path, version: str
) -> None:
    image, labels = tomogram.with_name("image.zarr"), tomogram.with_name("labels.mrc")
    files.write(labels, Volume((RAMP % 3).astype(np.uint8), SIZE_NM, ORIGIN_NM))
    legend = {"1": {"structure": "golgi", "colour": "#ff0080"}}
    labels.with_suffix(".json").write_text(json.dumps(legend))
    assert seget("convert", tomogram, image, "--ome-zarr", version)[0] == 0
    assert seget("convert", labels, image / "labels" / "cells", "--labels")[0] == 0
    assert zarr.open_group(image).metadata.zarr_format == (2 if version == "0.4" else 3)
    wanted = files.Legend({1: "golgi"}, {1: "#ff0080"})
    assert files.legend_of(image / "labels" / "cells") == wanted
    code, _, said = seget(
        "convert", image / "labels" / "cells", tomogram.with_name("b.tif"), "--labels"
    )
    assert (code, "TIFF keeps no names and colours of labels" in said) == (0, True)
    np.testing.assert_array_equal(files.read(tomogram.with_name("b.tif")).data, RAMP % 3)


def test_labels_count_from_0(seget: Seget, tomogram: Path) -> None:
    files.write(tomogram.with_name("b.mrc"), Volume(np.full((1, 2, 2), -128, np.int8)))
    out = tomogram.with_name("b.zarr")
    code, _, said = seget("convert", tomogram.with_name("b.mrc"), out, "--labels")
    assert (code, "slice 0 holds the label -128, wanted 0 and above" in said) == (2, True)
    assert not out.exists()


def test_a_folder_of_slices_can_be_named(seget: Seget, tomogram: Path) -> None:
    for z in range(2):
        files.write(tomogram.parent / f"run/{z}.tif", Volume(RAMP[z : z + 1].astype(np.uint8)))
    assert seget("convert", tomogram.parent / "run", tomogram.with_name("run.mrc"))[0] == 0
    np.testing.assert_array_equal(files.read(tomogram.with_name("run.mrc")).data, RAMP)
    code, _, said = seget("convert", tomogram, tomogram.parent / "new")
    assert (code, "the suffix (none) names no format that is written" in said) == (2, True)
    code, _, said = seget("convert", tomogram, tomogram.with_name("new.mrc.gz"))
    assert (code, "names no format that is written" in said) == (2, True)
