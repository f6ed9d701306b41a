"""The verb `seget evaluate`: scores of predictions against masks.

results + masks -> scores, pictures

It never computes: it prints what `evaluation` found.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from seget.cli.tomograms import say_doubts


def evaluate(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The -o of seget segment.")],
    dataset: Annotated[Path, typer.Argument(metavar="DATASET.toml", help="With the masks.")],
    slices: Annotated[
        str | None,
        typer.Option(help='Slices to score, "16-19,25" or "all"; the default is the test part.'),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    pictures: Annotated[
        bool, typer.Option(help="Draw DIR/pictures: image, prediction, truth, errors a slice.")
    ] = True,
) -> None:
    """Score predictions against the masks: mIOU, IoU, Dice, per slice and per patch.

    \b
    seget evaluate segmented dataset.toml
    seget evaluate segmented dataset.toml --slices 16-19 --json
    """
    from seget.cli.progress import say
    from seget.dataset import parse_slices, read_dataset
    from seget.evaluation import draw_reliability, draw_slices
    from seget.evaluation import evaluate as score
    from seget.files import atomic_path

    read = read_dataset(dataset)
    say_doubts(tomogram.image.path for tomogram in read.tomograms)
    chosen = "all" if slices == "all" else parse_slices(slices) if slices else None
    result = score(folder, read, chosen)
    if result["not_predicted"]:
        say(
            f"{folder}: holds no score map of a structure drawn in "
            f"{', '.join(result['not_predicted'])} of {dataset}, so the scores are without "
            f"{'it' if len(result['not_predicted']) == 1 else 'them'}."
        )
    if pictures:
        for path in draw_slices(folder, read, chosen):
            say(str(path))
        plot = folder / "pictures" / "reliability.png"
        with atomic_path(plot) as part:
            draw_reliability(part, result["structures"])
        say(str(plot))
    if as_json:
        typer.echo(json.dumps(result, indent=1))
    else:
        _print_table(result)


def _print_table(result: dict[str, Any]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from seget.dataset import slice_ranges
    from seget.evaluation import score_text

    columns = {
        "mIOU": "miou",
        "at\nthreshold": "miou_at_threshold",
        "of\nlabels": "miou_of_labels",
        "IoU": "iou",
        "Dice": "dice",
        "calibr.\nerror": "calibration_error",
        "fore-\nground": "foreground_fraction",
        "judged\npx": "judged_px",
    }
    table = Table("structure", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in columns:
        table.add_column(heading, justify="right", no_wrap=True)
    for structure, scores in result["structures"].items():
        shown = {key: score_text(scores[key], 4) for key in columns.values() if key in scores}
        shown["judged_px"] = f"{scores['judged_px']:,}"
        labels = score_text(scores["labels"]["miou"], 4) if "labels" in scores else "-"
        shown["miou_of_labels"] = labels
        table.add_row(structure, *(shown[key] for key in columns.values()))
    console = Console(highlight=False, markup=False)
    tomograms = Counter(scored["tomogram"] for scored in result["scored"])
    for scored in result["scored"]:
        # Named where they differ: structures may be annotated on slices of their own.
        of = f", {', '.join(scored['structures'])}" if tomograms[scored["tomogram"]] > 1 else ""
        console.print(
            f"{scored['tomogram']}{of}: {scored['part']} slices {slice_ranges(scored['slices'])}"
        )
    console.print(table)
    console.print(f"mean mIOU {score_text(result['mean_miou'], 4)}")
    for note in result["notes"]:
        console.print(note, soft_wrap=True)
