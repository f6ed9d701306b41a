"""What the process that predicts is asked, and what its scores mean in a session.

session + model -> requests; scores `(k, y, x)` -> labels `(y, x)` of the session's structures

It never scores.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from seget.fusion import fuse
from seget.viewer.session import commands
from seget.viewer.session.drawing import Labels
from seget.viewer.session.runs import Model
from seget.viewer.session.session import Session

# Slices among which the next one is chosen: what a network scores while one waits.
MOST_PIXELS_LOOKED_AT = 24 * 512 * 512
FEWEST_LOOKED_AT = 4


def warm_request(session: Session, model: Model | None) -> dict[str, Any]:
    """Return the request to load a model, or only the libraries."""
    path = os.path.abspath(str(session.tomogram.path))
    folder = None if model is None else str(model.folder)
    return {"tomogram": path, "invert": session.state.invert, "model": folder}


def slice_request(session: Session, model: Model, z: int, folder: str) -> dict[str, Any]:
    """Return the request to score slice `z` into a file of a folder."""
    return {**warm_request(session, model), "z": z, "out": os.path.join(folder, f"{z}.npy")}


def next_request(session: Session, model: Model) -> dict[str, Any]:
    """Return the request for the slice to draw next."""
    return {
        "dataset": str(session.dataset),
        "model": str(model.folder),
        "structures": drawn_structures(session, model),
        "slices": candidates(session, model),
        "views": commands.NEXT_VIEWS,
    }


def next_command(session: Session, model: Model) -> list[str]:
    """Return the same as arguments of seget."""
    names, slices = drawn_structures(session, model), candidates(session, model)
    return commands.next_slice(session.dataset, model.folder, names, slices)


def segment_command(session: Session, model: Model, out: Path) -> list[str]:
    """Return the arguments that segment the whole tomogram."""
    return commands.segment(
        Path(str(session.tomogram.path)), model.folder, out, session.state.invert
    )


def drawn_structures(session: Session, model: Model) -> list[str]:
    """Return the structures that are drawn and that a model knows."""
    state = session.state
    drawn = [one.name for one in state.structures if state.annotated(one.value)]
    return [name for name in drawn if name in model.structures]


def candidates(session: Session, model: Model) -> list[int]:
    """Return the slices to look at: undrawn ones, evenly spread, as many as time allows."""
    depth, height, width = session.tomogram.shape
    names = drawn_structures(session, model)
    annotated = [
        set(session.state.annotated(one.value)) for one in session.structures if one.name in names
    ]
    full = set.intersection(*annotated) if annotated else set()
    left = [z for z in range(depth) if z not in full]
    most = max(FEWEST_LOOKED_AT, MOST_PIXELS_LOOKED_AT // (height * width))
    places = np.linspace(0, len(left) - 1, min(most, len(left))).round().astype(int)
    return [left[place] for place in places]


def labels_of(
    session: Session, scores: Mapping[str, Any], thresholds: Mapping[str, float]
) -> Labels:
    """Return the labels `(y, x)` of a slice by its scores; structures that are not here are not."""
    known = {one.name: one.value for one in session.structures if one.name in scores}
    if not known:
        return np.zeros(session.tomogram.shape[1:], np.uint8)
    values = np.array([0, *known.values()], np.uint8)
    labels: Labels = values[fuse({name: scores[name] for name in known}, thresholds)]
    return labels
