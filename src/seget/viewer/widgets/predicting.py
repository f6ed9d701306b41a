"""The section of prediction: this slice, the next one, the whole volume; what is accepted of it.

the newest model -> outlines on the slice; presses and clicks -> what is drawn

It never loads a network: a process does, which starts with the first press.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from typing import Any

import numpy as np
from qtpy.QtWidgets import QProgressBar

from seget import files
from seget.viewer import layers
from seget.viewer.canvas import PREDICTION, Canvas
from seget.viewer.saver import Saver
from seget.viewer.session import commands, predictions, runs
from seget.viewer.session.jobs import Job
from seget.viewer.session.runs import Model
from seget.viewer.widgets.measuring import SEGMENTED
from seget.viewer.widgets.parts import Section, button, copy_button, row, text_label
from seget.viewer.worker import Worker

NO_MODEL = "There is no model yet: draw a slice, tick that it is complete, and press Train."


class PredictionSection(Section):
    """The third section of the dock."""

    def __init__(
        self,
        canvas: Canvas,
        saver: Saver,
        measure: Callable[[], None],
        say: Callable[[str], None],
    ) -> None:
        super().__init__(3, "Predict")
        self.canvas, self._saver, self._say = canvas, saver, say
        self.worker = Worker()
        self.job = Job(canvas.session.folder / SEGMENTED)
        self._measure = measure
        self._ran = self.job.is_running
        self._asked: dict[int, str] = {}
        self._reason = ""
        self._scratch = tempfile.TemporaryDirectory(prefix="seget-")
        self._lay_out()
        canvas.changed.append(self.refresh)
        canvas.moved.append(self.refresh)
        canvas.viewer.layers.selection.events.active.connect(self._follow_layer)
        self.refresh()

    def _lay_out(self) -> None:
        self.slice_button = button(
            "This slice", "Predict the slice that is shown (D)", self.predict
        )
        self.next_button = button(
            "Next slice",
            "Go to the slice that is worth drawing most, as seget next proposes (N)",
            self.next_slice,
        )
        self.volume_button = button(
            "Whole volume", "Segment every slice, in the background", self.segment
        )
        self.accept_button = button(
            "Accept slice", "Draw all that is predicted here (A)", self.accept
        )
        self.accept_one_button = button(
            "... structure",
            "Draw what is predicted of the structure that is selected",
            self.accept_structure,
        )
        self.click_button = button(
            "... by click", "Accept each predicted object that you click on", self.pick
        )
        self.click_button.setCheckable(True)
        self.discard_button = button(
            "Discard", "Take the prediction off this slice", self.discard, wide=False
        )
        self.measure_button = button(
            "Measure",
            "Volume, surface, diameter and length in nm of every object of the whole volume",
            self._measure,
        )
        self.bar = QProgressBar()
        self.bar.hide()
        self.words = text_label()
        self.body.addLayout(row(self.slice_button, self.next_button))
        accept = (self.accept_button, self.accept_one_button, self.click_button)
        self.body.addLayout(row(*accept, self.discard_button))
        self.body.addLayout(row(self.volume_button, self.measure_button))
        self.body.addWidget(self.bar)
        self.body.addWidget(self.words)
        self.body.addLayout(
            row(
                copy_button(
                    {"Whole volume": self.command, "Next slice": self.next_command}, self._say
                )
            )
        )

    @property
    def model(self) -> Model | None:
        """The newest model of the session."""
        return runs.newest_model(self.canvas.session)

    def warm(self) -> None:
        """Start the process that predicts, and let it load the model if there is one."""
        request = predictions.warm_request(self.canvas.session, self.model)
        self._asked[self.worker.ask("warm", **request)] = "warm"

    def predict(self) -> None:
        """Predict the slice that is shown."""
        self._ask_for(self.canvas.z)

    def next_slice(self) -> None:
        """Ask for the slice to draw next."""
        model = self._demand_model()
        if model is None:
            return
        self._saver.flush()
        request = predictions.next_request(self.canvas.session, model)
        self._asked[self.worker.ask("next", **request)] = "next"
        self.words.setText("Looking for the slice that helps most ...")

    def segment(self) -> None:
        """Segment the whole volume in the background; press again to stop it."""
        if self.job.is_running:
            self.job.stop()
            return
        model = self._demand_model()
        if model is None:
            return
        self.job = Job(self.job.folder)
        self.job.begin(self._segment(model))
        self._ran = True
        self.words.setText("Segmenting the volume ...")
        self.refresh()

    def accept(self) -> None:
        """Draw the prediction of this slice."""
        self._accepted(self.canvas.accept(self.canvas.z))

    def accept_structure(self) -> None:
        """Draw the prediction of the structure that is selected."""
        self._accepted(self.canvas.accept(self.canvas.z, self.canvas.selected))

    def discard(self) -> None:
        """Take the prediction off this slice."""
        self.canvas.discard(self.canvas.z)

    def pick(self) -> None:
        """Let clicks accept objects, or paint again."""
        chosen = self.canvas.prediction if self.click_button.isChecked() else self.canvas.drawn
        self.canvas.viewer.layers.selection.active = chosen

    def command(self) -> str:
        """Return the line for a shell that segments the whole volume."""
        model = self._demand_model()
        return "" if model is None else commands.shell(self._segment(model))

    def next_command(self) -> str:
        """Return the line for a shell that proposes the next slice."""
        model = self._demand_model()
        if model is None:
            return ""
        self._saver.flush()
        return commands.shell(predictions.next_command(self.canvas.session, model))

    def _segment(self, model: Model) -> list[str]:
        return predictions.segment_command(self.canvas.session, model, self.job.folder)

    def poll(self) -> None:
        """Take what the processes have answered."""
        for answer in self.worker.poll():
            self._hear(answer)
        if self._ran:
            progress = self.job.poll()
            self.bar.setRange(0, 1000 if progress.share else 0)
            self.bar.setValue(round(1000 * (progress.share or 0)))
            if not self.job.is_running:
                self._ran = False
                self._segmented(progress.error)
            self.refresh()

    def close(self) -> bool:
        """End the process that predicts one slice; one that segments the volume goes on."""
        self.worker.close()
        self._scratch.cleanup()
        return bool(super().close())

    def refresh(self) -> None:
        """Show what can be pressed."""
        predicted = self.canvas.is_predicted(self.canvas.z)
        for one in (self.accept_button, self.accept_one_button, self.discard_button):
            one.setEnabled(predicted)
        running = self._ran
        self.bar.setVisible(running)
        self.volume_button.setText("Stop" if running else "Whole volume")

    def _hear(self, answer: dict[str, Any]) -> None:
        asked = self._asked.get(answer["id"], "")
        if "error" in answer:
            self._asked.pop(answer["id"], None)
            self.words.setText("")
            self._say(answer["error"])
        elif not answer.get("ended"):
            self.words.setText(f"Looked at {answer['done']} of {answer['total']} slices ...")
        elif asked == "next":
            self._asked.pop(answer["id"])
            self._reason = f"Slice {answer['z']}: {answer['reason']}."
            self.canvas.go_to(answer["z"])
            self._ask_for(answer["z"])
        elif self._asked.pop(answer["id"], "warm") != "warm":
            self._show(answer)

    def _show(self, answer: dict[str, Any]) -> None:
        """Lay a prediction onto its slice, as outlines."""
        scores = np.load(answer["out"])
        os.unlink(answer["out"])
        by_name = dict(zip(answer["structures"], scores, strict=True))
        wanted = predictions.labels_of(self.canvas.session, by_name, answer["thresholds"])
        self.canvas.predict(answer["z"], wanted)
        found = "nothing is found" if not wanted.any() else f"{answer['seconds']:.1f} s"
        notes = " ".join(answer["notes"])
        self.words.setText(f"{self._reason} Predicted: {found}. {notes}".strip())
        self._reason = ""

    def _ask_for(self, z: int) -> None:
        model = self._demand_model()
        if model is None:
            return
        request = predictions.slice_request(self.canvas.session, model, z, self._scratch.name)
        self._asked[self.worker.ask("predict", **request)] = "predict"
        self.words.setText(f"{self._reason} Predicting slice {z} ...".strip())

    def _demand_model(self) -> Model | None:
        model = self.model
        if model is None:
            self._say(NO_MODEL)
        return model

    def _accepted(self, changed: bool) -> None:
        if not changed:
            self._say("Nothing changes here: what is predicted is drawn by hand or locked.")

    def _segmented(self, error: str) -> None:
        """Show the labels of the whole volume, or why there are none."""
        if error:
            self._say(error)
            return
        labels = self.job.folder / "labels.mrc"
        if not labels.is_file():
            self.words.setText("Stopped; the same button goes on.")
            return
        if SEGMENTED in self.canvas.viewer.layers:
            self.canvas.viewer.layers.remove(SEGMENTED)
        legend = files.legend_of(labels) or files.Legend()
        data, keywords, _ = layers.labels(files.read(labels), legend, SEGMENTED)
        self.canvas.viewer.add_labels(data, **keywords)
        self.canvas.viewer.layers.selection.active = self.canvas.drawn
        self.words.setText(f"Segmented: {labels.name} in {labels.parent.name}.")

    def _follow_layer(self) -> None:
        active = self.canvas.viewer.layers.selection.active
        self.click_button.setChecked(active is not None and active.name == PREDICTION)
