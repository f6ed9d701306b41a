"""Chooses the slices to annotate next from how unsure the models are and from what is drawn.

doubts of slices + drawn slices of each structure -> NextSlice, the best first, each with its reason

It never scores a slice: it is arithmetic on what `doubt` measured.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import NamedTuple

from seget.prediction.doubt import Doubt

# A doubt from so many times the mean on is worth a word.
NOTABLE = 1.1
# Doubts that differ by less are equal: sums of pixels in another order do.
EQUAL = 1e-3


@dataclass
class Stack:
    """The slices of a tomogram.

    Attributes
    ----------
    drawn
        Structure -> slices on which it is drawn by now.
    chosen
        Those of them that were chosen here.
    wanted
        Slices that are to be near a drawn one; empty: all.
    """

    name: str
    depth: int
    drawn: dict[str, set[int]]
    chosen: set[int] = field(default_factory=set)
    wanted: Sequence[int] = ()

    def distance(self, structure: str, z: int) -> int | None:
        """Return the number of slices from `z` to the nearest drawn one; None without any."""
        return min((abs(z - other) for other in self.drawn[structure]), default=None)

    def coverage(self, structure: str, z: int) -> float:
        """Return the share of the wanted slices' distances that drawing `z` would take away.

        1 where nothing is drawn, 0 on a drawn slice. Not the distance of `z` itself: with the
        middle drawn that would ask for the first and the last slice, which are near few others.
        """
        if not self.drawn[structure]:
            return 1.0
        wanted = self.wanted or range(self.depth)
        before = [self.distance(structure, other) or 0 for other in wanted]
        after = (min(old, abs(z - other)) for other, old in zip(wanted, before, strict=True))
        return 1 - sum(after) / max(1, sum(before))

    def missing(self, z: int) -> list[str]:
        """Return the structures that are not drawn on slice `z`."""
        return [structure for structure, slices in self.drawn.items() if z not in slices]


@dataclass(frozen=True)
class Candidate:
    """Slice `z` of tomogram `stack`, and how unsure the models are of each structure there."""

    stack: Stack
    z: int
    doubts: Mapping[str, Doubt]


@dataclass(frozen=True)
class StructureDoubt:
    """What speaks for a slice, of one structure.

    Attributes
    ----------
    uncertainty, disagreement
        See `Doubt`.
    uncertainty_ratio, disagreement_ratio
        The same over their means on all slices that were looked at; 1 where the mean is 0.
    distance_slices
        To the nearest slice on which it is drawn, or chosen before; None if there is none.
    """

    uncertainty: float
    disagreement: float
    uncertainty_ratio: float
    disagreement_ratio: float
    distance_slices: int | None

    @property
    def doubt(self) -> float:
        """Uncertainty and disagreement in one; 1 is the mean."""
        return (self.uncertainty_ratio + self.disagreement_ratio) / 2


@dataclass(frozen=True)
class NextSlice:
    """A slice to annotate next.

    Attributes
    ----------
    tomogram, z
        The tomogram's name and the slice, from 0.
    reason
        Why, in words.
    value
        What the choice went by: the slice with the highest one was chosen.
    structures
        Those to draw on it, each with what speaks for the slice. Others are drawn there already.
    """

    tomogram: str
    z: int
    reason: str
    value: float
    structures: dict[str, StructureDoubt]


def choose(candidates: Sequence[Candidate], number: int) -> list[NextSlice]:
    """Return up to `number` slices, each chosen as if the ones before were drawn.

    Of each structure that is not drawn on a slice, the slice's value is
    (uncertainty + disagreement + 1) / 3 times its coverage of what is far from drawn ones. Both
    doubts are ratios to their means; the 1 stands for what a model may get wrong with certainty.
    Of equal slices the one nearest the middle of its tomogram is taken.
    """
    usual = _usual(candidates)
    left = list(candidates)
    chosen: list[NextSlice] = []
    while left and len(chosen) < number:
        seen = [_seen(candidate, usual) for candidate in left]
        values = [_value(c, doubts) for c, doubts in zip(left, seen, strict=True)]
        # Rounded: which of two equal sums is a little larger is chance.
        keys = [(round(v, 6), -_off_middle(c)) for v, c in zip(values, left, strict=True)]
        at = max(range(len(left)), key=lambda i: (*keys[i], -i))
        best = left.pop(at)
        reason = _reason(best.stack, seen[at], usual)
        chosen.append(NextSlice(best.stack.name, best.z, reason, values[at], seen[at]))
        for slices in best.stack.drawn.values():
            slices.add(best.z)
        best.stack.chosen.add(best.z)
    return chosen


class _Usual(NamedTuple):
    """The mean doubt of a structure over the slices, and the highest; None if all are equal."""

    mean: Doubt
    highest: float | None

    def doubt(self, own: Doubt) -> float:
        """Return uncertainty and disagreement in one, 1 where they are the mean."""
        return fmean(_ratio(*pair) for pair in zip(own, self.mean, strict=True))


def _usual(candidates: Iterable[Candidate]) -> dict[str, _Usual]:
    """Return what is usual of each structure on the slices on which it is not drawn."""
    found: dict[str, list[Doubt]] = {}
    for candidate in candidates:
        for structure in candidate.stack.missing(candidate.z):
            found.setdefault(structure, []).append(candidate.doubts[structure])
    usual = {}
    for structure, doubts in found.items():
        one = _Usual(Doubt(*map(fmean, zip(*doubts, strict=True))), None)
        each = [one.doubt(own) for own in doubts]
        differ = max(each) - min(each) > EQUAL
        usual[structure] = one._replace(highest=max(each) if differ else None)
    return usual


def _seen(candidate: Candidate, usual: Mapping[str, _Usual]) -> dict[str, StructureDoubt]:
    """Return what speaks for a slice, of each structure that is not drawn on it."""
    stack, z = candidate.stack, candidate.z
    return {
        structure: StructureDoubt(
            *(own := candidate.doubts[structure]),
            _ratio(own.uncertainty, usual[structure].mean.uncertainty),
            _ratio(own.disagreement, usual[structure].mean.disagreement),
            stack.distance(structure, z),
        )
        for structure in stack.missing(z)
    }


def _ratio(own: float, mean: float) -> float:
    return own / mean if mean > 0 else 1.0


def _value(candidate: Candidate, seen: Mapping[str, StructureDoubt]) -> float:
    stack, z = candidate.stack, candidate.z
    worth = [(2 * one.doubt + 1) / 3 * stack.coverage(s, z) for s, one in seen.items()]
    return sum(worth) / len(stack.drawn)


def _off_middle(candidate: Candidate) -> float:
    return abs(candidate.z - (candidate.stack.depth - 1) / 2)


def _reason(stack: Stack, seen: Mapping[str, StructureDoubt], usual: Mapping[str, _Usual]) -> str:
    least = [s for s, one in seen.items() if one.doubt == usual[s].highest]
    more = [s for s, one in seen.items() if one.doubt >= NOTABLE and s not in least]
    views = [
        s
        for s, one in seen.items()
        if one.disagreement_ratio >= max(NOTABLE, one.uncertainty_ratio)
    ]
    parts = [f"least certain of {_listed(least)}"] if least else []
    if more:
        times = _listed([f"{s} ({seen[s].doubt:.1f} times)" for s in more])
        parts.append(f"less certain than on average of {times}")
    if not parts:
        is_more = all(one.doubt < 1 / NOTABLE for one in seen.values())
        parts.append("more certain than elsewhere" if is_more else "about as certain as elsewhere")
    parts += [f"mirrored views disagree on {_listed(views)}"] if views else []
    parts += _distances(stack, seen)
    if len(seen) < len(stack.drawn):
        parts.append(f"to draw there: only {_listed(list(seen))}")
    return ", ".join(parts)


def _distances(stack: Stack, seen: Mapping[str, StructureDoubt]) -> list[str]:
    """Say how far the drawn slices are, in one part for all structures that have it in common."""
    common: dict[int | None, list[str]] = {}
    for structure, one in seen.items():
        common.setdefault(one.distance_slices, []).append(structure)
    drawn = "drawn or chosen" if stack.chosen else "drawn"
    is_of_all = len(common) == 1 and len(seen) == len(stack.drawn)
    parts = []
    for distance, structures in common.items():
        which = _listed(structures)
        if distance is None:
            are = "is" if len(structures) == 1 else "are"
            parts.append(f"{which} {are} drawn on no slice of this tomogram")
        else:
            of = "" if is_of_all else f" of {which}"
            parts.append(f"{distance} slice{'s' * (distance != 1)} from any {drawn} one{of}")
    return parts


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
