"""Panels of exact pixels on a white sheet, with captions, legends and a scale bar.

{caption: panel} + legends -> PNG

It never decides what a panel shows, and never uses pyplot, whose open figures are shared by a whole
process.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.patches import Patch, Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.transforms import IdentityTransform

Image = npt.NDArray[Any]
RGB = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.integer[Any]]
Colours = Mapping[int, tuple[str, str]]

# A power of two, so that pixels / DPI * DPI are the same pixels again.
DPI = 128
PANEL_PX, NARROWEST_PX = 1000, 1200
MARGIN_PX, TITLE_PX, CAPTION_PX = 28, 76, 48
LARGE_PX, MIDDLE_PX, SMALL_PX = 36, 28, 25
UNSEEN = ("not annotated", "#2a3550")


class Key(NamedTuple):
    """A legend: its title, and the names and colours below it."""

    title: str
    entries: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class SheetLayout:
    """Where panels of one shape stand on a sheet, and how large the letters around them are.

    A sheet is shrunk to the width of a page: the wider it is, the larger its letters must be.

    Attributes
    ----------
    panels, height, width
        How many there are, and their shape in pixels.
    columns
        How many stand in a row.
    size
        Letters and margins, as a multiple of their usual size.
    shown
        Pixels of a panel for one of the slice, along an edge.
    """

    panels: int
    height: int
    width: int
    columns: int
    size: float = 1.0
    shown: float = 1.0

    @classmethod
    def of(cls, panels: int, shape: tuple[int, ...], shown: float = 1.0) -> SheetLayout:
        """Lay panels of one shape out about half as wide again as high."""
        height, width = shape[:2]
        rows = max(1, round(math.sqrt(panels * width / (1.5 * height))))
        columns = math.ceil(panels / rows)
        size = max(1.0, columns * width / (2 * PANEL_PX))
        return cls(panels, height, width, columns, size, shown)

    def px(self, length: int) -> int:
        """Return a margin or a letter's height in pixels."""
        return round(length * self.size)

    @property
    def margin(self) -> int:
        """Pixels around everything."""
        return self.px(MARGIN_PX)

    @property
    def step_x(self) -> int:
        """Pixels from one panel's left edge to the next one's."""
        narrowest = (NARROWEST_PX - self.margin) // self.columns
        return max(self.width + self.margin, narrowest)

    @property
    def step_y(self) -> int:
        """Pixels from one panel's lower edge to the next one's."""
        return self.height + self.px(CAPTION_PX)

    @property
    def rows(self) -> int:
        """Rows of panels."""
        return math.ceil(self.panels / self.columns)

    @property
    def free_panels(self) -> int:
        """Cells that the last row has left over."""
        return self.rows * self.columns - self.panels

    @property
    def sheet_width(self) -> int:
        """Width of the sheet in pixels."""
        return self.margin + self.columns * self.step_x

    def corner(self, index: int, bottom: int) -> tuple[int, int]:
        """Return x and y of a panel's lower left corner, the last row standing on `bottom`."""
        row, column = divmod(index, self.columns)
        return self.margin + column * self.step_x, bottom + (self.rows - 1 - row) * self.step_y


def stretched(image: Image) -> npt.NDArray[np.uint8]:
    """Stretch `(y, x)` grey values to 0..255; those that are not finite become black."""
    values = image.astype(np.float32)
    finite = np.isfinite(values)
    low, high = np.percentile(values[finite], [0.5, 99.5]) if finite.any() else (0.0, 0.0)
    # A constant image has no contrast: the smallest divisor makes it black, not nan.
    scaled = (np.where(finite, values, low) - low) / max(high - low, 1e-12)
    return np.asarray(np.clip(scaled * 255, 0, 255).round(), dtype=np.uint8)


def grey(image: Image) -> RGB:
    """Stretch `(y, x)` grey values to a panel without colour."""
    return np.repeat(stretched(image)[..., None], 3, axis=2)


def painted(labels: Labels, colours: Colours) -> RGB:
    """Paint `(y, x)` labels on black; those that are masked (`np.ma`) are not annotated."""
    panel = np.zeros((*labels.shape, 3), dtype=np.uint8)
    for label, (_, colour) in colours.items():
        panel[np.ma.getdata(labels) == label] = rgb(colour)
    panel[np.ma.getmaskarray(labels)] = rgb(UNSEEN[1])
    return panel


def rgb(colour: str) -> RGB:
    """Red, green and blue of `#rrggbb`, 0..255."""
    return (np.array(to_rgb(colour)) * 255).round().astype(np.uint8)


def check_labels(name: str, labels: Labels, image: Image, colours: Colours) -> None:
    """Refuse what would be painted at the wrong place or not at all.

    Raises
    ------
    ValueError
        The shape is not the image's, or a label has no colour.
    """
    if labels.shape != image.shape:
        raise ValueError(f"{name} has shape {labels.shape}, the image {image.shape}.")
    unknown = set(np.unique(np.ma.getdata(labels)).tolist()) - {0, *colours}
    if unknown:
        raise ValueError(f"{name} has labels {sorted(unknown)} without a colour.")


def scale(longest: int) -> tuple[int, int]:
    """Whole factors, to repeat and to average, that bring an edge nearest to `PANEL_PX`."""
    factors = [(up, 1) for up in range(1, PANEL_PX + 1)]
    factors += [(1, down) for down in range(2, longest + 1)]
    return min(factors, key=lambda f: abs(math.log(longest * f[0] / f[1] / PANEL_PX)))


def enlarged(panels: Mapping[str, RGB]) -> tuple[dict[str, RGB], float]:
    """Bring panels of one shape near to `PANEL_PX`; return them, and by how much."""
    up, down = scale(max(next(iter(panels.values())).shape[:2]))
    return {name: resized(panel, up, down) for name, panel in panels.items()}, up / down


def resized(panel: RGB, up: int, down: int = 1) -> RGB:
    """Average `down` x `down` pixels into one, then repeat each `up` x `up` times."""
    if down > 1:
        height, width = panel.shape[:2]
        padded = np.pad(panel, ((0, -height % down), (0, -width % down), (0, 0)), mode="edge")
        blocks = padded.reshape(padded.shape[0] // down, down, padded.shape[1] // down, down, 3)
        panel = blocks.mean(axis=(1, 3)).round().astype(np.uint8)
    return panel.repeat(up, axis=0).repeat(up, axis=1)


def draw_sheet(
    path: Path,
    panels: Mapping[str, RGB],
    keys: Sequence[Key],
    title: str,
    layout: SheetLayout,
    pixel_size_nm: float | None = None,
) -> None:
    """Write a PNG of panels in rows, their legends in the free end of the last row or below.

    Parameters
    ----------
    path
        Where the PNG is written, whatever its suffix.
    panels
        Caption -> `(y, x, 3)` bytes, all of the layout's shape; each pixel stays as it is.
    keys
        The legends, from left to right.
    title
        What is shown.
    layout
        Where the panels stand.
    pixel_size_nm
        Edge of a pixel of the slice in nm; None draws no scale bar into the first panel.
    """
    figure = Figure(figsize=(layout.sheet_width / DPI, 1), dpi=DPI, facecolor="white")
    bottom = _place_keys(figure, keys, layout)
    for index, (name, panel) in enumerate(panels.items()):
        x, y = layout.corner(index, bottom)
        figure.figimage(panel, x, y, origin="upper")
        _text(figure, x, y + layout.height + layout.px(10), name, layout.px(MIDDLE_PX))
    top = bottom + layout.rows * layout.step_y
    _text(figure, layout.margin, top + layout.px(22), title, layout.px(LARGE_PX))
    if pixel_size_nm is not None:
        _scale_bar(figure, layout.corner(0, bottom), pixel_size_nm / layout.shown, layout)
    figure.set_size_inches(layout.sheet_width / DPI, (top + layout.px(TITLE_PX)) / DPI)
    # The format is said outright: while it is written, a file may have a passing name.
    figure.savefig(path, dpi=DPI, format="png")


def _place_keys(figure: Figure, keys: Sequence[Key], layout: SheetLayout) -> int:
    """Add the legends; return the height on which the last row of panels stands."""
    margin, letter = layout.margin, layout.px(SMALL_PX)
    if not keys:
        return margin
    if len(keys) == 1 and layout.free_panels:
        legend = _legend(figure, keys[0], layout.free_panels * layout.step_x - margin, letter)
        box = legend.get_window_extent()
        if box.width <= layout.free_panels * layout.step_x - margin and box.height <= layout.height:
            x, y = layout.corner(layout.panels, margin)
            legend.set_bbox_to_anchor((x, y + layout.height), transform=IdentityTransform())
            return margin
        legend.remove()
    span = layout.columns // len(keys) * layout.step_x
    legends = [_legend(figure, key, span - margin, letter) for key in keys]
    top = margin + math.ceil(max(one.get_window_extent().height for one in legends))
    for index, legend in enumerate(legends):
        legend.set_bbox_to_anchor((margin + index * span, top), transform=IdentityTransform())
    return top + margin


def _legend(figure: Figure, key: Key, room: int, letter_px: int) -> Legend:
    """Add a legend with as many columns as fit into `room` pixels."""
    for columns in range(max(1, len(key.entries)), 0, -1):
        legend = figure.legend(
            [Patch(facecolor=colour, edgecolor="#808080") for _, colour in key.entries],
            [name for name, _ in key.entries],
            title=key.title,
            ncols=columns,
            loc="upper left",
            alignment="left",
            frameon=False,
            borderpad=0,
            borderaxespad=0,
            handlelength=1,
            handleheight=1,
            handletextpad=0.5,
            columnspacing=1.4,
            fontsize=_points(letter_px),
            title_fontsize=_points(letter_px),
        )
        for text in (*legend.get_texts(), legend.get_title()):
            text.set_parse_math(False)
        if columns == 1 or legend.get_window_extent().width <= room:
            break
        legend.remove()
    return legend


def _text(figure: Figure, x: float, y: float, words: str, size: int) -> None:
    """Write `words` as they are: a `$` in the name of a tomogram begins no formula."""
    figure.text(
        x, y, words, fontsize=_points(size), parse_math=False, transform=IdentityTransform()
    )


def _scale_bar(figure: Figure, corner: tuple[int, int], nm: float, layout: SheetLayout) -> None:
    """Draw a bar of 1, 2 or 5 x 10^k nm into a panel whose pixels measure `nm`."""
    largest = layout.width / 4 * nm
    decade = 10.0 ** math.floor(math.log10(largest))
    length = max(one * decade for one in (1, 2, 5) if one * decade <= largest)
    x, y = corner[0] + layout.px(24), corner[1] + layout.px(24)
    bar = Rectangle((x, y), length / nm, layout.px(8), facecolor="white", edgecolor="black")
    bar.set_transform(IdentityTransform())
    figure.add_artist(bar)
    _text(figure, x, y + layout.px(18), f"{length:g} nm", layout.px(SMALL_PX))
    outline = withStroke(linewidth=3 * layout.size, foreground="black")
    figure.texts[-1].set(color="white", path_effects=[outline])


def _points(pixels: int) -> float:
    """Size of a font of that many pixels."""
    return pixels * 72 / DPI
