"""All the way from a tomogram to labels.

Volume + models -> score maps -> labels.mrc + labels.json

It does nothing itself: `predict_files` writes the score maps, `fuse_files` the labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from seget.listener import Listener
from seget.prediction.predict import DEFAULT, Options
from seget.prediction.writing import predict_files
from seget.results import LABELS, fuse_files
from seget.trained import Trained
from seget.volume import Volume


def segment_files(
    volume: Volume,
    models: Sequence[Trained],
    folder: Path,
    options: Options = DEFAULT,
    listener: Listener | None = None,
) -> Path:
    """Predict and fuse: write the score maps and labels.mrc into `folder`; return the latter.

    Goes on where it was interrupted, as `predict_files` does, and raises what that raises.
    """
    labels = int(np.prod(volume.shape))
    predict_files(volume, models, folder, options, listener, spare_bytes=labels)
    return fuse_files(folder, folder / LABELS, overwrite=options.overwrite)
