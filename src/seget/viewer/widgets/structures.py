"""The section of structures: what is painted with, what is locked, which slices are done.

Session + canvas -> rows of structures; presses -> session

It never paints.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtGui import QColor
from qtpy.QtWidgets import (
    QCheckBox,
    QColorDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QToolButton,
    QVBoxLayout,
)

from seget.errors import InputError
from seget.viewer.canvas import Canvas
from seget.viewer.session import Structure
from seget.viewer.widgets.parts import (
    MUTED,
    Section,
    button,
    colour_icon,
    lock_icon,
    row,
    text_label,
)

KEYS = 9  # structures that have a number key


class StructureRow(QFrame):
    """One structure: key and colour, name, lock, whether all of it is drawn on this slice."""

    def __init__(self, section: StructuresSection, value: int) -> None:
        super().__init__()
        self._section, self._value = section, value
        self._shown: tuple[Structure, bool] | None = None
        self.key = QToolButton()
        self.key.setToolTip(f"Paint with it (key {value}); right click: colour, name, remove")
        self.key.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.key.clicked.connect(lambda: section.canvas.select(value))
        self.key.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.key.customContextMenuRequested.connect(self._menu)
        self.name = QLineEdit()
        self.name.setFrame(False)
        self.name.editingFinished.connect(self._rename)
        self.lock = QToolButton()
        self.lock.setCheckable(True)
        self.lock.setAutoRaise(True)
        self.lock.setToolTip("Locked: painting and accepting leave it as it is")
        self.lock.clicked.connect(lambda on: section.change(value, locked=on))
        self.complete = QCheckBox("complete")
        self.complete.setToolTip(
            "All of it is drawn on this slice (key C): what is not drawn is background.\n"
            "Without the tick, pixels that you did not paint are ignored in training."
        )
        self.complete.clicked.connect(lambda on: section.set_complete(value, on))
        line = QHBoxLayout(self)
        line.setContentsMargins(3, 1, 3, 1)
        line.setSpacing(4)
        line.addWidget(self.key)
        line.addWidget(self.name, 1)
        line.addWidget(self.lock)
        line.addWidget(self.complete)

    def show_state(self, one: Structure, selected: bool, complete: bool) -> None:
        """Show a structure as it is now."""
        if not self.name.hasFocus():
            self.name.setText(one.name)
        self.lock.setChecked(one.locked)
        self.complete.setChecked(complete)
        # After every stroke this is asked for; what Qt lays out anew is set when it differs.
        if (one, selected) == self._shown:
            return
        self._shown = one, selected
        self.key.setText(str(one.value) if one.value <= KEYS else " ")
        self.key.setIcon(colour_icon(one.colour))
        self.lock.setIcon(lock_icon(one.locked))
        edge = one.colour if selected else "transparent"
        self.setStyleSheet(
            f"StructureRow {{ border: 2px solid {edge}; border-radius: 4px; }}"
            "QLineEdit { background: transparent; }"
        )

    def _rename(self) -> None:
        self._section.change(self._value, name=self.name.text().strip())

    def _menu(self, place: Any) -> None:
        menu = QMenu(self)
        menu.addAction("Colour ...", self._recolour)
        menu.addAction("Rename", self.name.setFocus)
        menu.addAction("Remove", lambda: self._section.remove(self._value))
        menu.exec(self.key.mapToGlobal(place))

    def _recolour(self) -> None:
        old = self._section.canvas.session.structure(self._value).colour
        found = QColorDialog.getColor(QColor(old), self)
        if found.isValid():
            self._section.change(self._value, colour=found.name())


class StructuresSection(Section):
    """The first section of the dock."""

    def __init__(
        self, canvas: Canvas, saved: Callable[[], None], say: Callable[[str], None]
    ) -> None:
        super().__init__(1, "Structures")
        self.canvas = canvas
        self._saved = saved
        self._say = say
        self._rows: dict[int, StructureRow] = {}
        self._list = QVBoxLayout()
        self._list.setSpacing(1)
        self.new_name = QLineEdit()
        self.new_name.setPlaceholderText("name of a structure, such as golgi")
        self.new_name.returnPressed.connect(self.add)
        self.add_button = button("Add", "Add a structure to draw", self.add, wide=False)
        self._slice = QLabel()
        self._slice.setStyleSheet("font-weight: bold;")
        self.slices = text_label()
        self.slices.setTextFormat(Qt.TextFormat.RichText)
        self.slices.linkActivated.connect(lambda z: self.canvas.go_to(int(z)))
        hint = text_label("1-9 paint, E erase, F fill, [ ] brush size, space + drag moves", MUTED)
        undo = button("Undo", "Undo the last stroke or acceptance (Ctrl+Z)", canvas.undo)
        redo = button("Redo", "Do it again (Ctrl+Shift+Z)", canvas.redo)
        self.body.addLayout(row(self.new_name, self.add_button, stretch=0))
        self.body.addWidget(self._slice)
        self.body.addLayout(self._list)
        self.body.addWidget(self.slices)
        self.body.addLayout(row(undo, redo))
        self.body.addWidget(hint)
        canvas.changed.append(self.refresh)
        canvas.moved.append(self.refresh)
        self.refresh()

    def add(self) -> None:
        """Add the structure that was typed, and paint with it."""
        try:
            one = self.canvas.session.add(self.new_name.text())
        except InputError as error:
            self._say(str(error))
            return
        self.new_name.clear()
        self._saved()  # before a stroke is: the journal knows numbers only
        self.canvas.show_structures()
        self.canvas.select(one.value)

    def change(self, value: int, **what: Any) -> None:
        """Change a structure, and show it."""
        session = self.canvas.session
        old = session.structure(value)
        if all(getattr(old, key) == new for key, new in what.items()):
            return
        try:
            session.change(value, **what)
        except InputError as error:
            self._say(str(error))
        self.canvas.show_structures()
        self.refresh()

    def remove(self, value: int) -> None:
        """Remove a structure that is not drawn."""
        try:
            self.canvas.session.remove(value)
        except InputError as error:
            self._say(str(error))
        self.canvas.show_structures()
        self.refresh()

    def set_complete(self, value: int, complete: bool) -> None:
        """Note whether all of a structure is drawn on this slice."""
        self.canvas.session.set_complete(self.canvas.z, value, complete)
        self.refresh()

    def toggle_complete(self) -> None:
        """Turn the tick of the structure that is painted with."""
        value, session = self.canvas.selected, self.canvas.session
        if value in {one.value for one in session.structures}:
            self.set_complete(value, not session.is_complete(self.canvas.z, value))

    def refresh(self) -> None:
        """Show everything as it is now."""
        session, z = self.canvas.session, self.canvas.z
        values = [one.value for one in session.structures]
        for value in [value for value in self._rows if value not in values]:
            gone = self._rows.pop(value)
            self._list.removeWidget(gone)
            gone.deleteLater()
        for one in session.structures:
            if one.value not in self._rows:
                self._rows[one.value] = StructureRow(self, one.value)
                self._list.addWidget(self._rows[one.value])
            shown = self._rows[one.value]
            selected = one.value == self.canvas.selected
            shown.show_state(one, selected, session.is_complete(z, one.value))
        self._slice.setText(f"Slice {z}" if values else "Add a structure, then paint it")
        self.slices.setText(self._annotated())

    def row_of(self, value: int) -> StructureRow:
        """Return the row of a structure."""
        return self._rows[value]

    def _annotated(self) -> str:
        """Return the annotated slices as links; those that validate are marked."""
        state = self.canvas.session.state
        validate = set(state.validation())
        links = []
        for z in sorted(state.order):
            mark = "\N{CHECK MARK}" if state.complete.get(z) else ""
            role = "<sub>v</sub>" if z in validate else ""
            shown = f"<b>{z}</b>" if z == self.canvas.z else str(z)
            links.append(f'<a href="{z}" style="color: #4fc3f7;">{shown}</a>{mark}{role}')
        if not links:
            return f'<span style="color: {MUTED};">No slice is drawn yet.</span>'
        note = " (v: checks the training)" if validate else ""
        return f"Drawn slices: {'  '.join(links)}{note}"
