"""The verb `seget next`: which slice to annotate next, and why.

dataset + models -> slice numbers, each with its reason

It never chooses itself: `prediction` does.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seget.cli.options import Data, DeviceName, Memory, Names, split_names
from seget.errors import InputError, printable

if TYPE_CHECKING:
    from seget.prediction import NextSlice
    from seget.trained import Trained

Models = Annotated[
    list[Path], typer.Argument(metavar="MODEL...", help="Run folders, or folders of runs.")
]
Number = Annotated[
    int,
    typer.Option("-n", "--number", help="How many, each as if those before were drawn.", min=1),
]
Slices = Annotated[
    str | None, typer.Option(help='Slices to choose among, as "0-99"; the default is all.')
]
Views = Annotated[
    int, typer.Option(help="Compare 4 or 8 mirrored and turned views; 1: compare none, quickest.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def next(
    dataset: Data,
    models: Models,
    number: Number = 1,
    structures: Names = None,
    slices: Slices = None,
    views: Views = 4,
    device: DeviceName = "auto",
    max_memory: Memory = None,
    as_json: AsJson = False,
) -> None:
    """Say which slice to annotate next, and why.

    It is one that the models are unsure of, whose mirrored views they score differently, and that
    is far from the slices on which the structures are drawn. Draw there, add the slice to the
    dataset, train again, ask again. Slices are numbered from 0; 3dmod counts from 1.

    \b
    seget next dataset.toml runs
    seget next dataset.toml runs/golgi runs/synapse -n 3
    seget next dataset.toml runs -s golgi --slices 0-99
    seget next dataset.toml runs -n 3 --json
    """
    from seget.cli.progress import bar
    from seget.dataset import parse_slices, read_dataset
    from seget.machine import parse_bytes
    from seget.prediction import Options, next_slices

    options = Options(
        device=device,
        views=views,
        memory_bytes=parse_bytes(max_memory, "--max-memory") if max_memory else None,
    )
    among = parse_slices(slices) if slices else ()
    read = read_dataset(dataset)
    loaded = _loaded(models)
    with bar("next") as listener:
        found = next_slices(read, loaded, number, split_names(structures), among, options, listener)
    if as_json:
        rows = [_as_json(one) for one in found]
        typer.echo(json.dumps({"next": rows}, indent=1, ensure_ascii=False))
    else:
        _print(found, dataset, len(read.tomograms) > 1)


def _print(found: list[NextSlice], dataset: Path, several: bool) -> None:
    from seget.cli.progress import say

    for one in found:
        where = f"{one.tomogram}, " if several else ""
        typer.echo(printable(f"{where}slice {one.z}: {one.reason}"))
    if found:
        numbers = ", ".join(str(one.z + 1) for one in found)
        it, are = ("it", "it is number") if len(found) == 1 else ("them", "they are numbers")
        say(
            f"Draw {it} (in 3dmod, which counts from 1, {are} {numbers}), add {it} to slices in "
            f"{dataset}, and train again."
        )


def _loaded(models: list[Path]) -> list[Trained]:
    from seget.trained import find_models, load

    found = {path: find_models(path) for path in models}
    for path, folders in found.items():
        if not folders:
            raise InputError(f"{path}: there is no model; name a run folder of seget train.")
    return [load(folder) for folders in found.values() for folder in folders]


def _as_json(one: NextSlice) -> dict[str, Any]:
    return {
        "tomogram": one.tomogram,
        "slice": one.z,
        "reason": one.reason,
        "value": one.value,
        "structures": {name: asdict(doubt) for name, doubt in one.structures.items()},
    }
