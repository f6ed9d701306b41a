"""Models that are cut short, promise too much or do not fit together."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import numpy as np
import pytest

from imod_bytes import BY_HAND, IMAT, MINX, TRIANGLE, chunk, cont, head, minx, objt
from seget.errors import FormatError, InputError
from seget.files import imod
from seget.files.imod import Model
from seget.volume import Volume

LIKE = Volume(np.zeros((4, 10, 12), np.uint8), (0.5, 1.0, 2.0), (4.0, 0.0, -0.7), "cell")


def read(folder: Path, raw: bytes) -> Model:
    path = folder / "cell.mod"
    path.write_bytes(raw)
    return imod.read(path)


def fault(folder: Path, raw: bytes, kind: type[InputError] = FormatError) -> str:
    with pytest.raises(kind) as error:
        read(folder, raw)
    assert str(error.value).startswith(str(folder / "cell.mod"))
    return str(error.value)


def test_what_is_no_model(tmp_path: Path) -> None:
    assert "begins with b''" in fault(tmp_path, b"")
    assert "an IMOD model with b'IMODV1.2'" in fault(tmp_path, bytes(2000))
    assert "open it in 3dmod and save it" in fault(
        tmp_path, b"# imod ascii file version 2", InputError
    )
    assert "an old version" in fault(tmp_path, b"IMODV0.1" + bytes(300), InputError)
    with pytest.raises(InputError, match="no such file"):
        imod.read(tmp_path / "nowhere.mod")


def test_counts_are_refused_before_memory_is_asked_for(tmp_path: Path) -> None:
    billion = struct.pack(">i", 10**9)
    at = len(head(1))
    for offset, what in (
        (8 + 140, "objects"),
        (at + 4 + 128, "contours"),
        (at + 180 + 4, "points"),
    ):
        raw = BY_HAND[:offset] + billion + BY_HAND[offset + 4 :]
        assert f"promises 1000000000 {what}" in fault(tmp_path, raw)
        raw = BY_HAND[:offset] + b"\xff" * 4 + BY_HAND[offset + 4 :]
        assert f"promises -1 {what}" in fault(tmp_path, raw)
    huge = b"XXXX" + billion
    assert "1000000000 bytes of the chunk b'XXXX'" in fault(
        tmp_path, BY_HAND[:at] + huge + bytes(200)
    )
    back = b"XXXX" + struct.pack(">i", -8)  # would be read for ever
    assert "promises -8 bytes of the chunk" in fault(tmp_path, BY_HAND[:at] + back + bytes(200))
    mesh = b"MESH" + struct.pack(">iiIhh", 1, 10**9, 0, 0, 0) + bytes(12)
    assert "entries of a mesh" in fault(tmp_path, head(1) + objt(0, meshes=1) + mesh + b"IEOF")


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (head(2) + objt(0) + bytes(200), "byte"),
        (head(1) + b"IEOF" + bytes(200), "promises 1 objects and it has 0"),
        (head(1) + objt(2) + cont(TRIANGLE) + b"IEOF", "promises 2 contours .* and has 1"),
        (head(0) + cont(TRIANGLE) + b"IEOF", "contour comes before the first object"),
        (head(1) + objt(0) + chunk(b"SIZE", "f", 1) + b"IEOF", "1 radii for 0 points"),
        (head(1) + objt(1) + cont(TRIANGLE) + chunk(b"SIZE", "f", 1) + b"IEOF", "1 radii for 3"),
        (head(1) + objt(1) + cont([(0, 1, np.nan)]) + b"IEOF", "not all points of a contour are"),
    ],
)
def test_what_does_not_fit_together(tmp_path: Path, raw: bytes, words: str) -> None:
    with pytest.raises(FormatError, match=words):
        read(tmp_path, raw + bytes(200))


def test_a_mesh_cannot_name_a_vertex_beyond_its_own(tmp_path: Path) -> None:
    mesh = b"MESH" + struct.pack(">iiIhh6f6i", 2, 6, 0, 0, 0, *range(6), -25, 0, 0, 2, -22, -1)
    raw = head(1) + objt(0, meshes=1) + mesh + b"IEOF"
    assert "names one beyond them" in fault(tmp_path, raw)


def test_a_model_cut_anywhere_is_refused(tmp_path: Path) -> None:
    for end in range(len(BY_HAND)):
        fault(tmp_path, BY_HAND[:end], InputError)


def test_no_damage_brings_the_reader_down(tmp_path: Path) -> None:
    lucky = random.Random(0)
    path = tmp_path / "cell.mod"
    mesh = b"MESH" + struct.pack(">iiIhh6f6i", 2, 6, 0, 0, 0, *range(6), -25, 0, 0, 0, -22, -1)
    whole = head(2) + objt(1) + cont(TRIANGLE) + chunk(b"SIZE", "3f", 1, 2, 3) + IMAT
    whole += objt(2, 8, 1, 2) + cont(TRIANGLE) + cont(TRIANGLE[:2]) + mesh + minx(*MINX) + b"IEOF"
    read_whole = 0
    for _ in range(2000):
        raw = bytearray(whole)
        for _ in range(lucky.randint(1, 4)):
            at = lucky.randrange(8, len(raw))
            bits = lucky.choice([b"\xff", b"\x00", b"\x7f", bytes([lucky.randrange(256)])])
            raw[at : at + lucky.choice([1, 4])] = bits * lucky.choice([1, 1, 4])
        path.write_bytes(raw)
        try:
            drawn = imod.read_masks(path, LIKE)
            read_whole += all(m.slice(3).shape == (10, 12) for m in drawn.values())
        except InputError as error:
            assert str(path) in str(error)
    assert read_whole > 200
