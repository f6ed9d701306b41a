"""A dataset: its tomograms and their masks.

images + masks by structure -> slices of a part, what decides a training on it

It never opens a file.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from seget.dataset.masks import Mask
from seget.dataset.split import Split, united
from seget.errors import InputError, did_you_mean
from seget.volume import Volume


@dataclass(frozen=True)
class Tomogram:
    """A tomogram and its masks by structure, each with its own annotated slices and their split.

    `name`, which `image` has too, is no other tomogram's of the dataset: outputs are named after
    it. `invert` says that its contrast is inverted when it is read.
    """

    image: Volume
    masks: dict[str, Mask]
    name: str
    invert: bool = False

    @property
    def annotated(self) -> tuple[int, ...]:
        """The slices on which some structure is annotated, ascending."""
        return tuple(sorted({z for mask in self.masks.values() for z in mask.annotated}))

    @property
    def split(self) -> Split:
        """The split of all masks together, see `united`."""
        return united([mask.split for mask in self.masks.values()])

    def slices(self, part: str, structures: Iterable[str]) -> tuple[int, ...]:
        """Return the slices of a part (see `Split.slices`) of any of the structures, ascending.

        Of a tomogram that has none of them: those of any mask.
        """
        masks = [self.masks[s] for s in structures if s in self.masks] or self.masks.values()
        return tuple(sorted({z for mask in masks for z in mask.split.slices(part)}))

    def mask_of(self, structure: str, z: int, part: str) -> Mask | None:
        """Return the mask of a structure if slice `z` is in that part of it."""
        mask = self.masks.get(structure)
        return mask if mask is not None and z in mask.split.slices(part) else None

    def foreground_fraction(self, structure: str, slices: Iterable[int]) -> float:
        """Share of foreground among the labelled pixels of some slices; 0 where there are none."""
        mask = self.masks.get(structure)
        if mask is None:
            return 0.0
        some = list(slices)
        labelled = sum(mask.labelled_px[z] for z in some)
        return sum(mask.foreground_px[z] for z in some) / labelled if labelled else 0.0

    def identity(self, structures: Sequence[str], test: bool) -> dict[str, Any]:
        """Return hashes of image and masks, and the split; see `Dataset.identity`."""
        parts = ("train", "validation", "test") if test else ("train", "validation")
        drawn = {s: self.masks[s] for s in structures if s in self.masks}
        of_each = {s: {p: list(m.split.slices(p)) for p in parts} for s, m in drawn.items()}
        together = {p: list(self.slices(p, structures)) for p in parts}
        found = {
            "image": self.image.fingerprint(slices=[z for part in together.values() for z in part]),
            "invert": self.invert,
            "masks": {
                s: mask.sha256(sorted({z for part in of_each[s].values() for z in part}))
                for s, mask in drawn.items()
            },
            **together,
        }
        if any(own != together for own in of_each.values()):
            found["splits"] = of_each
        return found


@dataclass(frozen=True)
class Dataset:
    """The tomograms of a dataset.toml; `structures` in the order in which they first appear."""

    name: str
    path: Path
    tomograms: tuple[Tomogram, ...]
    structures: tuple[str, ...]

    def demand(self, structures: Iterable[str]) -> None:
        """Raise InputError for a structure of which no tomogram has a mask."""
        for structure in structures:
            if structure not in self.structures:
                meant = did_you_mean(structure, self.structures)
                raise InputError(
                    f"{self.path}: has no structure {structure}{meant}; "
                    f"it has {', '.join(self.structures)}."
                )

    def without_validation(self) -> Dataset:
        """Return the same dataset with the validation slices among those that train."""
        tomograms = (
            replace(
                tomogram,
                masks={
                    s: replace(mask, split=mask.split.without_validation())
                    for s, mask in tomogram.masks.items()
                },
            )
            for tomogram in self.tomograms
        )
        return replace(self, tomograms=tuple(tomograms))

    def identity(self, structures: Sequence[str], test: bool = False) -> list[dict[str, Any]]:
        """Return what decides a training on the dataset, without paths and names.

        Parameters
        ----------
        structures
            Those that are trained: what is drawn of others decides nothing.
        test
            Whether the test slices count too, as they do for scores.
        """
        return [tomogram.identity(structures, test) for tomogram in self.tomograms]
