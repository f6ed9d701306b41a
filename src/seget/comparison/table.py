"""The table of a comparison from its finished cells: means over seeds, intervals, costs.

results of cells -> one plain object, the content of table.json

It never trains and never draws. A number that does not exist is absent or None, never 0: so is the
mIOU of a structure that is on no scored slice.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from seget.bootstrap import miou_interval
from seget.comparison.cell_results import CellResults
from seget.comparison.differences import CellCounts, differences
from seget.comparison.plan import Cell, ComparisonSettings, title_of
from seget.dataset import Dataset
from seget.evaluation import without_nan
from seget.metrics import Counts, mean_ignoring_absent
from seget.networks import Architecture

MEANS = ("iou", "dice", "miou_at_threshold", "miou_per_patch", "pixel_accuracy")


def make_table(
    dataset: Dataset, settings: ComparisonSettings, cells: Sequence[Cell], results: CellResults
) -> Any:
    """Return the table of the cells that are finished."""
    done = [cell for cell in cells if _is_scored(cell, results)]
    structures = [s for group in settings.groups for s in group]
    scores = {n: _network_scores(n, structures, done, results) for n in settings.networks}
    of_network = {cell.network: cell for cell in cells}
    recipes = {n: cell.recipe(dataset, settings.changes) for n, cell in of_network.items()}
    networks = {n: Architecture.of(recipes[n], outputs=1) for n in settings.networks}
    return without_nan(
        {
            "title": f"{dataset.name}: {len(settings.networks)} networks compared",
            "dataset": dataset.name,
            "joint": settings.joint,
            "split": describe_split(dataset),
            "terms": {
                "kind": settings.terms.kind,
                "budget_s": settings.terms.amount if settings.terms.kind == "budget" else None,
                "text": settings.terms.text,
            },
            "recipe": ", ".join([recipes[cells[0].network].name, *settings.changes]),
            "seeds": list(settings.seeds),
            "machine": _machines(done, results),
            "structures": structures,
            "networks": {n: _cost(n, network, done, results) for n, network in networks.items()},
            "scores": scores,
            "averages": {n: _averages(n, structures, done, results) for n in settings.networks},
            "differences": differences(
                {n: _counts(n, structures, done, results) for n in settings.networks}
            ),
            "search": _search(settings, cells, results),
        }
    )


def _is_scored(cell: Cell, results: CellResults) -> bool:
    return cell in results and "scores" in results[cell]


def _machines(done: Sequence[Cell], results: CellResults) -> str:
    """Say what the cells were trained on; where it differs, which networks on what."""
    networks: dict[str, list[str]] = {}
    for cell in done:
        titles = networks.setdefault(results[cell].get("machine", results.machine), [])
        if title_of(cell.network) not in titles:
            titles.append(title_of(cell.network))
    if len(networks) < 2:
        return next(iter(networks), results.machine)
    return " and ".join(f"{name} ({'; '.join(titles)})" for name, titles in networks.items())


def _mean(values: Any) -> float:
    return mean_ignoring_absent(math.nan if v is None else v for v in values)[0]


def _cost(
    name: str, network: Architecture, done: Sequence[Cell], results: CellResults
) -> dict[str, Any]:
    """Return a row's size, arithmetic and time."""
    counted = network.cost()
    own = [results[cell] for cell in done if cell.network == name]
    pace = results.pace.get(name)  # measured in turn, where there was need to
    return {
        "title": title_of(name),
        "parameters": counted.parameters,
        "gflop": counted.gflop,
        "step_s": _mean(result["step_s"] for result in own) if pace is None else pace,
        "slice_s": _mean(result["slice_s"] for result in own),
    }


def describe_split(dataset: Dataset) -> dict[str, Any]:
    """Say which slices were scored, and whether that flatters."""
    splits = [mask.split for tomogram in dataset.tomograms for mask in tomogram.masks.values()]
    judged = [t for t in dataset.tomograms if t.slices("scored", t.masks)]
    parts = {split.scored()[0] for split in splits}
    interleaved = any(split.kind == "every-5th" for split in splits)
    seen = {"validation": "chose the checkpoint and the learning rate", "all": "were trained on"}
    reasons = [f"the {part} slices also {seen[part]}" for part in sorted(parts & set(seen))]
    if interleaved:
        reasons.insert(0, "they lie between training slices, nearly copies of their neighbours")
    text = f"scored on the {' and '.join(sorted(parts))} slices"
    if reasons:
        text += f", which flatters: {'; '.join(reasons)}"
    else:
        text += ", which neither trained nor chose anything"
    return {
        "part": sorted(parts)[0] if len(parts) == 1 else "mixed",
        "kinds": sorted({split.kind for split in splits}),
        "slices": {t.name: list(t.slices("scored", t.masks)) for t in judged},
        "slices_of": {
            t.name: {s: list(mask.split.scored()[1]) for s, mask in t.masks.items()} for t in judged
        },
        "text": f"{text}.",
        "flatters": bool(reasons),
    }


def _network_scores(
    network: str, structures: Sequence[str], done: Sequence[Cell], results: CellResults
) -> dict[str, Any]:
    """Return structure -> its scores, means over the seeds that are finished."""
    table = {}
    for structure in structures:
        own = [
            results[cell]
            for cell in done
            if cell.network == network and structure in cell.structures
        ]
        if not own:
            continue
        scores = [result["scores"][structure] for result in own]
        table[structure] = {
            "miou": [score["miou"] for score in scores],
            "interval": miou_interval([result["counts"][structure] for result in own]),
            "steps": own[0]["steps_made"],
            "learning_rate": own[0]["learning_rate"],
            "foreground_fraction": scores[0]["foreground_fraction"],
            "judged_px": scores[0].get("judged_px"),
            "false_positive_share": _mean(
                _false_positive_share(result["counts"][structure]) for result in own
            ),
            "miou_per_slice": _mean(s["miou"] for score in scores for s in score["miou_per_slice"]),
            **{key: _mean(score[key] for score in scores) for key in MEANS},
        }
    return table


def _averages(
    network: str, structures: Sequence[str], done: Sequence[Cell], results: CellResults
) -> list[float]:
    """Return the mean over the structures that have an mIOU, a value a seed with all finished."""
    averages = []
    for seed in sorted({cell.seed for cell in done}):
        mious = {
            structure: results[cell]["scores"][structure]["miou"]
            for cell in done
            if (cell.network, cell.seed) == (network, seed)
            for structure in cell.structures
        }
        if set(mious) == set(structures):
            averages.append(_mean(mious.values()))
    return averages


def _counts(
    network: str, structures: Sequence[str], done: Sequence[Cell], results: CellResults
) -> dict[int, CellCounts]:
    """Return seed -> counts by structure, of the seeds of which all structures are finished."""
    found: dict[int, dict[str, Any]] = {}
    for cell in (cell for cell in done if cell.network == network):
        found.setdefault(cell.seed, {}).update(
            {structure: results[cell]["counts"][structure] for structure in cell.structures}
        )
    return {seed: of_each for seed, of_each in found.items() if set(of_each) == set(structures)}


def _false_positive_share(rows: Sequence[Sequence[Any]]) -> float:
    """Return the share of the scored pixels that only the prediction calls the structure."""
    return sum((Counts(*row[2:]) for row in rows), Counts()).false_positive_share


def _search(
    settings: ComparisonSettings, cells: Sequence[Cell], results: CellResults
) -> list[dict[str, Any]]:
    """Return each rate that was tried, its validation mIOU, and which was chosen."""
    chosen = {(cell.network, cell.structures, cell.learning_rate) for cell in cells}
    return [
        {
            "network": cell.network,
            "structures": list(cell.structures),
            "learning_rate": cell.learning_rate,
            "validation_miou": results[cell].get("validation_miou"),
            "steps": cell.steps,
            "chosen": (cell.network, cell.structures, cell.learning_rate) in chosen,
        }
        for cell in settings.search(results.pace)
        if cell in results
    ]
