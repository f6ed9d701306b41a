"""Segments: writes score maps and labels of a tomogram.

Volume + models -> score maps -> labels.mrc + labels.json

It never scores or fuses itself: `predict_files` writes the score maps, `fuse_files` the labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from seget.listener import Listener
from seget.prediction.predict import DEFAULT, Options
from seget.prediction.writing import predict_files
from seget.results import LABELS, Wishes, fuse_files
from seget.trained import Trained
from seget.volume import Volume


class _Notes(Listener):
    """Passes sentences on; progress it keeps to itself, since slices were counted once already."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener

    def note(self, text: str) -> None:
        self._listener.note(text)


def segment_files(
    volume: Volume,
    models: Sequence[Trained],
    folder: Path,
    options: Options = DEFAULT,
    listener: Listener | None = None,
    wishes: Wishes | None = None,
) -> Path:
    """Predict and fuse: write the score maps and labels.mrc into `folder`; return the latter.

    An interrupted run is resumed, as by `predict_files`, and the same errors are raised.
    """
    labels = 2 * int(np.prod(volume.shape))  # and their conflicts
    predict_files(volume, models, folder, options, listener, spare_bytes=labels)
    told = _Notes(listener or Listener())
    out = folder / LABELS
    return fuse_files(folder, out, None, options.overwrite, told, wishes)
