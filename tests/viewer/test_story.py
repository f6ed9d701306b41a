"""The whole way by mouse and keys: from an empty session to objects in nm, and back from a kill.

SEGET_PICTURES=docs/annotate make test-viewer ARGS="-k story" makes the pictures of
docs/annotate.md; build/viewer_story.json has the times.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_here import why_no_window
from seget import files
from seget.dataset import read_dataset
from seget.phantom import PRESETS, simulate

NAMES = ("granules", "golgi")
PAINTED = (4, 10, 16)
MINUTES = float(os.environ.get("SEGET_STORY_MINUTES", "1"))
TESTS = Path(__file__).parents[1]
PICTURE_PX = 1100

pytestmark = [
    pytest.mark.skipif(bool(why_no_window()), reason=why_no_window()),
    pytest.mark.timeout(900),
]


@pytest.fixture(scope="module")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the small phantom and its truth."""
    folder = tmp_path_factory.mktemp("phantom")
    made = simulate(PRESETS["small"])
    files.write(folder / "tomogram.mrc", made.tomogram)
    for name in NAMES:
        files.write(folder / f"{name}.mrc", made.masks[name])
    return folder


class Story:
    """A hand, the truth, and the time that each chapter took."""

    def __init__(self, driver: Any, phantom: Path) -> None:
        self.driver, self.phantom = driver, phantom
        self.truth = {name: files.read(phantom / f"{name}.mrc") for name in NAMES}
        self.took_s: dict[str, float] = {}

    def timed(self, chapter: str, what: Callable[[], None]) -> None:
        """Run a chapter, and keep how long it took and what it looked like."""
        begun = time.monotonic()
        what()
        self.took_s[chapter] = round(time.monotonic() - begun, 2)
        self.picture(chapter)

    def picture(self, chapter: str) -> None:
        """Save what the window shows, if pictures are wanted."""
        folder = os.environ.get("SEGET_PICTURES")
        if not folder or not chapter[0].isdigit():
            return
        from PIL import Image

        self.driver.wait(most_s=0.5)
        shown = self.driver.viewer.screenshot(canvas_only=False, flash=False)
        image = Image.fromarray(shown).convert("RGB")
        image.thumbnail((PICTURE_PX, PICTURE_PX), Image.Resampling.LANCZOS)
        Path(folder).mkdir(parents=True, exist_ok=True)
        image.quantize(96, kmeans=4, dither=Image.Dither.NONE).save(
            Path(folder) / f"{chapter}.png", optimize=True
        )

    def paint(self) -> None:
        """Add both structures, and paint them on three slices from the truth."""
        from qtpy.QtCore import Qt

        driver, structures = self.driver, self.driver.work.structures
        for name in NAMES:
            driver.type(structures.new_name, name)
        for z in PAINTED:
            driver.go_to(z)
            for value, name in enumerate(NAMES, start=1):
                driver.key(getattr(Qt.Key, f"Key_{value}"))
                driver.paint(self.truth[name].slice(z) > 0)
                driver.press(structures.row_of(value).complete)

    def check_painted(self) -> None:
        """What was painted is the truth, in the session and for the command line."""
        driver = self.driver
        driver.work.saver.flush()
        read = read_dataset(driver.work.session.dataset).tomograms[0]
        for name in NAMES:
            assert read.masks[name].annotated == PAINTED
            for z in PAINTED:
                assert np.array_equal(read.masks[name].slice(z), self.truth[name].slice(z) > 0)
                assert read.masks[name].labelled(z) is None

    def check_measured(self) -> None:
        """What was painted measures as its truth does: place, scale, axes, in nm."""
        pytest.importorskip("cc3d", reason="seget[measure] is not installed")
        from seget.measurement import Options, measure_files

        painted, truth = self.phantom / "painted.mrc", self.phantom / "truth.mrc"
        self.driver.work.canvas.drawn.save(str(painted), plugin="seget")
        tomogram = files.read(self.phantom / "tomogram.mrc")
        labels = np.zeros(tomogram.shape, np.uint8)
        for value, name in enumerate(NAMES, start=1):
            for z in PAINTED:
                labels[z][self.truth[name].slice(z) > 0] = value
        files.write(truth, tomogram.on_same_grid(labels, "truth"))
        legend = {str(v): {"structure": name} for v, name in enumerate(NAMES, start=1)}
        files.write_json(truth.with_suffix(".json"), legend)
        tables = []
        for path in (painted, truth):
            measure_files(files.read(path), path.with_suffix(""), Options(meshes=None))
            tables.append((path.with_suffix("") / "objects.csv").read_text())
        assert tables[0] == tables[1]
        assert tables[0].count("golgi") >= len(PAINTED)

    def train(self) -> None:
        """Train, and wait for the end; the window stays alive meanwhile."""
        driver, training = self.driver, self.driver.work.training
        training.minutes.setValue(MINUTES)
        driver.press(training.train_button)
        assert driver.wait(lambda: (training.job.progress.share or 0) > 0.5, 300)
        driver.slowest_s = 0.0
        self.picture("3-training")
        driver.drag((100, 100), (100, 110))  # painting goes on
        driver.undo()
        assert driver.wait(lambda: not training.job.is_running, 300)
        self.took_s["slowest turn while training"] = round(driver.slowest_s, 3)
        assert not training.job.progress.error
        driver.wait(most_s=0.3)

    def predict(self, z: int) -> None:
        """Predict a slice that nobody drew on."""
        from qtpy.QtCore import Qt

        self.driver.go_to(z)
        self.driver.key(Qt.Key.Key_D)
        assert self.driver.wait(lambda: self.driver.work.canvas.is_predicted(z), 120)

    def accept_and_correct(self, z: int) -> None:
        """Accept what is predicted, then erase where it is wrong."""
        from qtpy.QtCore import Qt

        driver = self.driver
        labels, session = driver.work.session.drawing.labels, driver.work.session
        driver.key(Qt.Key.Key_A)
        assert labels[z].any()
        assert not session.drawing.hand(z).any()
        wrong = (labels[z] > 0) & ~np.any([self.truth[n].slice(z) > 0 for n in NAMES], axis=0)
        driver.key(Qt.Key.Key_0)
        for _ in range(8):
            driver.key(Qt.Key.Key_BracketRight)
        y, x = np.argwhere(wrong)[len(np.argwhere(wrong)) // 2] if wrong.any() else (5, 5)
        driver.drag((y, x - 3), (y, x + 3))
        assert not labels[z, y, x]
        assert session.drawing.hand(z)[y, x] or not wrong.any()

    def next(self) -> None:
        """Go where `seget next` proposes, with a draft laid there."""
        from qtpy.QtCore import Qt

        driver, prediction = self.driver, self.driver.work.prediction
        before = driver.work.canvas.z
        driver.key(Qt.Key.Key_N)
        assert driver.wait(lambda: "Predicted:" in prediction.words.text()
                           and prediction.words.text().startswith("Slice"), 120)  # fmt: skip
        assert driver.work.canvas.z not in (*PAINTED, before)

    def segment(self) -> None:
        """Segment the volume in the background."""
        prediction = self.driver.work.prediction
        self.driver.press(prediction.volume_button)
        assert self.driver.wait(lambda: "Segmented:" in prediction.words.text(), 300)
        assert "segmented" in self.driver.viewer.layers

    def measure(self) -> None:
        """Measure the objects, and select one."""
        pytest.importorskip("cc3d", reason="seget[measure] is not installed")
        table = self.driver.work.table
        self.driver.press(self.driver.work.prediction.measure_button)
        assert self.driver.wait(lambda: table.table.rowCount() > 0, 120)
        table.table.selectRow(0)
        assert self.driver.viewer.layers["objects"].visible

    def come_back(self, opened: Any) -> None:
        """Close, let another napari paint and be killed, and open again: all is there."""
        from napari_driver import Driver
        from seget.viewer.launch import open_viewer

        driver, tomogram = self.driver, self.phantom / "tomogram.mrc"
        before = driver.work.session.drawing.labels.copy()
        log = self.phantom / "strokes.jsonl"
        driver.dock.close()
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path])}
        painter = [sys.executable, "-W", "ignore", str(TESTS / "napari_painter.py")]
        process = subprocess.Popen([*painter, str(tomogram), str(log)], env=environment)
        while not log.exists():
            assert process.poll() is None
            time.sleep(0.05)
        time.sleep(3)
        process.kill()
        process.wait()
        killed_at = time.time()
        viewer = opened.make(show=True)
        viewer.window._qt_window.resize(1400, 900)
        dock = open_viewer(viewer, tomogram)
        self.driver = Driver(viewer, dock)
        self.driver.wait(most_s=0.5)
        viewer.reset_view()
        strokes = [json.loads(line) for line in log.read_text().splitlines()]
        labels = dock.work.session.drawing.labels
        old = [one for one in strokes if killed_at - one["t"] > 2]
        assert old
        assert all(labels[one["z"], one["y"], one["x"]] == one["value"] for one in old)
        assert (labels == before).mean() > 0.99
        self.driver.go_to(old[0]["z"])
        self.picture("9-back")
        dock.close()


def test_the_whole_story(opened: Any, phantom: Path) -> None:
    begun = time.monotonic()
    story = Story(opened(phantom / "tomogram.mrc"), phantom)
    story.picture("1-opened")
    story.timed("2-painted", story.paint)
    story.check_painted()
    story.check_measured()
    story.timed("training", story.train)
    story.timed("4-predicted", lambda: story.predict(13))
    story.took_s["opened to first prediction"] = round(time.monotonic() - begun, 1)
    story.timed("second prediction", lambda: story.predict(14))
    story.driver.go_to(13)
    story.timed("5-corrected", lambda: story.accept_and_correct(13))
    story.timed("6-next", story.next)
    story.timed("7-volume", story.segment)
    story.timed("8-measured", story.measure)
    story.come_back(opened)
    build = TESTS.parent / "build"
    build.mkdir(exist_ok=True)
    said = {**story.took_s, "load": os.getloadavg()[0], "cores": os.cpu_count()}
    files.write_json(build / "viewer_story.json", said)
