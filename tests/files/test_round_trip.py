"""What is written is what is read, in every format and from each to each."""

from __future__ import annotations

import pickle
import tracemalloc
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from seget import files
from seget.errors import FormatError, InputError
from seget.files.formats import FORMATS
from seget.volume import Volume

SIZE_NM = (2.0, 0.5, 0.25)
ORIGIN_NM = (-3.0, 0.0, 40.5)
RAMP = np.arange(24).reshape(2, 3, 4)
LIKE = Volume(RAMP.astype(np.uint8), SIZE_NM, ORIGIN_NM)
SUFFIXES = (".mrc", ".zarr", ".tif", ".h5", ".npy")
each_format = pytest.mark.parametrize("suffix", SUFFIXES)

# MRC stores angstrom as float32, TIFF for ImageJ fractions of 32-bit integers; others are exact.
RELATIVE = {".mrc": 1e-6, ".tif": 1e-6}


def lengths(low: float, high: float) -> st.SearchStrategy[tuple[float, ...] | None]:
    length = st.floats(low, high, width=32)
    return st.none() | st.tuples(length, length, length)


@st.composite
def volumes(draw: st.DrawFn) -> tuple[str, Volume]:
    suffix = draw(st.sampled_from(SUFFIXES))
    dtype = draw(st.sampled_from(FORMATS[suffix].dtypes))
    shape = draw(hnp.array_shapes(min_dims=3, max_dims=3, max_side=5))
    data = draw(hnp.arrays(dtype, shape))
    return suffix, Volume(data, draw(lengths(2**-10, 2**17)), draw(lengths(-(2**20), 2**20)))


@given(drawn=volumes())
def test_read_returns_what_write_was_given(
    tmp_path_factory: pytest.TempPathFactory, drawn: tuple[str, Volume]
) -> None:
    suffix, volume = drawn
    keeps = FORMATS[suffix].keeps
    path = tmp_path_factory.getbasetemp() / f"tomogram{suffix}"
    files.write(path, volume)
    found = files.read(path)
    assert (found.name, found.path) == ("tomogram", path)
    assert found.data.dtype == volume.data.dtype
    np.testing.assert_array_equal(found.data, volume.data)
    near: Any = lambda nm: pytest.approx(nm, rel=RELATIVE.get(suffix, 0), abs=0)  # noqa: E731
    if volume.voxel_size_nm is None or "voxel size" not in keeps:
        assert found.voxel_size_nm is None
    else:
        assert found.voxel_size_nm == near(volume.voxel_size_nm)
    if volume.origin_nm is None or "origin" not in keeps:
        assert found.origin_nm in (None, (0, 0, 0))
    elif volume.voxel_size_nm is not None or suffix != ".zarr":
        assert found.origin_nm == near(volume.origin_nm)


@pytest.mark.parametrize(("before", "after"), [*permutations(SUFFIXES, 2)])
def test_from_each_format_to_each(tmp_path: Path, before: str, after: str) -> None:
    first, second = tmp_path / f"first{before}", tmp_path / f"second{after}"
    files.write(first, LIKE)
    volume = files.read(first)
    files.write(second, volume)
    found = files.read(second)
    np.testing.assert_array_equal(found.data, RAMP)
    kept = FORMATS[before].keeps & FORMATS[after].keeps
    assert found.voxel_size_nm == (pytest.approx(SIZE_NM) if "voxel size" in kept else None)
    if "origin" in kept and volume.voxel_size_nm:
        assert found.origin_nm == pytest.approx(ORIGIN_NM)
    else:
        assert found.origin_nm in (None, (0, 0, 0))


def test_what_is_not_kept_is_what_a_round_trip_loses(tmp_path: Path) -> None:
    files.write(tmp_path / "a.mrc", LIKE)
    volume = files.read(tmp_path / "a.mrc")
    said = {
        suffix: files.not_kept(tmp_path / f"b{suffix}", volume, labels=True) for suffix in SUFFIXES
    }
    counts = [(".mrc", 1), (".zarr", 1), (".tif", 3), (".h5", 2), (".npy", 4)]
    assert [(suffix, len(sentences)) for suffix, sentences in said.items()] == counts
    assert said[".tif"][0] == f"TIFF keeps no origin; -3, 0, 40.5 nm is not in {tmp_path}/b.tif."
    assert "NumPy keeps no voxel size; 2 x 0.5 x 0.25 nm" in said[".npy"][0]
    assert "MRC header" in said[".zarr"][0]
    unplaced = Volume(RAMP.astype(float), None, ORIGIN_NM)
    assert "without a voxel size" in files.not_kept("b.zarr", unplaced)[0]
    assert "MRC has no voxels of type float64; convert" in files.not_kept("b.mrc", unplaced)[0]
    assert files.not_kept("b.zarr", LIKE) == files.not_kept("b.mrc", LIKE) == []


@each_format
@pytest.mark.parametrize("older", [True, False])
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_interrupted_volume_leaves_nothing(
    tmp_path: Path, suffix: str, older: bool, error: type[BaseException]
) -> None:
    path = tmp_path / f"scores{suffix}"
    if older:
        files.write(path, LIKE)
    with pytest.raises(error), files.create(path, LIKE, np.uint8) as writer:
        writer[0] = RAMP[1].astype(np.uint8)
        raise error
    assert [found.name for found in tmp_path.iterdir()] == ([path.name] if older else [])
    if older:
        np.testing.assert_array_equal(files.read(path).data, RAMP)


@each_format
def test_slices_come_in_any_order_and_some_never(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    data = np.random.default_rng(1).integers(0, 255, (21, 5, 6), np.uint8)
    with files.create(path, LIKE, np.uint8, data.shape) as writer:
        for z in (20, 3, 9, 2, 19, 3, 0, -5):
            writer[z] = data[z]
    wanted = np.zeros_like(data)
    for z in (20, 3, 9, 2, 19, 0, 16):
        wanted[z] = data[z]
    np.testing.assert_array_equal(files.read(path).data, wanted)


@each_format
def test_memory_is_bounded(tmp_path: Path, suffix: str) -> None:
    path, shape = tmp_path / f"a{suffix}", (96, 256, 256)
    planes = np.random.default_rng(1).normal(size=(4, *shape[1:])).astype(np.float32)
    files.write(tmp_path / f"warm{suffix}", Volume(planes))  # imports take memory once
    tracemalloc.start()
    with files.create(path, LIKE, np.float32, shape) as writer:
        for z in range(shape[0]):
            writer[z] = planes[z % 4]
    writing = tracemalloc.get_traced_memory()[1]
    tracemalloc.reset_peak()
    volume = files.read(path)
    np.testing.assert_array_equal(volume.slice(50), planes[2])
    reading = tracemalloc.get_traced_memory()[1] - tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    whole = 4 * np.prod(shape)
    assert writing < 0.7 * whole
    assert reading < 0.25 * whole


@each_format
def test_what_is_read_indexes_like_an_array(tmp_path: Path, suffix: str) -> None:
    data = np.random.default_rng(1).integers(0, 255, (19, 5, 6), np.uint8)
    files.write(tmp_path / f"a{suffix}", Volume(data))
    found = files.read(tmp_path / f"a{suffix}").data
    assert (found.shape, found.ndim, len(found)) == (data.shape, 3, 19)
    indices: list[Any] = [0, -1, slice(None), slice(0, 0), [4, 1, 0, 18], np.int64(7), ..., (1, 2)]
    indices += [(-1, 0, 3), (slice(2, 12), slice(1, 4), slice(None, None, 2))]
    indices += [(slice(None, None, -3), slice(None, None, -1), 4), (slice(5, 6), 3)]
    for index in indices:
        np.testing.assert_array_equal(found[index], data[index])
    for wrong in (19, -20):
        with pytest.raises(IndexError):
            found[wrong]


@each_format
def test_a_volume_can_be_sent_to_another_process(tmp_path: Path, suffix: str) -> None:
    files.write(tmp_path / f"a{suffix}", LIKE)
    volume = files.read(tmp_path / f"a{suffix}")
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(volume)).slice(1), RAMP[1])


@pytest.mark.parametrize("suffix", [".tif", ".h5", ".npy"])
@given(cut=st.integers(0, 400), flips=st.lists(st.integers(0, 10_000), max_size=6))
def test_no_file_brings_a_reader_down(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, cut: int, flips: list[int]
) -> None:
    path = tmp_path_factory.getbasetemp() / f"hostile{suffix}"
    files.write(path, LIKE)
    raw = bytearray(path.read_bytes())
    for flip in flips:
        raw[flip % len(raw)] ^= 1 << flip % 8
    path.write_bytes(raw[: len(raw) - cut])
    try:
        volume = files.read(path)
        assert volume.slice(0).shape == volume.shape[1:]
    except InputError as error:
        assert str(path) in str(error)


@pytest.mark.parametrize("suffix", [".tif", ".h5", ".npy", ".mrc"])
@pytest.mark.parametrize("content", [b"", b"I am a letter, not a tomogram.\n" * 50])
def test_what_is_no_image_at_all(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"letter{suffix}"
    path.write_bytes(content)
    with pytest.raises(FormatError, match=f"letter{suffix}: .*again"):
        files.read(path)


@pytest.mark.parametrize(
    ("data", "dtype"),
    [
        (np.array([-1], np.int8), "uint8"),
        (np.array([255], np.uint8), "int8"),
        (np.array([65536], np.int64), "uint16"),
        (np.array([0.5], np.float32), "uint8"),
        (np.array([np.nan], np.float32), "uint8"),
        (np.array([2**24 + 1], np.int32), "float32"),
        (np.array([1e30], np.float32), "float16"),
    ],
)
def test_a_number_is_never_wrapped(data: Any, dtype: str) -> None:
    volume = files.recast(Volume(data.reshape(1, 1, 1), name="cell"), dtype)
    with pytest.raises(InputError, match=f"cell: slice 0 holds .*, which {dtype} does not have"):
        volume.slice(0)


def test_numbers_that_fit_are_the_same_in_another_type() -> None:
    for wanted in ("int16", "uint32", "float32", "float64", "uint8"):
        found = files.recast(LIKE, wanted)
        assert (found.slice(1).dtype, found.voxel_size_nm) == (wanted, SIZE_NM)
        np.testing.assert_array_equal(found.data, RAMP)
    masks = Volume(RAMP > 11)
    np.testing.assert_array_equal(files.recast(masks, "uint8").data, RAMP > 11)


def test_rescaling_counts_what_it_cuts() -> None:
    data = np.array([[[-1, 0, 1, 2, 3, np.nan]]], np.float32)
    volume, counts = files.rescale(Volume(data, SIZE_NM), 0.0, 2.0)
    assert volume.slice(0).tolist() == [[0, 0, 128, 255, 255, 0]]
    assert (counts.clipped, counts.not_finite, volume.voxel_size_nm) == (2, 1, SIZE_NM)
    wide, _ = files.rescale(Volume(data), 0.0, 2.0, "uint16")
    assert wide.slice(0).max() == 65535
    with pytest.raises(InputError, match="range from 2 to 2 is empty"):
        files.rescale(Volume(data), 2.0, 2.0)
    with pytest.raises(InputError, match="rescaling to int8"):
        files.rescale(Volume(data), 0.0, 2.0, "int8")
    ramp = np.arange(100_000, dtype=np.float32).reshape(10, 100, 100)
    assert files.spread(Volume(ramp)) == pytest.approx((50, 99_848), abs=2)
    with pytest.raises(InputError, match="no sampled voxel is finite"):
        files.spread(Volume(np.full((1, 4, 4), np.nan)))
