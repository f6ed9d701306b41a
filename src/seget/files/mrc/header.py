"""The 1024 bytes in front of an MRC file, and what they mean.

bytes -> Header -> axes, voxel size, origin (and back)

It never touches a voxel. Fields of a header are in x, y, z and angstrom as in the file; functions
take and return (z, y, x) and nm. Fields and rules: the MRC2014 format and IMOD's additions to it;
what the origin means and which rows are first is what IMOD's libiimod/mrcfiles.c makes of them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from seget.errors import FormatError
from seget.volume import Triple

HEADER_BYTES = 1024
ANGSTROM_PER_NM = 10.0

IMOD_STAMP = 1146047817  # "IMOD" as a little-endian integer
FLAG_SIGNED_BYTES = 1  # mode 0 holds signed bytes
FLAG_SPACING_FROM_EXTENDED = 2  # the voxel size came from the extended header
FLAG_ORIGIN_MRC2014 = 4  # origin is where the first voxel is; without the flag its negative
FLAG_4_BIT = 16  # two voxels a byte

LITTLE_STAMPS = (b"\x44\x44", b"\x44\x41")
BIG_STAMPS = (b"\x11\x11",)
NEW_STAMP = (0x44, 0x44, 0, 0)
FORMAT_VERSION = 20140
VERSIONS = range(20140, 21000)  # year of the format times 10, and a number within the year
ROWS_FROM_ABOVE = -2  # mapr of a file whose first row is the upper one

HEADER = np.dtype(
    [
        ("nx", "<i4"),  # columns in the file
        ("ny", "<i4"),  # rows
        ("nz", "<i4"),  # sections
        ("mode", "<i4"),  # type of a voxel
        ("nstart", "<i4", 3),  # first column, row and section in the unit cell
        ("m", "<i4", 3),  # mx, my, mz: intervals along x, y, z
        ("cell", "<f4", 3),  # xlen, ylen, zlen: length in angstrom of those intervals
        ("angles", "<f4", 3),
        ("map", "<i4", 3),  # mapc, mapr, maps: axis (1 x, 2 y, 3 z) of columns, rows, sections
        ("dmin", "<f4"),
        ("dmax", "<f4"),
        ("dmean", "<f4"),
        ("ispg", "<i4"),  # 0 stack of images, 1 volume, 401 stack of volumes
        ("nsymbt", "<i4"),  # bytes of the extended header
        ("extra_96", "V8"),
        ("exttyp", "S4"),  # who wrote the extended header
        ("nversion", "<i4"),
        ("extra_112", "V16"),
        ("nint", "<i2"),  # layout of SerialEM's extended header
        ("nreal", "<i2"),
        ("extra_132", "V20"),
        ("imod_stamp", "<i4"),
        ("imod_flags", "<i4"),
        ("imod_kind", "<i2", 6),
        ("tilt_angles", "<f4", 6),
        ("origin", "<f4", 3),  # x, y, z in angstrom, see origin_nm
        ("magic", "S4"),  # "MAP "
        ("machst", "u1", 4),  # byte order
        ("rms", "<f4"),
        ("nlabl", "<i4"),
        ("labels", "S80", 10),
    ]
)

# Before the year 2000, bytes 208 to 219 held the origin in the order z, x, y.
OLD_ORIGIN = np.dtype({"names": ["zxy"], "formats": ["3<f4"], "offsets": [208], "itemsize": 1024})
# What a new-style header without stamps holds in those bytes if its rms was never computed.
NO_RMS = [0.0, 0.0, -1.0]

Header = npt.NDArray[np.void]  # zero-dimensional, of type HEADER


def parse(raw: bytes, path: Path) -> tuple[Header, bool]:
    """Read the first 1024 bytes of a file.

    Returns
    -------
    header : Header
        In little-endian order and in the style of MRC2014, whatever the file has.
    big_endian : bool
        Whether the numbers of the file are big-endian.

    Raises
    ------
    FormatError
        If they are fewer, or no MRC header.
    """
    if len(raw) < HEADER_BYTES:
        raise FormatError(
            f"{path}: the file has {len(raw)} bytes and the header of an MRC file has "
            f"{HEADER_BYTES}; copy or download it again."
        )
    # The machine stamp says which order to try first, but there are files in which it is wrong.
    big_first = raw[212:214] in BIG_STAMPS
    for big_endian in (big_first, not big_first):
        header = _in_order(raw, HEADER, big_endian)
        if _is_sane(header):
            zxy = _in_order(raw, OLD_ORIGIN, big_endian)["zxy"]
            if is_old(raw) and zxy.tolist() != NO_RMS:
                header["origin"] = zxy[[1, 2, 0]]
                header["rms"] = -1  # not computed
            if raw[208:211] != b"MAP":
                header["magic"] = b"MAP "
                set_version(header, FORMAT_VERSION)
            if raw[212:214] not in LITTLE_STAMPS:
                header["machst"] = NEW_STAMP
            if not header["map"].any():  # left empty by old writers
                header["map"] = (1, 2, 3)
            return header, big_endian
    raise FormatError(
        f"{path}: the first {HEADER_BYTES} bytes are not an MRC header in either byte order; "
        "check that this is an MRC file or copy it again."
    )


def as_found(raw: bytes, big_endian: bool) -> Header:
    """Return the first 1024 bytes of a file as they are, in little-endian order."""
    return _in_order(raw, HEADER, big_endian)


def _in_order(raw: bytes, dtype: np.dtype[np.void], big_endian: bool) -> npt.NDArray[np.void]:
    stored = np.frombuffer(raw, dtype.newbyteorder(">") if big_endian else dtype, count=1)
    return stored.astype(dtype)[0:1].reshape(())


def _is_sane(header: Header) -> bool:
    extents = (int(header["nx"]), int(header["ny"]), int(header["nz"]))
    return bool(
        all(0 < extent < 2**24 for extent in extents)
        and 0 <= header["mode"] < 2**15
        and header["nsymbt"] >= 0
        and sorted(_axes_in_file(header)) in ([1, 2, 3], [0, 0, 0])
    )


def _axes_in_file(header: Header) -> list[int]:
    """Return the axes (1 x, 2 y, 3 z) of columns, rows and sections."""
    columns, rows, sections = header["map"].tolist()
    return [columns, 2 if rows == ROWS_FROM_ABOVE else rows, sections]


def rows_from_above(header: Header) -> bool:
    """Whether the first row of the file is the upper one and rows are turned around on reading.

    IMOD takes it so where its stamp is absent and the file is of the first kind that FEI wrote
    (version 20140 with an extended header of type FEI1 or FEI2), or mapr is -2.
    """
    fei = extended_type(header).startswith("FEI") and header["nversion"] == FORMAT_VERSION
    turned = header["map"].tolist()[1] == ROWS_FROM_ABOVE
    return not has_imod_stamp(header) and bool(fei or turned)


def is_old(raw: bytes) -> bool:
    """Whether a header is from before the year 2000 and has its origin elsewhere.

    Some writers of new-style headers forget "MAP " but not the machine stamp after it.
    """
    return raw[208:211] != b"MAP" and raw[212:214] not in (*LITTLE_STAMPS, *BIG_STAMPS)


def new(extents: tuple[int, int, int]) -> Header:
    """Return the header of a new file of `(z, y, x)` extents, its scale and statistics unknown."""
    header = np.zeros((), HEADER)
    header["nx"], header["ny"], header["nz"] = extents[::-1]
    header["m"] = extents[::-1]
    header["angles"] = 90
    header["map"] = (1, 2, 3)
    header["ispg"] = 1
    header["nversion"] = FORMAT_VERSION
    header["imod_stamp"] = IMOD_STAMP
    header["imod_flags"] = FLAG_ORIGIN_MRC2014
    header["magic"] = b"MAP "
    header["machst"] = NEW_STAMP
    header["nlabl"] = 1
    header["labels"][0] = b"seget"
    return header


def stored_shape(header: Header) -> tuple[int, int, int]:
    """`(sections, rows, columns)` as they lie in the file."""
    return int(header["nz"]), int(header["ny"]), int(header["nx"])


def axes(header: Header) -> tuple[int, int, int]:
    """Which axes of the stored array are z, y and x; the argument of a transpose."""
    stored = _axes_in_file(header)[::-1]
    return stored.index(3), stored.index(2), stored.index(1)


def shape(header: Header) -> tuple[int, int, int]:
    """`(z, y, x)` extent in voxels."""
    stored = stored_shape(header)
    z, y, x = axes(header)
    return stored[z], stored[y], stored[x]


def labels(header: Header) -> tuple[str, ...]:
    """Return the lines of text that hold any, whatever their stated number."""
    texts = (raw.partition(b"\0")[0].decode("latin-1").strip() for raw in header["labels"].tolist())
    return tuple("".join(c if c.isprintable() else "?" for c in text) for text in texts if text)


def extended_type(header: Header) -> str:
    """Return the four letters that say who wrote the extended header, empty if there are none."""
    text = bytes(header["exttyp"]).decode("latin-1").strip("\0 ")
    return text if text.isascii() and text.isprintable() else ""


def has_imod_stamp(header: Header) -> bool:
    """Whether IMOD's flags mean anything."""
    return bool(header["imod_stamp"] == IMOD_STAMP)


def flag(header: Header, value: int) -> bool:
    """Whether a flag of IMOD's is set."""
    return has_imod_stamp(header) and bool(header["imod_flags"] & value)


def set_flag(header: Header, value: int, on: bool) -> None:
    """Set or clear a flag of IMOD's, where there is a stamp."""
    if has_imod_stamp(header):
        header["imod_flags"] = header["imod_flags"] & ~value | (value if on else 0)


def row_step(header: Header) -> int:
    """Return -1 where rows are turned around between file and volume, else 1."""
    return -1 if rows_from_above(header) else 1


def drop_extended(header: Header) -> None:
    """State that no extended header follows, and clear the fields that describe one.

    The type stays where it says that rows run from above.
    """
    header["nsymbt"] = header["nint"] = header["nreal"] = 0
    if not rows_from_above(header):
        header["exttyp"] = b""
    set_flag(header, FLAG_SPACING_FROM_EXTENDED, False)


def voxel_size_nm(header: Header) -> Triple | None:
    """`(z, y, x)` voxel size in nm, None if the header gives none that is above zero."""
    cell, intervals = _exact(header, "cell"), _exact(header, "m")
    if intervals[2] == 1 and shape(header)[0] > 1:
        # A stack of images: zlen is one image's, so the size along x is taken for that along z.
        cell[2], intervals[2] = cell[0], intervals[0]
    if not (np.isfinite(cell).all() and (cell > 0).all() and (intervals > 0).all()):
        return None
    x, y, z = (cell / intervals / ANGSTROM_PER_NM).tolist()
    return z, y, x


def _exact(header: Header, field: str) -> npt.NDArray[np.float64]:
    # By way of Python's floats: NumPy's own conversion warns of a signalling NaN, and a damaged
    # header may hold anything.
    return np.array(header[field].tolist(), dtype=np.float64)


def set_voxel_size(header: Header, size_nm: Triple | None) -> None:
    """State a `(z, y, x)` voxel size in nm; None states that it is unknown."""
    header["m"] = shape(header)[::-1]
    header["cell"] = header["m"] * np.array((size_nm or (0, 0, 0))[::-1]) * ANGSTROM_PER_NM


def origin_nm(header: Header) -> Triple | None:
    """`(z, y, x)` position of the first voxel in nm, None if it is not finite."""
    origin = _exact(header, "origin") * _origin_sign(header) / ANGSTROM_PER_NM
    if not np.isfinite(origin).all():
        return None
    x, y, z = (origin + 0.0).tolist()  # + 0.0 makes -0.0 plain zero
    return z, y, x


def set_origin(header: Header, origin: Triple | None) -> None:
    """State the `(z, y, x)` position of the first voxel in nm, with the sign the header uses."""
    header["origin"] = (
        np.array((origin or (0, 0, 0))[::-1]) * _origin_sign(header) * ANGSTROM_PER_NM
    )


def set_version(header: Header, version: int) -> None:
    """State the version of the format; the origin stays where it is."""
    before = _origin_sign(header)
    header["nversion"] = version
    if _origin_sign(header) != before:
        header["origin"] = -_exact(header, "origin")


def _origin_sign(header: Header) -> int:
    """Return 1 if the header's origin is where the first voxel is, -1 if it is its negative."""
    as_in_mrc2014 = flag(header, FLAG_ORIGIN_MRC2014) or int(header["nversion"]) in VERSIONS
    return 1 if as_in_mrc2014 else -1
