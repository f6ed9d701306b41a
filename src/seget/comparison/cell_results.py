"""What a comparison has finished: cells.json, whole at any moment.

results of cells <-> DIR/cells.json

It never trains. The file is enough to make the table again, and to go on elsewhere: put it into an
empty folder, and the cells in it are not done again.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from seget import files
from seget.comparison.plan import Cell, Settings
from seget.dataset import Dataset
from seget.errors import InputError
from seget.recipes import modern

CELLS = "cells.json"
FORMAT = 1


class CellResults:
    """The pace of the networks and the results of the cells, on disk after every change.

    Raises
    ------
    InputError
        cells.json is damaged, or belongs to another dataset, fight or recipe.
    """

    def __init__(self, folder: Path, dataset: Dataset, settings: Settings) -> None:
        self.path = folder / CELLS
        self.pace: dict[str, float] = {}
        self.machine = ""
        self._results: dict[str, dict[str, Any]] = {}
        self.begun_with: dict[str, Any] = {
            "format": FORMAT,
            "dataset": {"name": dataset.name, "tomograms": dataset.identity()},
            "fight": {"kind": settings.fight.kind, "amount": settings.fight.amount},
            "changes": list(settings.changes),
            "joint": settings.joint,
        }
        if settings.fight.kind != "paper":  # the defaults of a later version may differ
            self.begun_with["recipe"] = modern().override(settings.changes).model_dump(mode="json")
        if self.path.is_file():
            self._read()

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
        head = self.begun_with | {"machine": self.machine, "pace_s": self.pace}
        lines = [f"{json.dumps(key)}: {json.dumps(value)}," for key, value in head.items()]
        cells = ",\n".join(f"{json.dumps(k)}: {json.dumps(r)}" for k, r in self._results.items())
        files.write_text(
            self.path, "\n".join(["{", *lines, f'"cells": {{\n{cells}\n}}', "}"]) + "\n"
        )

    def _read(self) -> None:
        try:
            saved = json.loads(self.path.read_bytes())
            for key, value in self.begun_with.items():
                if saved[key] != value:
                    raise InputError(
                        f"{self.path}: was begun with another {key}; go on with the same, or "
                        "name another -o."
                    )
            self.machine, self.pace = saved["machine"], saved["pace_s"]
            self._results = saved["cells"]
        except (ValueError, LookupError, TypeError, RecursionError) as error:
            raise InputError(
                f"{self.path}: not the cells of a comparison ({error!r}); remove it, or name "
                "another -o."
            ) from None
