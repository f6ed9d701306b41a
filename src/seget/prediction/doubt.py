"""Measures how unsure a model is of the slices of a tomogram.

SliceReader + Trained -> uncertainty and disagreement of each structure, slice by slice

It never holds more than a slice and never says which slice is best: `next_slices` does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from seget.listener import Listener
from seget.prediction import plan
from seget.prediction.engine import VIEWS, Pixels, Scores
from seget.prediction.predict import Options, scorer
from seget.prediction.scorer import Scorer
from seget.slices import SliceReader
from seget.threads import ahead
from seget.trained import Trained
from seget.volume import FULL_SCORE


class Doubt(NamedTuple):
    """How unsure a model is of a structure on a slice, as a mean over pixels; 0: it is certain.

    Attributes
    ----------
    uncertainty
        Entropy in bits of the score averaged over the views: 1 where it is 0.5.
    disagreement
        Highest minus lowest score among the views.
    """

    uncertainty: float
    disagreement: float


def doubts(
    reader: SliceReader,
    trained: Trained,
    structures: Collection[str],
    slices: Sequence[int],
    options: Options,
    listener: Listener,
) -> Iterator[tuple[int, dict[str, Doubt]]]:
    """Yield each of the slices with the doubt of each structure of the model.

    Parameters
    ----------
    reader
        Of the tomogram, for this model.
    structures
        Those to measure, of the model's.
    slices
        Numbers of the slices to score.
    options
        Of the prediction; its `views` are compared with each other. One view never disagrees.
    listener
        Is told what will be done and how long that takes.

    Yields
    ------
    int, dict
        The slice, and structure -> doubt; empty where the slice is all padding.

    Raises
    ------
    RunError
        Memory does not suffice.
    """
    scoring = scorer(trained, reader, replace(options, views=1), listener)
    _say_plan(reader, scoring, len(slices), options.views, listener)
    outputs = {s: at for at, s in enumerate(trained.structures) if s in structures}
    for z, pixels in ahead((z, reader.read(z)) for z in slices):
        content = reader.content(z)
        if content is not None and not content.any():
            yield z, {}
            continue
        seen = (
            _scores_of_view(scoring, pixels, *view)[list(outputs.values())]
            for view in VIEWS[: options.views]
        )
        yield z, dict(zip(outputs, _measured(seen, content), strict=True))


def _scores_of_view(
    scoring: Scorer, pixels: Pixels, turned: bool, mirrored: tuple[int, ...]
) -> Scores:
    """Return the scores `(k, y, x)` of one view of a slice `(c, y, x)`, turned back."""
    axes = tuple(axis + 1 for axis in mirrored)
    view = np.flip(pixels.transpose(0, 2, 1) if turned else pixels, axes)
    scores = np.flip(scoring.scores(view), axes)
    return scores.transpose(0, 2, 1) if turned else scores


def _measured(seen: Iterator[Scores], content: npt.NDArray[np.bool_] | None) -> list[Doubt]:
    """Return the doubt of each structure from the scores `(k, y, x)` of each view."""
    first = next(seen)
    views, total, lowest, highest = 1, first.astype(np.uint16), first.copy(), first.copy()
    for scores in seen:
        views += 1
        total += scores
        np.minimum(lowest, scores, out=lowest)
        np.maximum(highest, scores, out=highest)
    entropy = _entropy_bits(views)
    spread = highest - lowest
    kept = slice(None) if content is None else content
    return [
        Doubt(float(entropy[one[kept]].mean()), float(apart[kept].mean()) / FULL_SCORE)
        for one, apart in zip(total, spread, strict=True)
    ]


def _entropy_bits(views: int) -> npt.NDArray[np.float32]:
    """Return the entropy of each sum of the scores of that many views: a table to look up."""
    share = np.linspace(0, 1, FULL_SCORE * views + 1)
    inner = share[1:-1]
    bits = -inner * np.log2(inner) - (1 - inner) * np.log2(1 - inner)
    # Exactly 0 where all views are certain, so that a model that always is has no doubt at all.
    return np.concatenate([[0.0], bits, [0.0]]).astype(np.float32)


def _say_plan(
    reader: SliceReader, scoring: Scorer, slices: int, views: int, listener: Listener
) -> None:
    shape = slices, *reader.shape[1:]
    size = scoring.window_px(shape[1:])  # raises if memory is too small
    seconds = scoring.seconds((slices * views, *shape[1:]))
    words = plan.in_words(shape, scoring.footprint, size, seconds)
    listener.note(f"{reader.volume.name}: {words}")
