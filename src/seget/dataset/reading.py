"""Reads a dataset.toml and every file it names.

dataset.toml -> Dataset

It never copies a volume into memory and never writes a file.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from seget import files
from seget.dataset.arrangement import Wanted, arranged
from seget.dataset.mask_file import MaskFile
from seget.dataset.masks import Mask
from seget.dataset.names import tomogram_names
from seget.dataset.notes import Counted, notes
from seget.dataset.selection import Selection
from seget.dataset.split import Split, split_each
from seget.dataset.tables import MaskTable, PartsTable, TomogramTable
from seget.dataset.tomogram import Tomogram
from seget.errors import InputError, did_you_mean_file
from seget.files import imod
from seget.recipes import STRUCTURE_NAME
from seget.volume import Volume

# Keys that say something about the numbers of an image.
OF_IMAGES = ("value", "above", "ignore", "flip")
# What a backslash makes of the letters behind it, which are never meant in a path.
ESCAPES = {"\t": "t", "\n": "n", "\b": "b", "\f": "f", "\r": "r", "\x1b": "e"}


def read_tomograms(
    toml: Path, tables: Sequence[TomogramTable], holdouts: Sequence[str | PartsTable], gap: int
) -> tuple[Tomogram, ...]:
    """Read the tomograms of a dataset.toml; see `seget.dataset.read_dataset`."""
    images = [_read(toml, one.image, "image") for one in tables]
    names = _names(toml, tables)
    read = [
        _tomogram(toml, one, replace(image, name=name), holdout, gap)
        for one, image, name, holdout in zip(tables, images, names, holdouts, strict=True)
    ]
    # Where one tomogram tests, what validates or teaches in another is no part of the score.
    tested = {s for one in read for s, mask in one.masks.items() if mask.split.test}
    return tuple(replace(one, masks=_tested_elsewhere(one.masks, tested)) for one in read)


def _tested_elsewhere(masks: dict[str, Mask], tested: set[str]) -> dict[str, Mask]:
    """Return the masks; those without test slices say so if their structure has some elsewhere."""
    return {
        s: replace(mask, split=replace(mask.split, tested_elsewhere=True))
        if s in tested and not mask.split.test
        else mask
        for s, mask in masks.items()
    }


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
            f"{toml}: {len(twice)} tomograms are given the name {twice[0]} "
            f"({', '.join(t.image for t in tables if t.name in twice)}), wanted another for each; "
            "change one."
        )
    return tomogram_names([_path(toml, table.image) for table in tables], given)


def _tomogram(
    toml: Path, table: TomogramTable, image: Volume, holdout: str | PartsTable, gap: int
) -> Tomogram:
    where = f"{toml}, tomogram {table.image}"
    depth = image.shape[0]
    default = _annotated(table.slices, depth, where)
    drawn = {
        structure: default
        if entry.slices is None
        else _annotated(entry.slices, depth, f"{where}, mask of {structure}")
        for structure, entry in table.masks.items()
    }
    chosen = holdout if isinstance(holdout, str) else holdout.model_dump()
    splits = split_each(drawn, chosen, gap, where)
    for structure, entry in table.masks.items():
        if not STRUCTURE_NAME.fullmatch(structure):
            raise InputError(
                f"{where}: {structure!r} cannot name a structure, since files are named after it; "
                "use letters, digits, spaces, dots, _ and -, beginning with a letter or a digit."
            )
        _check_keys(entry, f"{where}, mask of {structure}")
    read = MaskReader(toml, image, table.slices)
    masks = {
        structure: read.mask(structure, entry, drawn[structure], splits[structure])
        for structure, entry in table.masks.items()
    }
    return Tomogram(image, masks, image.name, table.invert)


@dataclass
class MaskReader:
    """Reads the masks of one tomogram; a label volume with several structures is counted once.

    Attributes
    ----------
    toml
        The dataset.toml.
    image
        The tomogram.
    named
        Its slices as the dataset.toml names them; None if it does not.
    """

    toml: Path
    image: Volume
    named: Sequence[int] | None
    _volumes: dict[Path, Volume] = field(default_factory=dict)
    _read: dict[tuple[Any, ...], tuple[MaskFile, Volume]] = field(default_factory=dict)

    def mask(self, structure: str, entry: MaskTable, slices: tuple[int, ...], split: Split) -> Mask:
        """Read the mask of a structure on its annotated slices.

        Raises
        ------
        InputError
            It cannot be read, has no foreground, or its keys do not say which numbers are.
        """
        mask_file, drawn_as = self.file(structure, entry)
        if imod.is_model(entry.file):
            selection = Selection(values=(1,))
        else:
            selection = mask_file.select(structure, entry, slices)
        foreground, labelled = mask_file.count(selection, slices)
        if not any(foreground):
            key = "value" if entry.above is None else "above"
            raise InputError(
                f"{mask_file.path}: the mask of {structure} has no foreground in the annotated "
                f"slices, which hold only {mask_file.listed(slices)}; draw it, correct {key} or "
                "slices, or leave this mask out."
            )
        are_named = entry.slices is not None or self.named is not None
        counted = Counted(structure, entry, slices, are_named, foreground, labelled)
        said = tuple(notes(counted, mask_file, drawn_as))
        return Mask(mask_file.volume, selection, slices, split, foreground, labelled, said)

    def file(self, structure: str, entry: MaskTable) -> tuple[MaskFile, Volume]:
        """Return the mask's file on the tomogram's grid, and its volume as the file has it."""
        path = _path(self.toml, entry.file)
        if imod.is_model(path):
            volume = imod.read_mask(path, self.image, entry.object or structure)
            return MaskFile(path, volume, self.image), volume
        if path not in self._volumes:
            self._volumes[path] = _read(self.toml, entry.file, f"mask of {structure}")
        volume = self._volumes[path]
        named = entry.slices if entry.slices is not None else self.named
        whole = volume.shape[0] == self.image.shape[0]
        key = (path, entry.flip, None if whole or named is None else tuple(named))
        if key not in self._read:
            on_grid = arranged(path, volume, entry, Wanted(self.image, named))
            self._read[key] = MaskFile(path, on_grid, self.image), volume
        return self._read[key]


def _check_keys(entry: MaskTable, where: str) -> None:
    """Refuse keys of images with an IMOD model, `object` with an image, `value` with `above`."""
    given = [key for key in (*OF_IMAGES, "object") if getattr(entry, key) is not None]
    if imod.is_model(entry.file):
        idle, wanted = [key for key in given if key != "object"], "object"
    else:
        idle, wanted = [key for key in given if key == "object"], "value"
    if idle:
        raise InputError(
            f"{where}: {idle[0]} = {getattr(entry, idle[0])!r} means nothing in {entry.file}, "
            f"wanted {wanted} or neither; remove {idle[0]}."
        )
    if {"value", "above"} <= set(given):
        raise InputError(
            f"{where}: value = {entry.value!r} and above = {entry.above:g} both say what is "
            "foreground, wanted one of them; remove the other."
        )


def _path(toml: Path, file: str) -> Path:
    """Return the path that an entry names: from the dataset's folder, or from home (~)."""
    return toml.parent / os.path.expanduser(file)


def _read(toml: Path, file: str, role: str) -> Volume:
    path = _path(toml, file)
    # Unlike Path.exists, os.path.exists is False for a name that no file system can hold.
    if not os.path.exists(files.location(path)):
        escaped = [c for c in file if c in ESCAPES]
        mend = (
            f"between double quotes \\{ESCAPES[escaped[0]]} is one character: write / in the place "
            "of \\, or single quotes"
            if escaped
            else "correct the path there, which is relative to the folder of the dataset"
        )
        meant = did_you_mean_file(files.location(path))
        raise InputError(f"{path}: no such file{meant}, named as {role} in {toml.name}; {mend}.")
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
