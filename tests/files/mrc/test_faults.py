"""Each fault of an MRC file alone, and the mended copy."""

from __future__ import annotations

import math
import re
import struct
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
import tifffile

from mrc_bytes import BIG, IMOD, LITTLE, write_mrc
from seget import files
from seget.errors import InputError
from seget.volume import Volume

RAMP = np.arange(24)
# Nothing is wrong with this one.
RIGHT: dict[str, Any] = {
    "cell": (80.0, 60.0, 40.0),
    "statistics": (0.0, 23.0, 11.5),
    "ispg": 1,
    "nversion": 20141,
    "angles": (90.0, 90.0, 90.0),
}
SEAM = np.r_[np.arange(-12, 12)]  # grey values close to zero on both sides: signed, by their look


def described(folder: Path, voxels: Any = RAMP, order: str = "<", **fields: Any) -> Any:
    voxels = np.asarray(voxels).astype(np.int64).astype(np.uint8)
    return files.describe(write_mrc(folder / "a.mrc", voxels, order, **(RIGHT | fields)))


def test_a_file_without_fault(tmp_path: Path) -> None:
    for order in "<>":
        found = described(tmp_path, order=order, nlabl=1, label=b"as it should be\x1b[31m")
        assert found.faults == ()
        assert (found.format, found.shape_zyx, found.dtype) == ("MRC", (2, 3, 4), "uint8")
        assert found.labels == ("as it should be?[31m",)
        assert (found.stored.low, found.stored.high, found.stored.mean) == (0.0, 23.0, 11.5)
        assert (found.sampled.low, found.sampled.high, found.sampled.mean) == (0.0, 23.0, 11.5)
        assert found.sampled.slices == (0, 1)
        assert found.signed is False
        assert "both signs are one image" in found.sign_reason
        assert found.extended_header == ""


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"magic": bytes(4)}, 'no stamp "MAP "'),
        ({"magic": bytes(4), "machst": (0,) * 4}, 'no stamp "MAP "'),
        ({"machst": (0, 0, 0, 0)}, "stamp is 00 00 00 00, wanted 44 44 of the little-endian"),
        ({"machst": BIG}, "machine stamp is 11 11 00 00"),
        ({"nversion": -5}, "nversion. is -5, wanted 20140 or 0"),
        ({"nversion": 538976288}, "nversion. is 538976288"),
        ({"statistics": (2.0, 1.0, 0.0)}, "from 2 to 1 .* were never computed"),
        ({"statistics": (math.nan,) * 3}, "never computed"),
        ({"statistics": (0.0, 0.0, 0.0)}, "statistics are all 0, never computed"),
        ({"statistics": (0.0, 99.0, 11.5)}, "have 0 to 23 with mean 11.5; .* other sign"),
        ({"statistics": (5.0, 23.0, 11.5)}, "from 5 to 23"),
        ({"statistics": (0.0, 23.0, 9.0)}, "with mean 9 and the voxels have"),
        ({"m": (0, 3, 2)}, "voxel size is unknown, mx, my, mz are 0, 3, 2; state it"),
        ({"cell": (0.0, 60.0, 40.0)}, "size is unknown, xlen, ylen, zlen are 0, 60, 40"),
        ({"cell": (-8.0, 60.0, 40.0)}, "are -8, 60, 40, which are negative"),
        ({"cell": (8.0, math.inf, 40.0)}, "are 8, inf, 40, which are no lengths"),
        ({"cell": (80.0, 60.0, 8e5)}, "40000 x 2 x 2 nm .* none of an electron tomogram"),
        ({"cell": (80.0, 60.0, 2000.0)}, "100 x 2 x 2 nm .* differs by more than a factor"),
        ({"cell": (4.0, 3.0, 2.0)}, "exactly 1 angstrom"),
        ({"m": (4, 3, 1)}, "mz is 1 and there are 2 slices"),
        ({"ispg": 0}, r"\(ispg\) 0 says a stack of images and mz, 2, a volume"),
        ({"ispg": -7}, r"\(ispg\) is -7, wanted 1"),
        ({"ispg": 401, "m": (4, 3, 0), "cell": (8.0,) * 3}, "401 .* and mz, 0, does not divide"),
        ({"map": (3, 2, 1)}, "run along z, y, x, wanted x, y, z"),
        ({"map": (0, 0, 0)}, "order of the axes .* is empty"),
        ({"angles": (90.0, 112.0, 90.0)}, "angles of the cell are 90, 112, 90"),
        ({"nlabl": 11}, "nlabl. is 11, wanted 0 to 10; .* counts the 0"),
        ({"nlabl": -1}, "nlabl. is -1"),
        ({"label": b"one"}, "nlabl. is 0 and 1 hold text"),
        ({"extended": b"x" * 8}, "extended header of 8 bytes has no type"),
        ({"extended": b"x" * 8, "exttyp": b"\xcd\xcd\xcd\xcd"}, "has no type"),
        ({"voxels": np.arange(25)}, "behind the last voxel there are 1 bytes"),
        ({"origin": (math.nan, 1.0, 2.0)}, "origin .* is nan, 1, 2, wanted finite lengths"),
        ({"nstart": (0, -2, 5)}, "first column, row and section are 0, -2, 5"),
        ({"voxels": np.full(24, 5), "statistics": (5.0, 5.0, 5.0)}, "all sampled voxels are 5"),
        (
            {"voxels": SEAM, "statistics": (1.0, 0.0, 0.0), "mode": 0},
            "lie close to zero .*, so they were taken as signed",
        ),
        ({"voxels": np.arange(116, 140), "statistics": (1.0, 0.0, 0.0)}, "taken as unsigned"),
        ({"mode": 101, "voxels": np.arange(12)}, "4 bits .mode 101., which few"),
        (
            {"stamp": IMOD, "flags": 20, "voxels": np.arange(12)},
            "4 bits .mode 0, IMOD's flag 16.",
        ),
    ],
)
def test_each_fault(tmp_path: Path, fields: dict[str, Any], words: str) -> None:
    found = described(tmp_path, **fields)
    assert [fault for fault in found.faults if re.search(words, fault)]
    # The others come of the same cause: no statistics, no voxel size, another sign.
    causes = ("never computed|and the voxels have", "is unknown", "does not divide", words)
    others = [f for f in found.faults if not any(re.search(cause, f) for cause in causes)]
    assert not others
    assert all(re.search(r"[;:] .*\.$", fault) for fault in found.faults), "the mend"


def test_values_that_are_not_finite_are_counted(tmp_path: Path) -> None:
    data = np.arange(24, dtype=np.float32)
    data[[3, 5]] = math.nan, math.inf
    found = files.describe(write_mrc(tmp_path / "a.mrc", data, **(RIGHT | {"mode": 2})))
    assert "2 sampled voxels are NaN or infinite" in found.faults[0]
    data[:] = math.nan
    files.write(tmp_path / "a.mrc", Volume(data.reshape(2, 3, 4), (1.0, 1.0, 1.0)))
    (fault,) = files.describe(tmp_path / "a.mrc").faults
    assert "24 sampled voxels" in fault


def test_a_large_volume_is_sampled(tmp_path: Path) -> None:
    data = np.zeros((1100, 2, 2), np.uint8)
    data[::2], data[500] = 9, 99  # 500 is not sampled
    files.write(tmp_path / "a.mrc", Volume(data, (1.0, 1.0, 1.0)))
    found = files.describe(tmp_path / "a.mrc")
    assert (len(found.sampled.slices), found.sampled.whole, found.sampled.high) == (16, False, 9)
    assert found.faults == ()
    raw = bytearray((tmp_path / "a.mrc").read_bytes())
    struct.pack_into("<3f", raw, 76, 0.0, 8.0, 4.5)
    (tmp_path / "a.mrc").write_bytes(raw)
    (fault,) = files.describe(tmp_path / "a.mrc").faults
    assert "from 0 to 8 with mean 4.5 and the voxels in 16 sampled slices have 0 to 9" in fault


def test_other_formats_get_what_is_true_of_any(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", RAMP.reshape(2, 3, 4).astype("u1"), photometric=1)
    found = files.describe(tmp_path / "a.tif")
    assert (found.shape_zyx, found.stored, found.signed) == ((2, 3, 4), None, None)
    assert (found.sampled.low, found.sampled.high) == (0.0, 23.0)
    assert "the voxel size is unknown, the file states none" in found.faults[0]
    files.write(tmp_path / "a.zarr", Volume(RAMP.reshape(2, 3, 4).astype("u1"), (1.0, 1.0, 1.0)))
    assert files.describe(tmp_path / "a.zarr").faults == ()
    with pytest.raises(InputError, match="mode0 is 'odd', wanted"):
        files.describe(tmp_path / "a.tif", "odd")


ALL_WRONG: dict[str, Any] = {
    "magic": bytes(4),
    "machst": (0x44, 0x44, 0, 0),
    "nversion": 538976288,
    "statistics": (2.0, 1.0, 0.0),
    "m": (4, 3, 1),
    "ispg": 0,
    "angles": (0.0, 0.0, 0.0),
    "nlabl": 99,
    "label": b"first",
    "origin": (math.inf, 1.0, 2.0),
    "exttyp": b"SERI",
    "extended": b"tilt",
}


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_mended_copy(tmp_path: Path, order: str) -> None:
    fields = RIGHT | ALL_WRONG
    if order == ">":
        fields |= {"machst": BIG}
    path = write_mrc(tmp_path / "old.mrc", RAMP.astype(f"{order}i2"), order, mode=1, **fields)
    raw = bytearray(path.read_bytes() + b"surplus")
    raw[112:120], raw[144:150] = b"unknown!", b"as is!"
    path.write_bytes(raw)
    assert len(files.describe(path).faults) == 7
    new = tmp_path / "new.mrc"
    lost = files.mend(path, new, (3.0, 2.0, 1.0))
    found = files.describe(new)
    assert found.faults == ()
    assert found.voxel_size_nm == (3.0, 2.0, 1.0)
    np.testing.assert_array_equal(files.read(new).data.ravel(), RAMP)
    assert mrcfile.validate(new)
    after = new.read_bytes()
    assert (after[112:120], after[144:150]) == (b"unknown!", b"as is!")
    assert (after[208:212], after[212:216]) == (b"MAP ", bytes(LITTLE))
    if order == "<":
        assert (lost, after[1024:1028], found.extended_header) == ((), b"tilt", "SERI, 4 bytes")
    else:
        assert "the extended header of 4 bytes is dropped" in lost[0]
        assert (len(after), found.extended_header) == (1024 + 48, "")
    assert path.read_bytes() == raw


def test_a_mended_copy_is_stored_along_x_y_z(tmp_path: Path) -> None:
    fields = RIGHT | {"map": (3, 1, 2), "nstart": (7, 8, 9), "m": (3, 2, 4)}
    path = write_mrc(tmp_path / "old.mrc", RAMP.astype("<f4"), mode=2, **fields)
    before = files.read(path)
    assert before.shape == (4, 2, 3)
    files.mend(path, tmp_path / "new.mrc")
    raw, after = (tmp_path / "new.mrc").read_bytes(), files.read(tmp_path / "new.mrc")
    assert struct.unpack_from("<3i", raw, 0) == (3, 2, 4)
    assert struct.unpack_from("<3i", raw, 16) == (8, 9, 7)  # of x, y, z: they go with their axes
    assert struct.unpack_from("<3i", raw, 64) == (1, 2, 3)
    np.testing.assert_array_equal(after.data, before.data)
    assert (after.voxel_size_nm, after.origin_nm) == (before.voxel_size_nm, before.origin_nm)


def test_a_mended_copy_of_signed_and_of_4_bit_bytes(tmp_path: Path) -> None:
    path = write_mrc(tmp_path / "old.mrc", SEAM.astype(np.int8), **RIGHT)
    for mode0, kind in (("signed", np.int8), ("unsigned", np.uint8)):
        files.mend(path, tmp_path / "new.mrc", mode0=mode0)
        found = files.read(tmp_path / "new.mrc")
        assert found.data.dtype == kind
        np.testing.assert_array_equal(found.data.ravel(), SEAM.astype(kind))
    flagged = RIGHT | {"stamp": IMOD, "flags": 20}
    path = write_mrc(tmp_path / "old.mrc", np.arange(12, dtype=np.uint8), **flagged)
    files.mend(path, tmp_path / "new.mrc")
    assert files.describe(tmp_path / "new.mrc").faults == ()
    assert struct.unpack_from("<i", (tmp_path / "new.mrc").read_bytes(), 156) == (4,)
    np.testing.assert_array_equal(files.read(tmp_path / "new.mrc").data, files.read(path).data)


def test_what_cannot_be_mended(tmp_path: Path) -> None:
    path = write_mrc(tmp_path / "a.mrc", RAMP.astype(np.uint8), **RIGHT)
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((2, 3, 4), np.uint8), photometric=0)
    for source, out, words in (
        (path, path, "this is the file to mend, wanted another"),
        (path, tmp_path / "b.tif", "a mended copy is an MRC file, wanted"),
        (tmp_path / "a.tif", tmp_path / "b.mrc", "only MRC files are mended"),
    ):
        with pytest.raises(InputError, match=words):
            files.mend(source, out)
    assert not (tmp_path / "b.mrc").exists()
