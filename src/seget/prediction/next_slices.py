"""Says which slices of a dataset to annotate next.

Dataset + models -> NextSlice, the best first, each with its reason

It never draws, never changes a dataset, and looks at annotated slices only where a structure is not
drawn on them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from seget.dataset import Dataset, Tomogram
from seget.errors import InputError
from seget.listener import Listener
from seget.normalisation import Normalisation, normalisation
from seget.prediction.choice import Candidate, NextSlice, Stack, choose
from seget.prediction.doubt import Doubt, doubts
from seget.prediction.predict import Options, open_reader
from seget.slices import SliceReader
from seget.trained import Trained, united

# Of a tomogram with more slices every 2nd, 3rd, ... is looked at: neighbours show nearly the same.
MOST_LOOKED_AT = 100
# Four views show where a model is unsure about as well as eight, in half the time.
FOUR_VIEWS = Options(views=4)


def next_slices(
    dataset: Dataset,
    models: Sequence[Trained],
    number: int = 1,
    structures: Sequence[str] = (),
    slices: Sequence[int] = (),
    options: Options = FOUR_VIEWS,
    listener: Listener | None = None,
) -> list[NextSlice]:
    """Return the slices to annotate next, at most `number`, the best first.

    Each is chosen as if the ones before were drawn: where the models are unsure, their views of
    the slice disagree, and no drawn slice is near. Annotated slices of validation and test count
    as drawn.

    Parameters
    ----------
    models
        Of one structure or several; the logits of those of the same structures are averaged.
    structures
        Those to annotate; empty: all of the dataset.
    slices
        Slices to choose among; empty: all, or every 2nd, 3rd, ... of many.
    options
        Of the prediction; its `views` are compared with each other, and its `invert` is the
        tomogram's in the dataset.
    listener
        Is told what is done, and the number of slices done.

    Raises
    ------
    InputError
        No model scores one of the structures, a model scores none of the dataset, two of one cannot
        be averaged, `number` is below 1, every slice is annotated, a tomogram is empty, or its
        pixel size is too far from a model's.
    RunError
        Memory does not suffice.
    """
    listener = listener or Listener()
    if number < 1:
        raise InputError(f"-n {number}: wanted at least 1 slice.")
    wanted = _wanted(dataset, models := united(models), structures)
    stacks = [_stack(tomogram, wanted, slices) for tomogram in dataset.tomograms]
    looked_at = _looked_at(dataset, stacks, number, slices, listener)
    jobs = list(_jobs(dataset.tomograms, stacks, looked_at, models))
    measured = _measured(jobs, wanted, options, listener).items()
    best = choose([Candidate(stacks[at], z, seen) for (at, z), seen in sorted(measured)], number)
    if len(best) < number:
        listener.note(f"{dataset.path}: {number} slices are asked for, {len(best)} are left.")
    return best


def _wanted(dataset: Dataset, models: Sequence[Trained], asked: Sequence[str]) -> tuple[str, ...]:
    """Return the structures to annotate, each of which a model scores."""
    has = ", ".join(dataset.structures)
    for structure in asked:
        if structure not in dataset.structures:
            raise InputError(
                f"{dataset.path}: there is no mask of {structure}, there are masks of {has}; name "
                "some of these."
            )
    for trained in models:
        if not set(trained.structures) & set(dataset.structures):
            raise InputError(
                f"{dataset.path}: one of the models scores {', '.join(trained.structures)}, the "
                f"masks here are of {has}; name models of these."
            )
    scored = {structure for trained in models for structure in trained.structures}
    wanted = tuple(asked or dataset.structures)
    without = [structure for structure in wanted if structure not in scored]
    if without:
        rest = ",".join(structure for structure in wanted if structure in scored)
        mend = f", or give -s {rest}" if rest else ""
        raise InputError(
            f"{dataset.path}: none of the models scores {', '.join(without)}; name a model of "
            f"{'it' if len(without) == 1 else 'each'} too{mend}."
        )
    return wanted


def _stack(tomogram: Tomogram, structures: Sequence[str], slices: Sequence[int]) -> Stack:
    masks = tomogram.masks
    drawn = {s: set(masks[s].annotated if s in masks else ()) for s in structures}
    depth = tomogram.image.shape[0]
    return Stack(tomogram.name, depth, drawn, wanted=[z for z in slices if z < depth])


def _looked_at(
    dataset: Dataset,
    stacks: Sequence[Stack],
    number: int,
    slices: Sequence[int],
    listener: Listener,
) -> list[list[int]]:
    """Return the slices to score of each tomogram: not annotated, among `slices`, not too many."""
    deepest = max(stack.depth for stack in stacks)
    if slices and not 0 <= min(slices) <= max(slices) < deepest:
        raise InputError(
            f"--slices: {min(slices)} to {max(slices)} are named, and the slices are 0 to "
            f"{deepest - 1}; name some of these."
        )
    looked_at = []
    for stack in stacks:
        among = [z for z in slices if z < stack.depth] if slices else range(stack.depth)
        left = [z for z in among if stack.missing(z)]
        step = 1 if slices else math.ceil(len(left) / max(MOST_LOOKED_AT, number))
        if step > 1:
            listener.note(
                f"{stack.name}: of {len(left)} slices that are not annotated, one in {step} is "
                "looked at; --slices looks at all that it names."
            )
        looked_at.append(left[step // 2 :: step] if step > 1 else left)
    if not any(looked_at):
        raise InputError(
            f"{dataset.path}: every slice that --slices names is annotated; name others."
            if slices
            else f"{dataset.path}: every slice is annotated, and none is left to propose; if only "
            "some were drawn on, name these, as slices = [3, 17]."
        )
    return looked_at


class _Job(NamedTuple):
    """Slices of tomogram number `at` on which a structure of the model is not drawn."""

    at: int
    tomogram: Tomogram
    trained: Trained
    slices: list[int]


def _jobs(
    tomograms: Sequence[Tomogram],
    stacks: Sequence[Stack],
    looked_at: Sequence[Sequence[int]],
    models: Sequence[Trained],
) -> Iterator[_Job]:
    for at, (tomogram, stack, zs) in enumerate(zip(tomograms, stacks, looked_at, strict=True)):
        for trained in models:
            chosen = [z for z in zs if set(stack.missing(z)) & set(trained.structures)]
            if chosen:
                yield _Job(at, tomogram, trained, chosen)


def _measured(
    jobs: Sequence[_Job], structures: Sequence[str], options: Options, listener: Listener
) -> dict[tuple[int, int], dict[str, Doubt]]:
    """Return (number of the tomogram, slice) -> structure -> doubt; without empty slices."""
    total, done = sum(len(job.slices) for job in jobs), 0
    found: dict[tuple[int, int], dict[str, Doubt]] = {}
    for job, reader in zip(jobs, _readers(jobs, options, listener), strict=True):
        for z, seen in doubts(reader, job.trained, structures, job.slices, options, listener):
            done += 1
            listener.progress(done, total)
            if seen:
                found.setdefault((job.at, z), {}).update(seen)
    return found


def _readers(jobs: Sequence[_Job], options: Options, listener: Listener) -> Iterator[SliceReader]:
    """Yield a reader for each job; tell once a tomogram how it is read."""
    grey: dict[int, Normalisation] = {}
    told: set[str] = set()
    for job in jobs:
        image = job.tomogram.image
        if job.at not in grey:
            grey[job.at] = normalisation(image)
        own = replace(options, invert=job.tomogram.invert)
        reader = open_reader(image, job.trained, own, grey[job.at])
        for sentence in reader.notes():
            text = f"{image.name}: {sentence}"
            if text not in told:
                listener.note(text)
                told.add(text)
        yield reader
