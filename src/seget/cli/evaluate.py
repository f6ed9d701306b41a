"""The verb `seget evaluate`: scores of predictions against masks.

results + masks -> scores, pictures

It never computes: it prints what `evaluation` found.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seget.cli.tomograms import say_doubts
from seget.errors import InputError

if TYPE_CHECKING:
    from rich.table import Table

    from seget.dataset import Dataset

MOST_PICTURES = 6  # of slices in the report: the worst

Slices = Annotated[
    str | None,
    typer.Option(help='Slices to score, "16-19,25" or "all"; the default is the test part.'),
]
Pictures = Annotated[
    bool,
    typer.Option(
        help="Draw DIR/pictures (image, prediction, truth, errors a slice) and DIR/report.html."
    ),
]
Tolerance = Annotated[
    float | None,
    typer.Option(
        metavar="NM", help="Of surface Dice: how far boundaries may be; the default is 2 pixels."
    ),
]


def evaluate(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The -o of seget segment.")],
    dataset: Annotated[Path, typer.Argument(metavar="DATASET.toml", help="With the masks.")],
    slices: Slices = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    pictures: Pictures = True,
    tolerance: Tolerance = None,
) -> None:
    """Score predictions against the masks: pixels, objects, boundaries, centre lines.

    mIOU, IoU and Dice, per slice and per patch; which objects were missed, invented, split and
    merged, and where; surface Dice; of tubes centre-line Dice. DIR gets scores.csv,
    object_errors.csv and report.html.

    \b
    seget evaluate segmented dataset.toml
    seget evaluate segmented dataset.toml --slices 16-19 --json
    """
    from seget.cli.progress import say
    from seget.dataset import parse_slices, read_dataset
    from seget.evaluation import evaluate as score
    from seget.evaluation import write_tables

    read = read_dataset(dataset)
    say_doubts(tomogram.image.path for tomogram in read.tomograms)
    chosen = "all" if slices == "all" else parse_slices(slices) if slices else None
    if tolerance is not None and not 0 < tolerance < math.inf:
        raise InputError(f"--tolerance {tolerance:g}: wanted a number of nm above 0.")
    result = score(folder, read, chosen, tolerance)
    if result["not_predicted"]:
        say(
            f"{folder}: holds no score map of a structure drawn in "
            f"{', '.join(result['not_predicted'])} of {dataset}, so the scores are without "
            f"{'it' if len(result['not_predicted']) == 1 else 'them'}."
        )
    write_tables(folder, result)
    if pictures:
        for path in _drawn(folder, read, result, chosen):
            say(str(path))
    if as_json:
        typer.echo(json.dumps(result, indent=1))
    else:
        _print_table(result)


def _drawn(
    folder: Path,
    dataset: Dataset,
    result: dict[str, Any],
    chosen: tuple[int, ...] | str | None,
) -> Iterator[Path]:
    """Draw each scored slice, the reliability of the scores, and the report; yield each's path."""
    from seget.evaluation import draw_reliability, draw_slices
    from seget.files import atomic_path

    drawn = []
    for path in draw_slices(folder, dataset, chosen):
        drawn.append(path)
        yield path
    plot = folder / "pictures" / "reliability.png"
    with atomic_path(plot) as part:
        draw_reliability(part, result["structures"])
    yield plot
    yield _write_report(folder, dataset, result, chosen, drawn)


def _write_report(
    folder: Path,
    dataset: Dataset,
    result: dict[str, Any],
    chosen: tuple[int, ...] | str | None,
    drawn: Sequence[Path],
) -> Path:
    """Write DIR/report.html, with the worst slices of those that were drawn."""
    from seget.dataset import slice_ranges
    from seget.evaluation import Part, report, thumbnails, worst_slices

    worst = {f"{one.tomogram}_{one.slice:04d}": i
             for i, one in enumerate(worst_slices(result, MOST_PICTURES))}  # fmt: skip
    shown = sorted((path for path in drawn if path.stem in worst), key=lambda p: worst[p.stem])
    text = "; ".join(
        f"{one['tomogram']}: {one['part']} slices {slice_ranges(one['slices'])}, "
        f"{', '.join(one['structures'])}"
        for one in result["scored"]
    )
    heading = f"{'Slices' if len(drawn) <= MOST_PICTURES else 'The worst slices'} below"
    wrong = thumbnails(folder, dataset, result, chosen)
    path = folder / "report.html"
    part = Part("Scores", f"{text}. {heading}: the lowest mIOU first.", result, shown, wrong)
    report(path, f"Evaluated: {folder.resolve().name} against {dataset.path.name}", [part])
    return path


def _print_table(result: dict[str, Any]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from seget.dataset import slice_ranges
    from seget.evaluation import interval_text, score_text

    columns = {
        "mIOU": "miou",
        "95 %\ninterval": "miou_interval",
        "at\nthre-\nshold": "miou_at_threshold",
        "of\nlabels": "miou_of_labels",
        "IoU": "iou",
        "Dice": "dice",
        "calibr.\nerror": "calibration_error",
        "judged\npx": "judged_px",
    }
    table = Table("structure", box=SIMPLE_HEAD, padding=0)
    for heading in columns:
        table.add_column(heading, justify="right", no_wrap=True)
    for structure, scores in result["structures"].items():
        labels = score_text(scores["labels"]["miou"], 4) if "labels" in scores else "-"
        shown = {
            "miou_interval": interval_text(scores["miou_interval"], 3),
            "miou_of_labels": labels,
            "judged_px": f"{scores['judged_px']:,}",
        }
        shown |= {key: score_text(scores[key], 4) for key in columns.values() - shown.keys()}
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
    console.print(_objects_table(result))
    within = {one["objects"]["surface_tolerance_nm"] for one in result["structures"].values()}
    said = ", ".join(f"{nm:.3g}" for nm in sorted(within - {None}))
    console.print(f"surface Dice within {said} nm" if said else "no voxel size: no surface Dice")
    ends = result["mean_miou_interval"]
    sure = f", 95 % interval {interval_text(ends, 3)}" if ends else ""
    console.print(f"mean mIOU {score_text(result['mean_miou'], 4)}{sure}")
    for note in result["notes"]:
        console.print(note, soft_wrap=True)


def _objects_table(result: dict[str, Any]) -> Table:
    """Return the table of objects, boundaries and centre lines."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from seget.evaluation import score_text

    kinds = {
        "truth": "in\ntruth",
        "found": "found",
        "missed": "missed",
        "invented": "in-\nvented",
        "split": "split",
        "merged": "merged",
        "inexact": "in-\nexact",
    }
    table = Table("structure", box=SIMPLE_HEAD, padding=0)
    for heading in ("surface\nDice", "line\nDice", "object\nF1", *kinds.values()):
        table.add_column(heading, justify="right", no_wrap=True)
    for structure, scores in result["structures"].items():
        of = scores["objects"]
        tolerance, line = of["surface_tolerance_nm"], of["centre_line_dice"]
        table.add_row(
            structure,
            "-" if tolerance is None else score_text(of["surface_dice"], 3),
            "-" if line is None else f"{line:.3f}",
            score_text(of["f1"], 3),
            *(str(of[kind]) for kind in kinds),
        )
    return table
