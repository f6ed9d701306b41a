"""What can be wrong with an MRC file that can be read all the same.

Opened + Description -> Description with faults, a sentence each: found, wanted, how to mend it

It never changes or refuses a file: one that cannot be read is refused in `voxels.py`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from seget.files.description import Description, Sampled, Stored
from seget.files.mrc import header as mrc_header
from seget.files.mrc import voxels
from seget.files.mrc.header import Header
from seget.files.mrc.voxels import Opened
from seget.files.storage import compressed

FIX = "`seget info FILE --fix OUT`"
MOST_LABELS = 10
STACKS_OF_VOLUMES = range(401, 631)
SPACE_GROUPS = range(231)
# Relative difference up to which statistics count as equal: headers hold rounded float32.
CLOSE = 1e-4


def completed(generic: Description, file: Opened) -> Description:
    """Add to a description what only an MRC header says, and its faults in the header's order."""
    found = mrc_header.as_found(file.raw, file.big_endian)
    labels = mrc_header.labels(found)
    stored = Stored(*(float(found[name]) for name in ("dmin", "dmax", "dmean")))
    sign = file.sign
    faults = [
        *_stamps(file, found),
        *_layout(file, found),
        *generic.faults,
        *_origin(file.header),
        *_statistics(stored, generic.sampled, file),
        *_sign(file),
        *_texts(found, len(labels)),
        *_end(file),
    ]
    return replace(
        generic,
        stored=stored,
        signed=None if sign is None else sign.signed,
        sign_reason="" if sign is None else sign.reason,
        extended_header=_extended(found),
        labels=labels,
        faults=tuple(faults),
    )


def why_no_voxel_size(header: Header) -> str:
    """Say in words what the header has in place of a voxel size."""
    cell, intervals = header["cell"].tolist(), header["m"].tolist()
    lengths = "xlen, ylen, zlen are " + ", ".join(f"{length:g}" for length in cell)
    if min(intervals) < 1:
        return "mx, my, mz are " + ", ".join(map(str, intervals))
    if not all(map(math.isfinite, cell)):
        return f"{lengths}, which are no lengths"
    if min(cell) < 0:
        return f"{lengths}, which are negative"
    return lengths


def _stamps(file: Opened, found: Header) -> Iterator[str]:
    raw = file.raw
    old = mrc_header.is_old(raw)
    if raw[208:211] != b"MAP":
        yield f'there is no stamp "MAP ", wanted it at byte 208; {FIX} writes it.'
    stamps = mrc_header.BIG_STAMPS if file.big_endian else mrc_header.LITTLE_STAMPS
    if not old and raw[212:214] not in stamps:
        order = "big" if file.big_endian else "little"
        yield (
            f"the machine stamp is {raw[212:216].hex(' ')}, wanted {stamps[0].hex(' ')} of the "
            f"{order}-endian numbers in the file; {FIX} mends it."
        )
    version = int(found["nversion"])
    if version != 0 and version not in mrc_header.VERSIONS:
        yield (
            f"the version (nversion) is {version}, wanted {mrc_header.FORMAT_VERSION} or 0; "
            f"{FIX} mends it."
        )


def _layout(file: Opened, found: Header) -> Iterator[str]:
    header = file.header
    if voxels.is_packed(header):
        how = f"mode {header['mode']}" + (", IMOD's flag 16" if header["mode"] == 0 else "")
        yield (
            f"the voxels have 4 bits ({how}), which few programs read rightly; "
            f"{FIX} writes bytes of the same numbers."
        )
    yield from _rows(header)
    order = [abs(axis) for axis in header["map"].tolist()]
    if order != [1, 2, 3]:
        axes = ", ".join("xyz"[axis - 1] for axis in order)
        yield (
            f"columns, rows and sections run along {axes}, wanted x, y, z, and were turned on "
            f"reading; {FIX} stores them so."
        )
    elif not found["map"].any():
        yield f"the order of the axes (mapc, mapr, maps) is empty, wanted 1, 2, 3; {FIX} states it."
    yield from _kind(int(header["ispg"]), mrc_header.shape(header)[0], int(header["m"][2]))
    angles = header["angles"].tolist()
    if any(angles) and not np.allclose(angles, 90):
        words = ", ".join(f"{angle:g}" for angle in angles)
        yield (
            f"the angles of the cell are {words} degrees and the axes were taken as if they were "
            "90; convert a crystal's map with the program that made it."
        )


def _rows(header: Header) -> Iterator[str]:
    """Yield what is wrong with the order of the rows."""
    turned = header["map"].tolist()[1] == mrc_header.ROWS_FROM_ABOVE
    if mrc_header.rows_from_above(header):
        kind = mrc_header.extended_type(header)
        why = "mapr is -2" if turned else f"an {kind} header of version {header['nversion']}"
        yield (
            f"the first row is the upper one ({why}, without IMOD's stamp); seget turns the rows "
            f"around as 3dmod does, other programs may not: {FIX} stores them so that all agree."
        )
    elif turned:
        yield (
            "mapr is -2, wanted 2, and was taken as 2, because there is IMOD's stamp; "
            f"{FIX} states it."
        )


def _kind(group: int, depth: int, intervals: int) -> Iterator[str]:
    """Yield what is wrong between the space group, the slices and mz."""
    if intervals == 1 and depth > 1:
        yield (
            f"mz is 1 and there are {depth} slices, so zlen tells no spacing and the voxel's x was "
            f"taken for its z; {FIX} with --voxel-size Z,Y,X states another."
        )
    elif group == 0 and depth > 1:
        yield (
            f"the space group (ispg) 0 says a stack of images and mz, {intervals}, a volume; a "
            f"tilt series may stay so, {FIX} marks a volume."
        )
    if group in STACKS_OF_VOLUMES:
        count = depth / intervals if intervals > 0 else 0
        if intervals < 1 or depth % intervals:
            yield (
                f"the space group (ispg) {group} says a stack of volumes, and mz, {intervals}, "
                f"does not divide the {depth} slices; {FIX} marks one volume."
            )
        elif count > 1:
            yield (
                f"the file is a stack of {count:g} volumes of {intervals} slices, read one behind "
                "the other; split it with the program that wrote it."
            )
    elif group not in SPACE_GROUPS:
        yield f"the space group (ispg) is {group}, wanted 1 for a volume; {FIX} mends it."


def _origin(header: Header) -> Iterator[str]:
    origin = mrc_header.origin_nm(header)
    start = header["nstart"].tolist()
    if origin is None:
        words = ", ".join(f"{length:g}" for length in header["origin"].tolist())
        yield f"the origin (x, y, z) is {words}, wanted finite lengths; {FIX} sets it to 0."
    elif any(start) and not any(origin):
        words = ", ".join(map(str, start))
        yield (
            f"the origin is 0 and the first column, row and section are {words}: some programs "
            "shift the volume by them and seget does not; state an origin where it matters."
        )


def _statistics(stored: Stored, sampled: Sampled, file: Opened) -> Iterator[str]:
    low, high, mean = stored.low, stored.high, stored.mean
    stated = f"the header states values from {low:g} to {high:g} with mean {mean:g}"
    if not low <= high:
        yield (
            f"{stated}, smallest above largest: they were never computed; {FIX} writes true ones."
        )
        return
    if math.isnan(sampled.low) or not _disagree(stored, sampled):
        return
    unset = low == high == mean == 0
    told = "the header's statistics are all 0, never computed," if unset else stated
    sign = ", or the bytes have the other sign (--mode0)" if file.sign is not None else ""
    where = "" if sampled.whole else f" in {len(sampled.slices)} sampled slices"
    yield (
        f"{told} and the voxels{where} have {sampled.low:g} to {sampled.high:g} with mean "
        f"{sampled.mean:g}; {FIX} writes true ones{sign}."
    )


def _disagree(stored: Stored, sampled: Sampled) -> bool:
    # Samples must lie within the stated range; all voxels must also reach both its ends.
    slack = CLOSE * max(abs(sampled.low), abs(sampled.high), sampled.high - sampled.low)
    below, above = stored.low - sampled.low, sampled.high - stored.high
    if below > slack or above > slack:
        return True
    if not sampled.whole:
        return False
    far = abs(stored.mean - sampled.mean) > 10 * slack or math.isnan(stored.mean)
    return below < -slack or above < -slack or far


def _sign(file: Opened) -> Iterator[str]:
    sign = file.sign
    if sign is not None and not sign.certain:
        taken = "signed" if sign.signed else "unsigned"
        yield (
            f"whether the bytes (mode 0) are signed is not certain: {sign.reason}, so they were "
            f"taken as {taken}; if the image looks torn, give the other --mode0."
        )


def _texts(found: Header, used: int) -> Iterator[str]:
    count = int(found["nlabl"])
    if not 0 <= count <= MOST_LABELS:
        yield (
            f"the number of labels (nlabl) is {count}, wanted 0 to {MOST_LABELS}; {FIX} counts the "
            f"{used} that hold text."
        )
    elif count != used:
        yield (
            f"the number of labels (nlabl) is {count} and {used} hold text; {FIX} counts them anew."
        )
    length = int(found["nsymbt"])
    if length and not mrc_header.extended_type(found):
        yield (
            f"an extended header of {length} bytes has no type (exttyp), so that nobody can tell "
            "what it holds; programs skip it, and copies on the same grid drop it."
        )


def _end(file: Opened) -> Iterator[str]:
    if file.surplus:
        packed = compressed.is_compressed(file.path)  # only its first surplus bytes are unpacked
        at_least = "at least " if packed and file.surplus >= voxels.SURPLUS_BYTES else ""
        yield (
            f"behind the last voxel there are {at_least}{file.surplus} bytes that the header does "
            f"not explain, wanted none; check the number of slices, or drop them with {FIX}."
        )


def _extended(found: Header) -> str:
    length = int(found["nsymbt"])
    return f"{mrc_header.extended_type(found) or 'no type'}, {length} bytes" if length else ""
