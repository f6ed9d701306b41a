"""TIFF: the sizes that ImageJ, OME and plain tags state, and what ImageJ can open."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from seget import files
from seget.errors import FormatError, InputError
from seget.files.tiff import stack
from seget.volume import Volume

SIZE_NM = (2.0, 0.5, 0.25)
RAMP = np.arange(24).reshape(2, 3, 4)


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


def test_one_image_is_a_volume_of_one_slice(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "one.tif", RAMP[0].astype("f4"))
    assert files.read(tmp_path / "one.tif").shape == (1, 3, 4)


def test_faulty_tiffs(tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, np.zeros((5, 6, 3), np.uint8), photometric="rgb")
    with pytest.raises(InputError, match=r"axes YXS of \(5, 6, 3\), wanted z, y and x"):
        files.read(path)
    path.write_text("a letter")
    with pytest.raises(FormatError, match=r"x\.tif: this is not a whole TIFF file"):
        files.read(path)


@pytest.mark.parametrize(
    ("unit", "nm"),
    [
        ("nm", 1),
        ("\\u00B5m", 1e3),
        ("um", 1e3),
        ("micron", 1e3),
        ("microns", 1e3),
        ("\\u00C5", 0.1),
        ("Angstrom", 0.1),
        ("cm", 1e7),
        ("inch", 2.54e7),
        ("pixel", None),
    ],
)
def test_units_of_imagej(tmp_path: Path, unit: str, nm: float | None) -> None:
    path = tmp_path / "stack.tif"
    said = {"axes": "ZYX", "unit": unit, "spacing": 4.0}
    data = RAMP.astype(np.uint8)
    tifffile.imwrite(path, data, imagej=True, resolution=(0.5, 0.25), metadata=said)
    wanted = pytest.approx(np.multiply((4, 4, 2), nm)) if nm else None
    assert files.read(path).voxel_size_nm == wanted


@pytest.mark.parametrize(
    ("resolution", "unit", "size"),
    [
        ((1e6, 5e5), "centimeter", (10, 20, 10)),
        ((2.54e6, 2.54e6), "inch", (10, 10, 10)),
        ((300, 300), "inch", None),
        ((4000, 4000), "centimeter", None),
        ((1e6, 1e6), "none", None),
    ],
)
def test_fine_resolution_tags_are_a_voxel_size_and_coarse_ones_are_print(
    tmp_path: Path, resolution: Any, unit: str, size: Any
) -> None:
    path = tmp_path / "stack.tif"
    data = RAMP.astype(np.uint8)
    tifffile.imwrite(
        path, data, photometric="minisblack", resolution=resolution, resolutionunit=unit
    )
    assert files.read(path).voxel_size_nm == (pytest.approx(size) if size else None)


def test_a_folder_of_slices_says_its_voxel_size(tmp_path: Path) -> None:
    for z in range(3):
        files.write(tmp_path / f"run/{z}.tif", Volume(RAMP[:1].astype(np.uint8), (9.0, 4.0, 2.0)))
    assert files.read(tmp_path / "run").voxel_size_nm == pytest.approx((9, 4, 2))
    for z in range(3):
        tifffile.imwrite(
            tmp_path / f"run/{z}.tif",
            RAMP[0].astype(np.uint8),
            resolution=(1e6, 1e6),
            resolutionunit=3,
        )
    assert files.read(tmp_path / "run").voxel_size_nm == pytest.approx((10, 10, 10))


def test_several_series(tmp_path: Path) -> None:
    path = tmp_path / "two.tif"
    for second, fails in ((RAMP[0, :2], False), (RAMP[:, :2, :2], False), (RAMP[:, :, ::-1], True)):
        with tifffile.TiffWriter(path) as tif:
            tif.write(RAMP.astype(np.uint8), photometric="minisblack")
            tif.write(second.astype(np.uint16), photometric="minisblack")
        if fails:
            with pytest.raises(InputError, match=r"holds 2 series of images, of .*, wanted one"):
                files.read(path)
        else:
            np.testing.assert_array_equal(files.read(path).data, RAMP)


@pytest.mark.parametrize(
    ("dtype", "imagej"), [("uint8", True), ("uint16", True), ("float32", True), ("int16", False)]
)
def test_imagej_opens_what_it_can(tmp_path: Path, dtype: str, imagej: bool) -> None:
    path = tmp_path / "stack.tif"
    files.write(path, Volume(RAMP.astype(dtype), SIZE_NM))
    with tifffile.TiffFile(path) as tif:
        assert (tif.is_imagej, tif.is_ome) == (imagej, not imagej)
        assert tif.series[0].axes == "ZYX"
        np.testing.assert_array_equal(tif.asarray(), RAMP)
        if imagej:
            assert tif.imagej_metadata is not None
            assert (tif.imagej_metadata["unit"], tif.imagej_metadata["spacing"]) == ("nm", 2.0)
            assert tif.pages.first.tags["XResolution"].value == (4, 1)


def test_beyond_4_gb_it_is_an_ome_bigtiff(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack, "IMAGEJ_BYTES", 10)
    path = tmp_path / "stack.tif"
    files.write(path, Volume(RAMP.astype(np.uint8), SIZE_NM))
    with tifffile.TiffFile(path) as tif:
        assert (tif.is_bigtiff, tif.is_ome) == (True, True)
    found = files.read(path)
    np.testing.assert_array_equal(found.data, RAMP)
    assert found.voxel_size_nm == SIZE_NM


def test_a_stack_cut_short(tmp_path: Path) -> None:
    for compression in (None, "zlib"):
        path = tmp_path / "x.tif"
        tifffile.imwrite(path, RAMP.astype("u2"), photometric="minisblack", compression=compression)
        path.write_bytes(path.read_bytes()[:-20])
        with pytest.raises(FormatError, match=r"x\.tif: this is not a whole TIFF file"):
            np.asarray(files.read(path).data)
    path.write_bytes(b"")
    with pytest.raises(FormatError, match="an empty one"):
        files.read(path)


@pytest.mark.skipif("SEGET_DATA" not in os.environ, reason="real data is not in the repository")
def test_real_slices() -> None:
    for path in (Path(os.environ["SEGET_DATA"]) / "io-samples" / "quoll").glob("*.tif"):
        volume = files.read(path)
        np.testing.assert_array_equal(volume.data, tifffile.imread(path).reshape(volume.shape))


def drawn(dtype: type) -> np.ndarray:
    """A square of the largest number in two slices of odd size."""
    plane = np.zeros((2, 9, 13), bool)
    plane[:, 2:6, 3:9] = True
    return plane if dtype is bool else plane * np.array(np.iinfo(dtype).max, dtype)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.uint16])
@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("ends", ["stack", "folder"])
def test_where_white_is_0_what_was_drawn_is_read(
    tmp_path: Path, dtype: type, compression: Any, ends: str
) -> None:
    wanted = drawn(dtype)
    options: Any = {"photometric": "miniswhite", "compression": compression}
    stored = ~wanted if dtype is bool else np.iinfo(dtype).max - wanted
    path = tmp_path / "white.tif" if ends == "stack" else tmp_path
    if ends == "stack":
        tifffile.imwrite(path, stored, **options)
    else:
        for z in range(2):
            tifffile.imwrite(path / f"slice_{z}.tif", stored[z], **options)
    volume = files.read(path)
    np.testing.assert_array_equal(volume.data, wanted)
    np.testing.assert_array_equal(volume.box(1, np.s_[2:5, 4:13]), wanted[1, 2:5, 4:13])
    assert volume.data.dtype == wanted.dtype


@pytest.mark.parametrize("compression", ["group4", "group3", "packbits", "tiff_lzw"])
def test_fax_as_pillow_writes_it(tmp_path: Path, compression: str) -> None:
    for white in (0, 1):  # the tag's value where white is 0, and where black is
        folder = tmp_path / str(white)
        folder.mkdir()
        for z, plane in enumerate(drawn(bool)):
            image = Image.fromarray(plane)
            place = folder / f"slice_{z}.tif"
            image.save(place, compression=compression, tiffinfo={262: white})
            with Image.open(place) as back:
                np.testing.assert_array_equal(files.read(folder).slice(z), np.asarray(back))


def test_imagej_s_inverted_look_up_table_is_for_the_screen(tmp_path: Path) -> None:
    stored = drawn(np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", stored, imagej=True, photometric="miniswhite")
    np.testing.assert_array_equal(files.read(tmp_path / "a.tif").data, stored)


@pytest.mark.parametrize("dtype", [np.int16, np.float32])
def test_white_is_0_in_numbers_without_a_black_is_refused(tmp_path: Path, dtype: type) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.ones((2, 5, 6), dtype), photometric="miniswhite")
    with pytest.raises(InputError, match=r"a\.tif: counts white as 0 .* save it with black as 0"):
        files.read(tmp_path / "a.tif")
