"""Tells tilt series and other stacks of images from volumes, by name and header.

MRC file -> why it is a stack of images, or whether it may be one

It never reads a voxel, and never takes space group 0 alone for a proof: many programs write it into
tomograms too.
"""

from __future__ import annotations

import re
from pathlib import Path

from seget.errors import InputError
from seget.files.mrc import header as mrc_header
from seget.files.mrc.header import Header
from seget.files.storage import compressed

SUFFIXES = {
    ".st": "a tilt series by its name (.st)",
    ".ali": "an aligned tilt series by its name (.ali)",
    ".mrcs": "a stack of images by its name (.mrcs)",
}
# IMOD's names where every file is .mrc: TS_1_ali.mrc, TS_1_preali_bin4.mrc, TS_1_rec.mrc.
NAMES = re.compile(r".*[_.-](?P<kind>ali|preali|aligned|rec)([_-]?bin\d+)?", re.IGNORECASE)
RECONSTRUCTION = "tomographic reconstruction"  # in the label that IMOD's `tilt` writes
TILTED_BY = ("SERI", "AGAR")  # extended headers of programs that record tilt series
# What lies beside a tilt series and is named after it.
BESIDE = ("{file}.mdoc", "{stem}.mdoc", "{stem}.rawtlt", "{stem}.tlt")


def why_stack(path: Path) -> str:
    """Say why an MRC file is a stack of images and no volume; empty if nothing proves it."""
    name = compressed.unpacked_name(path)
    if name.suffix.lower() in SUFFIXES:
        return SUFFIXES[name.suffix.lower()]
    kind = _kind(name)
    if kind and kind != "rec":
        return f"an aligned tilt series by its name (_{kind})"
    header = _header(path)
    if header is None or _is_reconstruction(name, header) or int(header["nz"]) == 1:
        return ""
    if int(header["m"][2]) == 1:
        return f"a stack of {header['nz']} images by its header (mz is 1)"
    if int(header["ispg"]) == 0:
        return _why_tilted(path, name.stem, header)
    return ""


def may_be_stack(path: Path) -> bool | None:
    """Whether the header says a stack of images (space group 0) and nothing else speaks of it.

    False also of a reconstruction by name or text; None where the file cannot be read.
    """
    header = _header(path)
    if header is None:
        return None
    if _is_reconstruction(compressed.unpacked_name(path), header):
        return False
    return bool(header["ispg"] == 0 and header["nz"] > 1)


def has_rows_from_above(path: Path) -> bool:
    """Whether the rows of an MRC file are turned around on reading; False if it cannot be read."""
    header = _header(path)
    return header is not None and mrc_header.rows_from_above(header)


def _why_tilted(path: Path, stem: str, header: Header) -> str:
    kind = mrc_header.extended_type(header) if header["nsymbt"] else ""
    if kind in TILTED_BY:
        return f"a tilt series by its header (space group 0, extended header of type {kind})"
    for pattern in BESIDE:
        beside = pattern.format(file=path.name, stem=stem)
        if path.with_name(beside).is_file():
            return f"a tilt series by its header (space group 0) and {beside} beside it"
    return ""


def _kind(name: Path) -> str:
    match = NAMES.fullmatch(name.stem)
    return match["kind"].lower() if match else ""


def _is_reconstruction(name: Path, header: Header) -> bool:
    if name.suffix.lower() == ".rec" or _kind(name) == "rec":
        return True
    return any(RECONSTRUCTION in text.lower() for text in mrc_header.labels(header))


def _header(path: Path) -> Header | None:
    """Return the header of an MRC file; None where it is none or cannot be read."""
    try:
        if compressed.is_compressed(path):
            with compressed.opened(path) as packed:
                return mrc_header.parse(packed.read(mrc_header.HEADER_BYTES), path)[0]
        with path.open("rb") as file:
            return mrc_header.parse(file.read(mrc_header.HEADER_BYTES), path)[0]
    except (InputError, OSError):
        return None
