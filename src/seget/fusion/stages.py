"""A fusion in its order: priors, scores and priorities, distances, objects, holes.

slices of scores + thresholds + Rules -> slices of labels, conflicts, a table of what decided

Everything is read slice by slice as often as it is needed, and little is kept, so that the length
of a volume costs time and no memory. Without rules the labels are those of `fuse`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from math import prod
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from seget.errors import InputError
from seget.fusion.clearing import Cleared
from seget.fusion.objects import SLAB_VOXELS, Ints, Objects, Renamed, Slabs
from seget.fusion.pixelwise import HAIR, Decision, Labels, decide, with_prior
from seget.fusion.rules import NO_RULES, Rules
from seget.volume import FULL_SCORE, Triple

Scores = Mapping[str, npt.NDArray[np.uint8]]

# Slices of labels kept of each stage: a slab's and those around it. Decisions take four times that.
KEPT, KEPT_DECISIONS = 8, 2
CONTESTED, MISSED = 1, 2


class Row(NamedTuple):
    """What was decided of some voxels.

    Attributes
    ----------
    structure, other
        Who has them, and who claimed them too; with a rule: who had them, and who has them now.
        "" is no structure.
    voxels, objects
        How many, in how many connected pieces.
    decided_by
        "score", "priority" or the name of a rule.
    """

    structure: str
    other: str
    voxels: int
    objects: int
    decided_by: str


class _Change(NamedTuple):
    """What became of objects, and by which rule, in the order of `Objects`."""

    objects: Objects
    new: Ints
    rule: list[str]


@dataclass
class Fusion:
    """The fusion of one volume.

    Attributes
    ----------
    read
        Slice number -> scores `(y, x)` by structure, in the order of the labels.
    structures
        Their names.
    shape, voxel_size_nm
        `(z, y, x)`; None where no file says the size.
    thresholds
        In 0 to 1, of each structure.
    rules
        See `Rules`.
    slab_voxels
        Of the slabs in which objects are sought.
    """

    read: Callable[[int], Scores]
    structures: Sequence[str]
    shape: tuple[int, int, int]
    thresholds: Mapping[str, float]
    rules: Rules = NO_RULES
    voxel_size_nm: Triple | None = None
    slab_voxels: int = SLAB_VOXELS
    _stages: list[tuple[str, Callable[[int], Labels]]] = field(default_factory=list, init=False)
    _changes: list[_Change] = field(default_factory=list, init=False)
    _looked: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        """Prepare the stages that read no more than a slice."""
        self.rules.check(known=self.structures)
        if self.rules.is_spatial and self.voxel_size_nm is None:
            raise InputError(
                "the rules have lengths or volumes in nm, and the voxel size of the score maps is "
                "unknown; state it where they are predicted (--voxel-size), or `seget info --fix`."
            )
        # Not of methods: that were a circle, and files would stay open until it is found.
        decided = lru_cache(maxsize=KEPT_DECISIONS)(
            partial(_decided, self.read, self.thresholds, self.rules)
        )
        self.decided = decided
        labels = lru_cache(maxsize=KEPT)(lambda z: decided(z).labels)
        self._stages.append(("scores", labels))
        clear_nm = {i: nm for i, s in self._numbered() if (nm := self.rules.of(s).clear_nm)}
        if clear_nm and self.voxel_size_nm:
            before = self._stages[-1][1]
            cleared = Cleared(before, self.shape[0], self.voxel_size_nm, clear_nm)
            self._stages.append(("clear_nm", lru_cache(maxsize=KEPT)(cleared.labels)))

    def slice(self, z: int) -> Labels:
        """Return the labels `(y, x)` of a slice; the first call looks for objects, if it must."""
        self._look_for_objects()
        return self._stages[-1][1](z)

    def conflicts(self, z: int) -> npt.NDArray[np.uint8]:
        """Return `(y, x)`: 1 where two structures claimed a pixel, 2 where one missed by a hair."""
        found = self.decided(z)
        return np.where(found.rival > 0, CONTESTED, np.where(found.missed, MISSED, 0)).astype(
            np.uint8
        )

    def table(self) -> list[Row]:
        """Return what was decided where it was contested, and by each rule."""
        self._look_for_objects()
        rows = self._contested() + self._cleared()
        return rows + [row for change in self._changes for row in self._changed(change)]

    def explained(self, z: int, y: int, x: int) -> list[str]:
        """Return sentences on what made the label of a voxel: scores, thresholds, rules."""
        self._look_for_objects()
        sentences = [self._score_at(s, plane[y, x]) for s, plane in self.read(z).items()]
        found = self.decided(z)
        label, rival = int(found.labels[y, x]), int(found.rival[y, x])
        if rival:
            by = "a priority" if found.by_priority[y, x] else "the higher score"
            sentences.append(f"{by} gives it to {self._name(label)}, not {self._name(rival)}.")
        elif not label:
            hair = f"; one missed by at most {HAIR}" if found.missed[y, x] else ""
            sentences.append(f"no structure claims it{hair}.")
        for name, labels in self._stages[1:]:
            after = int(labels(z)[y, x])
            if after != label:
                old, new = (self._name(one) or "background" for one in (label, after))
                sentences.append(f"the rules of {name} make it {new}, it was {old}.")
                label = after
        return [*sentences, f"label {label}: {self._name(label) or 'background'}."]

    def _score_at(self, structure: str, score: Any) -> str:
        """Return a sentence on the score of a structure at a voxel."""
        factor = self.rules.of(structure).prior
        own = int(_with_prior(self.rules, structure, score))
        prior = f" ({int(score)} before its prior of {factor:g})" if factor != 1 else ""
        threshold = self.thresholds[structure]
        verb = "claims it" if own > threshold * FULL_SCORE else "does not claim it"
        return (
            f"{structure} {verb}: score {own} of {FULL_SCORE}{prior}, {own / FULL_SCORE:.3f}; its "
            f"threshold is {threshold:.3f}."
        )

    def _numbered(self) -> list[tuple[int, str]]:
        return list(enumerate(self.structures, start=1))

    def _slabs(self, read: Callable[[int], Labels], values: Sequence[int]) -> Slabs:
        return Slabs(read, self.shape, values, len(self.structures) + 1, self.slab_voxels)

    def _look_for_objects(self) -> None:
        """Add the stages of objects and holes, which look at the whole volume once each."""
        if self._looked:
            return
        self._looked = True
        ruled = [i for i, s in self._numbered() if self.rules.of(s).is_of_objects]
        if ruled:
            slabs = self._slabs(self._stages[-1][1], ruled)
            inside = any(self.rules.of(s).not_inside for s in self.structures)
            self._add("objects", slabs, self._judged(slabs.objects(faces=inside)))
        filled = [i for i, s in self._numbered() if self.rules.of(s).fill_holes]
        if filled:
            slabs = self._slabs(self._stages[-1][1], [0])
            self._add("holes", slabs, _filled(slabs.objects(faces=True), filled))

    def _add(self, name: str, slabs: Slabs, change: _Change) -> None:
        renamed = Renamed(slabs, change.new[change.objects.of_piece])
        self._stages.append((name, renamed.labels))
        self._changes.append(change)

    def _judged(self, objects: Objects) -> _Change:
        """Decide what becomes of each object."""
        new, rule = objects.value.copy(), [""] * len(objects.value)
        voxel_nm3 = prod(self.voxel_size_nm) if self.voxel_size_nm else 1.0
        slices = objects.last - objects.first + 1
        for at, value in enumerate(objects.value.tolist()):
            own = self.rules.of(self.structures[value - 1])
            inside = _inside(objects.faces[at], [self._number(s) for s in own.not_inside])
            if inside:
                new[at], rule[at] = inside, "not_inside"
            elif objects.voxels[at] * voxel_nm3 < own.smallest_nm3:
                new[at], rule[at] = 0, "smallest_nm3"
            elif slices[at] < own.fewest_slices <= self.shape[0]:
                new[at], rule[at] = 0, "fewest_slices"
        return _Change(objects, new, rule)

    def _number(self, structure: str) -> int:
        return list(self.structures).index(structure) + 1

    def _name(self, label: int) -> str:
        return self.structures[label - 1] if label else ""

    def _contested(self) -> list[Row]:
        count = len(self.structures) + 1

        def codes(z: int) -> Labels:
            found = self.decided(z)
            code = found.labels.astype(np.int32) * count + found.rival
            code = 2 * code + found.by_priority
            return np.where(found.rival > 0, code, 0)

        rows = []
        for code, voxels, pieces in self._pieces(codes, 2 * count * count):
            pair, by_priority = divmod(code, 2)
            a, b = (self._name(label) for label in divmod(pair, count))
            rows.append(Row(a, b, voxels, pieces, "priority" if by_priority else "score"))
        return rows

    def _cleared(self) -> list[Row]:
        stages = dict(self._stages)
        if "clear_nm" not in stages:
            return []

        def removed(z: int) -> Labels:
            before, after = stages["scores"](z), stages["clear_nm"](z)
            return np.where(before != after, before, 0).astype(before.dtype)

        found = self._pieces(removed, len(self.structures) + 1)
        return [Row(self._name(i), "", voxels, pieces, "clear_nm") for i, voxels, pieces in found]

    def _pieces(self, read: Callable[[int], Labels], count: int) -> list[tuple[int, int, int]]:
        """Return value, voxels and number of connected pieces of each value that there is."""
        objects = Slabs(read, self.shape, range(1, count), count, self.slab_voxels).objects()
        return [
            (int(v), int(objects.voxels[objects.value == v].sum()), int((objects.value == v).sum()))
            for v in np.unique(objects.value)
        ]

    def _changed(self, change: _Change) -> list[Row]:
        """Return a row for each rule that changed objects of one label into another."""
        found: dict[tuple[int, int, str], list[int]] = {}
        for at in np.flatnonzero(change.new != change.objects.value):
            key = int(change.objects.value[at]), int(change.new[at]), change.rule[at]
            found.setdefault(key, []).append(int(change.objects.voxels[at]))
        return [
            Row(self._name(a), self._name(b), sum(sizes), len(sizes), rule)
            for (a, b, rule), sizes in found.items()
        ]


def _decided(
    read: Callable[[int], Scores], thresholds: Mapping[str, float], rules: Rules, z: int
) -> Decision:
    """Decide a slice by its scores."""
    scores = {s: _with_prior(rules, s, plane) for s, plane in read(z).items()}
    return decide(scores, thresholds, rules.pairs)


def _with_prior(rules: Rules, structure: str, scores: Any) -> Any:
    factor = rules.of(structure).prior
    return scores if factor == 1 else with_prior(scores, factor)


def _inside(faces: Ints, others: Sequence[int]) -> int:
    """Return the label with which an object has more than half of its faces; 0 if none of these."""
    if not others:
        return 0
    best = max(others, key=lambda label: faces[label])
    return best if 2 * faces[best] > faces.sum() else 0


def _filled(objects: Objects, filled: Sequence[int]) -> _Change:
    """Give what one structure encloses to it: faces with it alone, and none on the border."""
    new, rule = objects.value.copy(), [""] * len(objects.value)
    for at, faces in enumerate(objects.faces):
        (met,) = np.nonzero(faces)
        if len(met) == 1 and int(met[0]) in filled:
            new[at], rule[at] = int(met[0]), "fill_holes"
    return _Change(objects, new, rule)
