"""The verb `seget convert`: a volume in another format.

one volume -> the same volume in another format

It never scales, wraps or drops anything in silence: what the new file cannot hold is said on
standard error.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seget.cli import convert_imod
from seget.cli.options import Mode0, parse_voxel_size
from seget.errors import InputError

if TYPE_CHECKING:
    from seget.files import Legend
    from seget.volume import Volume

Source = Annotated[
    Path,
    typer.Argument(
        metavar="IN",
        help="MRC, TIFF, OME-Zarr, HDF5, .npy, a folder of slices, or an IMOD model (.mod).",
    ),
]
Target = Annotated[
    Path,
    typer.Argument(metavar="OUT", help="Its suffix says the format: .mrc .zarr .tif .h5 .npy .mod"),
]
Size = Annotated[
    str | None,
    typer.Option(metavar="Z,Y,X", help="Voxel size in nm, replaces IN's; one number for a cube."),
]
Type = Annotated[
    str | None,
    typer.Option(
        metavar="TYPE",
        help="uint8, int16, float32, ...: of voxels; a number that would change is refused.",
    ),
]
Rescale = Annotated[
    str | None,
    typer.Option(
        metavar="LOW,HIGH",
        help="Spread these grey values over 0 to 255 (or 65535 with --dtype uint16); auto takes "
        "all but the outermost 0.1 % and says which.",
    ),
]
Labels = Annotated[
    bool,
    typer.Option("--labels", help="The numbers are labels: not averaged, with names and colours."),
]
Version = Annotated[
    str | None, typer.Option("--ome-zarr", metavar="VERSION", help="0.5 or 0.4. [0.5]")
]
Like = Annotated[
    Path | None,
    typer.Option(metavar="TOMOGRAM", help="Of a model: whose grid its masks are to have."),
]
Object = Annotated[
    str | None,
    typer.Option("--object", metavar="NAME", help="Of a model: this object only, as 0 and 1."),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace OUT if it exists.")]


def convert(
    source: Source,
    out: Target,
    voxel_size: Size = None,
    mode0: Mode0 = "auto",
    dtype: Type = None,
    rescale: Rescale = None,
    labels: Labels = False,
    ome_zarr: Version = None,
    like: Like = None,
    object_name: Object = None,
    overwrite: Overwrite = False,
) -> None:
    """Write a volume in another format, with its voxel size and its origin.

    What the format cannot hold is said. Numbers stay as they are unless --rescale is given.

    \b
    seget convert tomogram.rec tomogram.zarr
    seget convert slices/ tomogram.mrc --voxel-size 1.35
    seget convert float.mrc bytes.tif --rescale auto
    seget convert segmented/labels.mrc image.zarr/labels/cells --labels
    seget convert project.h5:/exported_data scores.mrc
    seget convert cell.mod masks.mrc --like tomogram.mrc
    seget convert segmented/labels.mrc cell.mod
    """
    from seget import files
    from seget.cli.progress import say

    _check_places(source, out, overwrite)
    volume, drawn = convert_imod.opened(source, like, object_name, mode0)
    to_model, surely = convert_imod.is_model(out), labels
    labels = labels or drawn is not None or to_model
    if voxel_size is not None:
        volume = replace(volume, voxel_size_nm=parse_voxel_size(voxel_size))
    volume, counts = _retyped(volume, dtype, rescale, labels)
    legend = (drawn or files.legend_of(source) or files.Legend()) if labels else None
    if legend is not None and to_model:
        say(convert_imod.write(out, volume, legend, surely))
        return
    if drawn is not None:
        _check_places(source, convert_imod.legend_path(out), overwrite)
    _write(out, volume, legend, ome_zarr)
    if drawn is not None:
        say(str(convert_imod.write_legend(out, drawn)))
    if counts is not None and (counts.clipped or counts.not_finite):
        say(f"{counts.clipped} voxels were beyond the range, {counts.not_finite} were no number.")
    say(f"{out}: {_summary(volume)}")


def _write(out: Path, volume: Volume, legend: Legend | None, ome_zarr: str | None) -> None:
    from seget import files
    from seget.cli.progress import bar, say

    for sentence in files.not_kept(out, volume, labels=legend not in (None, files.Legend())):
        say(sentence)
    depth = volume.shape[0]
    with (
        bar(f"convert {volume.name}") as listener,
        files.create(out, volume, volume.data.dtype, legend=legend, ome_zarr=ome_zarr) as writer,
    ):
        for z in range(depth):
            writer[z] = _checked(volume, z, legend is not None)
            listener.progress(z + 1, depth)


def _check_places(source: Path, out: Path, overwrite: bool) -> None:
    from seget import files
    from seget.cli.progress import say

    if files.location(source).resolve() == files.location(out).resolve():
        raise InputError(f"{out}: it would replace what is read; give another name.")
    if missing := files.gaps(source):
        say(f"{source}: {missing}")
    if files.location(out).exists() and not overwrite:
        raise InputError(f"{out}: it is there already; give --overwrite or another name.")


def _retyped(
    volume: Volume, dtype: str | None, rescale: str | None, labels: bool
) -> tuple[Volume, Any]:
    """Return the volume in the type that is asked for, and what counts clipped voxels, if any."""
    from seget import files
    from seget.cli.progress import say

    if rescale is not None:
        if labels:
            raise InputError("--rescale would change labels; leave out --rescale or --labels.")
        low, high = files.spread(volume) if rescale == "auto" else _range(rescale)
        made, counts = files.rescale(volume, low, high, _type(dtype or "uint8"))
        top = 255 if made.data.dtype == "uint8" else 65535
        say(f"grey values {low:g} to {high:g} become 0 to {top}; what is beyond is clipped.")
        return made, counts
    found = volume.data.dtype
    wanted = _type(dtype) if dtype else "uint8" if found.kind == "b" else found
    made = files.recast(volume, wanted)
    if made.data.dtype != found:
        rounds = (
            found.kind == made.data.dtype.kind == "f" and made.data.dtype.itemsize < found.itemsize
        )
        say(f"voxels of {found} become {made.data.dtype}{', rounded' if rounds else ''}.")
    return made, None


def _type(name: str) -> Any:
    import numpy as np

    known = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float16", "float32", "float64")
    if name not in known:
        raise InputError(f"--dtype {name}: wanted one of {', '.join(known)}.")
    return np.dtype(name)


def _range(text: str) -> tuple[float, float]:
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"--rescale {text}: wanted LOW,HIGH or auto.") from None
    return low, high


def _checked(volume: Volume, z: int, labels: bool) -> Any:
    plane = volume.slice(z)
    if labels and plane.dtype.kind == "i" and (plane < 0).any():
        raise InputError(
            f"{volume.path}: slice {z} holds the label {plane.min()}, wanted 0 and above; leave "
            "out --labels if these are grey values."
        )
    return plane


def _summary(volume: Volume) -> str:
    shape = " x ".join(map(str, volume.shape))
    size = volume.voxel_size_nm
    words = " x ".join(f"{length:.4g}" for length in size) + " nm" if size else "of unknown size"
    return f"{shape} voxels (z, y, x) of {volume.data.dtype}, {words}"
