"""The verbs that use models: predict, fuse, segment, evaluate.

tomograms + models -> score maps -> labels -> scores

It never computes: it sorts arguments, shows progress and prints results.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from seget.errors import InputError

Inputs = Annotated[
    list[Path],
    typer.Argument(
        metavar="TOMOGRAM... MODEL...",
        help="Tomograms (files, or folders of them) and models (run folders, or folders of runs).",
    ),
]
Out = Annotated[Path, typer.Option("-o", "--out", metavar="DIR", help="Folder of outputs.")]
DeviceName = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
Window = Annotated[
    int | None,
    typer.Option(help="Edge in pixels of windows; the default takes slices whole if it can."),
]
Views = Annotated[
    int,
    typer.Option(
        help="Average 4 or 8 mirrored and turned views: better, in 4 or 8 times the time."
    ),
]
Format = Annotated[str, typer.Option(help="Of score maps: mrc or zarr (OME-Zarr).")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace outputs that exist.")]


def predict(
    inputs: Inputs,
    out: Out,
    device: DeviceName = "auto",
    window: Window = None,
    views: Views = 1,
    format: Format = "mrc",
    overwrite: Overwrite = False,
) -> None:
    """Write a score map (0..127) a structure for each tomogram.

    \b
    seget predict tomogram.mrc runs/cell -o predicted
    seget predict a.mrc b.mrc runs/golgi runs/synapse -o predicted
    """
    from seget.cli.progress import bar, say
    from seget.prediction import Options, predict_files

    options = Options(device, window, views, format, overwrite)
    for volume, models, folder in _jobs(inputs, out):
        with bar(f"predict {volume.name}") as progress:
            paths = predict_files(volume, models, folder, options, progress)
        for path in paths:
            say(str(path))


def fuse(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The -o of seget predict.")],
    out: Annotated[Path, typer.Option("-o", "--out", metavar="LABELS", help=".mrc or .zarr")],
    threshold: Annotated[
        list[str] | None,
        typer.Option(metavar="STRUCTURE=T", help="Replace a model's threshold (0 to 1)."),
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Fuse the score maps of a tomogram into one label volume.

    A pixel takes the structure with the highest score above its threshold, else background.

    \b
    seget fuse predicted -o labels.mrc
    seget fuse predicted -o labels.mrc --threshold golgi=0.4
    """
    from seget.cli.progress import bar, say
    from seget.prediction import fuse_files

    with bar("fuse") as progress:
        fuse_files(folder, out, _thresholds(threshold or []), overwrite, progress)
    say(str(out))


def segment(
    inputs: Inputs,
    out: Out,
    device: DeviceName = "auto",
    window: Window = None,
    views: Views = 1,
    format: Format = "mrc",
    overwrite: Overwrite = False,
) -> None:
    """Predict and fuse in one go: score maps, labels.mrc and labels.json.

    \b
    seget segment tomogram.mrc runs/cell -o segmented
    """
    from seget.cli.progress import bar, say
    from seget.prediction import Options, segment_files

    options = Options(device, window, views, format, overwrite)
    for volume, models, folder in _jobs(inputs, out):
        with bar(f"segment {volume.name}") as progress:
            labels = segment_files(volume, models, folder, options, progress)
        say(str(labels))


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
    from seget.evaluation import draw_slices
    from seget.evaluation import evaluate as score

    read = read_dataset(dataset)
    chosen = "all" if slices == "all" else parse_slices(slices) if slices else None
    result = score(folder, read, chosen)
    if pictures:
        for path in draw_slices(folder, read, chosen):
            say(str(path))
    if as_json:
        typer.echo(json.dumps(result, indent=1))
    else:
        _print_table(result)


def _jobs(inputs: list[Path], out: Path) -> list[tuple[Any, list[Any], Path]]:
    """Sort arguments into tomograms and models; return (volume, models, folder) a tomogram."""
    from seget import files
    from seget.trained import find_models, load

    models, tomograms = [], []
    for path in inputs:
        found = find_models(path)
        models += found
        tomograms += [] if found else files.find_tomograms(path)
    if not tomograms or not models:
        missing = "a tomogram" if models else "a model (a run folder of seget train)"
        raise InputError(
            f"{', '.join(map(str, inputs))}: wanted at least one tomogram and one model, "
            f"found no {missing.removeprefix('a ')}; name {missing}."
        )
    volumes = [files.read(path) for path in tomograms]
    names = [volume.name for volume in volumes]
    twins = sorted({name for name in names if names.count(name) > 1})
    if twins:
        raise InputError(f"two tomograms are named {twins[0]}; give them in two commands.")
    trained = [load(path) for path in models]
    several = len(volumes) > 1
    return [(v, trained, out / v.name if several else out) for v in volumes]


def _thresholds(given: list[str]) -> dict[str, float]:
    chosen = {}
    for text in given:
        structure, _, number = text.partition("=")
        try:
            chosen[structure.strip()] = float(number)
        except ValueError:
            raise InputError(f"--threshold {text}: wanted STRUCTURE=T with T in 0 to 1.") from None
    return chosen


def _print_table(result: dict[str, Any]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    columns = {
        "mIOU": "miou",
        "at threshold": "miou_at_threshold",
        "of labels": "labels",
        "IoU": "iou",
        "Dice": "dice",
        "foreground": "foreground_fraction",
    }
    table = Table("structure", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in columns:
        table.add_column(heading, justify="right", no_wrap=True)
    for structure, scores in result["structures"].items():
        shown = {**scores, "labels": scores.get("labels", {}).get("miou")}
        values = [shown[key] for key in columns.values()]
        table.add_row(structure, *("-" if v is None else f"{v:.4f}" for v in values))
    console = Console(highlight=False)
    for scored in result["scored"]:
        console.print(f"{scored['tomogram']}: {scored['part']} slices {_ranges(scored['slices'])}")
    console.print(table)
    console.print(f"mean mIOU {result['mean_miou']:.4f}")


def _ranges(slices: list[int]) -> str:
    """Return slice numbers as `3, 7-9`."""
    runs: list[list[int]] = []
    for z in slices:
        if runs and runs[-1][-1] == z - 1:
            runs[-1].append(z)
        else:
            runs.append([z])
    return ", ".join(f"{r[0]}-{r[-1]}" if len(r) > 1 else str(r[0]) for r in runs)
