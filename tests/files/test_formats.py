"""Folders of slices, and which names stand for tomograms."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tifffile
from PIL import Image

from seget import files
from seget.errors import InputError
from seget.volume import Volume

RAMP = np.arange(24).reshape(2, 3, 4)


def save_slices(folder: Path, suffix: str, data: npt.NDArray[Any]) -> None:
    folder.mkdir()
    for z, plane in enumerate(data, start=9):  # 9, 10: the order of the numbers, not of the names
        path = folder / f"slice_{z}{suffix}"
        if suffix == ".png":
            Image.fromarray(plane).save(path)
        else:
            tifffile.imwrite(path, plane, photometric="minisblack")


@pytest.mark.parametrize(
    ("suffix", "dtype"),
    [(".png", "u1"), (".png", "u2"), (".tif", "u1"), (".tif", ">i2"), (".tif", "f4")],
)
def test_folders_of_slices(tmp_path: Path, suffix: str, dtype: str) -> None:
    data = RAMP.astype(dtype)
    save_slices(tmp_path / "run", suffix, data)
    (tmp_path / "run" / "notes.txt").write_text("kept beside the slices")
    volume = files.read(tmp_path / "run")
    assert (volume.name, volume.shape, volume.voxel_size_nm) == ("run", (2, 3, 4), None)
    assert volume.data.dtype == np.dtype(dtype).newbyteorder("=")
    np.testing.assert_array_equal(volume.data, data)


def test_grey_images_saved_as_colour(tmp_path: Path) -> None:
    grey = RAMP.astype(np.uint8)
    save_slices(tmp_path / "run", ".png", np.stack([grey, grey, grey, grey + 7], axis=-1))
    np.testing.assert_array_equal(files.read(tmp_path / "run").data, grey)
    Image.fromarray(grey[1]).convert("P").save(tmp_path / "run" / "slice_10.png")
    np.testing.assert_array_equal(files.read(tmp_path / "run").data, grey)
    colour = np.stack([grey[0], grey[0], grey[0] + 1], axis=-1)
    Image.fromarray(colour).save(tmp_path / "run" / "slice_9.png")
    with pytest.raises(InputError, match=r"slice_9\.png: .* whose channels differ"):
        files.read(tmp_path / "run")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (RAMP[0, :2].astype("u1"), "4 x 2 of uint8, wanted 4 x 3 of uint8 as slice_9.tif is"),
        (RAMP[0].astype("u2"), "4 x 3 of uint16, wanted 4 x 3 of uint8"),
        (RAMP.astype("u1"), "the file holds 2 images, wanted one slice a file"),
    ],
)
def test_a_slice_unlike_the_first(tmp_path: Path, wrong: Any, words: str) -> None:
    save_slices(tmp_path / "run", ".tif", RAMP.astype("u1"))
    tifffile.imwrite(tmp_path / "run" / "slice_11.tif", wrong, photometric="minisblack")
    with pytest.raises(InputError, match=rf"slice_11\.tif: .*{words}"):
        files.read(tmp_path / "run")


def test_a_broken_png(tmp_path: Path) -> None:
    save_slices(tmp_path / "run", ".png", RAMP.astype("u1"))
    (tmp_path / "run" / "slice_9.png").write_bytes(b"\x89PNG\r\n\x1a\nand then nothing")
    with pytest.raises(InputError, match=r"slice_9\.png: this is not a whole PNG"):
        files.read(tmp_path / "run")


def test_what_a_tomogram_is(tmp_path: Path) -> None:
    volume = Volume(RAMP.astype(np.uint8))
    names = ["b10.mrc", "b9.REC", "c.zarr"]
    for name in names:
        files.write(tmp_path / name, volume)
    save_slices(tmp_path / "d", ".png", volume.data)
    (tmp_path / "curves.png").write_bytes((tmp_path / "d" / "slice_9.png").read_bytes())
    (tmp_path / "empty").mkdir()
    (tmp_path / ".e.mrc.part").touch()
    (tmp_path / ".f.mrc").touch()
    found = files.find_tomograms(tmp_path)
    assert [path.name for path in found] == ["b9.REC", "b10.mrc", "c.zarr", "d"]
    assert files.find_tomograms(str(tmp_path / "d")) == [tmp_path / "d"]
    assert not files.is_volume(tmp_path)
    assert not files.is_volume(tmp_path / "curves.png")
    assert not files.is_volume(tmp_path / "missing.mrc")
    for name, words in {
        "empty": "the folder holds no tomogram",
        "missing.mrc": "no such file",
        "curves.png": "the suffix .png names no image format",
    }.items():
        with pytest.raises(InputError, match=f"{re.escape(str(tmp_path / name))}: .*{words}"):
            files.find_tomograms(tmp_path / name)
    with pytest.raises(InputError, match=r"holds no \.tif, \.tiff, \.png slice"):
        files.read(tmp_path / "empty")


@pytest.mark.parametrize("imagej", [True, False])  # ImageJ: all images behind one page
def test_a_folder_of_tiff_stacks_holds_tomograms(tmp_path: Path, imagej: bool) -> None:
    for name in ("a.tif", "b.tif"):
        tifffile.imwrite(
            tmp_path / name, RAMP.astype("u1"), photometric="minisblack", imagej=imagej
        )
    assert files.find_tomograms(tmp_path) == [tmp_path / "a.tif", tmp_path / "b.tif"]


def test_slices_index_like_an_array(tmp_path: Path) -> None:
    save_slices(tmp_path / "run", ".tif", RAMP.astype("u1"))
    data = files.read(tmp_path / "run").data
    assert (len(data), data.ndim) == (2, 3)
    for index in (0, -1, slice(None), slice(0, 0), [1, 0], np.int64(1), ..., (1, 2), (-1, 0, 3)):
        np.testing.assert_array_equal(data[index], RAMP[index])
    np.testing.assert_array_equal(data[:, 1:, ::2], RAMP[:, 1:, ::2])
    for wrong in (2, -3):
        with pytest.raises(IndexError):
            data[wrong]


def test_the_sign_of_bytes_is_asked_of_mrc_alone(tmp_path: Path) -> None:
    volume = Volume(np.zeros((2, 3, 4), np.uint8))
    files.write(tmp_path / "a.tif", volume)
    with pytest.raises(InputError, match="mode0 signed says how to take the bytes of an MRC file"):
        files.read(tmp_path / "a.tif", mode0="signed")
    with pytest.raises(InputError, match="mode0 signed"):
        files.describe(tmp_path / "a.tif", "signed")
    assert files.read(tmp_path / "a.tif").shape == volume.shape


@pytest.mark.parametrize(
    "name", ["a.mrc", "b.c.rec", "a.tif", "a.zarr", "a.npy", "a.h5", "...mrc", "folder.of/x.mrc"]
)
def test_a_title_is_the_name_of_the_volume(tmp_path: Path, name: str) -> None:
    files.write(tmp_path / name, Volume(np.zeros((2, 3, 4), np.uint8), (1.0, 1.0, 1.0)))
    assert files.title(tmp_path / name) == files.read(tmp_path / name).name


def test_the_version_of_a_package_that_is_not_installed_is_left_out():
    found = files.provenance.versions("numpy", "no-such-package")
    assert found == {"numpy": np.__version__}
