"""The rarer ways of storing voxels: 4 bits, float16, packed files; and what they must not cost."""

from __future__ import annotations

import bz2
import gzip
import math
import struct
import tracemalloc
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mrc_bytes import BIG, IMOD, LITTLE, header, write_mrc
from seget import files
from seget.errors import FormatError, InputError
from seget.files.storage import compressed
from seget.normalisation import normalisation
from seget.volume import Volume

MODES = {"u1": 0, "i1": 0, "i2": 1, "f4": 2, "u2": 6, "f2": 12}
ORDERS = [(1, 2, 3), (1, 3, 2), (2, 1, 3), (2, 3, 1), (3, 1, 2), (3, 2, 1)]
NIBBLES = np.arange(2 * 3 * 5).reshape(2, 3, 5) % 16
PACK = {".gz": gzip.compress, ".bz2": bz2.compress}


def two_a_byte(sections: npt.NDArray[Any]) -> bytes:
    """Pack sections voxel by voxel: low half first, an odd row filled up with a 15."""
    stored = bytearray()
    for row in sections.reshape(-1, sections.shape[-1]).tolist():
        row += [15] * (len(row) % 2)
        stored += bytes(low | high << 4 for low, high in zip(row[::2], row[1::2], strict=True))
    return bytes(stored)


def raw_bytes(stored: bytes) -> npt.NDArray[np.uint8]:
    return np.frombuffer(stored, np.uint8)


@pytest.mark.parametrize("fields", [{"mode": 101}, {"mode": 0, "stamp": IMOD, "flags": 16}])
@pytest.mark.parametrize("axes", ORDERS)
@pytest.mark.parametrize("order", ["<", ">"])
def test_four_bits(tmp_path: Path, fields: dict[str, int], axes: Any, order: str) -> None:
    extents = {1: 5, 2: 3, 3: 2}
    columns, rows, sections = axes
    stored = np.empty([extents[axis] for axis in (sections, rows, columns)], np.uint8)
    for at in np.ndindex(stored.shape):
        place = dict(zip((sections, rows, columns), at, strict=True))
        stored[at] = NIBBLES[place[3], place[2], place[1]]
    size = (extents[columns], extents[rows], extents[sections])
    path = write_mrc(
        tmp_path / "a.mrc", raw_bytes(two_a_byte(stored)), order, size=size, map=axes, **fields
    )
    volume = files.read(path)
    assert (volume.shape, volume.data.dtype) == ((2, 3, 5), np.uint8)
    np.testing.assert_array_equal(volume.data, NIBBLES)
    np.testing.assert_array_equal(volume.data[1, 1:, ::2], NIBBLES[1, 1:, ::2])
    files.write(tmp_path / "copy.mrc", volume)
    np.testing.assert_array_equal(files.read(tmp_path / "copy.mrc").data, NIBBLES)
    with pytest.raises(FormatError, match="promises"):
        files.read(write_mrc(path, raw_bytes(two_a_byte(stored)[:-1]), order, size=size, **fields))


def test_float16_is_handed_out_as_it_is_stored(tmp_path: Path) -> None:
    data = np.linspace(-1, 1, 24).astype(">f2").reshape(2, 3, 4)
    volume = files.read(write_mrc(tmp_path / "a.mrc", data, ">", mode=12))
    assert volume.data.dtype == np.float16
    scaled = normalisation(volume)(volume.slice(1))
    assert (scaled.dtype, scaled.mean() > 0) == (np.float32, True)
    files.write(tmp_path / "copy.mrc", volume)
    with mrcfile.open(tmp_path / "copy.mrc") as oracle:
        assert (oracle.header.mode, oracle.data.dtype) == (12, np.float16)
        np.testing.assert_array_equal(oracle.data, data)


@pytest.mark.parametrize("packer", [".gz", ".bz2"])
def test_packed_files(tmp_path: Path, packer: str) -> None:
    data = np.arange(24, dtype="<i2").reshape(2, 3, 4)
    plain = write_mrc(tmp_path / "a.map", data, extended=b"x" * 7, mode=1).read_bytes()
    path = tmp_path / f"b.map{packer}"
    path.write_bytes(PACK[packer](plain + bytes(9999)))
    volume = files.read(path)
    assert (volume.name, volume.path) == ("b", path)
    np.testing.assert_array_equal(volume.data, data)
    assert not np.asarray(volume.data).flags.writeable
    assert files.find_tomograms(tmp_path) == [tmp_path / "a.map", path]
    assert any("at least 4096 bytes" in fault for fault in files.describe(path).faults)
    path.write_bytes(PACK[packer](plain[:-1]))
    with pytest.raises(FormatError, match=rf"b\.map\{packer}: the header promises"):
        files.read(path)
    for broken in (PACK[packer](plain)[:-30], b"no packer wrote this", PACK[packer](plain[:99])):
        path.write_bytes(broken)
        with pytest.raises(FormatError, match=r"does not unpack|has \d+ bytes"):
            files.read(path)
    with pytest.raises(InputError, match="names no format that is written"):
        files.write(path, volume)


def test_a_promise_is_checked_before_memory_is_taken(tmp_path: Path) -> None:
    vast = header(size=(1000, 1000, 1000), mode=2) + bytes(976)
    packed = gzip.compress(vast)
    paths = {"a.mrc": vast, "a.mrc.gz": packed, "b.mrc.bz2": bz2.compress(vast)}
    for name, content in paths.items():
        (tmp_path / name).write_bytes(content)
        tracemalloc.start()
        with pytest.raises(InputError, match=r"the header promises|of free memory"):
            files.read(tmp_path / name)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 2**22


def test_what_would_not_fit_is_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.mrc.gz"
    path.write_bytes(gzip.compress(header(size=(50, 50, 50)) + bytes(125_000)))
    assert files.read(path).shape == (50, 50, 50)
    assert compressed.free_memory_bytes() > 2**20
    monkeypatch.setattr(compressed, "free_memory_bytes", lambda: 252_000)
    with pytest.raises(InputError, match=r"0\.00 GB of free memory; unpack it with `gunzip`"):
        files.read(path)


def test_a_bomb_is_not_unpacked_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "a.mrc.gz"
    path.write_bytes(gzip.compress(header(size=(4, 3, 2)) + bytes(2**26), 1))
    tracemalloc.start()
    assert files.read(path).shape == (2, 3, 4)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**22


@pytest.mark.parametrize(
    ("fields", "size_nm", "words"),
    [
        ({"size": (4, 3, 6), "m": (4, 3, 2), "ispg": 401}, (0.2, 0.2, 0.2), "stack of 3 volumes"),
        ({"size": (4, 3, 6), "m": (4, 3, 4), "ispg": 401}, (0.1, 0.2, 0.2), "does not divide"),
        ({"size": (4, 3, 6), "m": (4, 3, 1)}, (0.2, 0.2, 0.2), "mz is 1 and there are 6 slices"),
    ],
)
def test_stacks(tmp_path: Path, fields: Any, size_nm: Any, words: str) -> None:
    path = write_mrc(tmp_path / "a.mrc", np.arange(72, dtype=np.uint8), **fields)
    found = files.describe(path)
    assert found.shape_zyx == (6, 3, 4)
    assert found.voxel_size_nm == pytest.approx(size_nm)
    assert any(words in fault for fault in found.faults)


def lengths(low: float, high: float) -> st.SearchStrategy[tuple[float, ...]]:
    length = st.floats(low, high, width=32)
    return st.tuples(length, length, length)


@given(
    kind=st.sampled_from(sorted(MODES)),
    shape=hnp.array_shapes(min_dims=3, max_dims=3, max_side=5),
    place=st.tuples(lengths(2**-4, 2**10), lengths(-(2**12), 2**12)),
    order=st.sampled_from("<>"),
    data=st.data(),
)
def test_hand_made_to_ours_and_back(
    tmp_path_factory: pytest.TempPathFactory,
    kind: str,
    shape: tuple[int, int, int],
    place: tuple[Any, Any],
    order: Any,
    data: st.DataObject,
) -> None:
    finite = {"allow_nan": False, "allow_infinity": False} if kind[0] == "f" else {}
    voxels = data.draw(hnp.arrays(kind, shape, elements=hnp.from_dtype(np.dtype(kind), **finite)))
    size, origin = place
    folder = tmp_path_factory.getbasetemp()
    path = write_mrc(
        folder / "theirs.mrc",
        voxels.astype(np.dtype(kind).newbyteorder(order)),
        order,
        size=shape[::-1],
        m=shape[::-1],
        mode=MODES[kind],
        cell=tuple(n * a for n, a in zip(shape[::-1], size, strict=True)),
        origin=origin,
        stamp=IMOD,
        flags=4 + (kind == "i1"),
    )
    wanted_size = pytest.approx(tuple(a / 10 for a in reversed(size)), rel=1e-6)
    wanted_origin = pytest.approx(tuple(a / 10 for a in reversed(origin)), rel=1e-6)
    files.write(folder / "ours.mrc", files.read(path))
    for name in ("theirs.mrc", "ours.mrc"):
        found = files.read(folder / name)
        assert found.data.dtype == np.dtype(kind)
        np.testing.assert_array_equal(found.data, voxels)
        assert found.voxel_size_nm == wanted_size
        assert found.origin_nm == wanted_origin
    assert (folder / "ours.mrc").read_bytes()[212:216] == bytes(LITTLE)
    assert path.read_bytes()[212:216] == bytes(LITTLE if order == "<" else BIG)


@pytest.mark.parametrize("dtype", ["int8", "int16", "uint16", "float32", "float16"])
def test_mrcfile_finds_nothing_wrong_with_what_we_write(tmp_path: Path, dtype: str) -> None:
    data = (np.arange(24).reshape(2, 3, 4) - 3 * (dtype[0] != "u")).astype(dtype)
    for size in (None, (1.0, 2.0, 3.0)):
        files.write(tmp_path / "a.mrc", Volume(data, size, (4.0, -5.0, 6.0)))
        assert mrcfile.validate(tmp_path / "a.mrc")


UNKNOWN = ((96, 104), (112, 128), (132, 152), (160, 196), (224, 1024))


@given(noise=st.binary(min_size=1024, max_size=1024), order=st.sampled_from("<>"))
def test_bytes_that_nobody_understands_survive(
    tmp_path_factory: pytest.TempPathFactory, noise: bytes, order: str
) -> None:
    folder = tmp_path_factory.getbasetemp()
    path = write_mrc(folder / "noise.mrc", np.arange(24, dtype=np.uint8), order)
    raw = bytearray(path.read_bytes())
    for start, end in UNKNOWN:
        raw[start:end] = noise[start:end]
    path.write_bytes(raw)
    volume = files.read(path)
    files.write(folder / "copy.mrc", volume.on_same_grid(np.ones((2, 3, 4), np.uint8), "ones"))
    copy = (folder / "copy.mrc").read_bytes()
    for start, end in UNKNOWN:
        # Numbers that IMOD has in there are turned with all others of a big-endian file.
        if order == "<" or not 152 < end < 224:
            assert copy[start:end] == raw[start:end]
    turned = struct.unpack(order + "6h6f", raw[160:196])
    for kept, stated in zip(struct.unpack("<6h6f", copy[160:196]), turned, strict=True):
        assert kept == stated or (math.isnan(kept) and math.isnan(stated))
