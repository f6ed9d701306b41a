"""Drives napari as a person does: by mouse and keys on its window."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QPushButton
from scipy import ndimage

# napari and vispy leave out movements that follow each other sooner.
NO_FASTER_S = 0.012


class Driver:
    """A hand on the mouse and one on the keys of a viewer with the dock of seget."""

    def __init__(self, viewer: Any, dock: Any) -> None:
        self.viewer, self.dock, self.work = viewer, dock, dock.work
        self.canvas = viewer.window._qt_viewer.canvas.native
        self.slowest_s = 0.0  # of the turns of the event loop: how long the window stood still

    def wait(self, until: Callable[[], bool] = lambda: False, most_s: float = 1.0) -> bool:
        """Let the window live until something holds, or for so long; say whether it held."""
        end = time.monotonic() + most_s
        while time.monotonic() < end:
            if until():
                return True
            begun = time.perf_counter()
            QApplication.processEvents()
            self.slowest_s = max(self.slowest_s, time.perf_counter() - begun)
            time.sleep(0.005)
        return until()

    def type(self, widget: Any, text: str) -> None:
        """Type into a field, and press Enter."""
        QTest.mouseClick(widget, Qt.MouseButton.LeftButton)
        QTest.keyClicks(widget, text)
        QTest.keyClick(widget, Qt.Key.Key_Return)
        QApplication.processEvents()

    def press(self, widget: Any) -> None:
        """Press a button."""
        assert widget.isEnabled(), widget.text()
        place = None if isinstance(widget, QPushButton) else QPoint(8, widget.height() // 2)
        arguments = (widget, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
        QTest.mouseClick(*arguments, *([] if place is None else [place]))
        QApplication.processEvents()

    def key(self, key: Any, modifier: Any = Qt.KeyboardModifier.NoModifier) -> None:
        """Press a key over the picture."""
        self.canvas.setFocus()
        QTest.keyClick(self.canvas, key, modifier)
        QApplication.processEvents()

    def undo(self) -> None:
        """Press Ctrl+Z."""
        self.key(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)

    def go_to(self, z: int) -> None:
        """Show a slice."""
        self.work.canvas.go_to(z)
        QApplication.processEvents()

    def place(self, y: float, x: float) -> QPoint:
        """Return where a pixel of the slice is on the picture."""
        world = self.work.canvas.drawn.data_to_world((self.work.canvas.z, y, x))
        scene = getattr(self.viewer, "scene", self.viewer)
        camera = scene.camera
        height, width = self.canvas.height(), self.canvas.width()
        row, column = (
            float((w - c) * camera.zoom)
            for w, c in zip(world[-2:], camera.center[-2:], strict=True)
        )
        return QPoint(round(width / 2 + column), round(height / 2 + row))

    def click(self, y: float, x: float) -> None:
        """Click on a pixel."""
        self.drag((y, x))

    def drag(self, *pixels: tuple[float, float]) -> None:
        """Drag with the left button from pixel to pixel."""
        places = [self.place(y, x) for y, x in pixels]
        self._mouse(QEvent.Type.MouseButtonPress, places[0])
        for place in places[1:]:
            if place != places[0] or len(places) > 2:
                self.wait(most_s=NO_FASTER_S)
                self._mouse(QEvent.Type.MouseMove, place)
        self._mouse(QEvent.Type.MouseButtonRelease, places[-1], pressed=False)
        QApplication.processEvents()

    def _mouse(self, kind: Any, place: QPoint, pressed: bool = True) -> None:
        # Not QTest.mouseMove: that moves the pointer of the screen, and the event comes later.
        none, left = Qt.MouseButton.NoButton, Qt.MouseButton.LeftButton
        button = none if kind == QEvent.Type.MouseMove else left
        where, there = QPointF(place), QPointF(self.canvas.mapToGlobal(place))
        modifier = Qt.KeyboardModifier.NoModifier
        event = QMouseEvent(kind, where, there, button, left if pressed else none, modifier)
        QApplication.sendEvent(self.canvas, event)

    def paint(self, mask: Any) -> None:
        """Paint the outlines of a mask `(y, x)` with a brush of one pixel, and fill them."""
        while self.work.canvas.drawn.brush_size > 1:
            self.key(Qt.Key.Key_BracketLeft)
        # Without a graphics card a picture a stroke takes longer than a stroke.
        self.canvas.setUpdatesEnabled(False)
        inside = ndimage.binary_erosion(mask)
        for y, first, last in runs(mask & ~inside):
            self.drag((y, first), (y, last))
        self.key(Qt.Key.Key_F)
        parts, number = ndimage.label(inside)
        for part in range(1, number + 1):
            self.click(*np.argwhere(parts == part)[0])
        self.key(Qt.Key.Key_P)
        self.canvas.setUpdatesEnabled(True)
        QApplication.processEvents()


def runs(mask: Any) -> Iterator[tuple[int, int, int]]:
    """Yield (row, first column, last column) of each run of a mask."""
    for y in np.flatnonzero(mask.any(axis=1)):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], mask[y].astype(np.int8), [0]])))
        for first, end in zip(edges[::2], edges[1::2], strict=True):
            yield int(y), int(first), int(end) - 1
