"""MRC headers made by hand, byte by byte, and what is read from them."""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrc_bytes import IMOD, LITTLE, header, write_mrc
from seget import files
from seget.errors import FormatError, InputError

RAMP = np.arange(24).reshape(2, 3, 4)

Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Write `voxels` behind a header: `make(voxels, order, **fields) -> path`."""

    def write(*arguments: Any, **fields: Any) -> Path:
        return write_mrc(tmp_path / "hand.mrc", *arguments, **fields)

    return write


def fault(path: Path, kind: type[InputError] = FormatError) -> str:
    with pytest.raises(kind) as error:
        files.read(path)
    assert str(path) in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("mode", "kind"), [(0, "u1"), (1, "i2"), (2, "f4"), (6, "u2"), (12, "f2")], ids=str
)
@pytest.mark.parametrize("stamped", [True, False])
def test_modes_in_both_byte_orders(
    make: Make, order: str, mode: int, kind: str, stamped: bool
) -> None:
    machst = {} if stamped else {"machst": (0, 0, 0, 0)}
    path = make(RAMP.astype(order + kind), order, mode=mode, **machst)
    volume = files.read(path)
    assert volume.data.dtype == np.dtype(kind)
    assert volume.slice(1).dtype.isnative
    np.testing.assert_array_equal(volume.data, RAMP)
    np.testing.assert_array_equal(volume.data[:, 1:, 2], RAMP[:, 1:, 2])
    assert volume.voxel_size_nm == pytest.approx((0.2, 0.2, 0.2))


def test_a_machine_stamp_may_be_wrong(make: Make) -> None:
    path = make(RAMP.astype(">i2"), ">", mode=1, machst=LITTLE)
    np.testing.assert_array_equal(files.read(path).data, RAMP)


def test_voxels_are_mapped_and_read_only(make: Make) -> None:
    data = files.read(make(RAMP.astype("i2"), mode=1)).data
    assert isinstance(data, np.memmap)
    assert not data.flags.writeable


@pytest.mark.parametrize(
    ("fields", "signed"),
    [
        ({"stamp": IMOD, "flags": 1, "statistics": (0.0, 255.0, 0.0)}, True),
        ({"stamp": IMOD, "flags": 0, "statistics": (-128.0, 0.0, 0.0)}, False),
        ({"stamp": 5, "flags": 1, "statistics": (0.0, 255.0, 0.0)}, False),
        ({"statistics": (-10.0, 100.0, 0.0)}, True),
        ({"statistics": (0.0, 128.0, 0.0)}, False),
        ({"statistics": (-100.0, 200.0, 0.0)}, True),
        ({"statistics": (-50.0, 200.0, 0.0)}, False),
    ],
)
def test_sign_of_mode_0_by_the_header(make: Make, fields: dict[str, Any], signed: bool) -> None:
    voxels = np.arange(120, 144, dtype=np.uint8)
    data = files.read(make(voxels, **fields)).data
    np.testing.assert_array_equal(data.ravel(), voxels.view(np.int8) if signed else voxels)
    assert data.dtype == (np.int8 if signed else np.uint8)


@pytest.mark.parametrize("statistics", [(0.0, 127.0, 9.0), (0.0, -1.0, -2.0), (math.nan,) * 3])
@pytest.mark.parametrize(
    ("voxels", "signed"),
    [
        (np.arange(24), False),  # no byte above 127
        (np.arange(-12, 12), True),  # grey values close to zero on both sides
        (np.arange(116, 140), False),  # grey values across 128
        (np.tile([5, 100, 140, 250], 6), False),  # a flat histogram
        (np.tile([0, 255], 12), False),  # a mask
        (np.r_[np.zeros(12), np.full(12, 200)], False),  # labels
    ],
)
def test_sign_of_mode_0_by_the_bytes(
    make: Make, statistics: tuple[float, ...], voxels: Any, signed: bool
) -> None:
    stored = voxels.astype(np.int64).astype(np.uint8)
    data = files.read(make(stored, statistics=statistics)).data
    assert data.dtype == (np.int8 if signed else np.uint8)
    np.testing.assert_array_equal(data.ravel(), voxels)


@pytest.mark.parametrize("mode0", ["signed", "unsigned"])
@pytest.mark.parametrize("flags", [0, 1])
def test_the_sign_can_be_said(make: Make, mode0: str, flags: int) -> None:
    path = make(np.full(24, 200, np.uint8), stamp=IMOD, flags=flags)
    assert files.read(path, mode0=mode0).slice(0)[0, 0] == (-56 if mode0 == "signed" else 200)
    with pytest.raises(InputError, match="mode0 is 'singed', wanted one of auto"):
        files.read(path, mode0="singed")


@pytest.mark.parametrize(
    ("fields", "size"),
    [
        ({"cell": (8.0, 9.0, 20.0)}, (1.0, 0.3, 0.2)),
        ({"m": (8, 3, 2)}, (0.2, 0.2, 0.1)),  # xlen / mx, whatever nx is
        ({"m": (4, 3, 1)}, (0.2, 0.2, 0.2)),  # a stack of images: z as x
        ({"m": (0, 3, 2)}, None),
        ({"cell": (8.0, 0.0, 4.0)}, None),
        ({"cell": (-8.0, -6.0, 4.0)}, None),
        ({"cell": (8.0, 6.0, math.inf)}, None),
    ],
)
def test_voxel_size(make: Make, fields: dict[str, Any], size: tuple[float, ...] | None) -> None:
    found = files.read(make(RAMP.astype("u1"), **fields)).voxel_size_nm
    assert found == (size if size is None else pytest.approx(size))


def test_an_extended_header_is_skipped_and_extra_bytes_are_no_fault(make: Make) -> None:
    path = make(np.append(RAMP.ravel(), 99).astype("u1"), extended=b"x" * 37)
    np.testing.assert_array_equal(files.read(path).data, RAMP)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"mode": 3}, "mode 3 .complex int16.*back to real space"),
        ({"mode": 4}, "mode 4"),
        ({"mode": 16}, "mode 16 .RGB.*convert it to grey"),
        ({"mode": 77}, "mode 77 .unknown"),
    ],
)
def test_other_modes_are_refused(make: Make, fields: dict[str, Any], words: str) -> None:
    with pytest.raises(FormatError, match=words):
        files.read(make(RAMP.astype("u1"), **fields))


def test_a_signalling_nan_is_no_voxel_size(make: Make) -> None:
    path = make(RAMP.astype("u1"))
    raw = bytearray(path.read_bytes())
    raw[40:44] = raw[196:200] = b"\x00\x00\xa0\x7f"
    path.write_bytes(raw)
    assert (files.read(path).voxel_size_nm, files.read(path).origin_nm) == (None, None)


def test_damaged_files_are_refused(make: Make, tmp_path: Path) -> None:
    short = make(RAMP.ravel()[:-1].astype("u1"))
    assert "promises 4 x 3 x 2 voxels of mode 0, 1048 bytes in all, and the file has 1047" in fault(
        short
    )
    broken = tmp_path / "broken.mrc"
    broken.write_bytes(b"")
    assert "has 0 bytes" in fault(broken)
    broken.write_bytes(bytes(1024))
    assert "not an MRC header" in fault(broken)
    broken.write_text("I am a letter, not a tomogram.\n" * 100)
    assert "not an MRC header" in fault(broken)
    assert "no such file" in fault(tmp_path / "nowhere.mrc", InputError)


@given(
    noise=st.binary(min_size=1024, max_size=1024),
    kept=st.lists(st.tuples(st.integers(0, 255), st.integers(1, 64)), max_size=6),
    size=st.integers(0, 60),
)
def test_no_header_brings_the_reader_down(
    tmp_path_factory: pytest.TempPathFactory,
    noise: bytes,
    kept: list[tuple[int, int]],
    size: int,
) -> None:
    raw = bytearray(header(mode=1))
    for word, words in kept:
        raw[4 * word : 4 * (word + words)] = noise[4 * word : 4 * (word + words)]
    path = tmp_path_factory.getbasetemp() / "noise.mrc"
    path.write_bytes(bytes(raw[:1024]) + bytes(size))
    try:
        volume = files.read(path)
    except InputError as error:
        assert str(path) in str(error)
    else:
        assert volume.slice(0).shape == volume.shape[1:]


@pytest.mark.skipif("SEGET_DATA" not in os.environ, reason="real data is not in the repository")
def test_real_tomograms_are_what_their_statistics_say() -> None:
    for path in sorted((Path(os.environ["SEGET_DATA"]) / "vnc").glob("*.mrc")):
        volume = files.read(path)
        low, high, mean = struct.unpack("<3f", path.read_bytes()[76:88])
        assert (volume.data.min(), volume.data.max()) == (low, high)
        assert volume.data.mean(dtype=np.float64) == pytest.approx(mean, rel=1e-5)
        assert volume.voxel_size_nm == pytest.approx((47.5, 4.6, 4.6))
