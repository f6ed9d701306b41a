"""The whole comparison: measure paces, choose learning rates, train, score, write the report.

dataset.toml + settings + folder -> cells.json, table.csv, table.json, table.md, report.html

It never prints: a `Listener` is told. A cell whose result is in cells.json is not trained again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import geometric_mean
from typing import Any

from seget import files, runners
from seget.comparison.cell import RUNS, CellSetup, run_cell, tidy
from seget.comparison.cell_results import CellResults
from seget.comparison.machine_name import machine_name
from seget.comparison.pictures import draw
from seget.comparison.plan import Cell, ComparisonSettings
from seget.comparison.report import comparison_report
from seget.comparison.table import make_table
from seget.comparison.text import csv_text, markdown
from seget.dataset import Dataset, read_dataset
from seget.device import choose_device
from seget.errors import InputError, RunError
from seget.listener import Listener
from seget.outcome import Attentive
from seget.training import measure_pace


@dataclass(frozen=True)
class Workers:
    """What trains the cells that are not done yet, and keeps their results.

    Attributes
    ----------
    setup
        What all cells have in common.
    where
        This process, others or a cluster; see `runners.run`.
    results
        Where results are kept.
    listener
        Is told of each stage as a part of the work.
    """

    setup: CellSetup
    where: str
    results: CellResults
    listener: Listener

    def do(self, stage: str, cells: Sequence[Cell]) -> Iterator[Cell]:
        """Yield each cell of a stage when its result is kept; those kept before are skipped."""
        if not cells:
            return
        waiting = [cell for cell in cells if cell not in self.results]
        done = len(cells) - len(waiting)
        with self.listener.part(stage) as told:
            told.progress(done, len(cells))
            if self.where == "here":
                work = partial(_run_here, setup=self.setup, listener=told)
            else:  # a listener cannot be sent to another process
                work = partial(_run_elsewhere, setup=self.setup)
            all_of_it = runners.Work(work, tell=told.note)
            for cell, result in runners.run(all_of_it, waiting, self.where):
                self.results.add(cell, result)
                tidy(self.setup.folder, cell)
                if "failed" in result:
                    told.note(f"{cell.key}: {result['failed']}")
                done += 1
                told.progress(done, len(cells))
                yield cell


def _run_here(cell: Cell, setup: CellSetup, listener: Listener) -> dict[str, Any]:
    with listener.part(cell.key) as told:
        return run_cell(cell, setup, told)


def _run_elsewhere(cell: Cell, setup: CellSetup) -> dict[str, Any]:
    return files.patiently(partial(run_cell, cell, setup, Attentive(runners.is_wanted)))


def compare(
    path: Path,
    out: Path,
    settings: ComparisonSettings,
    where: str = "here",
    listener: Listener | None = None,
    slices: Sequence[int] | None = None,
) -> dict[str, Any]:
    """Train and score every cell that is not done yet; write the table and the report.

    Parameters
    ----------
    path
        The dataset.toml.
    out
        Folder of the comparison; one that was begun with the same dataset, terms and recipe is
        gone on with.
    settings
        What is compared.
    where
        Who trains the cells, see `runners.run`.
    listener
        Is told of each stage ("learning rates", "table") as a part whose progress counts cells, and
        of the training of each cell in this process as a part of that.
    slices
        Slices to show in the report; the default is the middle one of those scored.

    Returns
    -------
    The object of table.json.
    """
    listener = listener or Listener()
    runners.check(where)
    dataset = read_dataset(path)
    _check(dataset, settings)
    out.mkdir(parents=True, exist_ok=True)
    results = CellResults(out, dataset, settings)
    _pace(dataset, settings, results, listener)
    setup = CellSetup(path.resolve(), (out / RUNS).resolve(), settings.changes, settings.device)
    workers = Workers(setup, where, results, listener)
    search = settings.search(results.pace)
    list(workers.do("learning rates", search))
    cells = settings.cells(results.pace, best_rates(search, results))
    for _ in workers.do("table", cells):
        write_tables(out, make_table(dataset, settings, cells, results))
    table: dict[str, Any] = make_table(dataset, settings, cells, results)
    write_tables(out, table)
    drawn = draw(out, dataset, settings, cells, results, slices)
    comparison_report(out / "report.html", table, *drawn)
    return table


def best_rates(
    search: Sequence[Cell], results: CellResults
) -> dict[tuple[str, tuple[str, ...]], float]:
    """Return (network, structures) -> the tried rate with the best validation mIOU.

    Raises
    ------
    RunError
        Every rate of a network failed.
    """
    best: dict[tuple[str, tuple[str, ...]], tuple[float, float]] = {}
    for cell in search:
        result = results[cell]
        miou = result.get("validation_miou")
        if miou is not None and cell.learning_rate is not None:
            found = (miou, cell.learning_rate)
            who = (cell.network, cell.structures)
            best[who] = max(best.get(who, found), found, key=lambda one: one[0])
    for cell in search:
        if (cell.network, cell.structures) not in best:
            raise RunError(
                f"{cell.network}, {cell.group}: none of the learning rates gave a validation "
                "mIOU; try lower ones, or a hold-out whose validation slices show it."
            )
    return {who: rate for who, (_, rate) in best.items()}


def write_tables(out: Path, table: dict[str, Any]) -> None:
    """Write table.json, table.csv and table.md, each whole."""
    files.write_json(out / "table.json", table)
    files.write_text(out / "table.csv", csv_text(table))
    files.write_text(out / "table.md", markdown(table))


def _check(dataset: Dataset, settings: ComparisonSettings) -> None:
    dataset.demand(s for group in settings.groups for s in group)
    if len(settings.learning_rates) > 1 and not any(t.split.validation for t in dataset.tomograms):
        raise InputError(
            f"{dataset.path}: no slice is held out for validation, so nothing can choose among "
            "the learning rates; give one rate, or another holdout."
        )
    for group in settings.groups if len(settings.learning_rates) > 1 else ():
        if not any(_is_validated(dataset, structure) for structure in group):
            raise InputError(
                f"{dataset.path}: {', '.join(group)} has no foreground on any validation slice, so "
                "nothing can choose among the learning rates; give one rate, or another holdout."
            )


def _is_validated(dataset: Dataset, structure: str) -> bool:
    """Whether a validation slice shows the structure."""
    return any(
        tomogram.masks[structure].foreground_px[z]
        for tomogram in dataset.tomograms
        if structure in tomogram.masks
        for z in tomogram.masks[structure].split.validation
    )


def _pace(
    dataset: Dataset, settings: ComparisonSettings, results: CellResults, listener: Listener
) -> None:
    """Measure the seconds a step of the networks whose pace is not known yet.

    A network that is added to a comparison later is measured together with those whose pace is
    known, and scaled by how much slower those are now: on a machine that is busier than before the
    new network still gets its fair number of steps.
    """
    results.machine = results.machine or machine_name(settings.device)
    missing = [network for network in settings.networks if network not in results.pace]
    if missing and settings.terms.kind == "budget":
        listener.note("measuring the seconds of a training step, network by network in turn")
        known = results.pace
        group = settings.groups[0]
        recipes = [
            Cell(network, group, 0, None, 1).recipe(dataset, settings.changes)
            for network in [*missing, *known]
        ]
        paces = measure_pace(dataset, group, recipes, choose_device(settings.device))
        results.pace = in_known_seconds(known, dict(zip([*missing, *known], paces, strict=True)))
    results.save()


def in_known_seconds(known: Mapping[str, float], today: Mapping[str, float]) -> dict[str, float]:
    """Return the known seconds a step, and those of the other networks on the same scale.

    The scale is the geometric mean over all known ones, since a single one may have been measured
    while the machine was busy.
    """
    slower = geometric_mean([today[n] / seconds for n, seconds in known.items()] or [1.0])
    return {**{network: seconds / slower for network, seconds in today.items()}, **known}
