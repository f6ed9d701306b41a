"""The verb `seget measure`: objects, surfaces, lengths and distances of labels, in nm.

label volumes -> a folder of tables each, and the numbers of each structure

It never measures: `measurement` does.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seget.cli.options import On, Out, Overwrite, VoxelSize, parse_voxel_size, split_names
from seget.cli.tomograms import succeeded
from seget.errors import InputError

if TYPE_CHECKING:
    from seget.measurement import Options

MESH_FORMATS = ("stl", "ply", "obj")

Labels = Annotated[
    list[Path],
    typer.Argument(
        metavar="LABELS...",
        help="Label volumes, or the -o of seget segment, of one tomogram or many; labels.json "
        "beside one names the structures.",
    ),
]
Named = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUE",
        help="Which number is which structure, or NAME=any; repeatable; the default is what "
        "labels.json says.",
    ),
]
Instances = Annotated[bool, typer.Option("--instances", help="Each number is one object already.")]
Smallest = Annotated[
    list[str] | None,
    typer.Option(
        metavar="[NAME=]NM3",
        help="Leave out what is smaller, of a structure or of all; repeatable; the default is 27 "
        "voxels, and nothing with --instances.",
    ),
]
Contact = Annotated[
    float, typer.Option(metavar="NM", help="Surfaces nearer than this are in contact.")
]
Tubes = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAMES",
        help="Comma list of structures that get a middle line; the default is what is shaped "
        "like a tube.",
    ),
]
MeshFormat = Annotated[
    str,
    typer.Option(metavar="FORMAT", help="stl, ply, obj, or none: surfaces for other programs."),
]
Spacing = Annotated[float, typer.Option(metavar="NM", help="Of particles along tubes.")]
Unbinned = Annotated[
    float | None,
    typer.Option(
        metavar="NM", help="Pixel of the tilt series, for RELION; the default is the labels'."
    ),
]
Tomogram = Annotated[
    Path | None, typer.Option(metavar="FILE", help="The image that view.cxc opens as well.")
]


def measure(
    labels: Labels,
    out: Out,
    structure: Named = None,
    instances: Instances = False,
    voxel_size: VoxelSize = None,
    smallest_nm3: Smallest = None,
    contact: Contact = 30.0,
    tubes: Tubes = None,
    meshes: MeshFormat = "stl",
    spacing: Spacing = 8.0,
    unbinned: Unbinned = None,
    tomogram: Tomogram = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print summary.json.")] = False,
    overwrite: Overwrite = False,
    on: On = "here",
) -> None:
    """Measure labels in nm: a report, tables, numbered labels, meshes, models, particles.

    What is written, what the numbers mean, and how exact they are, stands in docs/measures.md. Of
    several label volumes each has a folder of its name in -o.

    \b
    seget measure segmented -o measured
    seget measure segmented -o measured --on processes:4
    seget measure segmented -o measured --smallest-nm3 5000 --smallest-nm3 golgi=100000
    seget measure labels.mrc -o measured --structure granules=3 --structure golgi=5
    seget measure vesicles.h5:/main -o measured --instances --voxel-size 30,8,8
    """
    from seget.measurement import Options

    options = Options(
        structures=tuple(structure or ()),
        instances=instances,
        voxel_size_nm=parse_voxel_size(voxel_size) if voxel_size else None,
        smallest_nm3=_parse_smallest(smallest_nm3 or ()),
        contact_nm=contact,
        tubes=tuple(split_names(tubes, "--tubes")) if tubes else None,
        meshes=None if meshes == "none" else meshes,
        spacing_nm=spacing,
        unbinned_nm=unbinned,
        tomogram=str(tomogram) if tomogram else None,
    )
    _check(options)
    results = _measured(_volumes(labels), out, options, overwrite, on)
    only = next(iter(results.values())) if len(results) == 1 else None
    if as_json:
        typer.echo(json.dumps(only or results, indent=1))
    elif only:
        _print_table(only)


def _volumes(paths: list[Path]) -> dict[str, Path]:
    """Return the label volumes by name: one of a file's, or of the folder that seget segment made.

    Raises
    ------
    InputError
        Two have one name.
    """
    from seget import files
    from seget.results import LABELS

    found: dict[str, Path] = {}
    for path in paths:
        inside = sorted(one for one in path.glob(f"*/{LABELS}") if one.parent.name[0] != ".")
        if (path / LABELS).is_file():
            inside = [path / LABELS]
        for volume in inside or [path]:
            place = Path(os.path.abspath(volume)).parent
            name = place.name if volume.name == LABELS else files.title(volume)
            if found.setdefault(name, volume) != volume:
                raise InputError(
                    f"{volume}: {found[name]} is named {name}, too, and each has a folder of its "
                    "name in -o; measure them by two commands."
                )
    return found


def _measured(
    volumes: dict[str, Path], out: Path, options: Options, overwrite: bool, on: str
) -> dict[str, dict[str, Any]]:
    """Measure, say what limits the numbers, and return what each summary.json holds."""
    from seget import runners
    from seget.cli.progress import bar, say
    from seget.measurement import Task, do, lost

    runners.check(on)
    if options.tomogram and len(volumes) > 1:
        raise InputError(
            f"--tomogram {options.tomogram}: it is of one label volume, and there are "
            f"{len(volumes)}; leave it out."
        )
    by = Path if on == "here" else os.path.abspath  # other processes may be in another folder
    if options.tomogram:
        options = replace(options, tomogram=str(by(options.tomogram)))
    tasks = [
        Task(Path(by(path)), Path(by(out / name if len(volumes) > 1 else out)), options, overwrite)
        for name, path in volumes.items()
    ]
    results: dict[str, dict[str, Any]] = {}
    with bar("measure") as listener:
        told = listener if on == "here" else None  # a listener cannot be sent to a worker
        action = partial(do, listener=told, is_wanted=runners.is_wanted)
        work = runners.Work(action, lost=lost, tell=listener.note)
        outcomes = runners.run(work, tasks, on)
        for task, result in succeeded(outcomes, len(tasks), "label volumes"):
            for note in result["notes"]:
                say(note if len(tasks) == 1 else f"{task.out.name}: {note}")
            say(str(task.out))
            results[task.out.name] = result
    return results


def _parse_smallest(texts: Sequence[str]) -> dict[str, float]:
    """Return structure -> nm3 of texts `NM3` and `NAME=NM3`."""
    from seget.measurement.structures import ANY

    found = {}
    for text in texts:
        name, _, number = text.rpartition("=")
        try:
            value = float(number)
        except ValueError:
            value = math.nan
        if not 0 <= value < math.inf:
            raise InputError(
                f"--smallest-nm3 {text}: wanted NM3 or NAME=NM3, NM3 a number from 0 up."
            )
        found[name.strip() or ANY] = value
    return found


def _check(options: Options) -> None:
    """Refuse numbers and names that mean nothing."""
    if not 0 <= options.contact_nm < math.inf:
        raise InputError(f"--contact {options.contact_nm:g}: wanted a number of nm from 0 up.")
    for name, value in (("spacing", options.spacing_nm), ("unbinned", options.unbinned_nm)):
        if value is not None and not 0 < value < math.inf:
            raise InputError(f"--{name} {value:g}: wanted a number of nm above 0.")
    if options.meshes not in (None, *MESH_FORMATS):
        raise InputError(f"--meshes {options.meshes}: wanted {', '.join(MESH_FORMATS)} or none.")
    if options.tomogram and not Path(options.tomogram).exists():
        raise InputError(f"{options.tomogram}: no such file; name the tomogram, or leave it out.")


def _print_table(result: dict[str, Any]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table("structure", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    headings = ("objects", "volume\num3", "median\ndiameter nm", "median\nlength nm", "width nm")
    for heading in (*headings, "nearest\nother nm"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, said in result["structures"].items():
        others = [near for other, near in said["nearest"].items() if other != name]
        width = said["width"]
        table.add_row(
            name,
            str(said["objects"]),
            f"{said['volume_nm3'] / 1e9:.4g}",
            _shown(said["median_equivalent_diameter_nm"]),
            _shown(said["median_length_nm"]),
            f"{width['mean_nm']:.1f} +- {width['sd_nm']:.1f}" if width else "-",
            _shown(min((near["smallest_distance_nm"] for near in others), default=None)),
        )
    Console(highlight=False, markup=False).print(table)


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
