"""MRC files made by hand, byte by byte, without the code under test."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np

IMOD = 1146047817
OFFSETS = {
    "size": (0, "3i"),
    "mode": (12, "i"),
    "nstart": (16, "3i"),
    "m": (28, "3i"),
    "cell": (40, "3f"),
    "angles": (52, "3f"),
    "map": (64, "3i"),
    "statistics": (76, "3f"),
    "ispg": (88, "i"),
    "nsymbt": (92, "i"),
    "exttyp": (104, "4s"),
    "nversion": (108, "i"),
    "stamp": (152, "i"),
    "flags": (156, "i"),
    "origin": (196, "3f"),
    "magic": (208, "4s"),
    "machst": (212, "4B"),
    "rms": (216, "f"),
    "nlabl": (220, "i"),
    "label": (224, "80s"),
    "old_zxy": (208, "3f"),
}
LITTLE = (0x44, 0x44, 0, 0)
BIG = (0x11, 0x11, 0, 0)


def header(order: str = "<", **fields: Any) -> bytes:
    defaults = {
        "size": (4, 3, 2),
        "mode": 0,
        "m": (4, 3, 2),
        "cell": (8.0, 6.0, 4.0),
        "map": (1, 2, 3),
        "magic": b"MAP ",
        "machst": LITTLE if order == "<" else BIG,
    }
    raw = bytearray(1024)
    for name, value in (defaults | fields).items():
        offset, kind = OFFSETS[name]
        values = value if isinstance(value, tuple) else (value,)
        struct.pack_into(order + kind, raw, offset, *values)
    return bytes(raw)


def write_mrc(
    path: Path, voxels: Any, order: str = "<", extended: bytes = b"", **fields: Any
) -> Path:
    """Write `voxels`, whose bytes are taken as they are, behind a header."""
    raw = header(order, nsymbt=len(extended), **fields)
    path.write_bytes(raw + extended + np.asarray(voxels).tobytes())
    return path
