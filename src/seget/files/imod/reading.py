"""IMOD models in the binary format, version 1.2, read.

.mod -> Model

It never asks for memory that the file does not fill: every count is checked against the bytes that
are there. It passes over chunks it does not know. Here, and only here, x, y, z become z, y, x.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from seget.errors import FormatError, InputError, did_you_mean_file
from seget.files.imod import layout
from seget.files.imod.model import (
    ANGSTROM_NM,
    Contour,
    DrawnOn,
    Floats,
    ImodObject,
    Kind,
    Mesh,
    Model,
)

AGAIN = "copy it again or save it anew in 3dmod"


def read(path: Path) -> Model:
    """Read an IMOD model in the binary format, version 1.2, whatever chunks it has.

    Raises
    ------
    InputError
        If there is no such file, or it is a model in another format of IMOD's.
    FormatError
        If it is no model, or is damaged or cut short.
    """
    if not os.path.isfile(path):  # unlike Path.is_file, False for a name too long to be one
        raise InputError(f"{path}: there is no such file{did_you_mean_file(path)}; check the name.")
    with path.open("rb") as file:
        _check_magic(file.read(16), path)
    parser = _Parser(path, path.read_bytes(), len(layout.MAGIC))
    return parser.model()


def _check_magic(start: bytes, path: Path) -> None:
    if start.startswith(layout.MAGIC):
        return
    if start.startswith(b"IMOD") or start.lower().startswith((b"# imod", b"imod")):
        raise InputError(
            f"{path}: this is an IMOD model in its text format or an old version, wanted the "
            "binary version 1.2; open it in 3dmod and save it."
        )
    raise FormatError(
        f"{path}: the file begins with {start[:8]!r}, an IMOD model with {layout.MAGIC!r}; name a "
        "model that 3dmod saved."
    )


@dataclass
class _Unfinished:
    """An object that is still being read."""

    start: ImodObject
    promised: tuple[int, int]
    contours: list[Contour] = field(default_factory=list)
    meshes: list[Mesh] = field(default_factory=list)


@dataclass
class _Parser:
    path: Path
    raw: bytes
    at: int
    objects: list[_Unfinished] = field(default_factory=list)
    drawn_on: DrawnOn | None = None

    def model(self) -> Model:
        head: Any = self.record(layout.HEADER, "header")
        promised = self.count(head["objsize"], "objects", layout.OBJT.itemsize)
        while (letters := self.take(4, "name of a chunk")) != b"IEOF":
            self.chunk(letters)
        if len(self.objects) != promised:
            self.fail(f"its header promises {promised} objects and it has {len(self.objects)}")
        x, y, z = (max(0, int(extent)) for extent in head["max"])
        flags = int(head["flags"])
        if self.drawn_on and not flags & layout.MODEL_HAS_ANGLES:
            self.drawn_on = replace(self.drawn_on, angles=(0.0, 0.0, 0.0))
        return Model(
            tuple(self.finished(one, n) for n, one in enumerate(self.objects, start=1)),
            (z, y, x),
            _text(head["name"]),
            _pixel_size_nm(head),
            self.drawn_on,
            bool(flags & (layout.MODEL_FLIPPED | layout.MODEL_ROTATED)),
        )

    def chunk(self, letters: bytes) -> None:
        """Read what stands behind the letters of a chunk."""
        if letters == b"OBJT":
            self.objects.append(self.object())
        elif letters == b"CONT":
            self.last("contour").contours.append(self.contour())
        elif letters == b"MESH":
            self.last("mesh").meshes.append(self.mesh())
        else:
            length = self.count(self.number(), f"bytes of the chunk {letters!r}", 1)
            body = self.take(length, f"chunk {letters!r}")
            if letters == b"SIZE":
                self.radii(body)
            elif letters == b"MINX" and length >= layout.MINX.itemsize:
                self.drawn_on = _drawn(np.frombuffer(body, layout.MINX, count=1)[0])

    def object(self) -> _Unfinished:
        head: Any = self.record(layout.OBJT, "object")
        flags = int(head["flags"])
        kind = Kind.OPEN if flags & layout.OBJECT_OPEN else Kind.CLOSED
        start = ImodObject(
            _text(head["name"]),
            _hex(head["colour"]),
            Kind.SCATTERED if flags & layout.OBJECT_SCATTERED else kind,
            radius_px=max(0, int(head["pdrawsize"])),
        )
        contours = self.count(head["contsize"], "contours", layout.CONT.itemsize)
        return _Unfinished(
            start, (contours, self.count(head["meshsize"], "meshes", layout.MESH.itemsize))
        )

    def finished(self, one: _Unfinished, number: int) -> ImodObject:
        found = (len(one.contours), len(one.meshes))
        if found != one.promised:
            self.fail(
                f"object {number} promises {one.promised[0]} contours and {one.promised[1]} "
                f"meshes and has {found[0]} and {found[1]}"
            )
        return replace(one.start, contours=tuple(one.contours), meshes=tuple(one.meshes))

    def contour(self) -> Contour:
        head: Any = self.record(layout.CONT, "contour")
        count = self.count(head["psize"], "points", 3 * layout.POINT.itemsize)
        is_open = bool(int(head["flags"]) & layout.CONTOUR_OPEN)
        return Contour(self.points(count, "points of a contour"), open=is_open)

    def radii(self, body: bytes) -> None:
        contours = self.last("radii").contours
        points = len(contours[-1].points_zyx) if contours else 0
        if not contours or len(body) != points * layout.POINT.itemsize:
            self.fail(f"it has {len(body) // layout.POINT.itemsize} radii for {points} points")
        radii = np.frombuffer(body, layout.POINT)
        self.demand_finite(radii, "radii")
        contours[-1] = replace(contours[-1], radii_px=radii.astype(np.float32))

    def mesh(self) -> Mesh:
        head: Any = self.record(layout.MESH, "mesh")
        count = self.count(head["vsize"], "vertices", 3 * layout.POINT.itemsize)
        length = self.count(head["lsize"], "entries of a mesh", layout.INDEX.itemsize)
        stored = self.points(count, "vertices of a mesh")
        words = np.frombuffer(
            self.take(length * layout.INDEX.itemsize, "list of a mesh"), layout.INDEX
        )
        corners, normals = _corners(words.astype(np.int64))
        if corners.size and max(corners.max(), normals.max()) >= count:
            self.fail(f"a mesh of {count} vertices and normals names one beyond them")
        # A vertex may have another normal in another triangle: each pair becomes one vertex.
        pairs, triangles = np.unique(
            np.stack([corners.ravel(), normals.ravel()]), axis=1, return_inverse=True
        )
        return Mesh(stored[pairs[0]], stored[pairs[1]], triangles.reshape(-1, 3).astype(np.int32))

    def points(self, count: int, what: str) -> Floats:
        stored = np.frombuffer(self.take(count * 12, what), layout.POINT).reshape(count, 3)
        self.demand_finite(stored, what)
        return np.ascontiguousarray(stored[:, ::-1], np.float32)

    def demand_finite(self, values: npt.NDArray[Any], what: str) -> None:
        if not np.isfinite(values).all():
            self.fail(f"not all {what} are numbers")

    def last(self, what: str) -> _Unfinished:
        if not self.objects:
            self.fail(f"a {what} comes before the first object")
        return self.objects[-1]

    def record(self, dtype: np.dtype[Any], what: str) -> np.void:
        record: np.void = np.frombuffer(self.take(dtype.itemsize, what), dtype, count=1)[0]
        return record

    def number(self) -> int:
        return int.from_bytes(self.take(4, "length of a chunk"), "big", signed=True)

    def count(self, stored: Any, what: str, least_bytes: int) -> int:
        """Return a stored count, refused if what it counts cannot be in the rest of the file."""
        number = int(stored)
        if not 0 <= number * least_bytes <= len(self.raw) - self.at:
            self.fail(
                f"at byte {self.at} it promises {number} {what} and "
                f"{len(self.raw) - self.at} bytes are left"
            )
        return number

    def take(self, length: int, what: str) -> bytes:
        taken = self.raw[self.at : self.at + length]
        if len(taken) < length:
            self.fail(f"it ends at byte {len(self.raw)} within the {what}")
        self.at += length
        return taken

    def fail(self, found: str) -> NoReturn:
        raise FormatError(f"{self.path}: this IMOD model is damaged, {found}; {AGAIN}.")


def _corners(words: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the vertices and the normals of triangles, `(triangles, 3)` each."""
    parts: list[npt.NDArray[np.int64]] = [np.zeros((2, 0, 3), np.int64)]
    commands = np.flatnonzero(words < 0)
    for begin, end in pairwise(commands):
        numbers = words[begin + 1 : end]
        if words[begin] == layout.POLYGON_VERTICES:
            whole = numbers[: numbers.size // 3 * 3].reshape(-1, 3)
            parts.append(np.stack([whole, whole + 1]))
        elif words[begin] == layout.POLYGON_PAIRS:
            pairs = numbers[: numbers.size // 6 * 6].reshape(-1, 3, 2)
            parts.append(np.stack([pairs[..., 1], pairs[..., 0]]))
    corners, normals = np.concatenate(parts, axis=1)
    return corners, normals


def _drawn(stored: Any) -> DrawnOn | None:
    """Return what MINX says, None if a number is not finite or a voxel size not above zero."""
    size = _floats(stored["cscale"])[::-1] * ANGSTROM_NM
    # IMOD's origin is the negative of the MRC2014 format's; + 0.0 makes -0.0 plain zero.
    origin = -_floats(stored["ctrans"])[::-1] * ANGSTROM_NM + 0.0
    angles = _floats(stored["crot"])
    if not (np.isfinite([size, origin, angles]).all() and (size > 0).all()):
        return None
    return DrawnOn(tuple(size.tolist()), tuple(origin.tolist()), tuple(angles.tolist()))


def _pixel_size_nm(head: Any) -> float | None:
    size, power = float(head["pixsize"]), int(head["units"])
    if not (np.isfinite(size) and size > 0 and -12 <= power < 0):
        return None
    return float(size * 10.0 ** (power - layout.NM))


def _floats(stored: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    # By way of Python's floats: NumPy's own conversion warns of a signalling NaN.
    return np.array(stored.tolist(), np.float64)


def _text(stored: bytes) -> str:
    return stored.partition(b"\0")[0].decode("utf-8", errors="replace")


def _hex(colour: npt.NDArray[Any]) -> str:
    """`#rrggbb` of red, green, blue from 0 to 1."""
    parts = np.clip(np.nan_to_num(_floats(colour)), 0, 1)
    return "#" + "".join(f"{round(255 * part):02x}" for part in parts.tolist())
