"""IMOD models made by hand, byte by byte, for the tests."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

TRIANGLE = np.array([(3, 1.5, 2), (3, 1.5, 9.25), (3, 8, 2)], np.float32)
FLAGS = (1 << 10) + (1 << 13) + (1 << 14) + (1 << 15)
MINX = (*(20, 10, 5), *(7, 0, -40), *(0, 0, 0)) * 2


def head(objects: int, flags: int = FLAGS, size: tuple[int, int, int] = (12, 10, 4)) -> bytes:
    return b"IMODV1.2" + struct.pack(
        ">128s3iiI4i6f3iiifii3f",
        b"cell",
        *size,
        objects,
        flags,
        *(1, 1, 0, 255),
        *(0, 0, 0, 1, 1, 0.25),
        *(0, 0, 0),
        *(3, 128),
        *(2.0, -9, 0),
        *(0, 0, 0),
    )


def objt(contours: int, flags: int = 0, meshes: int = 0, radius: int = 0) -> bytes:
    return b"OBJT" + struct.pack(
        ">64s16IiIii3fi8Bii",
        b"Golgi",
        *(0,) * 16,
        contours,
        flags,
        *(0, 1),
        *(1.0, 128 / 255, 0.0),
        radius,
        *(1, 3, 1, 1, 0, 0, 0, 0),
        meshes,
        0,
    )


def cont(points_zyx: Any, flags: int = 0) -> bytes:
    xyz = [number for z, y, x in points_zyx for number in (x, y, z)]
    return b"CONT" + struct.pack(f">iIii{len(xyz)}f", len(points_zyx), flags, 0, 0, *xyz)


def chunk(letters: bytes, kind: str, *numbers: float) -> bytes:
    body = struct.pack(">" + kind, *numbers)
    return letters + struct.pack(">i", len(body)) + body


def minx(*numbers: float) -> bytes:
    return chunk(b"MINX", "18f", *numbers)


IMAT = chunk(b"IMAT", "16B", 102, 255, 127, 4, *(0,) * 12)
BY_HAND = head(1) + objt(1) + cont(TRIANGLE) + IMAT + minx(*MINX) + b"IEOF"
