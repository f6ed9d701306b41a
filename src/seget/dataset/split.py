"""Splits the annotated slices into those for training and those held out.

annotated slices + holdout -> train | validation | test

It never looks at an image: it is arithmetic on slice numbers, which count from 0 along z.
Paper, "Experiments": every 5th slice is held out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from seget.errors import InputError

TRAIN_SHARE, VALIDATION_SHARE = 0.65, 0.15  # of "block"; the rest is the test
# With fewer annotated slices each of them teaches more than it could choose or judge.
FEWEST_TO_HOLD_OUT = 5


@dataclass(frozen=True)
class Split:
    """The annotated slices by part: train; validation, to choose the model; test, to score it.

    `kind` is "every-5th", "block", "none" or "explicit"; the parts are ascending slice numbers.
    `tested_elsewhere` is set where the structure has test slices in another tomogram and none here.
    """

    kind: str
    train: tuple[int, ...]
    validation: tuple[int, ...] = ()
    test: tuple[int, ...] = ()
    tested_elsewhere: bool = False

    def scored(self) -> tuple[str, tuple[int, ...]]:
        """Return the name and the slices of the part to evaluate on.

        The test part, which may be in other tomograms alone, else the validation part, else "all":
        every annotated slice.
        """
        if self.test or self.tested_elsewhere:
            return "test", self.test
        if self.validation:
            return "validation", self.validation
        return "all", self.train

    def slices(self, part: str) -> tuple[int, ...]:
        """Return the slices of "train", "validation", "test", or "scored", see there."""
        parts = {"train": self.train, "validation": self.validation, "test": self.test}
        return self.scored()[1] if part == "scored" else parts[part]

    def without_validation(self) -> Split:
        """Return the same split with the validation slices among those that train."""
        train = tuple(sorted({*self.train, *self.validation}))
        return replace(self, train=train, validation=())

    def among(self, slices: Collection[int]) -> Split:
        """Return the same split of fewer slices."""
        train, validation, test = (
            tuple(z for z in part if z in slices)
            for part in (self.train, self.validation, self.test)
        )
        return Split(self.kind, train, validation, test)


def split_each(
    drawn: Mapping[str, Sequence[int]],
    holdout: str | Mapping[str, Sequence[int]],
    gap: int = 0,
    where: str = "dataset",
) -> dict[str, Split]:
    """Divide the annotated slices of each structure, so that each is validated where it is drawn.

    Each structure's own slices are divided. Where these are too few, they go where the slices of
    all structures together, divided, have them; so they do where `holdout` names slices.

    Parameters
    ----------
    drawn
        Structure -> its annotated slices, ascending.
    holdout, gap, where
        See `hold_out`.

    Raises
    ------
    InputError
        All slices together are too few, or `holdout` names one that is not annotated.
    """
    every = sorted({z for slices in drawn.values() for z in slices})
    splits: dict[str, Split] = {}
    for structure, slices in drawn.items():
        try:
            named = not isinstance(holdout, str) or list(slices) == every
            whole = hold_out(every if named else slices, holdout, gap, where)
        except InputError:
            whole = hold_out(every, holdout, gap, where)
        splits[structure] = whole.among(slices)
    return splits


def united(splits: Sequence[Split]) -> Split:
    """Return one split of all slices; a slice may be in several parts if it is in some split's."""
    if all(split == splits[0] for split in splits):
        return splits[0]
    kinds = {split.kind for split in splits}
    train, validation, test = (
        tuple(sorted({z for split in splits for z in split.slices(part)}))
        for part in ("train", "validation", "test")
    )
    return Split(kinds.pop() if len(kinds) == 1 else "mixed", train, validation, test)


def hold_out(
    annotated: Sequence[int],
    holdout: str | Mapping[str, Sequence[int]],
    gap: int = 0,
    where: str = "dataset",
) -> Split:
    """Divide the annotated slices.

    Parameters
    ----------
    annotated
        Ascending slice numbers. "every-5th" and "block" count along them, not along z.
    holdout
        "every-5th" (the paper's: the 1st, 6th, 11th, ... validate), "block" (65 % train, 15 %
        validate, 20 % test, in this order), "none" (all train), "auto" ("block", or "none" of
        fewer than `FEWEST_TO_HOLD_OUT`), or the slices of "validation" and "test" outright.
    gap
        Slices left out before each border of "block": test slices are the same for every gap.
    where
        File and tomogram, for error messages.
    """
    if not isinstance(holdout, str):
        return _explicit(annotated, holdout, where)
    slices = tuple(annotated)
    if holdout == "auto":
        holdout = "block" if len(slices) >= FEWEST_TO_HOLD_OUT else "none"
    if holdout == "every-5th":
        split = Split(holdout, tuple(z for i, z in enumerate(slices) if i % 5), slices[0::5])
        needed = {"train": split.train, "validation": split.validation}
    elif holdout == "block":
        first = round(TRAIN_SHARE * len(slices))
        second = first + round(VALIDATION_SHARE * len(slices))
        train, validation = slices[: max(first - gap, 0)], slices[first : max(second - gap, first)]
        split = Split(holdout, train, validation, slices[second:])
        needed = {"train": train, "validation": validation, "test": split.test}
    elif holdout == "none":
        return Split(holdout, slices)
    else:
        raise InputError(
            f"{where}: holdout {holdout!r} is unknown; write every-5th, block, none, or a table "
            "of validation and test slices."
        )
    empty = [part for part, members in needed.items() if not members]
    if empty:
        raise InputError(
            f'{where}: holdout = "{holdout}" with gap = {gap} finds too few slices to split, '
            f"{len(slices)} annotated and nothing left for {' and '.join(empty)}; annotate more, "
            'lower gap, name the slices in holdout, or write holdout = "none".'
        )
    return split


def parse_slices(text: str) -> tuple[int, ...]:
    """Return the ascending slice numbers that `text` ("16-19,25", both ends included) names."""
    chosen: set[int] = set()
    for part in text.split(","):
        found = re.fullmatch(r"\s*(\d{1,6})\s*(?:-\s*(\d{1,6})\s*)?", part)
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
        if last < first:
            raise InputError(
                f"--slices {text}: {part.strip()!r} is not a slice number or a rising range; "
                "write slice numbers from 0 such as 16-19,25."
            )
        chosen.update(range(first, last + 1))
    return tuple(sorted(chosen))


def _explicit(annotated: Sequence[int], parts: Mapping[str, Sequence[int]], where: str) -> Split:
    validation, test = tuple(parts.get("validation", ())), tuple(parts.get("test", ()))
    named = Counter(validation + test)
    if not named:
        raise InputError(
            f'{where}: holdout names no slice; fill validation or test, or write holdout = "none".'
        )
    unknown = sorted(set(named) - set(annotated))
    if unknown:
        raise InputError(
            f"{where}: holdout names slice {unknown[0]}, which is not annotated; "
            "take it out of holdout or add it to slices."
        )
    twice = sorted(z for z, times in named.items() if times > 1)
    if twice:
        raise InputError(
            f"{where}: holdout names slice {twice[0]} more than once; keep it in one part only."
        )
    train = tuple(z for z in annotated if z not in named)
    return Split("explicit", train, tuple(sorted(validation)), tuple(sorted(test)))


def slice_ranges(slices: Sequence[int]) -> str:
    """Return slice numbers in short: `16-19, 25`, or `0, 5, ..., 75` for even steps.

    >>> slice_ranges([16, 17, 18, 19, 25])
    '16-19, 25'
    >>> slice_ranges([0, 5, 10, 15])
    '0, 5, ..., 15'
    """
    steps = {b - a for a, b in pairwise(slices)}
    if len(slices) > 3 and len(steps) == 1 and steps != {1}:
        return f"{slices[0]}, {slices[1]}, ..., {slices[-1]}"
    runs: list[list[int]] = []
    for z in slices:
        if runs and z == runs[-1][-1] + 1:
            runs[-1].append(z)
        else:
            runs.append([z])
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
