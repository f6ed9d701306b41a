"""The verb `seget demo`: all the way from no data to a report.

two simulated cells -> model -> labels -> scores -> report.html

It does nothing itself: it calls what the other verbs call.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seget.cli.options import wanted_folder
from seget.cli.phantom import Overwrite, write_phantom

if TYPE_CHECKING:
    from seget.phantom import Settings

# At 4.5 nm a voxel a microtubule is 5 pixels wide: binned it would be lost. Weighed up to 20 times,
# two pixels in a thousand are learnt in minutes (docs/results/trials.md).
DEMO_SETTINGS = ["binning=1", "patch_px=256", "weight_cap=20"]


def demo(
    out: Annotated[
        Path,
        typer.Option("-o", "--out", metavar="DIR", help="Where to write.", callback=wanted_folder),
    ] = Path("seget-demo"),
    minutes: Annotated[float, typer.Option(min=0.05, help="Length of the training.")] = 5.0,
    overwrite: Overwrite = False,
) -> None:
    """Go the whole way on a phantom: simulate, train, segment, evaluate, report.

    Trains on one simulated cell and scores its test slices and a second cell the model has never
    seen. The last line says where the report is.
    """
    from seget.phantom import PRESETS

    go_the_whole_way(out, PRESETS["small"], minutes, overwrite)


def go_the_whole_way(out: Path, settings: Settings, minutes: float, overwrite: bool) -> None:
    """Run the demo on phantoms of some settings: seed 0 to learn from, seed 1 unseen."""
    from seget.cli.progress import say
    from seget.cli.segment import segment
    from seget.cli.train import train

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
    from seget.evaluation import score_text

    scores = "  ".join(
        f"{name} {score_text(s['miou'], 3)}" for name, s in result["structures"].items()
    )
    say(f"{heading}: mean mIOU {score_text(result['mean_miou'], 3)}  ({scores})")
