"""The verb `seget compare`: networks against each other on one dataset.

dataset.toml -> table.csv, table.json, table.md, report.html

It never trains itself: it reads what is asked for, shows progress and says where the report is.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seget.cli.options import (
    Data,
    DeviceName,
    Names,
    On,
    RecipeSettings,
    split_names,
    wanted_folder,
)
from seget.cli.tomograms import say_doubts
from seget.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from seget.comparison import ComparisonSettings, Terms

Out = Annotated[
    Path,
    typer.Option(
        "-o", "--out", metavar="DIR", help="Folder of the comparison.", callback=wanted_folder
    ),
]
Networks = Annotated[
    list[str] | None,
    typer.Option(
        "--networks",
        help="Comma list: fcn8s, segnet, unet, deeplabv3plus, seget, seget_printed, and "
        "seget_shipped, which is what seget train does: it begins from the model that comes with "
        "seget and chooses by what is drawn, where all others begin from scratch with the recipe "
        "as it is. If left out the table's five, SegET as printed with --recipe paper.",
    ),
]
Joint = Annotated[bool, typer.Option("--joint", help="One model of all structures a network.")]
Budget = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="Equal time: 90s, 10m, 2h of optimiser steps a cell. [10m]"),
]
Steps = Annotated[int | None, typer.Option(min=1, help="Equal optimiser steps a cell instead.")]
RecipeName = Annotated[
    str, typer.Option(help="modern, or paper: each structure's own recipe to its own end.")
]
Rates = Annotated[
    str | None,
    typer.Option(
        metavar="RATE,...",
        help="Peak rates; each network tries each in a fifth of its length, validation chooses. "
        "[0.001,0.003,0.01; the paper's own with --recipe paper]",
    ),
]
Seeds = Annotated[int, typer.Option(min=1, help="Number of seeds: 0, 1, ...")]
Slices = Annotated[
    str | None, typer.Option(help='Scored slices to show, "16,18"; the default is the middle one.')
]
AsJson = Annotated[bool, typer.Option("--json", help="Print table.json.")]

DEFAULT_RATES = "0.001,0.003,0.01"
DEFAULT_BUDGET = "10m"


def compare(
    dataset: Data,
    out: Out,
    networks: Networks = None,
    structures: Names = None,
    joint: Joint = False,
    budget: Budget = None,
    steps: Steps = None,
    recipe: RecipeName = "modern",
    learning_rates: Rates = None,
    settings: RecipeSettings = None,
    seeds: Seeds = 1,
    slices: Slices = None,
    on: On = "here",
    device: DeviceName = "auto",
    as_json: AsJson = False,
) -> None:
    """Make the paper's table 1 on your data: five networks, each at its best, on unseen slices.

    Writes DIR/table.csv, table.json, table.md, report.html, and cells.json with all that is done:
    the same command goes on where it was stopped, with more seeds or networks too.

    \b
    seget compare dataset.toml -o table1 --budget 10m --seeds 2
    seget compare dataset.toml -o joint --joint --steps 2000 --networks unet,seget,seget_shipped
    seget compare dataset.toml -o paper --recipe paper --device cuda
    seget compare dataset.toml -o table1 --on gpus
    """
    from seget.comparison import ComparisonSettings
    from seget.dataset import parse_slices, read_dataset
    from seget.machine import keep_freed_memory

    keep_freed_memory()
    read = read_dataset(dataset)
    say_doubts(tomogram.image.path for tomogram in read.tomograms)
    chosen = split_names(structures) or list(read.structures)
    asked = ComparisonSettings(
        networks=_networks(networks, recipe),
        groups=(tuple(chosen),) if joint else tuple((structure,) for structure in chosen),
        terms=_terms(budget, steps, recipe, joint),
        learning_rates=_rates(learning_rates, recipe),
        seeds=tuple(range(seeds)),
        changes=tuple(settings or ()),
        device=device,
    )
    _compare(dataset, out, asked, on, parse_slices(slices) if slices else None)
    if as_json:
        typer.echo((out / "table.json").read_text(), nl=False)
    else:
        typer.echo((out / "table.md").read_text(), nl=False)


def _compare(
    dataset: Path, out: Path, asked: ComparisonSettings, on: str, slices: tuple[int, ...] | None
) -> None:
    from seget.cli.progress import bar, say
    from seget.comparison import compare as run

    try:
        with bar("compare") as listener:
            run(dataset, out, asked, on, listener, slices)
    except KeyboardInterrupt:
        say(f"Stopped: what is done is in {out / 'cells.json'}; the same command goes on.")
        raise SystemExit(1) from None
    say(f"Report: {out / 'report.html'}")


def _networks(given: list[str] | None, recipe: str) -> tuple[str, ...]:
    """Return the networks in the order of the paper's table; one SegET unless both are named."""
    from seget.comparison.plan import SHIPPED
    from seget.networks import NETWORKS

    other = "seget" if recipe == "paper" else "seget_printed"
    names = split_names(given, "--networks") or [name for name in NETWORKS if name != other]
    known = [*NETWORKS, SHIPPED]
    unknown = sorted(set(names) - set(known))
    if unknown:
        meant = did_you_mean(unknown[0], known)
        raise InputError(f"--networks {unknown[0]}{meant}: wanted some of {', '.join(known)}.")
    if SHIPPED in names and recipe == "paper":
        raise InputError(
            f"--networks {SHIPPED} --recipe paper: the paper begins from scratch; leave out one."
        )
    return tuple(name for name in known if name in names)


def _terms(budget: str | None, steps: int | None, recipe: str, joint: bool) -> Terms:
    from seget.comparison import Terms

    if recipe not in ("modern", "paper"):
        raise InputError(f"--recipe {recipe}: wanted modern or paper.")
    if (budget is not None) + (steps is not None) + (recipe == "paper") > 1:
        raise InputError("give one of --budget, --steps and --recipe paper: they exclude another.")
    if recipe == "paper":
        if joint:
            raise InputError(
                "--recipe paper --joint: the paper's recipes differ by structure; leave out one."
            )
        return Terms("paper")
    return Terms("steps", steps) if steps else Terms("budget", _seconds(budget or DEFAULT_BUDGET))


def _seconds(text: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", text.strip())
    seconds = float(found[1]) * {"s": 1, "m": 60, "h": 3600}[found[2]] if found else 0.0
    if not seconds:
        raise InputError(f"--budget {text}: wanted a time such as 90s, 10m or 2h.")
    return seconds


def _rates(text: str | None, recipe: str) -> tuple[float, ...]:
    if text is None and recipe == "paper":
        return ()
    try:
        rates = tuple(float(part) for part in (text or DEFAULT_RATES).split(","))
    except ValueError:
        rates = ()
    if not rates or not all(0 < rate <= 1 for rate in rates) or len(set(rates)) < len(rates):
        raise InputError(
            f"--learning-rates {text}: wanted different numbers in 0 to 1 with commas between."
        )
    return rates
