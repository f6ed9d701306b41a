"""The verb `seget view`: napari, to see, draw, train and correct.

tomogram, dataset.toml or folder -> napari's window

It never draws: `viewer` does.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from seget.cli.options import wanted_folder
from seget.errors import InputError

What = Annotated[
    Path,
    typer.Argument(
        metavar="TOMOGRAM|DATASET.toml|DIR",
        help="What to draw on; or a mask, a model, a folder of seget segment, to look at.",
    ),
]
Session = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--out",
        metavar="SESSION",
        help="Folder of what is drawn; the default is TOMOGRAM.seget beside it.",
        callback=lambda path: path and wanted_folder(path),
    ),
]
Which = Annotated[
    str | None,
    typer.Option("--tomogram", metavar="NAME", help="Which one of a dataset of several."),
]


def view(path: What, out: Session = None, tomogram: Which = None) -> None:
    """Open napari: look, paint masks, train, see the prediction, correct it, measure.

    What is painted is saved within two seconds into a session, a folder with a dataset.toml that
    seget train reads too. Opened again, everything is as it was, also after a crash. The masks
    of a dataset.toml are copied into the session and never changed. docs/annotate.md shows it.

    \b
    seget view tomogram.mrc
    seget view dataset.toml
    seget view tomogram.mrc -o sessions/cell
    seget view segmented
    """
    if find_spec("napari") is None:
        raise InputError("seget view needs napari; install it with pip install 'seget[viewer]'.")
    from seget.viewer.launch import launch

    launch(path, out, tomogram)
