"""Twenty thousand broken MRC files: each is described or refused in words, in little memory."""

from __future__ import annotations

import bz2
import gzip
import math
import tracemalloc
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from mrc_bytes import IMOD, header
from seget import files
from seget.errors import InputError

ROUNDS = 20_000
PARTS = 4
MOST_BYTES = 2**23
# Numbers that readers stumble over: ends of ranges, NaN, signalling NaN, infinity, modes, stamps.
ENDS = [0, 1, -1, 1000, 2**24 - 1, 2**24, 2**31 - 1, -(2**31)]
KNOWN = [2, 3, 4, 6, 12, 16, 101, 401, IMOD, 0x44444444, 0x11110000, 0x2050414D]
ODD = np.array([*ENDS, *KNOWN, 0x7FC00000, 0x7FA00000, 0x7F800000], dtype=np.int64)
FIELDS = np.array([0, 1, 2, 3, 4, 7, 8, 9, 10, 12, 16, 17, 18, 19, 20, 21, 22, 23, 26, 27, 32])
FIELDS = np.concatenate([FIELDS, [38, 39, 49, 50, 51, 52, 53, 54, 55, 56, 60]])


def seeds() -> list[bytes]:
    """Whole small files, of each mode and both byte orders."""
    voxels = np.random.default_rng(1).integers(0, 256, 24 * 4, dtype=np.uint8).tobytes()
    return [
        header(order, mode=mode, **stamp) + voxels
        for order in "<>"
        for mode in (0, 1, 2, 6, 12, 101)
        for stamp in ({}, {"stamp": IMOD, "flags": 5})
    ]


def mutated(rng: np.random.Generator, whole: bytes) -> bytes:
    """Overwrite some words with odd ones, some bytes with any, and cut or lengthen the file."""
    raw = bytearray(whole)
    for word in rng.choice(FIELDS, rng.integers(0, 4)):
        value = int(rng.choice(ODD)) & 0xFFFFFFFF
        raw[4 * word : 4 * word + 4] = value.to_bytes(4, "little" if rng.random() < 0.5 else "big")
    for place in rng.integers(0, len(raw), rng.integers(0, 4)):
        raw[place] = rng.integers(256)
    match rng.integers(6):
        case 0:
            del raw[rng.integers(len(raw)) :]
        case 1:
            raw += bytes(int(rng.integers(1, 3000)))
    return bytes(raw)


@pytest.mark.parametrize("part", range(PARTS))
def test_every_broken_file_ends_in_words(tmp_path: Path, part: int) -> None:
    rng = np.random.default_rng([6, part])
    wholes = seeds()
    ends: Counter[str] = Counter()
    if part == 0:  # counting every byte takes as long as reading: one part stands for all
        tracemalloc.start()
    for number in range(ROUNDS // PARTS):
        raw = mutated(rng, wholes[number % len(wholes)])
        name = "x.mrc"
        if number % 50 == 0:
            name, pack = (
                ("x.mrc.gz", gzip.compress) if number % 100 else ("x.mrc.bz2", bz2.compress)
            )
            raw = pack(raw)
            raw = mutated(rng, raw) if number % 200 < 100 and len(raw) > 256 else raw
        path = tmp_path / name
        path.write_bytes(raw)
        try:
            found = files.describe(path)
        except InputError as error:
            assert str(path) in str(error)
            ends["refused"] += 1
        else:
            assert math.prod(found.shape_zyx) <= 2 * len(raw) or name != "x.mrc"
            assert all(fault.endswith(".") for fault in found.faults)
            ends["described"] += 1
    if part == 0:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < MOST_BYTES
    assert min(ends["described"], ends["refused"]) > ROUNDS // PARTS // 10, ends
