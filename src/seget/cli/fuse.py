"""The verb `seget fuse`: score maps made into labels.

folder of score maps -> label volume, its conflicts

It never decides a pixel: `fusion` does.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seget.cli.options import Optimise, Overwrite, RulesFile, fusion_wishes
from seget.errors import InputError


def fuse(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The -o of seget predict.")],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="LABELS", help=".mrc or .zarr")
    ] = None,
    threshold: Annotated[
        list[str] | None,
        typer.Option(metavar="STRUCTURE=T", help="Replace a model's threshold (0 to 1)."),
    ] = None,
    optimise: Optimise = None,
    rules: RulesFile = None,
    explain: Annotated[
        str | None,
        typer.Option(metavar="Z,Y,X", help="Say what makes the label of this voxel, from 0."),
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Fuse the score maps of a tomogram into one label volume.

    A pixel takes the structure with the highest score above its threshold, else background; then
    the rules apply. Beside the labels stand conflicts.mrc (1: two structures claimed it, 2: none,
    by a hair) and conflicts.csv (who, how much, what decided).

    \b
    seget fuse predicted -o labels.mrc
    seget fuse predicted -o labels.mrc --threshold golgi=0.4
    seget fuse predicted -o labels.mrc --rules rules.toml --optimise recall=.9
    seget fuse predicted --rules rules.toml --explain 12,340,512
    """
    from seget.cli.progress import bar, say
    from seget.results import explain as explained
    from seget.results import fuse_files

    wishes = fusion_wishes(rules, optimise, _thresholds(threshold or []))
    if explain is not None:
        for sentence in explained(folder, _place(explain), wishes):
            typer.echo(sentence)
    if out is None:
        if explain is None:
            raise InputError("-o LABELS: where the labels go is missing; give it, or --explain.")
        return
    with bar("fuse") as listener:
        fuse_files(folder, out, None, overwrite, listener, wishes)
    say(str(out))


def _place(text: str) -> tuple[int, int, int]:
    """Return the voxel of a text such as "12,340,512"."""
    try:
        z, y, x = (int(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"--explain {text}: wanted three whole numbers Z,Y,X, from 0.") from None
    return z, y, x


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
