"""The verb `seget export`: a model for other programs.

run folder -> golgi.onnx + golgi.json, or golgi.zip of bioimage.io

It never converts itself: `export` does.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seget.cli.options import Overwrite
from seget.errors import InputError

if TYPE_CHECKING:
    from seget.trained import Trained

FORMATS = ("onnx", "bioimageio")

Model = Annotated[
    Path, typer.Argument(metavar="MODEL", help="A run folder of seget train, of one model.")
]
To = Annotated[str, typer.Option("--to", metavar="FORMAT", help="onnx or bioimageio.")]
Out = Annotated[
    Path, typer.Option("-o", "--out", metavar="OUT", help="The .onnx or .zip to write.")
]
Tomogram = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Of a package: a tomogram for its cover and test images."),
]
Slice = Annotated[
    int | None,
    typer.Option("--slice", metavar="Z", help="Of the tomogram; the default is the middle."),
]
Name = Annotated[
    str, typer.Option(metavar="TEXT", help="Of a package; the default is its structures.")
]
Authors = Annotated[
    list[str] | None, typer.Option("--author", metavar="NAME", help="Of a package; repeatable.")
]
Licence = Annotated[
    str, typer.Option("--licence", "--license", metavar="SPDX", help="Of a package's weights.")
]
Cited = Annotated[
    list[str] | None,
    typer.Option(
        "--cite",
        metavar="TEXT",
        help="Of a package: the data, say, ending in a DOI or an address; repeatable.",
    ),
]


def export(
    model: Model,
    out: Out,
    to: To = "onnx",
    tomogram: Tomogram = None,
    z: Slice = None,
    name: Name = "",
    author: Authors = None,
    licence: Licence = "MIT",
    cite: Cited = None,
    overwrite: Overwrite = False,
) -> None:
    """Write a model for other programs: as ONNX, or as a package of bioimage.io.

    The graph takes images of any size and gives scores of 0 to 1; it is written only if its scores
    are torch's. Beside an ONNX file stands a .json with structures, thresholds and pixel size. A
    package also has test images, a cover and its documentation. Needs the extra export.

    \b
    seget export runs/golgi -o golgi.onnx
    seget export runs/golgi --to bioimageio --tomogram tomogram.mrc --author "A. Name" -o golgi.zip
    seget segment tomogram.mrc golgi.zip -o segmented      # the way back
    """
    from seget.cli.progress import say
    from seget.export import About, write_onnx, write_package

    trained = _one(model)
    if to == "onnx":
        if out.suffix.lower() != ".onnx":
            raise InputError(f"{out}: ONNX is written to .onnx; name it so.")
        for path in write_onnx(trained, out, overwrite):
            say(str(path))
        return
    if to != "bioimageio":
        raise InputError(f"--to {to}: wanted {' or '.join(FORMATS)}.")
    if tomogram is None:
        raise InputError(
            "--to bioimageio: a package has test images and a cover; give --tomogram FILE, one "
            "that may be shown."
        )
    from seget import files

    about = About(name, tuple(author or ()), licence, tuple(cite or ()))
    say(str(write_package(trained, files.read(tomogram), out, about, z, overwrite)))
    if not author:
        say("no author is named in it; name some with --author.")


def _one(path: Path) -> Trained:
    """Return the one model of seget that a path names."""
    from seget.errors import did_you_mean_file
    from seget.trained import find_models, load
    from seget.trained.foreign import is_foreign

    found = find_models(path)
    if len(found) != 1:
        meant = "" if path.exists() else did_you_mean_file(path)
        named = f", as {found[0].parent}" if found else ""
        raise InputError(
            f"{path}{meant}: holds {len(found) or 'no'} models, wanted one; name the folder of one "
            f"run{named}."
        )
    if is_foreign(found[0]):
        raise InputError(f"{path}: is a model for other programs already; copy it.")
    return load(found[0])
