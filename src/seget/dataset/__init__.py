"""Reads a dataset.toml: tomograms, their masks, and which slices are held out.

dataset.toml -> Volumes + masks + the hold-out

It never copies a volume into memory, never changes a grey value, and never writes a file.
Slices are numbered from 0 along z.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from seget import files
from seget.dataset.masks import Mask, MaskFile, count
from seget.dataset.names import tomogram_names
from seget.dataset.split import Split, hold_out, parse_slices, slice_ranges
from seget.dataset.tables import MaskTable, PartsTable, TomogramTable, parse
from seget.errors import InputError
from seget.files import imod
from seget.recipes import STRUCTURE_NAME
from seget.volume import Volume

__all__ = [
    "Dataset",
    "Mask",
    "Split",
    "Tomogram",
    "hold_out",
    "parse_slices",
    "read_dataset",
    "slice_ranges",
    "tomogram_names",
]


@dataclass(frozen=True)
class Tomogram:
    """A tomogram, its masks by structure, its annotated slices (ascending) and their split.

    `name`, which `image` has too, is no other tomogram's of the dataset: outputs are named after
    it. `invert` says that its contrast is inverted when it is read.
    """

    image: Volume
    masks: dict[str, Mask]
    annotated: tuple[int, ...]
    split: Split
    name: str
    invert: bool = False

    def identity(self, structures: Sequence[str], test: bool) -> dict[str, Any]:
        """Return hashes of image and masks, and the split; see `Dataset.identity`."""
        parts = {"train": self.split.train, "validation": self.split.validation}
        parts |= {"test": self.split.test} if test else {}
        slices = sorted(z for part in parts.values() for z in part)
        return {
            "image": self.image.fingerprint(),
            "invert": self.invert,
            "masks": {s: self.masks[s].sha256(slices) for s in structures if s in self.masks},
            **{name: list(part) for name, part in parts.items()},
        }


@dataclass(frozen=True)
class Dataset:
    """The tomograms of a dataset.toml; `structures` in the order in which they first appear."""

    name: str
    path: Path
    tomograms: tuple[Tomogram, ...]
    structures: tuple[str, ...]

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


def read_dataset(path: Path | str) -> Dataset:
    """Read a dataset.toml and every file it names; the paths in it are relative to its folder.

    Without `holdout` it is "block". The annotated slices of the masks are read
    once, to count their values; images and masks stay on disk.

    Raises
    ------
    InputError
        The file or one it names is missing or invalid.
    """
    path = Path(path)
    table = parse(path)
    holdouts = [table.holdout if one.holdout is None else one.holdout for one in table.tomogram]
    if table.gap and "block" not in holdouts:
        raise InputError(
            f'{path}: gap = {table.gap} has no meaning without holdout = "block"; '
            'remove gap or write holdout = "block".'
        )
    images = [_read(path, one.image, "image") for one in table.tomogram]
    names = _names(path, table.tomogram)
    tomograms = tuple(
        _tomogram(path, one, replace(image, name=name), holdout, table.gap)
        for one, image, name, holdout in zip(table.tomogram, images, names, holdouts, strict=True)
    )
    structures = tuple(dict.fromkeys(name for one in tomograms for name in one.masks))
    return Dataset(table.name or path.stem, path, tomograms, structures)


def _names(toml: Path, tables: Sequence[TomogramTable]) -> list[str]:
    """Return the names of the tomograms: those in the file, else those of their images."""
    given = [table.name for table in tables]
    for name in given:
        if name is not None and not STRUCTURE_NAME.fullmatch(name):
            raise InputError(
                f"{toml}: name = {name!r} cannot name a tomogram, since files are named after it; "
                "use letters, digits, spaces, dots, _ and -, beginning with a letter or a digit."
            )
    times = Counter(name.casefold() for name in given if name is not None)
    twice = [name for name in given if name is not None and times[name.casefold()] > 1]
    if twice:
        raise InputError(
            f"{toml}: {len(twice)} tomograms are given the name {twice[0]}, wanted another for "
            "each; change one."
        )
    return tomogram_names([toml.parent / table.image for table in tables], given)


def _tomogram(
    toml: Path, table: TomogramTable, image: Volume, holdout: str | PartsTable, gap: int
) -> Tomogram:
    where = f"{toml}, tomogram {table.image}"
    annotated = _annotated(table.slices, image.shape[0], where)
    chosen = holdout if isinstance(holdout, str) else holdout.model_dump()
    split = hold_out(annotated, chosen, gap, where)
    counted: dict[Path, MaskFile] = {}  # a label volume with several structures is counted once
    masks: dict[str, Mask] = {}
    for structure, entry in table.masks.items():
        if not STRUCTURE_NAME.fullmatch(structure):
            raise InputError(
                f"{where}: {structure!r} cannot name a structure, since files are named after it; "
                "use letters, digits, spaces, dots, _ and -, beginning with a letter or a digit."
            )
        file = toml.parent / entry.file
        _check_keys(entry, f"{where}, mask of {structure}")
        if imod.is_model(file):
            volume = imod.read_mask(file, image, entry.object or structure)
            masks[structure] = count(file, volume, image, annotated).mask(structure, None)
            continue
        if file not in counted:
            volume = _read(toml, entry.file, f"mask of {structure}")
            counted[file] = count(file, volume, image, annotated)
        masks[structure] = counted[file].mask(structure, entry.value)
    return Tomogram(image, masks, annotated, split, image.name, table.invert)


def _check_keys(entry: MaskTable, where: str) -> None:
    """Refuse `value` with an IMOD model, and `object` with an image."""
    key, wanted = ("value", "object") if imod.is_model(entry.file) else ("object", "value")
    if getattr(entry, key) is not None:
        raise InputError(
            f"{where}: {key} = {getattr(entry, key)!r} means nothing in {entry.file}, wanted "
            f"{wanted} or neither; remove {key}."
        )


def _read(toml: Path, file: str, role: str) -> Volume:
    path = toml.parent / file
    # Unlike Path.exists, os.path.exists is False for a name that no file system can hold.
    if not os.path.exists(files.location(path)):
        raise InputError(
            f"{path}: no such file, named as {role} in {toml.name}; correct the path there, "
            "which is relative to the folder of the dataset."
        )
    return files.read(path)


def _annotated(slices: Iterable[int] | None, depth: int, where: str) -> tuple[int, ...]:
    named = Counter(range(depth) if slices is None else slices)
    if not named:
        raise InputError(
            f"{where}: slices is empty; name the annotated slices, or remove the key if all are."
        )
    for z, times in sorted(named.items()):
        if not 0 <= z < depth:
            raise InputError(
                f"{where}: slices names {z}, the tomogram has slices 0 to {depth - 1}; remove it "
                "(the first slice is 0)."
            )
        if times > 1:
            raise InputError(f"{where}: slices names {z} {times} times; keep one of them.")
    return tuple(sorted(named))
