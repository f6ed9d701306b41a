"""The section of training: what, how long, from where; how it goes.

Session -> a training in a process of its own; its progress -> bar, curve, words

It never trains in this process.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qtpy.QtWidgets import QComboBox, QDoubleSpinBox, QFileDialog, QLabel, QMenu, QProgressBar
from qtpy.QtWidgets import QToolButton as ToolButton

from seget.errors import InputError
from seget.viewer.canvas import Canvas
from seget.viewer.saver import Saver
from seget.viewer.session import commands, runs
from seget.viewer.session.jobs import Job, Progress
from seget.viewer.widgets.parts import Curve, Section, button, copy_button, row, text_label

MINUTES = 5.0
STARTS = {
    "the last training": runs.LAST,
    "general (comes with seget)": runs.GENERAL,
    "nothing (from scratch)": runs.SCRATCH,
}
OTHER = "another model ..."


class TrainingSection(Section):
    """The second section of the dock.

    Attributes
    ----------
    turned
        Called when a training has begun, and when it has ended.
    """

    def __init__(self, canvas: Canvas, saver: Saver, say: Callable[[str], None]) -> None:
        super().__init__(2, "Train")
        self.turned: list[Callable[[], None]] = []
        self._canvas, self._saver, self._say = canvas, saver, say
        self._left_out: set[int] = set()
        self.job: Job | None = runs.last_job(canvas.session)
        self._ran = self.job is not None and self.job.is_running
        self.structures = ToolButton()
        self.structures.setPopupMode(ToolButton.ToolButtonPopupMode.InstantPopup)
        self.structures.setToolTip("Which structures are trained, together in one model")
        self._menu = QMenu(self)
        self._menu.aboutToShow.connect(self._fill_menu)
        self.structures.setMenu(self._menu)
        self.minutes = QDoubleSpinBox()
        self.minutes.setRange(0.1, 6000)
        self.minutes.setDecimals(1)
        self.minutes.setValue(MINUTES)
        self.minutes.setSuffix(" min")
        self.start = QComboBox()
        for text, key in STARTS.items():
            self.start.addItem(text, key)
        self.start.addItem(OTHER, OTHER)
        self.start.activated.connect(self._choose_start)
        self.start.setToolTip("What the network begins from")
        self._show_start()
        self.train_button = button(
            "Train", "Train on what is drawn; painting goes on meanwhile", self.train
        )
        self.stop_button = button(
            "Stop", "End now; the best model and the steps made are kept", self.stop, wide=False
        )
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.curve = Curve()
        self.words = text_label()
        copy = copy_button({"Train": self.command}, say)
        self.body.addLayout(row(self.structures, self.minutes, stretch=0))
        self.body.addLayout(row(QLabel("begin from"), self.start, stretch=1))
        self.body.addLayout(row(self.train_button, self.stop_button, stretch=0))
        self.body.addWidget(self.bar)
        self.body.addWidget(self.curve)
        self.body.addWidget(self.words)
        self.body.addLayout(row(copy))
        canvas.changed.append(self._show_structures)
        self._show_structures()
        self.refresh()

    @property
    def chosen(self) -> list[str]:
        """The structures to train: those that are drawn, without those that were unticked."""
        state = self._canvas.session.state
        drawn = {value for shown in state.shown.values() for value in shown}
        wanted = drawn - self._left_out
        return [one.name for one in state.structures if one.value in wanted]

    def train(self) -> None:
        """Begin a training, or go on with the one that was stopped."""
        self._saver.flush()
        try:
            self.job = runs.train(
                self._canvas.session, self.chosen, self.minutes.value(), self._from()
            )
        except (InputError, OSError) as error:
            self._say(str(error))
            return
        self._ran = True
        self._say("")
        self.refresh()
        self._tell_turned()

    def stop(self) -> None:
        """End the training; it keeps its best model."""
        if self.job is not None:
            self.job.stop()

    def command(self) -> str:
        """Return the line for a shell that trains on what is drawn."""
        self._saver.flush()
        session = self._canvas.session
        newest = runs.newest_model(session)
        last = str(newest.folder) if newest else None
        start = {runs.LAST: last, runs.GENERAL: None}.get(self._from(), self._from())
        out = session.folder / runs.RUNS / "shell"
        if not self.chosen:
            self._say("Nothing is drawn to train on yet.")
            return ""
        return commands.shell(
            commands.train(session.dataset, out, self.chosen, self.minutes.value(), start)
        )

    def refresh(self) -> None:
        """Show how the training goes."""
        running = self.job is not None and self.job.is_running
        self.train_button.setEnabled(not running)
        self.stop_button.setEnabled(running)
        for widget in (self.bar, self.curve):
            widget.setVisible(self.job is not None)
        if self.job is None:
            self.words.setText("")
            return
        progress = self.job.poll()
        whole = not running and runs.is_finished(self.job)
        self.bar.setValue(1000 if whole else round(1000 * (progress.share or 0)))
        self.curve.show_points(progress.losses)
        self.words.setText(self._words(progress, running))
        if self._ran and not running:
            self._ran = False
            self._show_start()
            if progress.error:
                self._say(progress.error)
            else:
                self._tell_turned()

    def _tell_turned(self) -> None:
        for listener in self.turned:
            listener()

    def _words(self, progress: Progress, running: bool) -> str:
        assert self.job is not None
        if not running and progress.error:
            return f"Failed: {progress.error}"
        minutes = float(self.job.said.get("minutes", 0))
        words = []
        if running and progress.share is None:
            words.append("starting ...")
        if progress.loss is not None:
            words.append(f"loss {progress.loss:.3f}")
        scores = [row["miou"] for row in progress.epochs if row.get("miou") is not None]
        if scores:
            words.append(f"validation mIOU {max(s for s in scores if s is not None):.3f}")
        if running and progress.share is not None:
            left = (1 - progress.share) * minutes
            words.append(f"{left:.0f} min left" if left >= 1 else f"{60 * left:.0f} s left")
        if not running:
            how = "is done" if runs.is_finished(self.job) else "was stopped; Train goes on"
            words.insert(0, f"Training {self.job.folder.name} {how}.")
        return "  ".join(words)

    def _show_structures(self) -> None:
        names = self.chosen
        self.structures.setText(", ".join(names) if names else "no structure drawn yet")

    def _fill_menu(self) -> None:
        self._menu.clear()
        for one in self._canvas.session.structures:
            action = self._menu.addAction(one.name)
            action.setCheckable(True)
            action.setChecked(one.value not in self._left_out)
            action.toggled.connect(lambda on, value=one.value: self._tick(value, on))

    def _tick(self, value: int, on: bool) -> None:
        (self._left_out.discard if on else self._left_out.add)(value)
        self._show_structures()

    def _show_start(self) -> None:
        """Begin from the last training once there is one, from general before."""
        has_one = runs.newest_model(self._canvas.session) is not None
        item = self.start.model().item(self.start.findData(runs.LAST))
        item.setEnabled(has_one)
        self.start.setCurrentIndex(self.start.findData(runs.LAST if has_one else runs.GENERAL))

    def _from(self) -> str:
        return str(self.start.currentData())

    def _choose_start(self, _index: int) -> None:
        if self.start.currentData() != OTHER:
            return
        folder = QFileDialog.getExistingDirectory(self, "The folder of a run or a model")
        if folder and runs.read_model(Path(folder)) is not None:
            self.start.insertItem(0, Path(folder).name, folder)
            self.start.setCurrentIndex(0)
        else:
            self._show_start()
            if folder:
                self._say(f"{folder}: holds no model; name a run folder of seget train.")
