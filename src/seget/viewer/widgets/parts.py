"""Small parts that the sections share: buttons, folding sections, a curve, a line to copy.

texts, functions -> Qt widgets

They know nothing of sessions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QIcon, QPainter, QPen, QPixmap, QPolygonF
from qtpy.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

MUTED = "#9aa0a6"
BAD = "#ff8a65"
LOCK_PX = 18
COPY_HINT = "Copy what this does as a line for a shell"


class Section(QWidget):
    """A title that folds what is below it."""

    def __init__(self, number: int, title: str) -> None:
        super().__init__()
        self._head = QToolButton()
        self._head.setText(f"{number}  {title}")
        self._head.setCheckable(True)
        self._head.setChecked(True)
        self._head.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._head.setArrowType(Qt.ArrowType.DownArrow)
        self._head.setStyleSheet("QToolButton { border: none; font-weight: bold; padding: 3px; }")
        self._head.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._head.toggled.connect(self._fold)
        self._inner = QFrame()
        self.body = QVBoxLayout(self._inner)
        self.body.setContentsMargins(8, 2, 2, 8)
        self.body.setSpacing(5)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(self._head)
        whole.addWidget(self._inner)

    def _fold(self, shown: bool) -> None:
        self._inner.setVisible(shown)
        self._head.setArrowType(Qt.ArrowType.DownArrow if shown else Qt.ArrowType.RightArrow)


class Curve(QWidget):
    """A small curve, say of the loss."""

    def __init__(self) -> None:
        super().__init__()
        self._points: Sequence[tuple[float, float]] = ()
        self.setMinimumHeight(44)
        self.setToolTip("The loss, from the beginning to the end of the training")

    def show_points(self, points: Sequence[tuple[float, float]]) -> None:
        """Show (share, value) pairs; the share runs from 0 to 1."""
        self._points = list(points)
        self.update()

    def sizeHint(self) -> QSize:
        """Return a small size."""
        return QSize(200, 44)

    def paintEvent(self, _event: object) -> None:
        """Draw the curve."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        width, height = self.width() - 2, self.height() - 6
        painter.fillRect(self.rect(), QColor(0, 0, 0, 40))
        if len(self._points) > 1:
            low, top = (f(value for _, value in self._points) for f in (min, max))
            rise = height / ((top - low) or 1.0)
            line = [QPointF(1 + s * width, 3 + rise * (top - v)) for s, v in self._points]
            painter.setPen(QPen(QColor("#4fc3f7"), 1.6))
            painter.drawPolyline(QPolygonF(line))
        painter.end()


def button(text: str, hint: str, pressed: Callable[[], object], wide: bool = True) -> QPushButton:
    """Return a button that calls a function."""
    made = QPushButton(text)
    made.setToolTip(hint)
    made.clicked.connect(lambda _on: pressed())
    if not wide:
        made.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
    return made


def copy_button(lines: Mapping[str, Callable[[], str]], said: Callable[[str], None]) -> QToolButton:
    """Return a button that copies the line for a shell of one of some buttons, and says which."""

    def copy(line: Callable[[], str]) -> None:
        text = line()
        if text:
            QApplication.clipboard().setText(text)
            said(f"Copied: {text}")

    made = QToolButton()
    made.setText("Copy as command")
    made.setToolTip(COPY_HINT)
    made.setAutoRaise(True)
    if len(lines) == 1:
        made.clicked.connect(lambda _on: copy(*lines.values()))
        return made
    menu = QMenu(made)
    for name, line in lines.items():
        menu.addAction(name, lambda line=line: copy(line))
    made.setMenu(menu)
    made.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
    return made


def row(*widgets: QWidget, stretch: int | None = None) -> QHBoxLayout:
    """Return widgets beside each other; the one numbered `stretch` takes what room is left."""
    line = QHBoxLayout()
    line.setSpacing(5)
    if len(widgets) == 1:
        line.addStretch(1)  # what is alone stands at the right
    for place, widget in enumerate(widgets):
        line.addWidget(widget, 1 if place == stretch else 0)
    return line


def text_label(text: str = "", colour: str = "") -> QLabel:
    """Return a text that wraps and whose links can be pressed."""
    made = QLabel(text)
    made.setWordWrap(True)
    if colour:
        made.setStyleSheet(f"color: {colour};")
    return made


def colour_icon(colour: str) -> QIcon:
    """Return a square of a colour."""
    square = QPixmap(14, 14)
    square.fill(QColor(colour))
    return QIcon(square)


def lock_icon(locked: bool) -> QIcon:
    """Return a padlock, closed or open."""
    square = QPixmap(LOCK_PX, LOCK_PX)
    square.fill(QColor(0, 0, 0, 0))
    painter = QPainter(square)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    shade = QColor("#ffb74d" if locked else MUTED)
    painter.setPen(QPen(shade, 2.0))
    lift = 0 if locked else 3
    painter.drawArc(QRectF(5, 2, 8, 10), 0, 180 * 16)
    painter.drawLine(QPointF(5, 7), QPointF(5, 9))
    painter.drawLine(QPointF(13, 7), QPointF(13, 9 - lift))
    painter.fillRect(QRectF(3, 9, 12, 7), shade)
    painter.end()
    return QIcon(square)
