"""Which slices are held out, and why.

what is drawn on each slice -> holdout of a dataset.toml, a sentence

It never holds out slices where there are few, and never writes a rule that leaves a structure
without a slice to validate on if slices of all structures are there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from seget.dataset.masks import Mask
from seget.dataset.proposal.keys import Line
from seget.dataset.split import (
    FEWEST_TO_HOLD_OUT,
    Split,
    hold_out,
    slice_ranges,
    split_each,
)
from seget.dataset.tables import PartsTable


@dataclass(frozen=True)
class Parts:
    """The hold-out of a tomogram.

    Attributes
    ----------
    holdout
        As the dataset.toml has it; None where it follows from the number of annotated slices.
    reason
        One sentence.
    splits
        What it makes of each structure's slices.
    """

    holdout: Literal["block", "none"] | PartsTable | None
    reason: str
    splits: dict[str, Split]

    def masks(self, lines: Sequence[Line]) -> dict[str, Mask]:
        """Return the masks with their splits, by structure."""
        return {
            line.structure: replace(line.mask, split=self.splits[line.structure]) for line in lines
        }


def choose_parts(lines: Sequence[Line]) -> Parts:
    """Return the hold-out of a tomogram with these structures."""
    drawn = {line.structure: line.mask.annotated for line in lines}
    few = [line.structure for line in lines if len(line.mask.annotated) < FEWEST_TO_HOLD_OUT]
    splits = split_each(drawn, "auto")
    if len(few) == len(lines):
        reason = f"Fewer than {FEWEST_TO_HOLD_OUT} annotated slices: all train, none is held out."
        return Parts("none", reason, splits)
    block = "Along z 65 % of the annotated slices train, 15 % choose the model, 20 % judge it"
    if few:
        reason = (
            f"No holdout is named, so: {block[0].lower()}{block[1:]}; of {', '.join(few)}, with "
            f"fewer than {FEWEST_TO_HOLD_OUT}, all train."
        )
        return Parts(None, reason, splits)
    if all(_shows(line, splits[line.structure]) for line in lines):
        return Parts("block", f"{block}.", splits)
    return _where_all_are(lines, drawn) or Parts(
        "block", f"{block}. No {FEWEST_TO_HOLD_OUT} slices show all structures.", splits
    )


def _where_all_are(lines: Sequence[Line], drawn: dict[str, tuple[int, ...]]) -> Parts | None:
    """Hold out slices on which all structures are; None where these are too few."""
    shown = sorted(set.intersection(*(set(line.shown) for line in lines)))
    if len(shown) < FEWEST_TO_HOLD_OUT:
        return None
    block = hold_out(shown, "block")
    holdout = PartsTable(validation=list(block.validation), test=list(block.test))
    reason = (
        f"The last slices of the stack do not show every structure: of those that do "
        f"({slice_ranges(shown)}), 15 % choose the model and the last 20 % judge it."
    )
    return Parts(holdout, reason, split_each(drawn, holdout.model_dump()))


def _shows(line: Line, split: Split) -> bool:
    """Whether a structure is on a validation and on a test slice of its split."""
    shown = set(line.shown)
    return bool(shown & set(split.validation)) and bool(shown & set(split.test))
