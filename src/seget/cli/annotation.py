"""What `seget train` learns from: a dataset.toml, or a tomogram and masks that are named.

DATASET.toml or TOMOGRAM --mask NAME=FILE ... -> Dataset, with its dataset.toml in the run folder

It never chooses how a mask is read: `dataset` does, as for `seget init`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from seget.errors import InputError

if TYPE_CHECKING:
    from seget.dataset import Dataset

NAME = "dataset.toml"


def annotated_dataset(given: Path, masks: list[str], out: Path, overwrite: bool) -> Dataset:
    """Return what is annotated.

    Parameters
    ----------
    given
        A dataset.toml, or a tomogram.
    masks
        Of a tomogram: texts "golgi=golgi.mrc"; the dataset.toml they stand for is written.
    out
        Folder of the run or runs.
    overwrite
        Whether a dataset.toml there that says something else is replaced.

    Raises
    ------
    InputError
        Masks are named beside a dataset.toml, or none beside a tomogram; `out` holds another
        dataset.toml.
    """
    from seget import files
    from seget.dataset import read_dataset

    is_volume = files.is_volume(given)
    if masks and (given.suffix.lower() == ".toml" or (given.is_dir() and not is_volume)):
        raise InputError(
            f"{given}: --mask is for a tomogram, and this is none; name the tomogram, or write "
            "the masks into the dataset.toml."
        )
    if not masks and (is_volume or given.is_dir()):
        what = "tomogram" if is_volume else "folder"
        ways = "give --mask NAME=FILE for each mask, or write a dataset.toml with seget init"
        raise InputError(
            f"{given}: this is a {what}, and what is annotated is not named; "
            f"{ways if is_volume else f'run seget init {given}, which writes a dataset.toml'}."
        )
    return read_dataset(_written(given, masks, out / NAME, overwrite) if masks else given)


def _written(tomogram: Path, masks: list[str], toml: Path, overwrite: bool) -> Path:
    """Write the dataset.toml that masks stand for, unless it is there."""
    from seget import files
    from seget.cli.progress import say
    from seget.dataset import propose_named
    from seget.dataset.tables import parse, parsed

    # Paths in it lead out of its folder again, which is therefore needed before it is written.
    with files.only_one(toml.parent):
        proposal = propose_named(tomogram, [_named(text) for text in masks], toml)
        if toml.exists() and not overwrite:
            if parse(toml) != parsed(proposal.text, toml):
                raise InputError(
                    f"{toml}: it says otherwise than {tomogram} with these masks; train with it in "
                    "their place, give --overwrite, or another -o."
                )
            return toml
        files.write_text(toml, proposal.text)
        say(
            f"{toml}: stands for the tomogram and its masks, in seget evaluate and seget train too."
        )
        return toml


def _named(text: str) -> tuple[str | None, Path]:
    """Return structure and file of "golgi=golgi.mrc"; of a file alone no structure."""
    from seget.recipes import STRUCTURE_NAME

    name, divided, file = text.partition("=")
    if not divided or Path(text).exists():
        return None, Path(text)
    if not STRUCTURE_NAME.fullmatch(name) or not file:
        raise InputError(
            f"--mask {text}: wanted NAME=FILE; the name of a structure has letters, digits, "
            "spaces, dots, _ and -, and begins with a letter or a digit."
        )
    return name, Path(file)
