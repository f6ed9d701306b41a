"""The results of the cells that a comparison has finished, in cells.json.

results of cells <-> DIR/cells.json

It never trains. The file appears whole or not at all. It is enough to make the table again, and to
go on elsewhere: put it into an empty folder, and the cells in it are not trained again.
"""

from __future__ import annotations

import json
from functools import cache, partial
from pathlib import Path
from typing import Any

from seget import files
from seget.comparison.plan import Cell, ComparisonSettings, adapted_to, chosen_for
from seget.dataset import Dataset
from seget.errors import InputError
from seget.recipes import differing, modern

CELLS = "cells.json"
FORMAT = 3


class CellResults:
    """The results of the finished cells, written to cells.json after every change.

    Attributes
    ----------
    pace
        Network -> seconds of one of its training steps, where it was measured.
    machine
        What the networks run on, in words.
    begun_with
        What a comparison that goes on must have in common with the one that began.

    Raises
    ------
    InputError
        cells.json is damaged, or belongs to another dataset, terms or recipe.
    """

    def __init__(self, folder: Path, dataset: Dataset, settings: ComparisonSettings) -> None:
        self.path = folder / CELLS
        self.pace: dict[str, float] = {}
        self.machine = ""
        self._results: dict[str, dict[str, Any]] = {}
        self.begun_with: dict[str, Any] = {
            "format": FORMAT,
            "dataset": dataset.name,
            "terms": {"kind": settings.terms.kind, "amount": settings.terms.amount},
            "changes": list(settings.changes),
            "joint": list(settings.groups[0]) if settings.joint else [],
        }
        # Each structure for itself: one that joins the dataset changes no cell of another.
        self.structures = {s: dataset.identity((s,), test=True) for s in dataset.structures}
        if settings.terms.kind != "paper":  # the defaults of a later version may differ
            self.begun_with["recipe"] = modern().override(settings.changes).model_dump(mode="json")
        if self.path.is_file():
            self._read(dataset, settings)

    def __contains__(self, cell: Cell) -> bool:
        """Whether a cell is finished."""
        return cell.key in self._results

    def __getitem__(self, cell: Cell) -> dict[str, Any]:
        """Return the result of a finished cell."""
        return self._results[cell.key]

    def add(self, cell: Cell, result: dict[str, Any]) -> None:
        """Keep a finished cell."""
        self._results[cell.key] = result
        self.save()

    def save(self) -> None:
        """Write the file: a cell a line, so that a person finds it and a diff shows it."""
        head = self.begun_with | {"structures": self.structures}
        head |= {"machine": self.machine, "pace_s": self.pace}
        lines = [f"{json.dumps(key)}: {json.dumps(value)}," for key, value in head.items()]
        cells = ",\n".join(f"{json.dumps(k)}: {json.dumps(r)}" for k, r in self._results.items())
        files.write_text(
            self.path, "\n".join(["{", *lines, f'"cells": {{\n{cells}\n}}', "}"]) + "\n"
        )

    def _refuse_another(self, saved: dict[str, Any]) -> None:
        """Raise InputError if this comparison began otherwise.

        Of the recipe its numbers count, and not which of them were set: a later version of seget
        may have other defaults.
        """
        same = self.begun_with.keys() - (
            {"recipe", "changes"} if "recipe" in self.begun_with else ()
        )
        for key in sorted(same):
            if saved[key] != self.begun_with[key]:
                raise InputError(
                    f"{self.path}: was begun by another command, which differs in {key}; go on "
                    "with that one, or name another -o."
                )
        if "recipe" in self.begun_with:
            then = differing(saved["recipe"], self.begun_with["recipe"])
            if then:
                wanted = " ".join(f"--set {name}={number}" for name, number in then.items())
                raise InputError(
                    f"{self.path}: was begun with other numbers of the recipe; go on with "
                    f"{wanted}, or name another -o."
                )

    def _read(self, dataset: Dataset, settings: ComparisonSettings) -> None:
        try:
            saved = json.loads(self.path.read_bytes())
            self._refuse_another(saved)
            for structure, drawn in self.structures.items():
                if saved["structures"].get(structure, drawn) != drawn:
                    raise InputError(
                        f"{self.path}: was begun with other slices or masks of {structure}; name "
                        "another -o, or take back what changed."
                    )
            self.structures = saved["structures"] | self.structures
            self.machine, self.pace = saved["machine"], saved["pace_s"]
            # Another version may choose otherwise for SegET as shipped, or adapt networks to other
            # tomograms: such a cell is made anew.
            chosen = cache(partial(chosen_for, dataset=dataset, settings=settings.changes))
            self._results = {
                key: cell
                for key, cell in saved["cells"].items()
                if cell.get("chosen", {}) == chosen(cell["network"], tuple(cell["structures"]))
                and (
                    "scores" not in cell
                    or cell.get("adapted", []) == adapted_to(dataset, cell["structures"])
                )
            }
        except (ValueError, LookupError, TypeError, RecursionError) as error:
            raise InputError(
                f"{self.path}: not the cells of a comparison ({error!r}); remove it, or name "
                "another -o."
            ) from None
