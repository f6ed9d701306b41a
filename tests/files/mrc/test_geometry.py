"""Where the voxels of an MRC file lie: origin, order of axes, first row, as IMOD takes them."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest

from mrc_bytes import IMOD, write_mrc
from seget import files
from seget.errors import FormatError
from seget.files import imod

RAMP = np.arange(24).reshape(2, 3, 4)

Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Write `voxels` behind a header: `make(voxels, order, **fields) -> path`."""

    def write(*arguments: Any, **fields: Any) -> Path:
        return write_mrc(tmp_path / "hand.mrc", *arguments, **fields)

    return write


# IMOD, libiimod/mrcfiles.c: the origin is that of MRC2014 with its stamp and flag 4, or in a file
# of that format's version; else it is the negative.
@pytest.mark.parametrize(
    ("fields", "sign"),
    [
        ({"stamp": IMOD, "flags": 4}, 1),
        ({"stamp": IMOD}, -1),
        ({"stamp": IMOD, "nversion": 20140}, 1),
        ({"nversion": 20140}, 1),
        ({"nversion": 20141}, 1),
        ({"nversion": 538976288}, -1),
        ({"flags": 4}, -1),
        ({}, -1),
    ],
)
def test_origin_in_both_senses(make: Make, fields: dict[str, Any], sign: int) -> None:
    path = make(RAMP.astype("u1"), origin=(10.0, 20.0, -30.0), **fields)
    volume = files.read(path)
    assert volume.origin_nm == (-3.0 * sign, 2.0 * sign, 1.0 * sign)
    same, new = path.with_name("same.mrc"), path.with_name("new.mrc")
    files.write(same, volume.on_same_grid(volume.data, "same"))
    assert same.read_bytes()[196:208] == path.read_bytes()[196:208]
    files.mend(path, new)
    assert files.read(same).origin_nm == files.read(new).origin_nm == volume.origin_nm


def test_old_header_keeps_its_origin_elsewhere(make: Make) -> None:
    empty = {"magic": bytes(4), "machst": (0, 0, 0, 0), "map": (0, 0, 0), "origin": (7.0, 7.0, 7.0)}
    path = make(RAMP.astype("u1"), **empty, old_zxy=(-30.0, -10.0, -20.0))
    volume = files.read(path)
    assert volume.origin_nm == (3.0, 2.0, 1.0)
    new = path.with_name("new.mrc")
    files.write(new, volume)
    assert files.read(new).origin_nm == volume.origin_nm
    assert mrcfile.validate(new)


def test_a_new_header_may_lack_its_map_stamp(make: Make) -> None:
    path = make(RAMP.astype("u1"), ">", magic=bytes(4), origin=(10.0, 20.0, 30.0), nversion=20140)
    assert files.read(path).origin_nm == (3.0, 2.0, 1.0)


FEI = {"exttyp": b"FEI1", "nversion": 20140, "extended": bytes(768)}


# IMOD, libiimod/mrcfiles.c: the first row is the upper one in FEI's first kind of file, or where
# mapr is -2, unless IMOD has written the file since.
@pytest.mark.parametrize(
    ("fields", "turned"),
    [
        (FEI, True),
        (FEI | {"exttyp": b"FEI2"}, True),
        (FEI | {"nversion": 20141}, False),
        (FEI | {"nversion": 0}, False),
        (FEI | {"stamp": IMOD, "flags": 4}, False),
        (FEI | {"exttyp": b"SERI"}, False),
        ({"map": (1, -2, 3)}, True),
        ({"map": (1, -2, 3), "stamp": IMOD, "flags": 4}, False),
        ({"map": (1, 2, 3)}, False),
    ],
)
@pytest.mark.parametrize(("kind", "mode"), [("i2", 1), ("f4", 2), ("u1", 0)])
@pytest.mark.parametrize("order", ["<", ">"])
def test_rows_are_as_3dmod_shows_them(
    make: Make, order: str, kind: str, mode: int, fields: dict[str, Any], turned: bool
) -> None:
    stored = RAMP.astype(order + kind)
    path = make(stored, order, mode=mode, **fields)
    shown = RAMP[:, ::-1] if turned else RAMP
    volume = files.read(path)
    np.testing.assert_array_equal(volume.data, shown)
    np.testing.assert_array_equal(volume.data[1, :2, 1:], shown[1, :2, 1:])
    # An output on the same grid lies in the file as its image does, for programs of both kinds.
    same, mended = path.with_name("same.mrc"), path.with_name("mended.mrc")
    files.write(same, volume.on_same_grid(volume.data, "same"))
    assert same.read_bytes()[1024:] == RAMP.astype("<" + kind).tobytes()
    np.testing.assert_array_equal(files.read(same).data, shown)
    # The mended copy is read alike by all: mrcfile turns nothing.
    files.mend(path, mended)
    np.testing.assert_array_equal(files.read(mended).data, shown)
    with mrcfile.open(mended) as theirs:
        np.testing.assert_array_equal(theirs.data, shown)
    said = [fault for fault in files.describe(path).faults if "row" in fault or "mapr" in fault]
    assert len(said) == (turned or ("map" in fields and fields["map"][1] == -2))
    assert not any("row" in fault or "mapr" in fault for fault in files.describe(mended).faults)


def test_rows_of_4_bit_voxels_are_turned_too(make: Make) -> None:
    packed = np.arange(12, dtype=np.uint8).reshape(2, 3, 2)
    plain = np.array(files.read(make(packed, mode=101)).data)
    turned = files.read(make(packed, mode=101, map=(1, -2, 3)))
    np.testing.assert_array_equal(turned.data, plain[:, ::-1])


def test_only_rows_may_run_from_above(make: Make) -> None:
    for axes in ((-1, 2, 3), (1, 2, -3), (2, -1, 3)):
        with pytest.raises(FormatError, match="not an MRC header"):
            files.read(make(RAMP.astype("u1"), map=axes))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("axes", [(1, 2, 3), (1, 3, 2), (2, 1, 3), (2, 3, 1), (3, 1, 2), (3, 2, 1)])
def test_axes_in_any_order(make: Make, axes: tuple[int, int, int], order: str) -> None:
    extents = {1: 4, 2: 3, 3: 2}
    # Every voxel holds its own z, y, x: the answer is known without turning anything.
    wanted = np.fromfunction(lambda z, y, x: 100 * z + 10 * y + x, (2, 3, 4)).astype("i2")
    columns, rows, sections = axes
    stored = np.empty([extents[axis] for axis in (sections, rows, columns)], order + "i2")
    for at in np.ndindex(stored.shape):
        place = dict(zip((sections, rows, columns), at, strict=True))
        stored[at] = wanted[place[3], place[2], place[1]]
    path = make(stored, order, mode=1, map=axes, size=tuple(extents[axis] for axis in axes))
    volume = files.read(path)
    np.testing.assert_array_equal(volume.data, wanted)
    again = path.with_name("again.mrc")
    files.write(again, volume)
    np.testing.assert_array_equal(files.read(again).data, wanted)
    assert again.read_bytes()[64:76] == struct.pack("<3i", *axes)
    assert again.read_bytes()[1024:] == stored.astype("<i2").tobytes()


def test_a_model_drawn_on_what_3dmod_shows_lies_on_its_voxels(make: Make, tmp_path: Path) -> None:
    drawn = np.zeros((2, 3, 4), np.uint8)
    drawn[1, 2, 1:3] = 1  # the upper row on 3dmod's screen, which counts rows from below
    origin = (10.0, 0.0, 0.0)
    place = {"origin": origin, "nversion": 20140}
    imod.write_labels(tmp_path / "drawn.mod", files.read(make(drawn, **place)))
    tomogram = make(RAMP.astype("u1"), **(FEI | place))
    labels, _ = imod.read_labels(tmp_path / "drawn.mod", files.read(tomogram))
    np.testing.assert_array_equal(np.array(labels.data), drawn)
    files.write(tmp_path / "masks.mrc", labels)
    with mrcfile.open(tmp_path / "masks.mrc", permissive=True) as theirs:
        np.testing.assert_array_equal(theirs.data, drawn[:, ::-1])  # as it shows the tomogram
