"""Paints in napari until it is killed: python napari_painter.py TOMOGRAM LOG [--train].

a line of LOG a stroke, written after the mouse button is up -> {"t", "z", "y", "x", "value"}
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import napari
import numpy as np
from qtpy.QtCore import Qt

from napari_driver import Driver
from seget.viewer.launch import open_viewer

STEP_PX, BRUSH_PX = 12, 5
NAMES = ("golgi", "er")


def main() -> None:
    """Open, begin a training if asked to, and paint a blob after the other, each at a new place."""
    tomogram, log = Path(sys.argv[1]), Path(sys.argv[2])
    viewer = napari.Viewer()
    viewer.window._qt_window.resize(1200, 800)
    dock = open_viewer(viewer, tomogram)
    driver = Driver(viewer, dock)
    driver.wait(most_s=0.3)
    viewer.reset_view()
    session = dock.work.session
    for name in NAMES[len(session.structures) :]:
        driver.type(dock.work.structures.new_name, name)
    dock.work.canvas.drawn.brush_size = BRUSH_PX
    depth, height, width = session.tomogram.shape
    places = [
        (z, y, x)
        for z in range(depth)
        for y in range(STEP_PX, height - STEP_PX, STEP_PX)
        for x in range(STEP_PX, width - STEP_PX, STEP_PX)
        if not session.drawing.labels[z, y, x]
    ]
    random = np.random.default_rng(len(places))
    for number, place in enumerate(random.permutation(len(places))):
        z, y, x = places[place]
        value = 1 + number % 2
        driver.go_to(z)
        driver.key(getattr(Qt.Key, f"Key_{value}"))
        driver.drag((y, x), (y, x + 1))
        if session.drawing.labels[z, y, x] != value:  # the mouse missed the picture
            continue
        line = {"t": time.time(), "z": z, "y": y, "x": x, "value": value}
        with log.open("a") as lines:
            lines.write(json.dumps(line) + "\n")
        if number == 3 and "--train" in sys.argv:
            for value in (1, 2):
                dock.work.structures.set_complete(value, True)
            dock.work.training.minutes.setValue(5)
            driver.press(dock.work.training.train_button)
        driver.wait(most_s=0.05)


if __name__ == "__main__":
    main()
