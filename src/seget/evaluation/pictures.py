"""One slice as a person looks at it: image, prediction, truth, and where the two differ.

image + label ids -> PNG

It never computes a score, and it draws through figure objects alone: no pyplot, no window, no
state that two drawings could share. Figure 4 of the paper, with the errors beside it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

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

DIMMED = 0.45
CORRECT = ("true positive", "#787878")
SPURIOUS = ("false positive", "#ff4a2a")
MISSED = ("false negative", "#22d3ff")
MIXED_UP = ("wrong structure", "#ffd200")


def slice_picture(
    path: Path,
    image: Image,
    prediction: Labels,
    truth: Labels,
    colours: Colours,
    title: str,
    pixel_size_nm: float | None = None,
) -> None:
    """Draw a slice, its prediction, its truth and their differences as a PNG of four panels.

    Each pixel of the slice becomes k x k pixels of the picture; of a slice too large for that,
    k x k pixels are averaged, so that no thin structure falls between two pixels.

    Parameters
    ----------
    path
        Where the PNG is written, whatever its suffix.
    image
        `(y, x)` grey values, stretched from their 0.5th to their 99.5th percentile.
    prediction, truth
        `(y, x)` label ids, 0 for the background.
    colours
        Label id -> name of the structure and its colour as `#rrggbb`.
    title
        What is shown: tomogram and slice number.
    pixel_size_nm
        Edge of a pixel of the slice in nm; None draws no scale bar.

    Raises
    ------
    ValueError
        If the shapes differ or a label has no colour.
    """
    _check(image, prediction, truth, colours)
    grey = np.repeat(_stretched(image)[..., None], 3, axis=2)
    up, down = _scale(max(image.shape))
    panels = {
        "image": grey,
        "prediction": _painted(prediction, colours),
        "truth": _painted(truth, colours),
        "errors": _errors(grey, prediction, truth),
    }
    panels = {name: _resized(panel, up, down) for name, panel in panels.items()}
    figure, corner = _sheet(panels, colours, title)
    if pixel_size_nm is not None:
        _scale_bar(figure, corner, panels["image"].shape[1], pixel_size_nm * down / up)
    # The format is said outright: while it is written, a file may have a passing name.
    figure.savefig(path, dpi=DPI, format="png")


def _check(image: Image, prediction: Labels, truth: Labels, colours: Colours) -> None:
    """Refuse what would be painted at the wrong place or not at all."""
    for name, labels in {"prediction": prediction, "truth": truth}.items():
        if labels.shape != image.shape:
            raise ValueError(f"{name} has shape {labels.shape}, the image {image.shape}.")
        unknown = set(np.unique(labels).tolist()) - {0, *colours}
        if unknown:
            raise ValueError(f"{name} has labels {sorted(unknown)} without a colour.")


def _stretched(image: Image) -> npt.NDArray[np.uint8]:
    """Stretch `(y, x)` grey values to 0..255; those that are not finite become black."""
    values = image.astype(np.float32)
    finite = np.isfinite(values)
    low, high = np.percentile(values[finite], [0.5, 99.5]) if finite.any() else (0.0, 0.0)
    # A constant image has no contrast: the smallest divisor makes it black, not nan.
    scaled = (np.where(finite, values, low) - low) / max(high - low, 1e-12)
    return np.asarray(np.clip(scaled * 255, 0, 255).round(), dtype=np.uint8)


def _painted(labels: Labels, colours: Colours) -> RGB:
    """Paint `(y, x)` labels on black."""
    painted = np.zeros((*labels.shape, 3), dtype=np.uint8)
    for label, (_, colour) in colours.items():
        painted[labels == label] = _bytes(colour)
    return painted


def _errors(grey: RGB, prediction: Labels, truth: Labels) -> RGB:
    """Paint where prediction and truth agree and differ on the dimmed image."""
    painted = (grey * DIMMED).astype(np.uint8)
    painted[(prediction > 0) & (prediction == truth)] = _bytes(CORRECT[1])
    painted[(prediction > 0) & (truth == 0)] = _bytes(SPURIOUS[1])
    painted[(prediction == 0) & (truth > 0)] = _bytes(MISSED[1])
    painted[(prediction > 0) & (truth > 0) & (prediction != truth)] = _bytes(MIXED_UP[1])
    return painted


def _bytes(colour: str) -> RGB:
    """Red, green and blue of `#rrggbb`, 0..255."""
    return (np.array(to_rgb(colour)) * 255).round().astype(np.uint8)


def _scale(longest: int) -> tuple[int, int]:
    """Whole factors, to repeat and to average, that bring an edge nearest to `PANEL_PX`."""
    factors = [(up, 1) for up in range(1, PANEL_PX + 1)]
    factors += [(1, down) for down in range(2, longest + 1)]
    return min(factors, key=lambda f: abs(math.log(longest * f[0] / f[1] / PANEL_PX)))


def _resized(panel: RGB, up: int, down: int) -> RGB:
    """Average `down` x `down` pixels into one, then repeat each `up` x `up` times."""
    if down > 1:
        height, width = panel.shape[:2]
        padded = np.pad(panel, ((0, -height % down), (0, -width % down), (0, 0)), mode="edge")
        blocks = padded.reshape(padded.shape[0] // down, down, padded.shape[1] // down, down, 3)
        panel = blocks.mean(axis=(1, 3)).round().astype(np.uint8)
    return panel.repeat(up, axis=0).repeat(up, axis=1)


def _sheet(
    panels: Mapping[str, RGB], colours: Colours, title: str
) -> tuple[Figure, tuple[int, int]]:
    """Lay out title, panels and legends in pixels from the bottom left corner, bottom up.

    Returns the figure and the corner of its first panel.
    """
    height, width = next(iter(panels.values())).shape[:2]
    columns = len(panels) if height > 2 * width else 2
    cell = max(width, (NARROWEST_PX - MARGIN_PX) // columns - MARGIN_PX)
    across = MARGIN_PX + columns * (cell + MARGIN_PX)
    figure = Figure(figsize=(across / DPI, 1), dpi=DPI, facecolor="white")
    kinds = [CORRECT, SPURIOUS, MISSED, *([MIXED_UP] if len(colours) > 1 else [])]
    middle = MARGIN_PX + columns // 2 * (cell + MARGIN_PX)
    room = middle - 2 * MARGIN_PX
    legends = {
        MARGIN_PX: _legend(figure, "prediction and truth", list(colours.values()), room),
        middle: _legend(figure, "errors", kinds, room),
    }
    bottom = MARGIN_PX + math.ceil(max(one.get_window_extent().height for one in legends.values()))
    for x, legend in legends.items():
        legend.set_bbox_to_anchor((x, bottom), transform=IdentityTransform())
    top = bottom + MARGIN_PX + len(panels) // columns * (height + CAPTION_PX)
    for index, (name, panel) in enumerate(panels.items()):
        row, column = divmod(index, columns)
        x = MARGIN_PX + column * (cell + MARGIN_PX)
        y = top - (row + 1) * (height + CAPTION_PX)
        figure.figimage(panel, x, y, origin="upper")
        _text(figure, x, y + height + 10, name, MIDDLE_PX)
    _text(figure, MARGIN_PX, top + 22, title, LARGE_PX)
    figure.set_size_inches(across / DPI, (top + TITLE_PX) / DPI)
    return figure, (MARGIN_PX, top - height - CAPTION_PX)


def _legend(figure: Figure, title: str, entries: Sequence[tuple[str, str]], room: int) -> Legend:
    """Add a legend with as many columns as fit into `room` pixels."""
    for columns in range(max(1, len(entries)), 0, -1):
        legend = figure.legend(
            [Patch(facecolor=colour, edgecolor="#808080") for _, colour in entries],
            [name for name, _ in entries],
            title=title,
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
            fontsize=_points(SMALL_PX),
            title_fontsize=_points(SMALL_PX),
        )
        if columns == 1 or legend.get_window_extent().width <= room:
            break
        legend.remove()
    return legend


def _text(figure: Figure, x: float, y: float, words: str, size: int) -> None:
    """Write `words` as they are: a `$` in the name of a tomogram begins no formula."""
    figure.text(
        x, y, words, fontsize=_points(size), parse_math=False, transform=IdentityTransform()
    )


def _scale_bar(figure: Figure, corner: tuple[int, int], width: int, nm: float) -> None:
    """Draw a bar of 1, 2 or 5 x 10^k nm into a panel whose pixels measure `nm`."""
    largest = width / 4 * nm
    decade = 10.0 ** math.floor(math.log10(largest))
    length = max(one * decade for one in (1, 2, 5) if one * decade <= largest)
    x, y = corner[0] + 24, corner[1] + 24
    bar = Rectangle((x, y), length / nm, 8, facecolor="white", edgecolor="black")
    bar.set_transform(IdentityTransform())
    figure.add_artist(bar)
    _text(figure, x, y + 18, f"{length:g} nm", SMALL_PX)
    figure.texts[-1].set(color="white", path_effects=[withStroke(linewidth=3, foreground="black")])


def _points(pixels: int) -> float:
    """Size of a font of that many pixels."""
    return pixels * 72 / DPI
