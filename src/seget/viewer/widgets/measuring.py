"""The table of objects: measured in nm; a row selects its object.

labels -> `seget measure` in a process of its own -> objects.csv -> rows

It never measures.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from seget import files
from seget.viewer import layers
from seget.viewer.session import commands
from seget.viewer.session.jobs import Job
from seget.viewer.widgets.parts import copy_button, row, text_label

# Of the columns of objects.csv those that fit a screen; docs/measures.md has all.
COLUMNS = {
    "id": "#",
    "structure": "structure",
    "volume_nm3": "volume, nm\N{SUPERSCRIPT THREE}",
    "equivalent_diameter_nm": "diameter, nm",
    "length_nm": "length, nm",
    "surface_nm2": "surface, nm\N{SUPERSCRIPT TWO}",
    "sphericity": "sphericity",
    "touches_border": "cut",
}
OUTLINE, OUTLINE_PX = [[0.0, 0.0, 0.0, 0.0], [1.0, 1.0, 0.0, 1.0]], 3  # clear, yellow
SEGMENTED, OUT = "segmented", "measured"
OBJECTS, MEASURED = "objects", "labels.measured.mrc"


class MeasureTable(QWidget):
    """The objects of labels, one a row.

    Attributes
    ----------
    filled
        Called when objects were measured.
    """

    def __init__(self, viewer: Any, session: Path, say: Callable[[str], None]) -> None:
        super().__init__()
        self._viewer, self._say = viewer, say
        self._labels = session / SEGMENTED / "labels.mrc"
        self._rows: list[dict[str, str]] = []
        self.job = Job(session / OUT)
        self._ran = False
        self.filled: list[Callable[[], None]] = []
        self.words = text_label()
        self.table = QTableWidget(0, len(COLUMNS))
        self.table.setHorizontalHeaderLabels(list(COLUMNS.values()))
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.verticalHeader().hide()
        self.table.itemSelectionChanged.connect(self._show_object)
        whole = QVBoxLayout(self)
        copy = copy_button({"Measure": self.command}, say)
        whole.addLayout(row(self.words, copy, stretch=0))
        whole.addWidget(self.table, 1)

    def measure(self) -> None:
        """Measure the labels of the whole volume, in the background."""
        if not self._labels.is_file():
            self._say("There is nothing to measure yet: press Whole volume first.")
        elif not self.job.is_running:
            self.job = Job(self.job.folder)
            self.job.begin(commands.measure(self._labels, self.job.folder))
            self._ran = True
            self._say("Measuring ...")

    def command(self) -> str:
        """Return the line for a shell that measures."""
        return commands.shell(commands.measure(self._labels, self.job.folder))

    def poll(self) -> None:
        """Take what the process has written."""
        if not self._ran:
            return
        progress = self.job.poll()
        if self.job.is_running:
            return
        self._ran = False
        if progress.error or not (self.job.folder / "objects.csv").is_file():
            self._say(progress.error or "nothing was measured; see progress.jsonl.")
            return
        self._say("")
        self._fill()
        for listener in self.filled:
            listener()

    def _fill(self) -> None:
        with (self.job.folder / "objects.csv").open(newline="") as lines:
            self._rows = list(csv.DictReader(lines))
        self.table.setSortingEnabled(False)
        self.table.setRowCount(len(self._rows))
        for line, one in enumerate(self._rows):
            for place, key in enumerate(COLUMNS):
                self.table.setItem(line, place, _Item(one.get(key, ""), line))
        self.table.setSortingEnabled(True)
        self.table.sortItems(0, Qt.SortOrder.AscendingOrder)
        self.table.resizeColumnsToContents()
        self.words.setText(f"{len(self._rows)} objects; a row shows its object.")
        self._show_layer()

    def _show_layer(self) -> None:
        if OBJECTS in self._viewer.layers:
            self._viewer.layers.remove(OBJECTS)
        path = self.job.folder / MEASURED
        data, keywords, _ = layers.labels(files.read(path), files.Legend(), OBJECTS)
        keywords |= {"colormap": np.array(OUTLINE), "opacity": 1.0}
        active = self._viewer.layers.selection.active
        self._viewer.add_labels(data, visible=False, **keywords).contour = OUTLINE_PX
        self._viewer.layers.selection.active = active

    def _show_object(self) -> None:
        """Go to the object of the selected row, and show it alone."""
        items = self.table.selectedItems()
        if not items or OBJECTS not in self._viewer.layers:
            return
        one = self._rows[items[0].data(Qt.ItemDataRole.UserRole)]
        layer = self._viewer.layers[OBJECTS]
        layer.visible = True
        layer.selected_label = int(one["id"])
        layer.show_selected_label = True
        index = [round(float(one[f"centroid_{axis}_px"])) for axis in "zyx"]
        place = layer.data_to_world(index)
        self._viewer.dims.set_point(0, place[0])
        scene = getattr(self._viewer, "scene", self._viewer)  # napari before 0.9 has no scene
        scene.camera.center = tuple(place)


class _Item(QTableWidgetItem):
    """A cell that knows its line before sorting; numbers sort as numbers."""

    def __init__(self, text: str, line: int) -> None:
        super().__init__(_shown(text))
        self.setData(Qt.ItemDataRole.UserRole, line)
        self._number = _number(text)
        if self._number is not None:
            self.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)

    def __lt__(self, other: QTableWidgetItem) -> bool:
        mine, theirs = (-math.inf if n is None else n for n in (self._number, other._number))
        return bool((mine, self.text()) < (theirs, other.text()))


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _shown(text: str) -> str:
    """Return a number with three digits that count, as 9,520,000 or 0.844."""
    number = _number(text)
    if number is None:
        return {"true": "by the border", "false": ""}.get(text, text)
    if not number or (number.is_integer() and abs(number) < 1000):
        return f"{number:g}"
    return f"{float(f'{number:.3g}'):,.{max(0, 2 - math.floor(math.log10(abs(number))))}f}"
