"""The verb `seget demo`: all the way from no data to a report.

two simulated cells -> model -> labels -> scores -> report.html

It does nothing itself: it calls what the other verbs call.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seget.cli.options import wanted_folder
from seget.cli.phantom import Overwrite, write_phantom

if TYPE_CHECKING:
    from seget.phantom import Settings

DEMO_STEPS, EPOCHS = 300, 6


def demo(
    out: Annotated[
        Path,
        typer.Option("-o", "--out", metavar="DIR", help="Where to write.", callback=wanted_folder),
    ] = Path("seget-demo"),
    steps: Annotated[int, typer.Option(min=6, help="Length of the training.")] = DEMO_STEPS,
    overwrite: Overwrite = False,
) -> None:
    """Go the whole way on a phantom: simulate, train, segment, evaluate, report.

    Begins from the model that comes with seget, trains on one simulated cell, and scores its test
    slices and a second cell that nothing has seen. It says how long that takes before it begins,
    and the last line says where the report is.
    """
    from seget.phantom import PRESETS

    go_the_whole_way(out, PRESETS["small"], steps, overwrite)


def go_the_whole_way(out: Path, settings: Settings, steps: int, overwrite: bool) -> None:
    """Run the demo on phantoms of some settings: seed 0 to learn from, seed 1 unseen."""
    from seget.cli.progress import say
    from seget.cli.segment import segment
    from seget.cli.train import train
    from seget.training import read_log

    folders = [out / "trained-cell", out / "unseen-cell"]
    tomls = [
        write_phantom(replace(settings, seed=seed), folder, overwrite)
        for seed, folder in enumerate(folders)
    ]
    run = out / "run"
    each = max(1, steps // EPOCHS)
    length = [f"epochs={EPOCHS}", f"steps_per_epoch={each}"]
    left = EPOCHS - len(read_log(run))
    if left > 0:
        _say_how_long(tomls[0], left * each)
    bounds: dict[str, Any] = {"resume": not overwrite, "overwrite": overwrite}
    train(tomls[0], run, joint=True, settings=length, **bounds)
    for folder in folders:
        segment([folder / "tomogram.mrc", run], folder / "segmented", overwrite=overwrite)
    say(f"Report: {_report(out, tomls, EPOCHS * each)}")


def _say_how_long(toml: Path, steps: int) -> None:
    """Say what the training will take on this machine, by a few steps of it."""
    from seget.cli.progress import say
    from seget.configuration import configured
    from seget.dataset import read_dataset
    from seget.device import choose_device
    from seget.training import measure_pace

    dataset, device = read_dataset(toml), choose_device()
    recipe, _ = configured(dataset, dataset.structures)
    (pace_s,) = measure_pace(dataset, dataset.structures, [recipe], device, turns=1)
    say(
        f"{steps} steps of {pace_s:.2g} s ({device.torch}, {device.precision}) and their "
        f"validation will take about {math.ceil(1.15 * steps * pace_s / 60)} minutes."
    )


def _report(out: Path, tomls: list[Path], steps: int) -> Path:
    from seget.dataset import read_dataset
    from seget.evaluation import Part, draw_slices, evaluate, report, thumbnails

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
        pictures = list(draw_slices(folder, dataset, middle))
        wrong = thumbnails(folder, dataset, result, slices)
        parts.append(Part(heading, text, result, pictures, wrong))
        _say_scores(heading, result)
    facts = (
        f"{steps} steps of training",
        "begun from a model that has seen other simulated cells",
        "simulated data, seeds 0 and 1",
    )
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
