"""Formats that are not read, and the programs that convert them.

name of a file -> what it is and how to convert it, in words

It never opens a file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

_FIJI = "open it in Fiji and save it as TIFF"
_EMAN2 = "convert it with EMAN2, `e2proc3d.py {name} {stem}.mrc`"
_FORMATS = {
    "NIfTI": (".nii .nii.gz .hdr .img", _FIJI),
    "NRRD": (".nrrd .nhdr", _FIJI),
    "MetaImage": (".mha .mhd", _FIJI),
    "Amira's": (".am .amiramesh", f"{_FIJI}, or in Amira"),
    "a microscope's": (".ims .czi .lif .nd2 .oib .oif .vsi", _FIJI),
    "JPEG, which changes grey values,": (
        ".jpg .jpeg",
        "export TIFF or PNG from where it was made, or save it as TIFF in Fiji",
    ),
    "BMP": (".bmp", "save it as PNG or TIFF"),
    "EM": (".em", _EMAN2),
    "SPIDER": (".spi .spider .xmp", _EMAN2),
    "Imagic": (".hed", _EMAN2),
    "DigitalMicrograph": (".dm3 .dm4", "convert it with IMOD, `dm2mrc {name} {stem}.mrc`"),
    "raw bytes": (".raw .bin", "convert it with IMOD's `raw2mrc`, which has to be told its size"),
    "a packed folder": (".zip .tar .tgz .7z", "unpack it"),
    "a packed array of NumPy": (".npz", "save one array of it with numpy.save"),
    "MATLAB's": (".mat", "write the array as TIFF there"),
    "a mesh": (".stl .obj .ply .glb .surf .vtk", "give the volume that it was made of"),
    "an IMOD model": (
        ".mod",
        "`seget convert {name} {stem}.mrc --like TOMOGRAM` makes masks of it",
    ),
    "a file of a model": (".safetensors", "give a tomogram, and the model's folder beside it"),
    "a dataset": (".toml", "name its tomograms"),
}
_BY_SUFFIX = {
    suffix: (format, mend)
    for format, (suffixes, mend) in _FORMATS.items()
    for suffix in suffixes.split()
}


def how_to_convert(path: Path) -> str:
    """Return what a file is by its name and what to do, as "NRRD is not read; open it in Fiji".

    Empty for a name that tells nothing.
    """
    suffix = _known(path)
    if not suffix:
        return ""
    format, mend = _BY_SUFFIX[suffix]
    stem = path.name[: -len(suffix)]
    return f"{format} is not read; {mend.format(name=path.name, stem=stem)}"


def most_of(paths: Iterable[Path]) -> Path | None:
    """Return a file of the kind that most of some files are of and that is not read."""
    known = [path for path in paths if _known(path)]
    if not known:
        return None
    commonest = Counter(map(_known, known)).most_common(1)[0][0]
    return next(path for path in known if _known(path) == commonest)


def _known(path: Path) -> str:
    name = path.name.lower()
    return next((suffix for suffix in _BY_SUFFIX if name.endswith(suffix) and name != suffix), "")
