"""Chooses the held-out slices that the weights are scored on while they are trained.

Dataset + Samples -> (tomogram, reader, slices) of each that holds slices out

It never reads a slice: sizes and masks decide.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from seget.dataset import Dataset, Tomogram
from seget.samples import Samples
from seget.slices import SliceReader

# Validation may take a tenth of the training time; a forward pass costs a third of a step.
VALIDATION_SHARE = 0.1
STEP_OVER_FORWARD = 3

HeldOut = tuple[Tomogram, SliceReader, list[int]]


def validation_slices(dataset: Dataset, samples: Samples) -> list[HeldOut]:
    """Return the held-out slices to validate on: all, or as many as a tenth of the time allows.

    The paper's recipe validates on all of them, as the paper did. Otherwise they are evenly spread,
    and where that misses a structure, slices that hold it take the place of their neighbours. The
    choice depends on sizes and masks and not on measured time, so that one seed gives one run.
    """
    held_out = [
        (tomogram, reader, list(slices))
        for tomogram, reader in zip(dataset.tomograms, samples.readers, strict=True)
        if (slices := tomogram.slices("validation", samples.structures))
    ]
    recipe = samples.recipe
    if recipe.steps_per_epoch is None:
        return held_out
    epoch_px = samples.steps_per_epoch * recipe.batch_size * samples.patch_px**2
    budget_px = VALIDATION_SHARE * STEP_OVER_FORWARD * epoch_px
    total_px = sum(len(z) * reader.shape[1] * reader.shape[2] for _, reader, z in held_out)
    share = min(1.0, budget_px / max(1, total_px))
    spread = [(t, reader, _spread(z, max(1, int(len(z) * share)))) for t, reader, z in held_out]
    wanted = structures_on(held_out, samples.structures)
    if structures_on(spread, samples.structures) == wanted:
        return spread
    needed = _covering(held_out, [len(slices) for _, _, slices in spread], wanted)
    return [
        (tomogram, reader, _with_needed(slices, [z for number, z in needed if number == i]))
        for i, (tomogram, reader, slices) in enumerate(spread)
    ]


def structures_on(held_out: list[HeldOut], structures: Iterable[str]) -> frozenset[str]:
    """Return those of the structures that have foreground on one of the slices."""
    return frozenset(
        structure
        for structure in structures
        for tomogram, _, slices in held_out
        if any(foreground_px(tomogram, structure, z) for z in slices)
    )


def foreground_px(tomogram: Tomogram, structure: str, z: int) -> int:
    """Return a structure's pixels on a slice, if that is one of its own validation slices."""
    mask = tomogram.mask_of(structure, z, "validation")
    return 0 if mask is None else mask.foreground_px[z]


def _covering(
    held_out: list[HeldOut], numbers: list[int], wanted: frozenset[str]
) -> tuple[tuple[int, int], ...]:
    """Return slices (tomogram's number, z) that hold as many of the wanted structures as can be.

    At most `numbers[i]` of tomogram i. For each set of structures that can be reached, the choice
    with the fewest slices of the present tomogram is kept, since it leaves the most to add.
    """
    reached: dict[frozenset[str], tuple[tuple[int, int], ...]] = {frozenset(): ()}
    for i, (tomogram, _, slices) in enumerate(held_out):
        for z in _richest_first(tomogram, slices, wanted):
            on_slice = {s for s in wanted if foreground_px(tomogram, s, z)}
            for structures, chosen in list(reached.items()):
                more, used = structures | on_slice, _slices_of(i, chosen) + 1
                if used > numbers[i] or (more in reached and _slices_of(i, reached[more]) <= used):
                    continue
                reached[more] = (*chosen, (i, z))
                if more == wanted:
                    return reached[more]
    return reached[max(reached, key=len)]


def _slices_of(tomogram: int, chosen: tuple[tuple[int, int], ...]) -> int:
    return sum(number == tomogram for number, _ in chosen)


def _richest_first(tomogram: Tomogram, slices: list[int], wanted: frozenset[str]) -> list[int]:
    """Return the slices, first those that hold large shares of the structures' foreground."""
    richness = dict.fromkeys(slices, 0.0)
    for structure in sorted(wanted):
        pixels = [foreground_px(tomogram, structure, z) for z in slices]
        for z, px in zip(slices, pixels, strict=True):
            richness[z] += px / max(1, sum(pixels))
    return sorted(slices, key=lambda z: -richness[z])


def _with_needed(spread: list[int], needed: list[int]) -> list[int]:
    """Return the slices with the needed ones, each in the place of the nearest not needed."""
    chosen = list(spread)
    for z in needed:
        if z not in chosen:
            others = [other for other in chosen if other not in needed]
            chosen[chosen.index(min(others, key=lambda other: abs(other - z)))] = z
    return sorted(chosen)


def _spread(slices: list[int], number: int) -> list[int]:
    """Return `number` of the slices, evenly spread."""
    return [slices[i] for i in np.linspace(0, len(slices) - 1, number).round().astype(int)]
