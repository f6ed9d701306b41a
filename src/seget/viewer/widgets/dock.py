"""The dock: structures, training, prediction, and below them what happens.

viewer -> a session and its sections

It begins a session with the tomogram that is shown, and writes what is left when napari closes.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication, QScrollArea, QVBoxLayout, QWidget

from seget.errors import InputError, RunError
from seget.files import only_one
from seget.viewer.canvas import Canvas
from seget.viewer.saver import Saver
from seget.viewer.session import Session, open_session
from seget.viewer.widgets.measuring import MeasureTable
from seget.viewer.widgets.parts import BAD, MUTED, button, text_label
from seget.viewer.widgets.predicting import PredictionSection
from seget.viewer.widgets.structures import StructuresSection
from seget.viewer.widgets.training import TrainingSection

POLL_MS, WIDTH_PX = 100, 380


class Dock(QScrollArea):
    """What stands at the right of the picture."""

    def __init__(self, viewer: Any, session: Session | None = None) -> None:
        super().__init__()
        self.viewer = viewer
        self.work: Work | None = None
        self.setWidgetResizable(True)
        self.setMinimumWidth(WIDTH_PX)
        self._choose = _Beginning(self)
        if session is None:
            self.setWidget(self._choose)
        else:
            self.begin(session)

    def begin(self, session: Session) -> None:
        """Show a session."""
        self.work = Work(self.viewer, session)
        self.setWidget(self.work)

    def close(self) -> bool:
        """Write what is left, and end what predicts."""
        if self.work is not None:
            self.work.end()
        return bool(super().close())


class _Beginning(QWidget):
    """Offers to draw on the tomogram that is shown."""

    def __init__(self, dock: Dock) -> None:
        super().__init__()
        self._dock = dock
        self.words = text_label("Open a tomogram, then press the button.")
        whole = QVBoxLayout(self)
        whole.addWidget(self.words)
        whole.addWidget(button("Draw on the tomogram", "Begin or reopen its session", self.begin))
        whole.addStretch(1)

    def begin(self) -> None:
        """Begin or reopen the session of the tomogram that is shown."""
        layers = [
            layer
            for layer in reversed(self._dock.viewer.layers)
            if layer.metadata.get("seget_path") and not layer.metadata.get("seget_legend")
        ]
        if not layers:
            self.words.setText("No tomogram that seget opened is shown: open one with seget.")
            return
        try:
            self._dock.begin(open_session(Path(layers[0].metadata["seget_path"])))
        except (InputError, RunError, OSError) as error:
            self.words.setText(str(error))


class Work(QWidget):
    """The sections of a session, what saves it, and a line for sentences."""

    def __init__(self, viewer: Any, session: Session) -> None:
        super().__init__()
        # Held while the session is shown: two viewers would overwrite each other's strokes.
        self._lock = only_one(session.folder)
        self._lock.__enter__()
        self.session = session
        self.saver = Saver(session)
        self.canvas = Canvas(viewer, session)
        self._ended = False
        self.words = text_label(" ".join(session.notes), BAD)
        self.saved = text_label("", MUTED)
        self.saved.setToolTip(str(session.folder))
        self.structures = StructuresSection(self.canvas, self.saver.flush, self.say)
        self.training = TrainingSection(self.canvas, self.saver, self.say)
        self.table = MeasureTable(viewer, session.folder, self.say)
        self.table.filled.append(self._show_table)
        self.prediction = PredictionSection(self.canvas, self.saver, self.table.measure, self.say)
        self.canvas.refused.append(self.say)
        self.training.turned.append(self.prediction.warm)
        self._table_dock: Any = None
        whole = QVBoxLayout(self)
        whole.setContentsMargins(4, 4, 4, 4)
        for section in (self.structures, self.training, self.prediction):
            whole.addWidget(section)
        whole.addWidget(self.words)
        whole.addWidget(self.saved)
        whole.addStretch(1)
        self._bind_keys()
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._poll)
        self._timer.start(POLL_MS)
        application = QApplication.instance()
        assert application is not None
        application.aboutToQuit.connect(self.end)

    def say(self, text: str) -> None:
        """Show a sentence until the next one."""
        self.words.setText(text)

    def end(self) -> None:
        """Write what is left, and end what predicts; a training goes on."""
        if self._ended:
            return
        self._ended = True
        self._timer.stop()
        self.saver.close()
        self.prediction.close()
        self._lock.__exit__(None, None, None)

    def _show_table(self) -> None:
        """Show the objects beside this dock, which stays as high as it was."""
        if self._table_dock is None:
            self._table_dock = self.canvas.viewer.window.add_dock_widget(
                self.table, name="objects", area="right", tabify=True
            )
        self._table_dock.show()
        self._table_dock.raise_()

    def _poll(self) -> None:
        self.training.refresh()
        self.prediction.poll()
        self.table.poll()
        if self.saver.error:
            self.saved.setText(f"Not saved, trying again: {self.saver.error}")
        else:
            state = "Everything is saved" if self.saver.is_saved else "Saving"
            self.saved.setText(f"{state} in {self.session.folder.name}")

    def _bind_keys(self) -> None:
        keys: dict[str, Callable[[], object]] = {
            "Control-Z": self.canvas.undo,
            "Control-Shift-Z": self.canvas.redo,
            "C": self.structures.toggle_complete,
            "D": self.prediction.predict,
            "A": self.prediction.accept,
            "N": self.prediction.next_slice,
            "0": lambda: self.canvas.select(0),
        }
        for value in range(1, 10):
            keys[str(value)] = lambda value=value: self._paint_with(value)  # type: ignore[misc]
        for target in (self.canvas.viewer, self.canvas.drawn, self.canvas.prediction):
            for key, what in keys.items():
                target.bind_key(key, lambda _, what=what: what(), overwrite=True)

    def _paint_with(self, value: int) -> None:
        if value in {one.value for one in self.session.structures}:
            self.canvas.select(value)
