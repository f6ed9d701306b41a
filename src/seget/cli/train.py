"""The verb `seget train`: models from annotated slices.

dataset.toml, or a tomogram and masks -> run folders

It never trains itself: it chooses structures, recipes and folders, and shows what happens.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seget.cli.annotation import annotated_dataset
from seget.cli.options import DeviceName, Names, RecipeSettings, split_names, wanted_folder
from seget.cli.processes import silent, start_together
from seget.cli.tomograms import say_doubts
from seget.errors import InputError

if TYPE_CHECKING:
    from seget.dataset import Dataset
    from seget.listener import Listener
    from seget.recipes import Recipe
    from seget.trained import Trained
    from seget.training import Ranks, Run

REFIT = "refit"  # in a run folder: the run that learnt from its validation slices too

What = Annotated[
    Path,
    typer.Argument(metavar="DATASET.toml|TOMOGRAM", help="What is annotated; a tomogram's --mask."),
]
Masks = Annotated[
    list[str] | None,
    typer.Option(
        "--mask",
        metavar="NAME=FILE",
        help="Of a tomogram: a structure and its mask, read as seget init does; repeatable. "
        "RUN/dataset.toml stands for them then.",
    ),
]
Out = Annotated[
    Path,
    typer.Option("-o", "--out", metavar="RUN", help="Run folder.", callback=wanted_folder),
]
Joint = Annotated[bool, typer.Option("--joint", help="One network with an output a structure.")]
RecipeName = Annotated[
    str, typer.Option(help="modern (works in minutes) or paper (section 3.2, hours).")
]
Minutes = Annotated[
    float | None,
    typer.Option(min=0.01, help="Length of each run; the schedule stretches or shrinks to it."),
]
CheckpointMinutes = Annotated[
    float,
    typer.Option(
        min=0,
        help="Minutes between checkpoints within an epoch: what a crash costs at most. An epoch "
        "and Ctrl-C leave one too; the last two are kept.",
    ),
]
From = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="MODEL",
        help="What to begin from: general (comes with seget), scratch, or a model of yours, say "
        "of the last tomogram. [general with modern where it fits, else scratch]",
    ),
]
Seed = Annotated[int, typer.Option(min=0, help="Of weights, patches and augmentation.")]
Devices = Annotated[
    int,
    typer.Option(
        min=1,
        help="Processes that train together, each a part of every batch: one a GPU, or on the "
        "processor. torchrun -m seget train does the same on several machines.",
    ),
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with the run in RUN.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Remove the run in RUN first.")]
Refit = Annotated[
    bool,
    typer.Option(
        "--refit",
        help="Then train once more, on the validation slices too, into RUN/refit, with the "
        "thresholds and calibrations that they chose before. Test slices stay out.",
    ),
]
Board = Annotated[bool, typer.Option("--tensorboard", help="Also log to RUN/tensorboard.")]


def train(
    dataset: What,
    out: Out,
    masks: Masks = None,
    structures: Names = None,
    joint: Joint = False,
    recipe: RecipeName = "modern",
    settings: RecipeSettings = None,
    start: From = None,
    max_minutes: Minutes = None,
    checkpoint_minutes: CheckpointMinutes = 5.0,
    seed: Seed = 0,
    device: DeviceName = "auto",
    devices: Devices = 1,
    refit: Refit = False,
    resume: Resume = False,
    overwrite: Overwrite = False,
    tensorboard: Board = False,
) -> None:
    """Learn structures from annotated slices.

    Writes RUN/model, log.csv and curves.png, of several structures in RUN/<structure>. Ctrl-C or
    SIGTERM keeps the best model so far; --resume goes on, also after a crash: on one CPU, without
    --max-minutes, to the same weights as if nothing had happened.

    \b
    seget train dataset.toml -o runs/cell --max-minutes 15
    seget train tomogram.mrc --mask golgi=golgi.mrc --mask er=cell.mod -o runs/cell
    seget train dataset.toml -o runs/golgi -s golgi --set patch_px=512
    seget train dataset.toml -o runs/cell --joint --devices 4
    seget train second.toml -o runs/second --from runs/cell --max-minutes 5
    seget train dataset.toml -o runs/paper --recipe paper
    seget train dataset.toml -o runs/cell --resume --refit
    """
    from seget.training import Run, joined, require_choices

    start_together(devices, device, masks)
    run = Run(out, seed, device, max_minutes, checkpoint_minutes, resume, overwrite)
    with joined(device) as ranks, silent(not ranks.first):
        read = annotated_dataset(dataset, masks or [], out, overwrite)
        say_doubts(tomogram.image.path for tomogram in read.tomograms)
        chosen = tuple(split_names(structures) or read.structures)
        groups = [chosen] if joint else [(one,) for one in chosen]
        recipes = [_recipe(recipe, read, one, settings or [], start) for one in groups]
        if refit:
            require_choices(read, groups, recipes)
        runs = [_run(run, start, *one, len(groups)) for one in zip(groups, recipes, strict=True)]
        _say_what_is_annotated(read, chosen)
        for one in zip(groups, recipes, runs, strict=True):
            _train_one(read, *one, ranks, tensorboard, refit)


def _say_what_is_annotated(dataset: Dataset, structures: Sequence[str]) -> None:
    """Print how much is annotated of each structure, and what may be wrong with it."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from seget.cli.progress import say
    from seget.dataset import annotated, annotation_notes

    table = Table("structure", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in ("slices with it", "of annotated pixels"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in annotated(dataset, structures):
        table.add_row(row.structure, f"{row.shown} of {row.slices}", f"{row.share:.2%}")
    Console(stderr=True, highlight=False, markup=False).print(table)
    for note in annotation_notes(dataset, structures):
        say(note)


def _recipe(
    name: str, dataset: Dataset, group: tuple[str, ...], settings: list[str], start: str | None
) -> Recipe:
    """Return the recipe of a group of structures; say what the data chose in it."""
    from seget import recipes
    from seget.cli.progress import say
    from seget.configuration import configured

    if name not in ("modern", "paper"):
        raise InputError(f"--recipe {name}: wanted modern or paper.")
    dataset.demand(group)
    if name == "paper":
        return recipes.paper(group[0]).override(settings)
    recipe, choices = configured(dataset, group, settings, scratch=start == "scratch")
    for choice in choices:
        say(f"{', '.join(group)}: {choice.key} = {choice.value}, since {choice.reason}.")
    return recipe


def _run(run: Run, start: str | None, group: tuple[str, ...], recipe: Recipe, number: int) -> Run:
    """Return the run of one of so many groups: a folder of its own, and what it begins from."""
    folder = run.folder if number == 1 else run.folder / group[0]
    return replace(run, folder=folder, start=_start(start, recipe, group))


def _start(given: str | None, recipe: Recipe, group: tuple[str, ...]) -> Trained | None:
    """Return the model to begin from; None for weights that the seed draws."""
    from seget.cli.progress import say
    from seget.networks import Architecture
    from seget.trained import find_models, general, load
    from seget.training import misfit

    architecture = Architecture.of(recipe, len(group))
    if given is None:
        if recipe.name != "modern":
            return None
        shipped = general()
        why = misfit(architecture, shipped)
        if why:
            say(f"{', '.join(group)}: begins from scratch, since {why.partition(';')[0]}.")
        return None if why else shipped
    if given == "scratch":
        return None
    models = [general()] if given == "general" else [load(p) for p in find_models(Path(given))]
    if len(models) > 1:  # a folder of runs, one a structure
        models = [model for model in models if model.structures == group]
    if len(models) != 1:
        raise InputError(
            f"--from {given}: wanted general, scratch, or the folder of one model; this holds "
            f"{len(models) or 'none'} for {', '.join(group)}."
        )
    why = misfit(architecture, models[0])
    if why:
        raise InputError(f"--from {given}: {why}.")
    return models[0]


def _train_one(
    dataset: Dataset,
    group: tuple[str, ...],
    recipe: Recipe,
    run: Run,
    ranks: Ranks,
    board: bool,
    again: bool,
) -> None:
    """Train a run, and if wanted once more `again`, on its validation slices too."""
    from seget.cli.progress import say
    from seget.training import refit, remove_run, train, validates

    text, second = group[0] if len(group) == 1 else "joint", run.folder / REFIT
    if run.overwrite and not run.resume:
        remove_run(second)  # it has the choices of the run that is removed
    with _watched(text, run.folder, ranks, board) as listener:
        trained = train(dataset, group, recipe, run, listener, ranks)
    say(f"{run.folder / 'model'}: {_verdict(trained.provenance)}")
    if again and not validates(dataset, group):
        say(f"{text}: no slice of it validates, so there is nothing more to learn from.")
    elif again:
        with _watched(f"{text}, refit", second, ranks, board) as listener:
            refit(dataset, group, recipe, replace(run, folder=second), trained, listener, ranks)
        say(f"{second / 'model'}: learnt from the validation slices too, by what they had chosen.")


@contextmanager
def _watched(text: str, folder: Path, ranks: Ranks, board: bool) -> Iterator[Listener | None]:
    """Show a training; say what Ctrl-C kept of it."""
    from seget.cli.progress import bar, say

    try:
        with _sigterm_is_ctrl_c(), bar(text, folder, board and ranks.first) as listener:
            yield listener if ranks.first else None
    except KeyboardInterrupt:
        say(f"Stopped: {_kept(folder)}; the same command with --resume goes on.")
        raise SystemExit(1) from None


def _verdict(provenance: dict[str, Any]) -> str:
    """Say which epoch was kept, and by which validation mIOU."""
    scores = provenance["validation_miou"]
    if all(miou is None for miou in scores.values()):
        return f"epoch {provenance['epoch']}, the newest: no validation slice could choose one"
    best = "  ".join(f"{s} {'absent' if m is None else f'{m:.4f}'}" for s, m in scores.items())
    return f"best validation mIOU at epoch {provenance['epoch']}: {best}"


@contextmanager
def _sigterm_is_ctrl_c() -> Iterator[None]:
    """Let SIGTERM, which a cluster sends before it kills, do what Ctrl-C does."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _kept(folder: Path) -> str:
    from seget.training import kept_steps, read_log

    rows, steps = read_log(folder), kept_steps(folder)
    model = (
        f"the best of {len(rows)} epochs is in {folder / 'model'}"
        if rows
        else "no epoch was finished, so there is no model yet"
    )
    return f"{model}, and step {steps[-1]} is kept" if steps else model
