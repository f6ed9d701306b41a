"""A picture of one slice: image, prediction, truth, and where prediction and truth differ.

image + label ids -> PNG

It never computes a score. Figure 4 of the paper, with the errors beside it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from seget.evaluation.sheet import (
    RGB,
    UNSEEN,
    Colours,
    Image,
    Key,
    Labels,
    SheetLayout,
    check_labels,
    draw_sheet,
    enlarged,
    grey,
    painted,
    rgb,
)

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
        `(y, x)` label ids, 0 for the background. Truth may be masked (`np.ma`) where no structure
        is annotated, the prediction where that structure is not: such pixels are not judged.
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
    check_labels("prediction", prediction, image, colours)
    check_labels("truth", truth, image, colours)
    panels = {
        "image": grey(image),
        "prediction": painted(np.ma.getdata(prediction), colours),
        "truth": painted(truth, colours),
        "errors": _errors(grey(image), prediction, truth),
    }
    panels, shown = enlarged(panels)
    height, width = panels["image"].shape[:2]
    unseen = [UNSEEN] if np.ma.is_masked(truth) or np.ma.is_masked(prediction) else []
    kinds = [CORRECT, SPURIOUS, MISSED, *([MIXED_UP] if len(colours) > 1 else []), *unseen]
    keys = [Key("prediction and truth", list(colours.values())), Key("errors", kinds)]
    layout = SheetLayout(len(panels), height, width, 4 if height > 2 * width else 2, shown=shown)
    draw_sheet(path, panels, keys, title, layout, pixel_size_nm)


def _errors(background: RGB, prediction: Labels, truth: Labels) -> RGB:
    """Paint where prediction and truth agree and differ on the dimmed image."""
    panel = (background * DIMMED).astype(np.uint8)
    unseen = np.ma.getmaskarray(truth) | np.ma.getmaskarray(prediction)
    prediction, truth = np.ma.getdata(prediction), np.ma.getdata(truth)
    panel[(prediction > 0) & (prediction == truth)] = rgb(CORRECT[1])
    panel[(prediction > 0) & (truth == 0)] = rgb(SPURIOUS[1])
    panel[(prediction == 0) & (truth > 0)] = rgb(MISSED[1])
    panel[(prediction > 0) & (truth > 0) & (prediction != truth)] = rgb(MIXED_UP[1])
    panel[unseen & (truth == 0)] = rgb(UNSEEN[1])
    return panel
