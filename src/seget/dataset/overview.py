"""What is annotated, in numbers and sentences, to be read before a training.

Dataset + structures -> a row a structure, notes

It never reads a file: what it says was counted when the dataset was read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from seget.dataset.split import FEWEST_TO_HOLD_OUT

if TYPE_CHECKING:
    from seget.dataset import Dataset
    from seget.dataset.masks import Mask


class Annotated(NamedTuple):
    """How much is annotated of a structure, over all tomograms.

    Attributes
    ----------
    slices, shown
        Its annotated slices, and how many of them have foreground.
    share
        Of the foreground in its labelled pixels.
    """

    structure: str
    slices: int
    shown: int
    share: float


def annotated(dataset: Dataset, structures: Sequence[str]) -> list[Annotated]:
    """Return a row for each of the structures that the dataset has."""
    rows = []
    for structure in structures:
        masks = _masks(dataset, structure)
        if not masks:
            continue
        foreground = sum(sum(mask.foreground_px) for mask in masks)
        labelled = sum(sum(mask.labelled_px) for mask in masks)
        rows.append(
            Annotated(
                structure,
                sum(len(mask.annotated) for mask in masks),
                sum(px > 0 for mask in masks for px in mask.foreground_px),
                foreground / labelled,
            )
        )
    return rows


def annotation_notes(dataset: Dataset, structures: Sequence[str]) -> Iterator[str]:
    """Yield sentences on what may be wrong with the masks, or with the hold-out."""
    for tomogram in dataset.tomograms:
        where = f"{tomogram.name}: " if len(dataset.tomograms) > 1 else ""
        for structure in structures:
            if structure in tomogram.masks:
                yield from (where + note for note in tomogram.masks[structure].notes)
    for structure in structures:
        masks = _masks(dataset, structure)
        number = sum(len(mask.annotated) for mask in masks)
        held_out = any(mask.split.validation or mask.split.test for mask in masks)
        if masks and number < FEWEST_TO_HOLD_OUT and not held_out:
            slices = "1 annotated slice is" if number == 1 else f"{number} annotated slices are"
            yield (
                f"{structure}: {slices} too few to hold one out, so all are learnt from; nothing "
                f"chooses among the epochs, the last weights are kept, with the threshold 0.5; "
                f"with {FEWEST_TO_HOLD_OUT} slices some would choose and judge."
            )
    missing = {
        "validation": "nothing chooses its checkpoint and its threshold",
        "test": "seget evaluate has no test score of it",
    }
    for part, what in missing.items():
        if not any(tomogram.split.slices(part) for tomogram in dataset.tomograms):
            continue
        for structure in structures:
            masks = _masks(dataset, structure)
            if masks and not any(m.foreground_px[z] for m in masks for z in m.split.slices(part)):
                yield (
                    f"{structure} is on no {part} slice, so {what}; annotate it there, or choose "
                    "another holdout."
                )


def _masks(dataset: Dataset, structure: str) -> list[Mask]:
    return [t.masks[structure] for t in dataset.tomograms if structure in t.masks]
