"""The verb `seget copick`: tomograms of a copick project, and results into it.

config.json -> a table; config.json + folders of segment and measure -> segmentations and picks

It never reads or writes a project itself: `seget.copick` does.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seget.cli.options import Overwrite
from seget.errors import InputError

if TYPE_CHECKING:
    from seget.copick import Project

Config = Annotated[
    Path, typer.Argument(metavar="CONFIG.json", help="Of a project on a local disk.")
]
Folders = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[FOLDER...]", help="What seget segment or seget measure wrote: -o of either."
    ),
]
Run = Annotated[
    str | None, typer.Option(metavar="NAME", help="The run that the folders belong to.")
]
User = Annotated[str, typer.Option(metavar="NAME", help="Of copick, as whose results they count.")]
Session = Annotated[str, typer.Option(metavar="NAME", help="Of copick; 0 is a program's.")]


def copick(
    config: Config,
    folders: Folders = None,
    run: Run = None,
    user: User = "seget",
    session: Session = "0",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    overwrite: Overwrite = False,
) -> None:
    """List the tomograms of a copick project, or write results into it.

    Labels become one segmentation of several objects, each structure with the label that the
    project gives to the object of its name; picks are centroids, and points along tubes.

    \b
    seget copick project.json                  # runs, tomograms, and the path of each
    seget segment data/ExperimentRuns/TS_001/VoxelSpacing10.000/wbp.zarr runs -o segmented
    seget measure segmented -o measured
    seget copick project.json segmented measured --run TS_001
    """
    from seget.cli.progress import say
    from seget.copick import read_project

    project = read_project(config)
    if not folders:
        _print(project, as_json)
        return
    if run is None:
        raise InputError(f"{folders[0]}: which run is it of? Give --run NAME.")
    written = [
        path
        for folder in folders
        for path in _write(project, run, folder, (user, session), overwrite)
    ]
    if as_json:
        typer.echo(json.dumps([str(path) for path in written], indent=1))
    else:
        say("\n".join(map(str, written)))


def _write(
    project: Project, run: str, folder: Path, by: tuple[str, str], overwrite: bool
) -> list[Path]:
    """Write what a folder holds: labels, picks, or both."""
    from seget.cli.progress import bar
    from seget.copick import write_picks, write_segmentation
    from seget.results import read_labels

    labels, values = read_labels(folder)
    picks = sorted((folder / "copick").glob("*.json"))
    if labels is None and not picks:
        raise InputError(
            f"{folder}: holds neither labels.mrc with labels.json nor copick/; name the -o of "
            "seget segment or of seget measure."
        )
    written = []
    if labels is not None:
        names = {value: structure for structure, value in values.items()}
        with bar(f"copick {run}") as listener:
            out = write_segmentation(project, run, labels, names, by, overwrite, listener)
        written.append(out)
    return written + [write_picks(project, run, path, by, overwrite) for path in picks]


def _print(project: Project, as_json: bool) -> None:
    found = project.tomograms()
    if as_json:
        rows = [
            {"run": t.run, "voxel_size_nm": t.spacing / 10, "kind": t.kind, "path": str(t.path)}
            for t in found
        ]
        typer.echo(json.dumps(rows, indent=1))
        return
    if not found:
        raise InputError(f"{project.config}: no tomogram lies below {project.overlay}.")
    from seget.errors import printable

    for t in found:
        typer.echo(printable(f"{t.run}  {t.spacing / 10:.4g} nm  {t.kind}  {t.path}"))
