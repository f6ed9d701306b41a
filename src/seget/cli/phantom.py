"""The verb `seget phantom`: a simulated tomogram whose truth is known.

preset + options -> tomogram.mrc, masks, dataset.toml, scene.json

It never simulates itself: `seget.phantom` does.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seget.cli.options import wanted_folder
from seget.errors import InputError

if TYPE_CHECKING:
    from seget.phantom import Settings

Size = Annotated[str | None, typer.Option(metavar="Z,Y,X", help="Voxels; replaces the preset's.")]
VoxelNm = Annotated[float | None, typer.Option(help="Edge of a voxel in nm.")]
Dose = Annotated[float | None, typer.Option(help="Electrons per nm2 over the tilt series.")]
Tilt = Annotated[str | None, typer.Option(metavar="FIRST,LAST,STEP", help="Angles in degrees.")]
Preset = Annotated[
    str,
    typer.Option(
        help="small (24 x 512 x 512, 4.51 nm), paper (76 x 2048 x 2048, 2.255 nm); real, "
        "real-serial or real-face: as noisy as real tilt series, serial sections, FIB-SEM; "
        "randomised: 12 x 512 x 512, all else drawn at random from the seed."
    ),
]
Structures = Annotated[
    str | None,
    typer.Option(
        metavar="NAME,...", help="Masks to write: all, or names; the default is the paper's five."
    ),
]
Seed = Annotated[int, typer.Option(min=0, help="Another seed, another cell.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")]
SCENE = "scene.json"


def phantom(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Where to write.", callback=wanted_folder)
    ],
    preset: Preset = "small",
    size: Size = None,
    voxel_nm: VoxelNm = None,
    seed: Seed = 0,
    dose: Dose = None,
    tilt: Tilt = None,
    structures: Structures = None,
    overwrite: Overwrite = False,
) -> None:
    """Simulate a tomogram whose truth is known: a T cell at its synapse.

    Writes tomogram.mrc, a mask MRC a structure, dataset.toml and scene.json (every object in nm).

    \b
    seget phantom phantoms/0
    seget phantom phantoms/1 --seed 1 --dose 50000 --tilt -50,50,2
    seget phantom phantoms/large --preset paper
    seget phantom phantoms/2 --seed 2 --structures golgi,mitochondria,membranes
    seget phantom phantoms/3 --preset randomised --seed 3 --structures all
    """
    from seget.phantom.structures import parsed

    changes: dict[str, Any] = {"voxel_nm": voxel_nm, "dose": dose}
    changes["shape"] = _numbers("--size", size, int)
    changes["tilt"] = _numbers("--tilt", tilt, float)
    changes["structures"] = None if structures is None else parsed(structures)
    given = {key: value for key, value in changes.items() if value is not None}
    write_phantom(_settings(preset, seed, given), folder, overwrite)


def _settings(preset: str, seed: int, given: dict[str, Any]) -> Settings:
    """Return the settings of a preset with the numbers that were given instead of its own."""
    from seget.phantom import PRESETS, randomised

    if preset == "randomised":
        drawn = {key: given[key] for key in ("shape", "structures") if key in given}
        return replace(randomised(seed, **drawn), **given)
    if preset not in PRESETS:
        raise InputError(f"--preset {preset}: wanted {', '.join(PRESETS)} or randomised.")
    return replace(PRESETS[preset], seed=seed, **given)


def write_phantom(settings: Settings, folder: Path, overwrite: bool) -> Path:
    """Simulate into a folder, or keep what these very settings made; return its dataset.toml."""
    from seget import files
    from seget.cli.progress import bar, say
    from seget.phantom import simulate

    toml, scene = folder / "dataset.toml", folder / SCENE
    wanted = json.loads(json.dumps(settings.facts()))
    if toml.exists() and not overwrite:
        made = files.read_json(scene)
        if isinstance(made, dict) and made.get("settings") == wanted:
            say(f"{folder}: this phantom is there already.")
            return toml
        raise InputError(f"{folder}: holds another dataset; give --overwrite, or another folder.")
    with bar(f"phantom {settings.seed}") as listener:
        made = simulate(settings, listener)
    for name, volume in {"tomogram": made.tomogram, **made.masks}.items():
        files.write(folder / f"{name}.mrc", volume)
    files.write_json(scene, made.scene)
    files.write_text(toml, made.dataset_toml)
    say(str(toml))
    return toml


def _numbers(option: str, text: str | None, kind: type[int] | type[float]) -> Any:
    if text is None:
        return None
    try:
        first, second, third = (kind(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"{option} {text}: wanted three numbers with commas between.") from None
    return first, second, third
