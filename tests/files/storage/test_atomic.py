"""Whole or not at all: small files, volumes, and what a new header carries over."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from seget import files
from seget.errors import InputError
from seget.volume import Volume

RAMP = np.arange(24).reshape(2, 3, 4)
LIKE = Volume(RAMP.astype(np.uint8), (2.0, 0.5, 0.25), (-3.0, 0.0, 40.5))
IMOD = 1146047817


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_small_files(tmp_path: Path) -> None:
    files.write_json(tmp_path / "new" / "a.json", {"mean": 0.5, "µ": None})
    files.write_text(tmp_path / "b.csv", "epoch\n0\n")
    assert json.loads((tmp_path / "new" / "a.json").read_text("utf-8")) == {"mean": 0.5, "µ": None}
    assert (tmp_path / "b.csv").read_bytes() == b"epoch\n0\n"
    assert names(tmp_path) == ["b.csv", "new"]
    with pytest.raises(ValueError, match="not JSON compliant"):
        files.write_json(tmp_path / "b.csv", float("nan"))
    assert (tmp_path / "b.csv").read_bytes() == b"epoch\n0\n"
    with pytest.raises(InputError, match="new: a folder is there"):
        files.write_text(tmp_path / "new", "")


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize("older", [True, False])
def test_an_interrupted_path_leaves_nothing(
    tmp_path: Path, error: type[BaseException], older: bool
) -> None:
    path = tmp_path / "picture.png"
    if older:
        path.write_text("older")
    with pytest.raises(error), files.atomic_path(path) as part:
        assert (part.parent, part.name) == (tmp_path, ".picture.png.part")
        part.write_text("half")
        raise error
    assert names(tmp_path) == (["picture.png"] if older else [])
    assert not older or path.read_text() == "older"


@pytest.mark.parametrize("suffix", [".mrc", ".zarr"])
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize("older", [True, False])
def test_an_interrupted_volume_leaves_nothing(
    tmp_path: Path, suffix: str, error: type[BaseException], older: bool
) -> None:
    path = tmp_path / f"scores{suffix}"
    if older:
        files.write(path, LIKE)
    with pytest.raises(error), files.create(path, LIKE, np.uint8) as writer:
        writer[0] = RAMP[1].astype(np.uint8)
        assert f".scores{suffix}.part" in names(tmp_path)
        raise error
    assert names(tmp_path) == ([path.name] if older else [])
    if older:
        np.testing.assert_array_equal(files.read(path).data, RAMP)


@pytest.mark.parametrize("suffix", [".mrc", ".zarr"])
def test_slices_in_any_order_over_an_older_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"scores{suffix}"
    files.write(path, LIKE)
    older = files.read(path)
    with files.create(str(path), older, "int16", shape=(3, 3, 4)) as writer:
        writer[-1] = RAMP[0].astype(np.int16)
        writer[0] = RAMP[0].astype(np.uint8)  # fits: is widened
        writer[0] = RAMP[1].astype(np.int16) - 50  # said again: the last word counts
        np.testing.assert_array_equal(files.read(path).data, RAMP)
    found = files.read(path)
    np.testing.assert_array_equal(found.data, [RAMP[1] - 50, np.zeros((3, 4)), RAMP[0]])
    assert found.voxel_size_nm == LIKE.voxel_size_nm
    assert names(tmp_path) == [path.name]


def test_what_a_writer_refuses(tmp_path: Path) -> None:
    with files.create(tmp_path / "a.mrc", LIKE, np.uint8) as writer:
        with pytest.raises(ValueError, match=r"slice 1 has shape \(2, 3\), wanted \(3, 4\)"):
            writer[1] = np.zeros((2, 3), np.uint8)
        with pytest.raises(TypeError, match="slice 0 holds float32, uint8 is being written"):
            writer[0] = np.zeros((3, 4), np.float32)
        with pytest.raises(IndexError):
            writer[2] = np.zeros((3, 4), np.uint8)


@pytest.mark.parametrize(
    ("name", "dtype", "words"),
    [
        ("a.mrc", bool, "type bool are not written, .*; convert them to uint8"),
        ("a.mrc", np.int64, "type int64 .*convert them to uint16"),
        ("a.mrc", np.float64, "type float64 .*convert them to float32"),
        ("a.png", np.uint8, "the suffix .png names no format that is written"),
        ("file.zarr", np.uint8, "a file is there, a folder is to be written"),
        ("folder.mrc", np.uint8, "a folder is there, a file is to be written"),
    ],
)
def test_what_cannot_be_created(tmp_path: Path, name: str, dtype: Any, words: str) -> None:
    (tmp_path / "file.zarr").touch()
    (tmp_path / "folder.mrc").mkdir()
    with (
        pytest.raises(InputError, match=f"{name}: .*{words}"),
        files.create(tmp_path / name, LIKE, dtype),
    ):
        raise AssertionError
    with pytest.raises(InputError, match="no voxel"):
        files.write(tmp_path / "a.mrc", Volume(np.zeros((0, 3, 4), np.uint8)))
    assert names(tmp_path) == ["file.zarr", "folder.mrc"]


@given(
    data=hnp.arrays("uint8", (2, 3, 4), elements=st.integers(0, 127))
    | hnp.arrays("int8", (2, 3, 4))
    | hnp.arrays("int16", (2, 3, 4))
    | hnp.arrays("uint16", (2, 3, 4))
    | hnp.arrays("float32", (2, 3, 4), elements=st.floats(-1e6, 1e6, width=32))
)
def test_mrcfile_agrees(tmp_path_factory: pytest.TempPathFactory, data: Any) -> None:
    path = tmp_path_factory.getbasetemp() / "ours.mrc"
    files.write(path, Volume(data, (2.0, 0.5, 0.25), (-3.0, 0.0, 40.5)))
    with mrcfile.open(path) as oracle:
        np.testing.assert_array_equal(oracle.data, data)
        assert oracle.voxel_size.tolist() == pytest.approx((2.5, 5.0, 20.0))
        assert oracle.header.origin.tolist() == pytest.approx((405.0, 0.0, -30.0))
        exact = data.astype(np.float64)
        written = [oracle.header[key].item() for key in ("dmin", "dmax", "dmean", "rms")]
        true = [exact.min(), exact.max(), exact.mean(), exact.std()]
        assert written == pytest.approx(true, rel=1e-5, abs=1e-30)
    assert mrcfile.validate(path)
    with mrcfile.new(path, data, overwrite=True) as theirs:
        theirs.voxel_size = (2.5, 5.0, 20.0)
        theirs.header.origin = (405.0, 0.0, -30.0)
    found = files.read(path)
    np.testing.assert_array_equal(found.data, data)
    assert found.voxel_size_nm == pytest.approx((2.0, 0.5, 0.25))
    assert found.origin_nm == (-3.0, 0.0, 40.5)


def test_values_that_are_not_finite_stay_and_do_not_count(tmp_path: Path) -> None:
    data = np.full((2, 2, 2), 3.0, np.float32)
    data[0, 0], data[1] = (np.nan, np.inf), np.nan
    files.write(tmp_path / "a.mrc", Volume(data))
    np.testing.assert_array_equal(files.read(tmp_path / "a.mrc").data, data)
    raw = (tmp_path / "a.mrc").read_bytes()
    assert struct.unpack("<3f", raw[76:88]) == (3.0, 3.0, 3.0)


def grid(folder: Path, **words: int) -> Path:
    """Write an MRC file whose header fields are odd, in little-endian order."""
    raw = bytearray(1024)
    struct.pack_into("<13i", raw, 0, 4, 3, 2, 0, -7, 8, 9, 40, 30, 20, 0, 0, 0)
    struct.pack_into("<3f", raw, 40, 800.0, 300.0, 100.0)
    struct.pack_into("<6i", raw, 64, 1, 2, 3, 0, 0, 0)
    struct.pack_into("<i", raw, 92, 16)
    raw[104:108] = b"SERI"
    struct.pack_into("<2h", raw, 128, 5, 6)
    struct.pack_into("<3f", raw, 196, 11.0, -22.0, 33.0)
    raw[208:216] = b"MAP \x44\x41\x00\x00"
    struct.pack_into("<i", raw, 220, 1)
    raw[224:234] = b"keep this "
    for name, value in words.items():
        struct.pack_into("<i", raw, {"stamp": 152, "flags": 156}[name], value)
    path = folder / "odd.mrc"
    path.write_bytes(bytes(raw) + bytes(16) + RAMP.astype(np.uint8).tobytes())
    return path


def word(raw: bytes, offset: int) -> int:
    return int(struct.unpack_from("<i", raw, offset)[0])


@pytest.mark.parametrize(
    ("dtype", "mode", "flags"), [("uint8", 0, 8), ("int8", 0, 9), ("float32", 2, 8)]
)
def test_an_output_on_the_same_grid_keeps_the_header(
    tmp_path: Path, dtype: str, mode: int, flags: int
) -> None:
    source = grid(tmp_path, stamp=IMOD, flags=1 + 2 + 8)
    volume = files.read(source)
    scores = volume.on_same_grid(RAMP.astype(dtype), "scores")
    files.write(tmp_path / "scores.mrc", scores)
    before, after = source.read_bytes(), (tmp_path / "scores.mrc").read_bytes()
    for start, end in ((0, 12), (16, 76), (88, 92), (96, 104), (108, 128), (132, 156), (160, 216)):
        assert before[start:end] == after[start:end], start
    assert before[220:1024] == after[220:1024]
    assert (word(after, 12), word(after, 156), word(after, 92)) == (mode, flags, 0)
    assert after[104:108] == after[128:132] == bytes(4)
    assert struct.unpack_from("<3f", after, 76) == (0.0, 23.0, 11.5)
    assert len(after) == 1024 + scores.data.nbytes
    found = files.read(tmp_path / "scores.mrc")
    assert (found.voxel_size_nm, found.origin_nm) == (volume.voxel_size_nm, volume.origin_nm)
    assert found.data.dtype == dtype


def test_no_stamp_in_no_stamp_out(tmp_path: Path) -> None:
    volume = files.read(grid(tmp_path))
    grey = (RAMP * 11).astype(np.uint8)
    files.write(tmp_path / "grey.mrc", volume.on_same_grid(grey, "grey"))
    raw = (tmp_path / "grey.mrc").read_bytes()
    assert raw[152:160] == bytes(8)
    np.testing.assert_array_equal(files.read(tmp_path / "grey.mrc").data, grey)


@pytest.mark.parametrize("flags", [0, 4])
def test_a_corrected_scale_wins_over_the_header(tmp_path: Path, flags: int) -> None:
    volume = files.read(grid(tmp_path, stamp=IMOD, flags=flags))
    right = Volume(volume.data, (3.0, 2.0, 1.0), (6.0, 5.0, 4.0), grid=volume.grid)
    files.write(tmp_path / "right.mrc", right)
    found = files.read(tmp_path / "right.mrc")
    assert (found.voxel_size_nm, found.origin_nm) == (right.voxel_size_nm, right.origin_nm)
    assert word((tmp_path / "right.mrc").read_bytes(), 16) == -7


def test_a_crop_starts_a_new_header(tmp_path: Path) -> None:
    volume = files.read(grid(tmp_path, stamp=IMOD, flags=0))
    crop = Volume(volume.data[1:], (3.0, 2.0, 1.0), (6.0, 5.0, 4.0), grid=volume.grid)
    files.write(tmp_path / "crop.mrc", crop)
    raw = (tmp_path / "crop.mrc").read_bytes()
    assert (word(raw, 16), word(raw, 152), word(raw, 156)) == (0, IMOD, 4)
    found = files.read(tmp_path / "crop.mrc")
    assert (found.voxel_size_nm, found.origin_nm) == (crop.voxel_size_nm, crop.origin_nm)
