"""Small files that claim gigabytes: refused in words, before the memory is taken."""

from __future__ import annotations

import io
import json
import resource
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tifffile
import zarr
from PIL import Image

from hostile import DEEP
from mrc_bytes import header
from seget import files
from seget.errors import FormatError, InputError
from seget.files.storage import memory
from seget.files.storage.legend import legend_beside
from seget.volume import Volume

GIGABYTES = 2**33
VAST = 10**6


@pytest.fixture
def little_memory() -> Iterator[None]:
    """Let nothing take 8 GB more than it has, whatever machine this is: it would be a MemoryError.

    Memory that is only promised counts, so nothing has to be filled to see it asked for; so does
    the length of a file that is mapped.
    """
    with open("/proc/self/statm", encoding="ascii") as lines:
        held = int(lines.read().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (held + GIGABYTES, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


little = pytest.mark.usefixtures("little_memory")


def refused(path: Path, words: str, kind: type[InputError] = InputError) -> None:
    with pytest.raises(kind, match=words) as error:
        files.read(path)
    assert str(path) in str(error.value)


@little
def test_one_slice_larger_than_the_memory(tmp_path: Path) -> None:
    words = r"one slice of 1000000 x 1000000 voxels \(y, x\) takes \d+ GB, wanted at most the"
    with h5py.File(tmp_path / "a.h5", "w") as h5:  # without a chunk written it has 2 kB
        h5.create_dataset("volume", (3, VAST, VAST), np.float32, chunks=(1, 64, 64))
    refused(tmp_path / "a.h5", words)
    with zarr_image(tmp_path / "a.zarr", (3, VAST, VAST), (1, 64, 64)) as group:
        assert group["0"].shape == (3, VAST, VAST)
    refused(tmp_path / "a.zarr", words)
    (tmp_path / "a.tif").write_bytes(tiff_of(VAST, VAST))
    refused(tmp_path / "a.tif", words)


def test_one_slice_larger_than_the_memory_of_a_mapped_file(tmp_path: Path) -> None:
    raw = header(size=(VAST, VAST, 1), m=(VAST, VAST, 1))
    with (tmp_path / "a.mrc").open("wb") as file:  # holes: the file is as long as it says
        file.write(raw)
        file.truncate(1024 + VAST**2)
    refused(tmp_path / "a.mrc", "one slice of 1000000 x 1000000 voxels")
    (tmp_path / "short.mrc").write_bytes(raw)
    refused(tmp_path / "short.mrc", "the header promises 1000000 x 1000000 x 1", FormatError)


@little
def test_more_slices_than_any_tomogram_has(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as h5:
        h5.create_dataset("volume", (10**12, 1, 1), np.uint8, chunks=(64, 1, 1))
    refused(tmp_path / "a.h5", "it claims 1000000000000 slices, wanted at most 1000000; the file")
    with zarr_image(tmp_path / "a.zarr", (2**40, 8, 8), (8, 8, 8)):
        refused(tmp_path / "a.zarr", "it claims 1099511627776 slices")


@little
def test_one_chunk_larger_than_the_memory(tmp_path: Path) -> None:
    """Chunks are unpacked whole, however small the piece of one that is asked for."""
    with zarr_image(tmp_path / "a.zarr", (9, 8, 8), (10**9, 10**3, 10**3)):
        refused(tmp_path / "a.zarr", r"a chunk of 1000000000 x 1000 x 1000 voxels takes 1e\+06 GB")
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as h5:
        h5.create_dataset("volume", (3, 8, 8), np.uint8, chunks=(3, 8, 8), compression="gzip")
    assert files.read(path).shape == (3, 8, 8)
    memory.demand_chunk(path, None, np.uint8)
    with pytest.raises(InputError, match="store it in smaller chunks"):
        memory.demand_chunk(path, (2**20, 2**20), np.uint8)


@little
@pytest.mark.parametrize("name", ["slice.png", "slice.tif"])
def test_a_folder_whose_first_slice_is_too_large(tmp_path: Path, name: str) -> None:
    raw = png_of(VAST, VAST) if name.endswith("png") else tiff_of(VAST, VAST)
    (tmp_path / name).write_bytes(raw)
    with pytest.raises(InputError, match=rf"{name}: one slice of 1000000 x 1000000 voxels"):
        files.read(tmp_path)


@little
def test_a_large_slice_is_no_bomb(tmp_path: Path) -> None:
    """Pillow by itself warns of one beyond 9500 x 9500 pixels, and refuses twice as many."""
    (tmp_path / "0.png").write_bytes(png_of(14_000, 14_000))
    volume = files.read(tmp_path)
    assert volume.shape == (1, 14_000, 14_000)
    assert not volume.slice(0)[::100].any()


@little
@pytest.mark.parametrize("packer", ["JPEG", "BMP", "GIF"])
def test_a_png_is_only_opened_as_one(tmp_path: Path, packer: str) -> None:
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "0.png", packer)
    with pytest.raises(FormatError, match="this is not a whole PNG file"):
        files.read(tmp_path)


@little
def test_a_png_whose_text_unpacks_to_gigabytes(tmp_path: Path) -> None:
    text = b"Comment\0\0" + zlib.compress(bytes(2**27), 9)
    (tmp_path / "0.png").write_bytes(png_of(4, 4, (b"zTXt", text)))
    with pytest.raises(FormatError, match="this is not a whole PNG file"):
        files.read(tmp_path)


@little
def test_an_array_whose_header_is_a_trap(tmp_path: Path) -> None:
    vast = f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({10**9}, {10**6}, {10**6})}}"
    words = r"this is not a whole \.npy file of numbers"
    for text in (vast, "(" * 9000, "-" * 9000 + "1", "[" * 90 + "1", vast.replace("9", "-9")):
        (tmp_path / "a.npy").write_bytes(npy_of(text))
        refused(tmp_path / "a.npy", words, FormatError)


@little
@pytest.mark.parametrize("nested", ['{"a":', "["])
def test_metadata_that_nest_without_end(tmp_path: Path, nested: str) -> None:
    folder = tmp_path / "a.zarr"
    folder.mkdir()
    (folder / "zarr.json").write_text(nested * DEEP)
    refused(folder, "this is not an OME-Zarr image", FormatError)
    assert files.legend_of(folder) is None
    text = '{"zarr_format": 3, "node_type": "group", "attributes": {"ome": ' + nested * DEEP
    (folder / "zarr.json").write_text(text)
    refused(folder, "this is not an OME-Zarr image", FormatError)
    (tmp_path / "labels.json").write_text(nested * DEEP)
    assert legend_beside(tmp_path / "labels.mrc") is None


@little
@pytest.mark.parametrize(
    "level", ["../../secret.zarr/0", "/secret.zarr/0", "..", "0/../../secret.zarr/0"]
)
def test_a_level_lies_in_its_image(tmp_path: Path, level: str) -> None:
    files.write(tmp_path / "secret.zarr", Volume(np.ones((2, 8, 8), np.uint8)))
    files.write(tmp_path / "image.zarr", Volume(np.zeros((2, 8, 8), np.uint8)))
    said = json.loads((tmp_path / "image.zarr" / "zarr.json").read_bytes())
    said["attributes"]["ome"]["multiscales"][0]["datasets"][0]["path"] = level
    (tmp_path / "image.zarr" / "zarr.json").write_text(json.dumps(said))
    refused(tmp_path / "image.zarr", "this is not an OME-Zarr image", FormatError)


def zarr_image(path: Path, shape: tuple[int, ...], chunks: tuple[int, ...]) -> Any:
    """An OME-Zarr image of which no chunk is written."""
    axes = [{"name": axis, "type": "space"} for axis in "zyx"]
    levels = [{"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [1, 1, 1]}]}]
    image = {"axes": axes, "datasets": levels, "name": "a"}
    group = zarr.create_group(path, zarr_format=3)
    group.attrs["ome"] = {"version": "0.5", "multiscales": [image]}
    group.create_array("0", shape=shape, chunks=chunks, dtype="uint8")
    return Opened(group)


class Opened:
    def __init__(self, group: Any) -> None:
        self.group = group

    def __enter__(self) -> Any:
        return self.group

    def __exit__(self, *_: object) -> None:
        pass


def tiff_of(height: int, width: int) -> bytes:
    """A TIFF of one compressed strip whose extents are changed after it is written."""
    raw = io.BytesIO()
    tifffile.imwrite(raw, np.zeros((16, 16), np.uint8), compression="zlib", metadata=None)
    tiff = bytearray(raw.getvalue())
    at = struct.unpack_from("<I", tiff, 4)[0]
    for entry in range(at + 2, at + 2 + 12 * struct.unpack_from("<H", tiff, at)[0], 12):
        tag = struct.unpack_from("<H", tiff, entry)[0]
        if tag in (256, 257, 278):  # width, length, rows of a strip
            struct.pack_into("<HII", tiff, entry + 2, 4, 1, width if tag == 256 else height)
    return bytes(tiff)


def png_of(height: int, width: int, *more: tuple[bytes, bytes]) -> bytes:
    """A black PNG; of a vast one only the beginning."""
    rows = zlib.compressobj(1)
    black = b"".join(rows.compress(bytes(width + 1)) for _ in range(height if height < VAST else 9))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", head), *more, (b"IDAT", black + rows.flush()), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )


def npy_of(text: str) -> bytes:
    return (
        b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text) + 1) + text.encode() + b"\n" + bytes(64)
    )
