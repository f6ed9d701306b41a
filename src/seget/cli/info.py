"""The verb `seget info`: what a file is and what is wrong with it.

files -> what they are, what is wrong with them (-> a mended copy)

It never changes a file that it looks at.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seget.cli.options import Mode0, parse_voxel_size
from seget.errors import InputError

if TYPE_CHECKING:
    from rich.table import Table

    from seget.files import Description

Files = Annotated[
    list[Path] | None,
    typer.Argument(metavar="FILE...", help="Tomograms or masks, or folders of them."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON: an object, of several a list.")]
Fix = Annotated[
    Path | None,
    typer.Option(metavar="OUT", help="Write a mended copy of one MRC file."),
]
Size = Annotated[
    str | None,
    typer.Option(metavar="Z,Y,X", help="Voxel size in nm of the copy; one number for a cube."),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace OUT if it exists.")]
Environment = Annotated[
    bool, typer.Option("--environment", help="Say what a report of a fault needs, and no more.")
]
WIDE = 1000  # columns


def info(
    paths: Files = None,
    as_json: AsJson = False,
    mode0: Mode0 = "auto",
    fix: Fix = None,
    voxel_size: Size = None,
    overwrite: Overwrite = False,
    environment: Environment = False,
) -> None:
    """Say what a file is and what is wrong with it; mend a copy of it.

    Shows shape, type, voxel size, origin, sign and statistics, stored and true, then each fault
    with its mend. --fix writes a copy of an MRC file that every program reads alike.

    \b
    seget info tomogram.mrc
    seget info tomograms/ --json
    seget info old.rec.gz --fix new.mrc --voxel-size 1.35
    seget info bytes.mrc --mode0 signed
    seget info --environment      # versions and machine, to paste into a report of a fault
    """
    if environment:
        _print_environment(as_json)
        return
    if not paths:
        raise InputError("no file is named; name some, as `seget info .`, or give --environment.")
    if fix is not None:
        _fix(paths, fix, voxel_size, mode0, overwrite)
        return
    if voxel_size is not None:
        raise InputError(f"--voxel-size {voxel_size}: only --fix writes it; give --fix OUT too.")
    found, single = _found(paths)
    described, failed = _described(found, single, mode0)
    if as_json:
        rows = [_as_json(path, description) for path, description in described]
        typer.echo(json.dumps(rows[0] if single else rows, indent=1, ensure_ascii=False))
    elif single:
        _print_one(*described[0])
    elif described:
        _print_several(described)
    if failed:
        raise SystemExit(1)


def _print_environment(as_json: bool) -> None:
    from seget.cli.environment import environment

    found = environment()
    if as_json:
        typer.echo(json.dumps(found, indent=1))
        return
    width = max(map(len, found))
    typer.echo("\n".join(f"{name:{width}}  {value}" for name, value in found.items()))


def _fix(paths: list[Path], out: Path, size: str | None, mode0: str, overwrite: bool) -> None:
    from seget import files
    from seget.cli.progress import say

    if len(paths) > 1:
        raise InputError(f"--fix {out}: {len(paths)} files are named, wanted one; name one a call.")
    if out.exists() and not overwrite:
        raise InputError(f"{out}: the file is there already; give --overwrite or another name.")
    voxel_size_nm = parse_voxel_size(size) if size is not None else None
    for sentence in files.mend(paths[0], out, voxel_size_nm, mode0):
        say(sentence)
    left = files.describe(out).faults
    say(f"{out}: {_count(left)} left" if left else str(out))
    for fault in left:
        say(f"  {fault}")


def _found(paths: list[Path]) -> tuple[list[Path], bool]:
    """Return all files, folders opened, and whether it is the one file that was named."""
    from seget import files

    if len(paths) == 1:
        found = files.find_volumes(paths[0])
        return found, found == paths
    opened = [files.find_volumes(path) if path.is_dir() else [path] for path in paths]
    return [path for group in opened for path in group], False


def _described(
    paths: list[Path], single: bool, mode0: str
) -> tuple[list[tuple[Path, Description]], bool]:
    """Describe each; of several say which cannot be read and go on."""
    from seget import files
    from seget.cli.progress import say

    described, failed = [], False
    for path in paths:
        try:
            described.append((path, files.describe(path, mode0)))
        except (InputError, OSError) as error:
            if single:
                raise
            say(f"seget: {error}")
            failed = True
    return described, failed


def _as_json(path: Path, found: Description) -> dict[str, Any]:
    from seget import files

    row = {
        "path": str(path),
        "format": found.format,
        "shape_zyx": list(found.shape_zyx),
        "dtype": found.dtype,
        "voxel_size_nm": list(found.voxel_size_nm) if found.voxel_size_nm else None,
        "origin_nm": list(found.origin_nm) if found.origin_nm else None,
        "signed": found.signed,
        "faults": list(found.faults),
    }
    made_by = files.provenance.read(path)
    return row if made_by is None else row | {"made_by": made_by}


def _print_one(path: Path, found: Description) -> None:
    from rich.console import Console

    from seget import files

    # Soft wrap: a sentence stays one line for whoever searches it.
    console = Console(highlight=False, markup=False, soft_wrap=True)
    console.print(str(path))
    console.print(_facts(found))
    console.print(_count(found.faults) if found.faults else "no faults found")
    for fault in found.faults:
        console.print(f"- {fault}")
    made_by = files.provenance.read(path)
    if made_by is not None:
        console.print(f"made by seget {made_by.pop('command', '')} {made_by.pop('time', '')}")
        console.print(_tree(made_by))


def _tree(made_by: dict[str, Any]) -> Table:
    return _two_columns(
        (name, _tree(value) if isinstance(value, dict) else str(value))
        for name, value in made_by.items()
    )


def _two_columns(rows: Iterable[tuple[str, str | Table]]) -> Table:
    """Return names beside values, each as it is: nothing in them is markup."""
    from rich.box import SIMPLE
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE, show_header=False, padding=(0, 1, 0, 0))
    for name, value in rows:
        table.add_row(Text(name), Text(value) if isinstance(value, str) else value)
    return table


def _count(faults: tuple[str, ...]) -> str:
    return f"{len(faults)} fault" + "s" * (len(faults) != 1)


def _facts(found: Description) -> Table:
    sampled, stored = found.sampled, found.stored
    rows = [
        ("format", found.format),
        ("shape (z, y, x)", " x ".join(map(str, found.shape_zyx))),
        ("type", found.dtype),
        ("voxel size (z, y, x)", _lengths(found.voxel_size_nm, " x ")),
        ("origin (z, y, x)", _lengths(found.origin_nm, ", ")),
    ]
    if found.signed is not None:
        rows.append(("bytes are", "signed" if found.signed else "unsigned"))
        rows.append(("because", found.sign_reason))
    if stored is not None:
        rows.append(("min, max, mean stored", _values(stored.low, stored.high, stored.mean)))
    rows.append(("min, max, mean true", _values(sampled.low, sampled.high, sampled.mean)))
    rows.append(("of slices", "all" if sampled.whole else _slices(sampled.slices)))
    if found.extended_header:
        rows.append(("extended header", found.extended_header))
    rows += [("label" if n == 0 else "", text) for n, text in enumerate(found.labels)]
    return _two_columns(rows)


def _print_several(described: list[tuple[Path, Description]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("file", overflow="fold")
    for heading in ("shape (z, y, x)", "type", "voxel size (z, y, x)", "faults"):
        table.add_column(heading, justify="right", no_wrap=True)
    for path, found in described:
        shape = " x ".join(map(str, found.shape_zyx))
        size = _lengths(found.voxel_size_nm, " x ")
        table.add_row(Text(str(path)), shape, found.dtype, size, str(len(found.faults)))
    console = Console(highlight=False)
    if not console.is_terminal:  # a line stays a line for whoever reads it from a pipe
        console.width = WIDE
    console.print(table)


def _lengths(nm: tuple[float, float, float] | None, between: str) -> str:
    return between.join(f"{length:.4g}" for length in nm) + " nm" if nm else "unknown"


def _values(low: float, high: float, mean: float) -> str:
    return f"{low:g}, {high:g}, {mean:g}"


def _slices(numbers: tuple[int, ...]) -> str:
    ours = ", ".join(map(str, numbers))
    return f"{ours} (z from 0; in IMOD {', '.join(str(z + 1) for z in numbers)})"
