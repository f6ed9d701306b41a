"""The verb `seget fuse`: score maps made into labels.

folder of score maps -> label volume

It never decides a pixel: `fusion` does.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seget.cli.options import Overwrite
from seget.errors import InputError


def fuse(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The -o of seget predict.")],
    out: Annotated[Path, typer.Option("-o", "--out", metavar="LABELS", help=".mrc or .zarr")],
    threshold: Annotated[
        list[str] | None,
        typer.Option(metavar="STRUCTURE=T", help="Replace a model's threshold (0 to 1)."),
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Fuse the score maps of a tomogram into one label volume.

    A pixel takes the structure with the highest score above its threshold, else background.

    \b
    seget fuse predicted -o labels.mrc
    seget fuse predicted -o labels.mrc --threshold golgi=0.4
    """
    from seget.cli.progress import bar, say
    from seget.results import fuse_files

    with bar("fuse") as listener:
        fuse_files(folder, out, _thresholds(threshold or []), overwrite, listener)
    say(str(out))


def _thresholds(given: list[str]) -> dict[str, float]:
    """Return structure -> threshold of texts such as "golgi=0.4"."""
    chosen = {}
    for text in given:
        structure, _, number = text.partition("=")
        try:
            chosen[structure.strip()] = float(number)
        except ValueError:
            raise InputError(f"--threshold {text}: wanted STRUCTURE=T with T in 0 to 1.") from None
    return chosen
