"""The table of objects: measured in nm; a row selects its object.

labels -> `seget measure` in a process of its own -> objects.csv -> rows

It never measures.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
from seget.viewer.widgets.parts import button, copy_button, row, text_label

# Of the columns of objects.csv those that fit a screen; docs/measures.md has all.
COLUMNS = {
    "id": "object",
    "structure": "structure",
    "volume_nm3": "volume (nm\N{SUPERSCRIPT THREE})",
    "surface_nm2": "surface (nm\N{SUPERSCRIPT TWO})",
    "equivalent_diameter_nm": "diameter (nm)",
    "length_nm": "length (nm)",
    "sphericity": "sphericity",
    "touches_border": "cut by the border",
}
OUTLINE, OUTLINE_PX = "yellow", 3
OBJECTS, MEASURED = "objects", "labels.measured.mrc"


class MeasureTable(QWidget):
    """The objects of labels, one a row."""

    def __init__(self, viewer: Any, folder: Path, say: Callable[[str], None]) -> None:
        super().__init__()
        self._viewer, self._say = viewer, say
        self._labels: Path | None = None
        self._rows: list[dict[str, str]] = []
        self.job = Job(folder)
        self._ran = False
        self.measure_button = button(
            "Measure", "Volume, surface, diameter and length of every object, in nm", self.measure,
            wide=False,
        )  # fmt: skip
        self.measure_button.setEnabled(False)
        self.words = text_label("Segment the whole volume first, then measure its objects.")
        self.table = QTableWidget(0, len(COLUMNS))
        self.table.setHorizontalHeaderLabels(list(COLUMNS.values()))
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.verticalHeader().hide()
        self.table.itemSelectionChanged.connect(self._show_object)
        whole = QVBoxLayout(self)
        copy = copy_button({"Measure": self.command}, say)
        whole.addLayout(row(self.measure_button, self.words, copy, stretch=1))
        whole.addWidget(self.table, 1)

    def offer(self, labels: Path) -> None:
        """Let these labels be measured."""
        self._labels = labels
        self.measure_button.setEnabled(True)
        self.words.setText(f"{labels.name} can be measured.")

    def measure(self) -> None:
        """Measure, in the background."""
        if self._labels is None or self.job.is_running:
            return
        self.job = Job(self.job.folder)
        self.job.begin(commands.measure(self._labels, self.job.folder))
        self._ran = True
        self.words.setText("Measuring ...")

    def command(self) -> str:
        """Return the line for a shell that measures."""
        if self._labels is None:
            return ""
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
            self.words.setText("")
            self._say(progress.error or "nothing was measured; see progress.jsonl.")
            return
        self._fill()

    def _fill(self) -> None:
        with (self.job.folder / "objects.csv").open(newline="") as lines:
            self._rows = list(csv.DictReader(lines))
        self.table.setSortingEnabled(False)
        self.table.setRowCount(len(self._rows))
        for line, one in enumerate(self._rows):
            for place, key in enumerate(COLUMNS):
                self.table.setItem(line, place, _item(one.get(key, ""), line))
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
        keywords |= {"colormap": {None: OUTLINE, 0: layers.NOTHING}, "opacity": 1.0}
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


def _item(text: str, line: int) -> QTableWidgetItem:
    """Return a cell; numbers sort as numbers."""
    item = QTableWidgetItem()
    try:
        number = float(text)
        item.setData(Qt.ItemDataRole.DisplayRole, float(f"{number:.4g}"))
    except ValueError:
        item.setText(text)
    item.setData(Qt.ItemDataRole.UserRole, line)
    return item
