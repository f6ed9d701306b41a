"""The verb `seget init`: a dataset.toml of what is there.

folders, tomograms, masks -> dataset.toml

It never chooses itself: it shows what `dataset` chose, and writes it down.
"""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seget.errors import InputError, printable

if TYPE_CHECKING:
    from seget.dataset import Proposal

What = Annotated[
    list[Path],
    typer.Argument(
        metavar="FOLDER|TOMOGRAM MASK...",
        help="A folder with tomograms and masks, or these by themselves, in any order.",
    ),
]
Out = Annotated[
    Path, typer.Option("-o", "--out", metavar="DATASET.toml", help="The file to write.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the file if it exists.")]


def init(
    paths: What,
    out: Out = Path("dataset.toml"),
    as_json: AsJson = False,
    overwrite: Overwrite = False,
) -> None:
    """Write a dataset.toml of what is there: which masks, on which slices, what is held out.

    Tomograms and masks are told apart by their voxels, and each mask goes to the tomogram whose
    grid it has, by its name where several have. Masks are MRC, TIFF, folders of slices, OME-Zarr,
    HDF5, NumPy or IMOD models. Each line of the file says above it why it is so; what is neither
    tomogram nor mask is named at its end.

    \b
    seget init data/                              # writes ./dataset.toml
    seget init tomogram.mrc golgi.mrc cell.mod
    seget init tomogram.mrc drawn_slices/ -o golgi.toml
    seget init data/ --json
    """
    from seget import files
    from seget.cli.progress import say
    from seget.dataset import propose

    if out.exists() and not overwrite:
        raise InputError(f"{out}: the file is there already; give --overwrite or another -o.")
    if out.is_dir():
        raise InputError(f"{out}: this is a folder, wanted a file; give -o {out}/dataset.toml.")
    # Paths in it lead out of its folder again, which is therefore needed before it is written.
    out.parent.mkdir(parents=True, exist_ok=True)
    proposal = propose(paths, out)
    files.write_text(out, proposal.text)
    following = f"seget train {shlex.quote(str(out))} -o runs --max-minutes 15"
    if as_json:
        found = _as_json(proposal, out) | {"next": following}
        typer.echo(json.dumps(found, indent=1, ensure_ascii=False))
        return
    _print_table(proposal)
    for note in proposal.notes:
        say(note)
    typer.echo(f"{printable(str(out))} is written. Next:\n\n    {following}")


def _as_json(proposal: Proposal, out: Path) -> dict[str, Any]:
    tomograms = []
    for one in proposal.tomograms:
        masks = [
            {
                "structure": line.structure,
                **line.entry.model_dump(exclude_none=True),
                "foreground_voxels": sum(line.mask.foreground_px),
                "slices_with_it": list(line.shown),
                "annotated_slices": list(line.mask.annotated),
                "reasons": list(line.reasons),
            }
            for line in one.lines
        ]
        holdout = one.parts.holdout
        tomograms.append(
            {
                "image": one.file,
                "shape_zyx": list(one.tomogram.image.shape),
                "holdout": holdout.model_dump() if not isinstance(holdout, str | None) else holdout,
                "holdout_reason": one.parts.reason,
                "masks": masks,
            }
        )
    left_out = [
        {"path": printable(str(path)), "why": printable(why)}
        for path, why in proposal.left_out.items()
    ]
    return {
        "dataset": str(out),
        "tomograms": tomograms,
        "left_out": left_out,
        "notes": list(proposal.notes),
    }


def _print_table(proposal: Proposal) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from seget.dataset import described, grouped

    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in ("file", "is", "what was found"):
        table.add_column(heading, overflow="fold")

    def row(file: str, what: str, found: str) -> None:
        table.add_row(*(Text(printable(text)) for text in (file, what, found)))

    for one in proposal.tomograms:
        shape = " x ".join(map(str, one.tomogram.image.shape))
        row(one.file, "tomogram", f"{shape} voxels (z, y, x). {one.parts.reason}")
        for line in one.lines:
            row(line.entry.file, line.structure, " ".join([described(line), *line.reasons]))
    for file, why in grouped(proposal.left_out):
        row(file, "left out", why)
    console = Console(highlight=False)
    if not console.is_terminal:  # a line stays a line for whoever reads it from a pipe
        console.width = 1000
    console.print(table)
