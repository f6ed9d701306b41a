"""The verbs that make their own tomogram: `seget phantom` and `seget demo`.

seed -> tomogram.mrc, masks, dataset.toml, scene.json (-> model -> labels -> report.html)

It never simulates or scores itself: `phantom` and the rooms of the other verbs do.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from seget.errors import InputError

Size = Annotated[str | None, typer.Option(metavar="Z,Y,X", help="Voxels; replaces the preset's.")]
VoxelNm = Annotated[float | None, typer.Option(help="Edge of a voxel in nm.")]
Dose = Annotated[float | None, typer.Option(help="Electrons per nm2 over the tilt series.")]
Tilt = Annotated[str | None, typer.Option(metavar="FIRST,LAST,STEP", help="Angles in degrees.")]
Preset = Annotated[
    str, typer.Option(help="small (24 x 512 x 512, 4.51 nm) or paper (76 x 2048 x 2048, 2.255 nm).")
]
Seed = Annotated[int, typer.Option(min=0, help="Another seed, another cell.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")]
SCENE = "scene.json"

# At 4.5 nm a voxel a microtubule is 5 pixels wide: binned it would be lost. Weighed up to 20 times,
# two pixels in a thousand are learnt in minutes (docs/results/trials.md).
DEMO_SETTINGS = ["binning=1", "patch_px=256", "weight_cap=20"]


def phantom(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write.")],
    preset: Preset = "small",
    size: Size = None,
    voxel_nm: VoxelNm = None,
    seed: Seed = 0,
    dose: Dose = None,
    tilt: Tilt = None,
    overwrite: Overwrite = False,
) -> None:
    """Simulate a tomogram whose truth is known: a T cell at its synapse.

    Writes tomogram.mrc, a mask MRC a structure, dataset.toml and scene.json (every object in nm).

    \b
    seget phantom phantoms/0
    seget phantom phantoms/1 --seed 1 --dose 50000 --tilt -50,50,2
    seget phantom phantoms/large --preset paper
    """
    from seget.phantom import PRESETS

    if preset not in PRESETS:
        raise InputError(f"--preset {preset}: wanted {' or '.join(PRESETS)}.")
    changes: dict[str, Any] = {"seed": seed, "voxel_nm": voxel_nm, "dose": dose}
    changes["shape"] = _numbers("--size", size, int)
    changes["tilt"] = _numbers("--tilt", tilt, float)
    given = {key: value for key, value in changes.items() if value is not None}
    write_phantom(replace(PRESETS[preset], **given), folder, overwrite)


def write_phantom(settings: Any, folder: Path, overwrite: bool) -> Path:
    """Simulate into a folder, or keep what these very settings made; return its dataset.toml."""
    from dataclasses import asdict

    from seget import files
    from seget.cli.progress import bar, say
    from seget.phantom import simulate

    toml, scene = folder / "dataset.toml", folder / SCENE
    wanted = json.loads(json.dumps(asdict(settings)))
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


def demo(
    out: Annotated[Path, typer.Option("-o", "--out", metavar="DIR", help="Where to write.")] = Path(
        "seget-demo"
    ),
    minutes: Annotated[float, typer.Option(min=0.05, help="Length of the training.")] = 5.0,
    overwrite: Overwrite = False,
) -> None:
    """Go the whole way on a phantom: simulate, train, segment, evaluate, report.

    Trains on one simulated cell and scores its test slices and a second cell the model has never
    seen. The last line says where the report is.
    """
    from seget.phantom import PRESETS

    go_the_whole_way(out, PRESETS["small"], minutes, overwrite)


def go_the_whole_way(out: Path, settings: Any, minutes: float, overwrite: bool) -> None:
    """Run the demo on phantoms of some settings: seed 0 to learn from, seed 1 unseen."""
    from seget.cli.apply import segment
    from seget.cli.learn import train
    from seget.cli.progress import say

    folders = [out / "trained-cell", out / "unseen-cell"]
    tomls = [
        write_phantom(replace(settings, seed=seed), folder, overwrite)
        for seed, folder in enumerate(folders)
    ]
    run = out / "run"
    bounds: dict[str, Any] = {"resume": not overwrite, "overwrite": overwrite}
    train(tomls[0], run, joint=True, settings=DEMO_SETTINGS, max_minutes=minutes, **bounds)
    for folder in folders:
        segment([folder / "tomogram.mrc", run], folder / "segmented", overwrite=overwrite)
    say(f"Report: {_report(out, tomls, minutes)}")


def _report(out: Path, tomls: list[Path], minutes: float) -> Path:
    from seget.dataset import read_dataset
    from seget.evaluation import Part, draw_slices, evaluate, report

    texts = [
        ("Test slices", "Slices of the tomogram it learnt from, kept for the test.", None),
        ("Unseen tomogram", "Another simulated cell, none of which it has seen.", "all"),
    ]
    parts = []
    for toml, (heading, text, slices) in zip(tomls, texts, strict=True):
        dataset, folder = read_dataset(toml), toml.parent / "segmented"
        result = evaluate(folder, dataset, slices)
        scored = result["scored"][0]["slices"]
        middle = (scored[len(scored) // 2],)
        parts.append(Part(heading, text, result, list(draw_slices(folder, dataset, middle))))
        _say_scores(heading, result)
    facts = (f"{minutes:g} minutes of training", "simulated data", "seeds 0 and 1")
    path = out / "report.html"
    report(path, "seget demo: five structures of a T cell", parts, out / "run/curves.png", facts)
    return path


def _say_scores(heading: str, result: dict[str, Any]) -> None:
    from seget.cli.progress import say

    scores = "  ".join(f"{name} {s['miou']:.3f}" for name, s in result["structures"].items())
    say(f"{heading}: mean mIOU {result['mean_miou']:.3f}  ({scores})")


def _numbers(option: str, text: str | None, kind: type[int] | type[float]) -> Any:
    if text is None:
        return None
    try:
        first, second, third = (kind(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"{option} {text}: wanted three numbers with commas between.") from None
    return first, second, third
