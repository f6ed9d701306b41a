"""What is written is what is read, by us and by others, in every format."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tifffile
import zarr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from seget import files
from seget.errors import InputError
from seget.volume import Volume

SIZE_NM = (2.0, 0.5, 0.25)
ORIGIN_NM = (-3.0, 0.0, 40.5)
RAMP = np.arange(24).reshape(2, 3, 4)


def lengths(low: float, high: float) -> st.SearchStrategy[tuple[float, ...] | None]:
    length = st.floats(low, high, width=32)
    return st.none() | st.tuples(length, length, length)


@st.composite
def volumes(draw: st.DrawFn) -> Volume:
    dtype = draw(st.sampled_from(["uint8", "int8", "int16", "uint16", "float32"]))
    shape = draw(hnp.array_shapes(min_dims=3, max_dims=3, max_side=5))
    data = draw(hnp.arrays(dtype, shape))
    return Volume(data, draw(lengths(2**-10, 2**17)), draw(lengths(-(2**20), 2**20)))


@given(volume=volumes(), suffix=st.sampled_from([".mrc", ".zarr"]))
def test_read_returns_what_write_was_given(
    tmp_path_factory: pytest.TempPathFactory, volume: Volume, suffix: str
) -> None:
    path = tmp_path_factory.getbasetemp() / f"tomogram{suffix}"
    files.write(path, volume)
    found = files.read(path)
    assert (found.name, found.path) == ("tomogram", path)
    assert found.data.dtype == volume.data.dtype
    np.testing.assert_array_equal(found.data, volume.data)
    near = pytest.approx if suffix == ".mrc" else tuple  # MRC stores float32
    if volume.voxel_size_nm is None:
        assert found.voxel_size_nm is None
    else:
        assert found.voxel_size_nm == near(volume.voxel_size_nm)
    if volume.origin_nm is None:
        assert found.origin_nm in (None, (0, 0, 0))
    elif volume.voxel_size_nm is not None or suffix == ".mrc":
        assert found.origin_nm == near(volume.origin_nm)


def test_zarr_is_ome_zarr(tmp_path: Path) -> None:
    models = pytest.importorskip("ome_zarr_models.v05")
    path = tmp_path / "tomogram.zarr"
    files.write(path, Volume(np.zeros((3, 8, 2000), np.uint8), SIZE_NM, ORIGIN_NM))
    group = zarr.open_group(path, mode="r")
    image = models.Image.from_zarr(group).ome_attributes.multiscales[0]
    assert [axis.unit for axis in image.axes] == ["nanometer"] * 3
    scale, translation = image.datasets[0].coordinateTransformations
    assert (tuple(scale.scale), tuple(translation.translation)) == (SIZE_NM, ORIGIN_NM)
    assert group["0"].chunks == (1, 8, 1024)
    files.write(path, Volume(np.zeros((3, 8, 20), np.uint8), None, ORIGIN_NM))
    again = models.Image.from_zarr(zarr.open_group(path, mode="r"))
    assert again.ome_attributes.multiscales[0].axes[0].unit is None
    assert files.read(path).origin_nm is None


def test_ome_zarr_0_4_with_time_and_channel(tmp_path: Path) -> None:
    path = tmp_path / "old.zarr"
    group = zarr.open_group(path, mode="w", zarr_format=2)
    array = group.create_array("full", shape=(1, 1, 2, 3, 4), dtype=">u2")
    array[:] = RAMP[None, None]
    group.create_array("half", shape=(1, 1, 1, 2, 2), dtype=">u2")
    space = [{"name": name, "type": "space", "unit": "angstrom"} for name in "zyx"]
    axes = [{"name": "t", "type": "time"}, {"name": "c", "type": "channel"}, *space]
    steps = [
        {"type": "scale", "scale": [1, 1, 20, 10, 5]},
        {"type": "translation", "translation": [0, 0, 1, 2, 3]},
    ]
    image = {
        "version": "0.4",
        "axes": axes,
        "datasets": [
            {"path": "full", "coordinateTransformations": steps},
            {"path": "half", "coordinateTransformations": steps},
        ],
        "coordinateTransformations": [{"type": "scale", "scale": [1, 1, 2, 2, 2]}],
    }
    group.attrs["multiscales"] = [image]
    volume = files.read(path)
    assert volume.slice(1).dtype == np.uint16
    np.testing.assert_array_equal(volume.data, RAMP)
    assert volume.voxel_size_nm == (4.0, 2.0, 1.0)
    assert volume.origin_nm == pytest.approx((0.2, 0.4, 0.6))
    group.attrs["multiscales"] = [image | {"axes": [*axes[:2], *space[::-1]]}]
    with pytest.raises(InputError, match=r"axes t, c, x, y, z .*, wanted z, y, x"):
        files.read(path)
    group.attrs["multiscales"] = []
    with pytest.raises(InputError, match=r"not an OME-Zarr image of version 0\.4 or 0\.5"):
        files.read(path)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("kind", ["plain", "imagej", "ome"])
def test_tiff_stacks(tmp_path: Path, order: Any, compression: Any, kind: str) -> None:
    path = tmp_path / "stack.tif"
    options: dict[str, Any] = {
        "plain": {"resolution": (300, 300), "resolutionunit": "inch"},
        "imagej": {
            "imagej": True,
            "resolution": (4000, 2000),
            "metadata": {"axes": "ZYX", "unit": "um", "spacing": 0.002},
        },
        "ome": {
            "ome": True,
            "metadata": {
                "axes": "ZYX",
                "PhysicalSizeX": 2.5,
                "PhysicalSizeXUnit": "\u00c5",
                "PhysicalSizeY": 0.5,
                "PhysicalSizeYUnit": "nm",
                "PhysicalSizeZ": 0.002,
            },
        },
    }[kind]
    data = RAMP.astype("u2")
    tifffile.imwrite(
        path, data, photometric="minisblack", byteorder=order, compression=compression, **options
    )
    volume = files.read(path)
    assert volume.slice(0).dtype == np.uint16
    np.testing.assert_array_equal(volume.slice(1), data[1])
    np.testing.assert_array_equal(volume.data, data)
    if kind == "plain":
        assert volume.voxel_size_nm is None
    else:
        assert volume.voxel_size_nm == pytest.approx(SIZE_NM)


def test_big_endian_zarr_is_read_in_native_order(tmp_path: Path) -> None:
    group = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=2)
    group.create_array("0", shape=(2, 3, 4), dtype=">u2")[:] = RAMP
    axes = [{"name": name, "type": "space"} for name in "zyx"]
    group.attrs["multiscales"] = [{"axes": axes, "datasets": [{"path": "0"}]}]
    volume = files.read(tmp_path / "a.zarr")
    assert volume.data.dtype.isnative
    np.testing.assert_array_equal(volume.data, RAMP)
    assert (volume.voxel_size_nm, volume.origin_nm) == (None, None)


def test_one_image_is_a_volume_of_one_slice(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "one.tif", RAMP[0].astype("f4"))
    assert files.read(tmp_path / "one.tif").shape == (1, 3, 4)


def test_faulty_tiffs(tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, np.zeros((5, 6, 3), np.uint8), photometric="rgb")
    with pytest.raises(InputError, match=r"axes YXS of \(5, 6, 3\), wanted z, y and x"):
        files.read(path)
    path.write_text("a letter")
    with pytest.raises(InputError, match=r"x\.tif: this is not a TIFF file"):
        files.read(path)


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
