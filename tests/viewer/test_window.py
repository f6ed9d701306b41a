"""Painting, locks, undo and predictions by mouse and keys in napari's own window."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seget import files
from seget.errors import RunError
from seget.viewer.session import open_session

Opened = Callable[[Path], Any]


def _begun(opened: Opened, tomogram: Path) -> Any:
    driver = opened(tomogram)
    for name in ("golgi", "er"):
        driver.type(driver.work.structures.new_name, name)
    assert [one.name for one in driver.work.session.structures] == ["golgi", "er"]
    return driver


def test_what_is_painted_is_where_it_was_painted(
    opened: Opened, tomogram: Path, truth: dict[str, Any]
) -> None:
    from qtpy.QtCore import Qt

    driver = _begun(opened, tomogram)
    driver.go_to(2)
    driver.key(Qt.Key.Key_1)
    driver.paint(truth["golgi"][2])
    driver.key(Qt.Key.Key_2)
    driver.paint(truth["er"][2])
    driver.press(driver.work.structures.row_of(1).complete)
    driver.key(Qt.Key.Key_C)
    assert driver.wait(lambda: driver.work.saver.is_saved, 10)

    session = open_session(driver.work.session.folder.with_name("cell.mrc"))
    for value, name in enumerate(("golgi", "er"), start=1):
        assert np.array_equal(session.drawing.labels[2] == value, truth[name][2])
        assert session.is_complete(2, value)
    out = str(tomogram.with_name("drawn.mrc"))
    driver.work.canvas.drawn.save(out, plugin="seget")
    drawn, image = files.read(out), files.read(tomogram)
    assert (drawn.voxel_size_nm, drawn.origin_nm) == (image.voxel_size_nm, image.origin_nm)
    for rule in ("signed", "unsigned"):  # IMOD's, and that of others: labels are the same by both
        assert np.array_equal(
            files.read(out, mode0=rule).slice(2), driver.work.session.drawing.labels[2]
        )


def test_locked_structures_and_hands_win(opened: Opened, tomogram: Path) -> None:
    from qtpy.QtCore import Qt

    driver = _begun(opened, tomogram)
    labels = driver.work.session.drawing.labels
    driver.go_to(3)
    driver.key(Qt.Key.Key_1)
    driver.drag((20, 10), (20, 30))
    before = labels[3].copy()
    assert before.any()
    driver.press(driver.work.structures.row_of(1).lock)
    driver.drag((30, 10), (30, 30))
    assert "golgi is locked" in driver.work.words.text()
    assert np.array_equal(labels[3], before)
    driver.key(Qt.Key.Key_2)
    driver.drag((10, 20), (30, 20))
    assert np.array_equal(labels[3] == 1, before == 1), "er did not go over the locked golgi"
    assert (labels[3] == 2).any()
    driver.undo()
    assert np.array_equal(labels[3], before)
    driver.key(
        Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    )
    assert (labels[3] == 2).any()

    predicted = np.full(labels[3].shape, 2, np.uint8)
    driver.work.canvas.predict(3, predicted)
    hand = labels[3].copy()
    driver.key(Qt.Key.Key_A)
    assert np.array_equal(labels[3][hand > 0], hand[hand > 0])
    assert (labels[3][hand == 0] == 2).all()
    driver.undo()
    assert np.array_equal(labels[3], hand)


def test_a_label_that_is_no_structure_is_not_painted(opened: Opened, tomogram: Path) -> None:
    driver = _begun(opened, tomogram)
    driver.work.canvas.drawn.selected_label = 7
    driver.drag((20, 10), (20, 30))
    assert "Label 7 is no structure; add one" in driver.work.words.text()
    assert not driver.work.session.drawing.labels.any()


def test_a_click_accepts_one_object(opened: Opened, tomogram: Path, truth: dict[str, Any]) -> None:
    driver = _begun(opened, tomogram)
    driver.go_to(1)
    predicted = (truth["golgi"][1] + 2 * truth["er"][1]).astype(np.uint8)
    driver.work.canvas.predict(1, predicted)
    driver.press(driver.work.prediction.click_button)
    driver.click(21, 15)
    labels = driver.work.session.drawing.labels
    assert np.array_equal(labels[1] == 1, truth["golgi"][1])
    assert not (labels[1] == 2).any()
    assert np.array_equal(driver.work.canvas.prediction.data[1] == 2, truth["er"][1])
    assert not driver.work.session.drawing.hand(1).any(), "accepted, not painted"


def test_it_opens_without_torch(opened: Opened, tomogram: Path) -> None:
    import subprocess
    import sys

    script = (
        "import sys, time, pathlib, napari; begun = time.process_time(); "
        "from seget.viewer import plugin; print(time.process_time() - begun); "
        "from seget.viewer.launch import open_viewer; "
        "open_viewer(napari.Viewer(), pathlib.Path(sys.argv[1])).close(); "
        "print([name for name in ('torch', 'openvino') if name in sys.modules])"
    )
    command = [sys.executable, "-W", "ignore", "-c", script, str(tomogram)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds, heavy = done.stdout.split("\n")[:2]
    assert heavy == "[]"
    assert float(seconds) < 0.5


def test_the_manifest_names_what_is_there(opened: Opened) -> None:
    from npe2 import PluginManifest

    PluginManifest.from_distribution("seget").validate_imports()


def test_napari_reads_through_the_plugin(opened: Opened, tomogram: Path) -> None:
    driver = opened(tomogram)
    (layer,) = driver.viewer.open(str(tomogram), plugin="seget")
    assert layer.name.startswith("cell")
    assert np.allclose(layer.translate, (10, -20, 30))
    assert str(layer.units[0]) == "nanometer"


def test_the_dock_of_the_plugin_begins_a_session(
    opened: Opened, make_dock: Callable[[Path], Any], tomogram: Path
) -> None:
    dock = make_dock(tomogram)
    assert dock.work is None
    dock.widget().begin()
    assert dock.work is not None, dock.widget().words.text()
    assert dock.work.session.folder == tomogram.with_suffix(".seget")
    dock.close()


def test_two_viewers_do_not_share_a_session(opened: Opened, tomogram: Path) -> None:
    opened(tomogram)
    with pytest.raises(RunError, match="another process of seget writes there"):
        opened(tomogram)
