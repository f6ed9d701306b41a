"""A proposed tomogram: its image, the lines of its masks, and its hold-out.

tomogram + masks that were found -> ProposedTomogram

It never opens a mask twice: several structures of one file are counted once.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from seget import files
from seget.dataset.proposal.keys import Line, lines
from seget.dataset.proposal.parts import Parts, choose_parts
from seget.dataset.proposal.survey import Found
from seget.dataset.reading import MaskReader
from seget.dataset.tomogram import Tomogram
from seget.errors import InputError


@dataclass(frozen=True)
class ProposedTomogram:
    """A tomogram as the dataset.toml is to have it.

    Attributes
    ----------
    file
        How the dataset.toml names its image.
    lines
        Its structures.
    parts
        Its hold-out.
    tomogram
        What these read.
    """

    file: str
    lines: tuple[Line, ...]
    parts: Parts
    tomogram: Tomogram


def proposed(
    image: Found, masks: Sequence[Found], name: str, toml: Path, left_out: dict[Path, str]
) -> ProposedTomogram | None:
    """Return a tomogram with its masks; those that cannot be used are left out and None is left.

    Raises
    ------
    InputError
        A mask that was named by itself cannot be used.
    """
    assert image.volume is not None
    volume = replace(image.volume, name=name)
    reader = MaskReader(toml, volume, None)
    chosen: list[Line] = []
    for mask in masks:
        try:
            taken = [one.structure for one in chosen]
            chosen += lines(mask, image, reader, relative(mask.path, toml), taken)
        except (InputError, OSError) as error:
            if mask.is_named:
                raise
            left_out[mask.path] = f"cannot be used: {error}"
    if not chosen:
        return None
    parts = choose_parts(chosen)
    tomogram = Tomogram(volume, parts.masks(chosen), name)
    return ProposedTomogram(relative(image.path, toml), tuple(chosen), parts, tomogram)


def relative(path: Path, toml: Path) -> str:
    """Return how a dataset.toml names a volume: from its own folder, whatever links lead there."""
    file = files.location(path)
    inner = str(path)[len(str(file)) :]
    # The folder's links are resolved, as the system does for "..", and the file's own name is kept.
    place = os.path.join(os.path.realpath(file.parent), file.name)
    found = os.path.relpath(place, os.path.realpath(toml.parent))
    # A name of a home folder where it stands first.
    return ("./" if found.startswith("~") else "") + found + inner
