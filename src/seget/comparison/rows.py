"""The rows and sentences of a comparison that both the report and the plain text show.

table.json's object -> rows of scores, costs and learning rates; facts in words

It never computes a score; it takes means and spreads of given scores over the seeds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import mean, stdev
from typing import Any, NamedTuple

from seget.dataset import slice_ranges

Table = Mapping[str, Any]

AVERAGE = "average"
ABSENT = "absent"
DIFFERENCES = (
    "SegET's mIOU minus that of each network on the same seeds: the mean, and a 95 % interval from "
    "drawing seeds, tomograms and their slices with replacement, the same for both. Below 0, the "
    "other is better."
)
COST = (
    "network",
    "parameters",
    "GFLOP, 512 x 512 px",
    "training, ms a step",
    "prediction, s a slice",
    "steps made",
)


@dataclass(frozen=True)
class Score:
    """One number of table 1.

    Attributes
    ----------
    values
        The mIOU of each finished seed; empty where none is.
    seeds
        How many seeds were asked for.
    interval
        Low and high end over the scored slices.
    best
        Whether no other network has a higher number, as shown.
    absent
        Whether the structure is on no scored slice, so that no network has a number.
    """

    values: tuple[float, ...]
    seeds: int = 1
    interval: tuple[float, float] | None = None
    best: bool = False
    absent: bool = False

    @property
    def mean(self) -> float | None:
        """Mean over the seeds."""
        return mean(self.values) if self.values else None

    @property
    def spread(self) -> float | None:
        """Half the range of two seeds, the standard deviation of more; one has none."""
        if len(self.values) < 2:
            return None
        if len(self.values) == 2:
            return (max(self.values) - min(self.values)) / 2
        return stdev(self.values)

    @property
    def text(self) -> str:
        """The number as it is shown."""
        if self.absent:
            return ABSENT
        spread = "" if self.spread is None else f" \N{PLUS-MINUS SIGN} {self.spread:.3f}"
        return number(self.mean) + spread

    @property
    def remark(self) -> str:
        """Say how many seeds are missing from a number that is there."""
        incomplete = 0 < len(self.values) < self.seeds
        return f"{len(self.values)} of {self.seeds} seeds" if incomplete else ""


class Row(NamedTuple):
    """A network's line of table 1: a score a structure, then the average."""

    network: str
    title: str
    scores: list[Score]


def score_rows(table: Table) -> list[Row]:
    """Return table 1, the best of each column marked; equal ones, as shown, are all the best."""
    rows = []
    for network, about in table["networks"].items():
        found = [table["scores"].get(network, {}).get(s) for s in table["structures"]]
        mious = [cell["miou"] if cell else [] for cell in found]
        intervals = [cell["interval"] if cell else None for cell in found]
        mious.append(table["averages"].get(network) or [])
        scores = [
            Score(
                tuple(value for value in values if value is not None),
                len(table["seeds"]),
                (interval[0], interval[1]) if interval else None,
                absent=absent,
            )
            for values, interval, absent in zip(
                mious, [*intervals, None], [*map(is_absent, found), False], strict=True
            )
        ]
        rows.append(Row(network, about["title"], scores))
    return _marked(rows)


def threshold_rows(table: Table) -> list[Row]:
    """Return the mIOU of each model at its own threshold, chosen on the validation slices.

    Means over the seeds. How far they are from table 1 says how well 0.5 suits a network.
    """
    rows = []
    for network, about in table["networks"].items():
        found = [table["scores"].get(network, {}).get(s) for s in table["structures"]]
        mious = [cell["miou_at_threshold"] if cell else None for cell in found]
        there = [miou for miou in mious if miou is not None]
        absent = [*map(is_absent, found), False]
        average = mean(there) if there and all(found) else None
        scores = [
            Score(() if miou is None else (miou,), absent=gone)
            for miou, gone in zip((*mious, average), absent, strict=True)
        ]
        rows.append(Row(network, about["title"], scores))
    return _marked(rows)


def difference_tables(table: Table) -> list[dict[str, Any]]:
    """Return how far SegET, and SegET as shipped, are before each network.

    Each has a `head` and `rows`: a network's title, a cell a structure, the average. An interval
    that does not hold 0 is what the seeds and slices can tell apart.
    """
    tables = []
    for ours, of_each in table.get("differences", {}).items():
        rows = [
            [
                table["networks"][theirs]["title"],
                *(_signed(found["structures"].get(s)) for s in table["structures"]),
                _signed(found["average"]),
            ]
            for theirs, found in of_each.items()
        ]
        tables.append({"head": f"{table['networks'][ours]['title']} minus", "rows": rows})
    return tables


def _signed(cell: Mapping[str, Any] | None) -> str:
    if cell is None:
        return ABSENT
    ends = cell["interval"]
    return f"{cell['mean']:+.3f}" + (f" ({ends[0]:+.3f} to {ends[1]:+.3f})" if ends else "")


def is_absent(cell: Mapping[str, Any] | None) -> bool:
    """Whether a structure has finished trainings and yet no mIOU: it is on no scored slice."""
    return cell is not None and bool(cell["miou"]) and all(m is None for m in cell["miou"])


def _marked(rows: Sequence[Row]) -> list[Row]:
    columns = [mark_best(column) for column in zip(*(row.scores for row in rows), strict=True)]
    return [
        row._replace(scores=list(scores))
        for row, scores in zip(rows, zip(*columns, strict=True), strict=True)
    ]


def mark_best(scores: Sequence[Score]) -> list[Score]:
    """Return the same scores, the highest marked."""
    # Compared as shown: of two numbers that look equal, a reader could not see why one is bold.
    highest = max((number(s.mean) for s in scores if s.values), default=None)
    return [replace(s, best=bool(s.values) and number(s.mean) == highest) for s in scores]


def facts(table: Table) -> list[tuple[str, str]]:
    """Return what a reader must know of a table: (name, text)."""
    slices = "; ".join(f"{name}: {z}" for name, z in _slices(table["split"]).items())
    models = "one model of all structures" if table["joint"] else "one model a structure"
    return [
        ("Dataset", table["dataset"]),
        ("Split", _sentence(table["split"]["text"])),
        ("Slices", slices),
        ("Terms", _sentence(table["terms"]["text"])),
        ("Recipe", f"{table['recipe']}, {models}"),
        ("Seeds", ", ".join(map(str, table["seeds"]))),
        ("Machine", table["machine"] or "-"),
    ]


def _slices(split: Mapping[str, Any]) -> dict[str, str]:
    """Return tomogram -> its scored slices, by structure where these have slices of their own."""
    shown = {name: slice_ranges(slices) for name, slices in split["slices"].items()}
    for name, of_each in split.get("slices_of", {}).items():
        if len({tuple(slices) for slices in of_each.values()}) > 1:
            shown[name] = ", ".join(f"{s} ({slice_ranges(z)})" for s, z in of_each.items())
    return shown


def cost_rows(table: Table) -> list[list[str]]:
    """Return the lines of the cost table, below the names of `COST`."""
    rows = []
    for network, numbers in table["networks"].items():
        steps = [cell["steps"] for cell in table["scores"].get(network, {}).values()]
        step_s, slice_s = numbers["step_s"], numbers["slice_s"]
        rows.append(
            [
                numbers["title"],
                f"{numbers['parameters']:,}",
                f"{numbers['gflop']:.1f}",
                "-" if step_s is None else f"{1000 * step_s:,.0f}",
                "-" if slice_s is None else f"{slice_s:.3g}",
                span(steps),
            ]
        )
    return rows


def search_tables(table: Table) -> list[dict[str, Any]]:
    """Return the tables of the learning rates that were tried, one a group of structures."""
    groups: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for trial in table["search"]:
        groups.setdefault(tuple(trial["structures"]), []).append(trial)
    return [_search(table, structures, trials) for structures, trials in groups.items()]


def _search(
    table: Table, structures: Sequence[str], trials: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return one group's table: a line a network, a column a rate, the chosen one marked."""
    rates = sorted({trial["learning_rate"] for trial in trials})
    rows = []
    for network in dict.fromkeys(trial["network"] for trial in trials):
        own = {trial["learning_rate"]: trial for trial in trials if trial["network"] == network}
        cells = [
            {
                "text": number(own[rate]["validation_miou"]) if rate in own else "-",
                "chosen": rate in own and own[rate]["chosen"],
            }
            for rate in rates
        ]
        title = table["networks"][network]["title"]
        steps = span(trial["steps"] for trial in own.values())
        rows.append({"title": title, "cells": cells, "steps": steps})
    return {
        "structures": ", ".join(structures),
        "rates": [f"{rate:g}" for rate in rates],
        "rows": rows,
    }


def span(numbers: Iterable[int | None]) -> str:
    """Return the smallest and the largest of counts, or the one that all are."""
    known = sorted({n for n in numbers if n is not None})
    if not known:
        return "-"
    return f"{known[0]:,}" + (f" to {known[-1]:,}" if len(known) > 1 else "")


def number(value: float | None, digits: int = 3) -> str:
    """Return a score as it is shown; "-" for one that does not exist."""
    return "-" if value is None else f"{value:.{digits}f}"


def _sentence(text: str) -> str:
    """Begin with a capital letter and end with a full stop."""
    return text[:1].upper() + text[1:].removesuffix(".") + "."
